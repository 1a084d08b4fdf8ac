/* kernels.c - see kernels.h. */
#include "kernels.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MOST = 4096 };

unsigned char *kernels_reached;

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

int kernels_skipped(void)
{
    int skipped = 0;
    kernels_reached = mmap(NULL, MOST, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (kernels_reached == MAP_FAILED) abort();
    for (int i = 0; i < kernels_count(); i++) {
        const ag_kernel_info info = kernels_info(i);
        if (!info.unavailable) continue;
        printf("skipped: %s kernel %s: %s\n", info.backend, info.name, info.unavailable);
        skipped++;
    }
    return skipped;
}

void kernels_try(problem *x, ag_context *context, const char *step)
{
    for (int i = 0; i < kernels_count(); i++) {
        const ag_kernel_info info = kernels_info(i);
        if (info.unavailable || strcmp(info.backend, kernels_backend()) || (step && strcmp(info.step, step))) continue;
        if (!kernels_serve(x, context, info.name)) continue;
        const verdict v = problem_run(x, context, info.name);
        ck_assert_msg(v.outcome != OUTCOME_WRONG, "%s: %s", info.name, v.text);
        if (v.outcome == OUTCOME_RIGHT) kernels_reached[i] = 1;
    }
    const verdict v = problem_run(x, context, NULL);
    if (v.status == AG_ERR_KERNEL && !kernels_complete()) return;
    ck_assert_msg(v.outcome == OUTCOME_RIGHT, "the library's choice: %s", v.text);
}

int kernels_exact(const problem *x, ag_context *context, const char *name)
{
    ag_problem p = x->p;
    ag_plan *plan = NULL;
    p.kernel = name;
    if (ag_plan_create(context, &p, &plan, NULL, 0)) return 0;
    /* On CUDA other kernels cut keys where ranges meet, and one that is no attend kernel leaves that choice open. */
    const int exact =
        x->p.place == AG_CUDA ? !strcmp(name, "attend_f32_simt") : ag_plan_run_part(plan, &x->a, 0, 0, 0, 0) == AG_OK;
    ag_plan_free(plan);
    return exact;
}

ag_context *kernels_context(int threads)
{
    ag_context_options options;
    ag_context *context = NULL;
    char why[AG_MESSAGE_SIZE] = "";
    ag_context_options_init(&options);
    if (threads) options.threads = threads;
    ck_assert_msg(ag_context_create(&options, &context, why, sizeof why) == AG_OK, "%s", why);
    return context;
}
