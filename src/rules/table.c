/* table.c - what is told of the rules of guidance. */
#include <math.h>

#define AG_RULE_ROOMS
#include "dispatch.h"

const ag_rule_room *ag_rule_find(ag_rule rule)
{
    const int i = (int)rule;
    return i >= 0 && i < AG_ENTRIES(ag_rule_table) ? ag_rule_table[i] : NULL;
}

double ag_rule_parameter(const ag_rule_room *room, const ag_guidance_args *args, int i)
{
    const double given = i < args->parameter_count ? args->parameters[i] : NAN;
    return isnan(given) ? room->parameters[i].initial : given;
}

void ag_rule_info_init_sized(void *info, size_t size)
{
    const ag_rule_info mine = { .size = 0 };
    ag_struct_hand_out(info, size, &mine, sizeof mine);
}

ag_status ag_rule_at(int i, ag_rule_info *info)
{
    const ag_rule_room *room = ag_rule_find((ag_rule)i);
    if (!info) return AG_ERR_NULL;
    return room ? ag_struct_tell(info, &room->info, sizeof room->info) : AG_ERR_VALUE;
}

ag_status ag_rule_parameter_at(ag_rule rule, int i, ag_parameter_info *info)
{
    const ag_rule_room *room = ag_rule_find(rule);
    if (!info) return AG_ERR_NULL;
    if (!room || i < 0 || i >= room->info.parameter_count) return AG_ERR_VALUE;
    ag_parameter_info found = room->parameters[i];
    found.at_run = 1;
    found.offset = (size_t)i * sizeof(double);
    return ag_struct_tell(info, &found, sizeof found);
}
