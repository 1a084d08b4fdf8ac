/* backends.c - which backends there are, and what the public calls tell of them and of their kernels. */
#include "backends.h"

#include "../cuda/plugin.h"

extern const ag_backend ag_cpu; /* cpu/backend.c */

static const ag_backend *number(int i) { return i == 0 ? &ag_cpu : i == 1 ? ag_cuda_here() : NULL; }

ag_status ag_backend_for(ag_place place, const ag_backend **backend, ag_why why)
{
    const ag_backend *b;
    for (int i = 0; (b = number(i)); i++) {
        if (b->place != place) continue;
        const char *reason = b->unavailable();
        if (reason) return ag_refuse(why, AG_ERR_UNAVAILABLE, "the %s backend: %s", b->name, reason);
        *backend = b;
        return AG_OK;
    }
    return ag_refuse(why, AG_ERR_TYPE, "place is %d, which has no backend", (int)place);
}

static ag_status fill_info(ag_kernel_info *info, ag_kernel_info found)
{
    if (!info) return AG_ERR_NULL;
    const size_t size = info->size;
    if (size < 2 * sizeof size) return AG_ERR_STRUCT;
    ag_struct_hand_out(info, size, &found, sizeof found);
    return AG_OK;
}

ag_status ag_backend_at(int i, ag_kernel_info *info)
{
    const ag_backend *b = i < 0 ? NULL : number(i);
    if (!b) return AG_ERR_VALUE;
    return fill_info(info, (ag_kernel_info){ .backend = b->name, .unavailable = b->unavailable() });
}

ag_status ag_kernel_at(int i, ag_kernel_info *info)
{
    if (i < 0) return AG_ERR_VALUE;
    const ag_backend *b;
    for (int at = 0; (b = number(at)); at++)
        for (const ag_kernel *const *k = b->kernels(); *k; k++) {
            if (i--) continue;
            const char *reason = b->unavailable();
            if (!reason) reason = ag_pick_unavailable(b, *k);
            return fill_info(info, (ag_kernel_info){ .backend = b->name,
                                                     .step = ag_step_name((*k)->step),
                                                     .name = (*k)->name,
                                                     .unavailable = reason,
                                                     .detail = reason ? NULL : b->remark(*k, 0) });
        }
    return AG_ERR_VALUE;
}
