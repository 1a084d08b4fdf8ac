/* test_golden.c - every golden case, in every type, with the library's choice and every attend kernel. */
#include "golden.h"
#include "kernels.h"
#include "suites.h"

static void try_case(const golden *g, ag_dtype type, ag_context *context)
{
    problem x;
    ck_assert_msg(!golden_problem(g, type, &x), "%s cannot be read", g->name);
    ck_assert_msg(!golden_answer(g, type, &x), "%s has no expected output", g->name);
    kernels_try(&x, context, x.p.operation == AG_BLUR ? "blur" : "attend");
    problem_free(&x);
}

START_TEST(case_is_right)
{
    static const ag_dtype types[] = { AG_F32, AG_F16, AG_BF16 };
    golden g;
    ck_assert(!golden_case(_i, &g));
    ag_context *context = kernels_context(0);
    for (int i = 0; i < 3; i++) try_case(&g, types[i], context);
    ag_context_free(context);
}
END_TEST

Suite *suite_golden(void)
{
    Suite *s = suite_create("golden");
    TCase *c = tcase_create("golden");
    tcase_set_timeout(c, 600);
    tcase_add_loop_test(c, case_is_right, 0, golden_count());
    suite_add_tcase(s, c);
    return s;
}
