/* pick.c - for each step the first kernel of the backend's table that does not refuse. Never invents a step. */
#include <string.h>

#include "plan.h"

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
        [AG_STEP_REDUCE] = "reduce",
        [AG_STEP_LEVELS] = "levels",
        [AG_STEP_EXPAND] = "expand",
    };
    return names[kind];
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
    if (kernel->own_threads && !forced) return "it uses threads of its own and runs only if problem.kernel names it";
    const char *reason = ag_pick_unavailable(backend, kernel);
    return reason ? reason : kernel->refuse(step);
}

/* Whether `name` is one of the names in a list that commas separate. */
static int is_listed(const char *list, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = list; *at;) {
        const size_t here = strcspn(at, ",");
        if (here == length && !memcmp(at, name, length)) return 1;
        at += here + (at[here] == ',');
    }
    return 0;
}

/* The kernel that problem.kernel names for steps of this kind; NULL: none was. */
static const ag_kernel *forced_kernel(const ag_backend *backend, const char *forced, ag_step_kind kind)
{
    for (const ag_kernel *const *k = *forced ? backend->kernels() : NULL; k && *k; k++)
        if ((*k)->step == kind && is_listed(forced, (*k)->name)) return *k;
    return NULL;
}

/* Forced names must exist, whether or not this problem has steps for them, and be of different steps. */
ag_status ag_pick_forced(const ag_backend *backend, const char *forced, ag_why why)
{
    for (const char *at = forced; *at;) {
        const int length = (int)strcspn(at, ",");
        char name[256] = "";
        const ag_kernel *const *k = backend->kernels();
        memcpy(name, at, (size_t)length);
        while (*k && strcmp((*k)->name, name)) k++;
        if (!*k) return ag_refuse(why, AG_ERR_KERNEL, "kernel: there is no kernel named \"%.60s\"", name);
        const ag_kernel *other = forced_kernel(backend, forced, (*k)->step);
        if (other != *k)
            return ag_refuse(why, AG_ERR_KERNEL, "kernels %s and %s are both for the step %s", other->name, name,
                             ag_step_name((*k)->step));
        at += length + (at[length] == ',');
    }
    return AG_OK;
}

/* Kernels that come after `after`, which a library has declined. */
static const ag_kernel *const *first_after(const ag_backend *backend, const ag_kernel *after)
{
    const ag_kernel *const *k = backend->kernels();
    while (after && *k && *k != after) k++;
    return after && *k ? k + 1 : k;
}

ag_status ag_pick_kernel(const ag_plan *plan, int64_t at, const ag_kernel *after, ag_why why)
{
    const ag_backend *backend = plan->backend;
    const ag_step *step = &plan->program.steps[at];
    const ag_kernel *forced = forced_kernel(backend, plan->c.kernel, step->kind);
    for (const ag_kernel *const *k = first_after(backend, after); *k; k++) {
        if ((*k)->step != step->kind || (forced && *k != forced)) continue;
        const char *reason = ag_pick_refusal(backend, *k, step, forced != NULL);
        if (!reason) {
            plan->kernels[at] = *k;
            return AG_OK;
        }
        if (forced) return ag_refuse(why, AG_ERR_KERNEL, "kernel %s: %s", forced->name, reason);
    }
    return ag_refuse(why, AG_ERR_KERNEL, "no %s kernel of the %s backend can run this problem",
                     ag_step_name(step->kind), backend->name);
}
