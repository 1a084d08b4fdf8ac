/* kernels.c - see kernels.h. */
#include "../harness/kernels.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../harness/kernels_walk.h"

enum { MOST = 4096 };

unsigned char *kernels_reached;

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

static void must_be_right(kernels_walk *w, int kernel, const verdict *v)
{
    (void)w;
    if (kernel < 0) ck_assert_msg(v->outcome == OUTCOME_RIGHT, "the library's choice: %s", v->text);
    ck_assert_msg(v->outcome != OUTCOME_WRONG, "%s: %s", kernels_info(kernel).name, v->text);
    if (kernel >= 0 && v->outcome == OUTCOME_RIGHT) kernels_reached[kernel] = 1;
}

void kernels_try(problem *x, ag_context *context, const char *step)
{
    kernels_walk w = { .context = context, .step = step, .judged = must_be_right };
    kernels_walk_problem(&w, x);
}

void kernels_try_combination(combination *x, ag_context *context)
{
    kernels_walk w = { .context = context, .judged = must_be_right };
    kernels_walk_combination(&w, x);
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
