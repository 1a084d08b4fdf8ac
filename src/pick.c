/* pick.c - for each step the first kernel of the backend's table that does not refuse. Never invents a step. */
#include <stdio.h>
#include <string.h>

#include "step.h"

extern const ag_backend ag_cpu;

const ag_backend *ag_backend_number(int i) { return i == 0 ? &ag_cpu : i == 1 ? ag_cuda_here() : NULL; }

const char *ag_step_name(ag_step_kind kind)
{
    static const char *const names[AG_STEP_KINDS] = {
        [AG_STEP_DRAW] = "draw",
        [AG_STEP_PERMUTE] = "permute",
        [AG_STEP_TALLY] = "tally",
        [AG_STEP_GATHER] = "gather",
        [AG_STEP_MEAN] = "mean",
        [AG_STEP_SPLIT] = "split",
        [AG_STEP_BLUR] = "blur",
        [AG_STEP_ATTEND] = "attend",
        [AG_STEP_COPY] = "copy",
        [AG_STEP_RECEIVED] = "received",
        [AG_STEP_ENERGY] = "energy",
        [AG_STEP_MAP] = "map",
        [AG_STEP_STATISTICS] = "statistics",
        [AG_STEP_COMBINE] = "combine",
    };
    return names[kind];
}

ag_status ag_pick_backend(ag_place place, const ag_backend **backend, ag_why why)
{
    const ag_backend *b = place == AG_CUDA ? ag_cuda_here() : &ag_cpu; /* check.c knows no third place */
    const char *reason = b->unavailable();
    if (reason) return ag_refuse(why, AG_ERR_UNAVAILABLE, "the %s backend: %s", b->name, reason);
    *backend = b;
    return AG_OK;
}

/* NULL: the machine has what the kernel needs. */
const char *ag_pick_unavailable(const ag_backend *backend, const ag_kernel *kernel)
{
    const uint32_t missing = kernel->needs & ~backend->features();
    if (missing) return backend->lacking(missing);
    return kernel->unavailable ? kernel->unavailable() : NULL;
}

const char *ag_pick_refusal(const ag_backend *backend, const ag_kernel *kernel, const ag_step *step, int forced)
{
    if (kernel->own_threads && !forced) return "it has threads of its own and is taken by name only";
    const char *reason = ag_pick_unavailable(backend, kernel);
    return reason ? reason : kernel->refuse(step);
}

/* A forced name must exist, whether or not this problem has a step for it. */
ag_status ag_pick_forced(const ag_backend *backend, const char *forced, ag_why why)
{
    if (!*forced) return AG_OK;
    for (const ag_kernel *const *k = backend->kernels; *k; k++)
        if (strcmp((*k)->name, forced) == 0) return AG_OK;
    return ag_refuse(why, AG_ERR_KERNEL, "there is no kernel named %s", forced);
}

/* The step a kernel name belongs to, AG_STEP_KINDS if none. */
static ag_step_kind step_of(const ag_backend *backend, const char *name)
{
    for (const ag_kernel *const *k = backend->kernels; *k; k++)
        if (strcmp((*k)->name, name) == 0) return (*k)->step;
    return AG_STEP_KINDS;
}

ag_status ag_pick_kernel(const ag_backend *backend, const ag_step *step, const char *forced, const ag_kernel **kernel,
                         ag_why why)
{
    const int force = step_of(backend, forced) == step->kind;
    for (const ag_kernel *const *k = backend->kernels; *k; k++) {
        if ((*k)->step != step->kind || (force && strcmp((*k)->name, forced))) continue;
        const char *reason = ag_pick_refusal(backend, *k, step, force);
        if (!reason) {
            *kernel = *k;
            return AG_OK;
        }
        if (force) return ag_refuse(why, AG_ERR_KERNEL, "kernel %s: %s", forced, reason);
    }
    return ag_refuse(why, AG_ERR_KERNEL, "no %s kernel of the %s backend takes this problem", ag_step_name(step->kind),
                     backend->name);
}

static ag_status fill_info(ag_kernel_info *info, ag_kernel_info found)
{
    if (!info) return AG_ERR_NULL;
    if (info->size < sizeof *info) return AG_ERR_STRUCT;
    found.size = info->size;
    *info = found;
    return AG_OK;
}

ag_status ag_backend_at(int i, ag_kernel_info *info)
{
    const ag_backend *b = i < 0 ? NULL : ag_backend_number(i);
    if (!b) return AG_ERR_VALUE;
    return fill_info(info, (ag_kernel_info){ .backend = b->name, .unavailable = b->unavailable() });
}

ag_status ag_kernel_at(int i, ag_kernel_info *info)
{
    if (i < 0) return AG_ERR_VALUE;
    const ag_backend *b;
    for (int at = 0; (b = ag_backend_number(at)); at++)
        for (const ag_kernel *const *k = b->kernels; *k; k++) {
            if (i--) continue;
            const char *reason = b->unavailable();
            if (!reason) reason = ag_pick_unavailable(b, *k);
            return fill_info(info, (ag_kernel_info){ .backend = b->name,
                                                     .step = ag_step_name((*k)->step),
                                                     .name = (*k)->name,
                                                     .unavailable = reason,
                                                     .detail = reason || !(*k)->detail ? NULL : (*k)->detail() });
        }
    return AG_ERR_VALUE;
}
