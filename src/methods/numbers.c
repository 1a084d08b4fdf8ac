/* numbers.c - the parameters of methods: got, set, validated by their ranges. */
#include <float.h>
#include <math.h>
#include <stdio.h>

#include "method.h"

double ag_number_get(const ag_parameter_info *p, const void *place)
{
    const void *at = (const char *)place + p->offset;
    return p->whole ? *(const int32_t *)at : *(const double *)at;
}

void ag_number_set(const ag_parameter_info *p, void *place, double value)
{
    void *at = (char *)place + p->offset;
    if (p->whole) *(int32_t *)at = (int32_t)value;
    else *(double *)at = value;
}

const ag_parameter_info *ag_method_takes(const ag_method_room *room, const ag_parameter_info *place)
{
    for (int i = 0; i < room->info.parameter_count; i++)
        if (room->parameters[i].offset == place->offset && room->parameters[i].at_run == place->at_run)
            return &room->parameters[i];
    return NULL;
}

int ag_number_unset(const ag_parameter_info *p, double value)
{
    return value == p->initial || value == p->neutral || (isnan(p->initial) && isnan(value));
}

/* "0 or more", "between 0 and 1", "finite". */
static void say_range(const ag_parameter_info *p, char *text, size_t size)
{
    const int endless = isinf(p->most) || p->most == DBL_MAX || (p->whole && p->most == INT32_MAX);
    const char *finite = !p->whole && p->most == DBL_MAX ? "finite" : "";
    if (!endless) snprintf(text, size, "between %g and %g", p->least, p->most);
    else if (p->least == -DBL_MAX) snprintf(text, size, "%s", finite);
    else snprintf(text, size, "%s%s%g or more", finite, *finite ? " and " : "", p->least);
}

ag_status ag_number_check(const ag_parameter_info *p, double value, const char *method, const char *where, ag_why why)
{
    char range[80];
    if (isnan(value) && isnan(p->initial))
        return ag_refuse(why, AG_ERR_VALUE, "%s%s is nan, which means not set: %s needs it, and %g would be standard",
                         where, p->name, method, p->neutral);
    if (ag_is_switch(p) || (value >= p->least && value <= p->most)) return AG_OK;
    say_range(p, range, sizeof range);
    return ag_refuse(why, AG_ERR_VALUE, "%s%s is %.*g, not %s", where, p->name, p->whole ? 10 : 6, value, range);
}
