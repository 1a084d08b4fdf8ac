/* kernels_walk.c - see kernels_walk.h. */
#include "kernels_walk.h"

#include <stdio.h>
#include <string.h>

int kernels_wanted(const kernels_walk *w, const ag_kernel_info *info)
{
    return !info->unavailable && !strcmp(info->backend, kernels_backend()) &&
           (!w->step || !strcmp(info->step, w->step)) && (!w->kernel || !strcmp(info->name, w->kernel));
}

void kernels_walk_problem(kernels_walk *w, problem *x)
{
    for (int i = 0; i < kernels_count(); i++) {
        const ag_kernel_info info = kernels_info(i);
        if (!kernels_wanted(w, &info) || !kernels_serve(x, w->context, info.name)) continue;
        const verdict v = problem_run(x, w->context, info.name);
        w->judged(w, i, &v);
    }
    if (w->kernel) return;
    const verdict v = problem_run(x, w->context, NULL);
    if (v.status != AG_ERR_KERNEL || kernels_complete()) w->judged(w, -1, &v);
}

static verdict run_combination(const kernels_walk *w, combination *x, const char *kernel)
{
    verdict v = { .outcome = OUTCOME_RIGHT };
    char text[sizeof v.text] = "";
    v.status = combination_run(x, w->context, kernel, text, sizeof text);
    const char *wrong = v.status ? text : combination_judge(x, text, sizeof text);
    if (!wrong) return v;
    v.outcome = OUTCOME_WRONG;
    snprintf(v.text, sizeof v.text, "%s", wrong);
    return v;
}

void kernels_walk_combination(kernels_walk *w, combination *x)
{
    for (int i = 0; i < kernels_count(); i++) {
        const ag_kernel_info info = kernels_info(i);
        if (!kernels_wanted(w, &info) || !kernels_combine(x, w->context, info.name)) continue;
        const verdict v = run_combination(w, x, info.name);
        w->judged(w, i, &v);
    }
    if (w->kernel) return;
    const verdict v = run_combination(w, x, NULL);
    w->judged(w, -1, &v);
}
