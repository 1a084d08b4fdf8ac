/* test_cuda.c - what a host engine may rely on, on the emulated device: a run makes nothing and waits for nothing, uses
 * the caller's stream, leaves the current device alone, and says what went wrong. */
#include <string.h>

#include "../kernels.h"
#include "../suites.h"
#include "emulated.h"

/* A copy: identity without context. */
static void set_problem(problem *x)
{
    problem_init(x, 2, 3, 70, 70, 24);
    problem_row(x, 0, AG_IDENTITY);
    problem_row(x, 1, AG_IDENTITY);
    ck_assert(!problem_build(x, 1));
}

START_TEST(run_only_launches)
{
    ag_context *context = kernels_context(1);
    ag_plan *plan;
    problem x;
    set_problem(&x);
    ck_assert(!ag_plan_create(context, &x.p, &plan, NULL, 0));
    int stream;
    ag_emulation before = *emulated;
    x.a.stream = &stream;
    emulated->capturing = 1;
    char why[AG_MESSAGE_SIZE] = "";
    ck_assert_msg(!ag_plan_run(plan, &x.a, why, sizeof why), "%s", why);
    emulated->capturing = 0;
    ck_assert_int_eq(emulated->launches, before.launches + 1);
    ck_assert_ptr_eq(emulated->stream, &stream);
    before.launches = emulated->launches;
    before.stream = &stream;
    ck_assert(!memcmp(&before, emulated, sizeof before));
    ck_assert_int_eq(problem_judge(&x).outcome, OUTCOME_RIGHT);
    ag_plan_free(plan);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

Suite *suite_cuda(void)
{
    Suite *s = suite_create("cuda");
    TCase *c = tcase_create("rules");
    tcase_add_test(c, run_only_launches);
    suite_add_tcase(s, c);
    return s;
}
