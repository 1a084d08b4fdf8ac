/* build.c - libraries make their plans for the steps that were picked for them, before phases and tables are made. What
 * a library declines on this device goes to the next kernel that takes it. */
#include <string.h>

#include "device.h"

static const char *refusal(const ag_backend *b, const ag_kernel *k, const ag_step *step)
{
    const uint32_t missing = k->needs & ~b->features();
    if (missing) return b->lacking(missing);
    const char *reason = k->unavailable ? k->unavailable() : NULL;
    return reason ? reason : k->refuse(step);
}

static const ag_kernel *next_of(const ag_plan *p, int64_t s)
{
    const ag_kernel *const *k = p->backend->kernels;
    while (*k != p->kernels[s]) k++;
    for (k++; *k; k++)
        if ((*k)->step == p->kernels[s]->step && !refusal(p->backend, *k, &p->program.steps[s])) return *k;
    return NULL;
}

static void want_scratch(ag_plan *p, size_t bytes)
{
    bytes = (bytes + AG_ALIGNMENT - 1) / AG_ALIGNMENT * AG_ALIGNMENT;
    if (bytes > p->scratch) p->scratch = bytes;
}

/* A kernel that was asked for by name is not replaced. */
static ag_status build_step(ag_plan *p, ag_cuda_plan *d, int64_t s, ag_why why)
{
    for (;;) {
        const ag_cuda_kernel *k = (const ag_cuda_kernel *)(const void *)p->kernels[s];
        if (!k->build || d->built[s]) return AG_OK;
        const ag_status status = k->build(p, &p->program.steps[s], &d->built[s], why);
        if (!status && k->space) want_scratch(p, k->space(d->built[s]));
        if (status != AG_ERR_KERNEL && status != AG_ERR_UNAVAILABLE) return status;
        const ag_kernel *next = strcmp(p->c.kernel, k->kernel.name) ? next_of(p, s) : NULL;
        if (!next) return status;
        p->kernels[s] = next;
        want_scratch(p, next->scratch ? next->scratch(&p->program.steps[s]) : 0);
    }
}

ag_status ag_cuda_build(ag_plan *p, ag_cuda_plan *d, ag_why why)
{
    ag_status status = AG_OK;
    for (int64_t s = 0; s < p->program.n_steps && !status; s++) status = build_step(p, d, s, why);
    return status;
}
