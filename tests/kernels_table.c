/* kernels_table.c - the library's tables as the tests see them. Knows no Check. */
#include <stdlib.h>
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

/* A forced name is ignored by a plan without its step. Frees the plan. */
static int names(ag_plan *plan, const char *name)
{
    const size_t size = ag_plan_explain(plan, NULL, 0) + 1;
    char *text = calloc(1, size);
    if (text) ag_plan_explain(plan, text, size);
    const int found = text && strstr(text, name);
    free(text);
    ag_plan_free(plan);
    return found;
}

int kernels_serve(problem *x, ag_context *context, const char *name)
{
    ag_plan *plan = NULL;
    x->p.kernel = name;
    return !ag_plan_create(context, &x->p, &plan, NULL, 0) && names(plan, name);
}

int kernels_combine(const combination *x, ag_context *context, const char *name)
{
    ag_guidance g = x->g;
    ag_plan *plan = NULL;
    g.kernel = name;
    return !ag_guidance_plan(context, &g, &plan, NULL, 0) && names(plan, name);
}
