/* table.c - the methods, in the order of the public enum, and what is told of them. */
#include <math.h>
#include <string.h>

#include "method.h"

extern const ag_method_room ag_method_standard, ag_method_identity, ag_method_uniform, ag_method_smoothed,
    ag_method_orthogonal, ag_method_gather, ag_method_permute, ag_method_tokens, ag_method_softened, ag_method_masked,
    ag_method_noisy, ag_method_sparse;

static const ag_method_room *const table[] = {
    &ag_method_standard,   &ag_method_identity, &ag_method_uniform, &ag_method_smoothed,
    &ag_method_orthogonal, &ag_method_gather,   &ag_method_permute, &ag_method_tokens,
    &ag_method_softened,   &ag_method_masked,   &ag_method_noisy,   &ag_method_sparse,
};

_Static_assert(AG_ENTRIES(table) <= 64, "check_args.c keeps a bit for each");

const ag_method_room *ag_method_number(int i) { return i >= 0 && i < AG_ENTRIES(table) ? table[i] : NULL; }

int ag_method_find(ag_method method, ag_kind kind)
{
    for (int i = 0; i < AG_ENTRIES(table); i++)
        if (table[i]->info.method == method && (!table[i]->info.variant || table[i]->info.kind == kind)) return i;
    return -1;
}

void ag_method_info_init_sized(void *info, size_t size)
{
    const ag_method_info mine = { .size = 0 };
    ag_struct_hand_out(info, size, &mine, sizeof mine);
}

ag_status ag_method_at(int i, ag_method_info *info)
{
    const ag_method_room *room = ag_method_number(i);
    if (!info) return AG_ERR_NULL;
    return room ? ag_struct_tell(info, &room->info, sizeof room->info) : AG_ERR_VALUE;
}

ag_status ag_parameter_at(int method, int i, ag_parameter_info *info)
{
    const ag_method_room *room = ag_method_number(method);
    if (!info) return AG_ERR_NULL;
    if (!room || i < 0 || i >= room->info.parameter_count) return AG_ERR_VALUE;
    return ag_struct_tell(info, &room->parameters[i], sizeof *info);
}
