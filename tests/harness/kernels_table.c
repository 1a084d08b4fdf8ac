/* kernels_table.c - the library's tables as the tests see them. Knows no Check. */
#include <string.h>

#include "kernels.h"

ag_kernel_info kernels_info(int number)
{
    ag_kernel_info info = { .size = sizeof info };
    if (ag_kernel_at(number, &info)) info.name = NULL;
    return info;
}

int kernels_count(void)
{
    int n = 0;
    while (kernels_info(n).name) n++;
    return n;
}

const char *kernels_backend(void) { return problem_where == AG_CUDA ? "cuda" : "cpu"; }

/* The CPU's last kernel of each step refuses nothing, so that its steps are all there are. */
int kernels_complete(void)
{
    for (int i = 0; i < kernels_count(); i++) {
        int found = 0;
        for (int k = 0; k < kernels_count() && !found; k++)
            found = !strcmp(kernels_info(k).backend, kernels_backend()) &&
                    !strcmp(kernels_info(k).step, kernels_info(i).step);
        if (!found) return 0;
    }
    return 1;
}

/* A forced name is ignored by a plan without its step. Frees the plan. */
static int runs(ag_plan *plan, const char *name)
{
    ag_step_info step;
    int found = 0;
    ag_step_info_init(&step);
    for (int64_t i = 0; !ag_plan_step_at(plan, i, &step); i++) found |= !strcmp(step.kernel, name);
    ag_plan_free(plan);
    return found;
}

int kernels_serve(problem *x, ag_context *context, const char *name)
{
    ag_plan *plan = NULL;
    x->p.kernel = name;
    return !ag_plan_create(context, &x->p, &plan, NULL, 0) && runs(plan, name);
}

int kernels_combine(const combination *x, ag_context *context, const char *name)
{
    ag_guidance g = x->g;
    ag_plan *plan = NULL;
    g.kernel = name;
    return !ag_guidance_plan(context, &g, &plan, NULL, 0) && runs(plan, name);
}
