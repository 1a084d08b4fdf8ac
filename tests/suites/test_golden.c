/* test_golden.c - every golden case, in every type, with the library's choice and every attend kernel. */
#include "../harness/golden.h"

#include <string.h>

#include "../harness/kernels.h"
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

/* A method that the table lacks is not taken for another one. */
START_TEST(unknown_methods_are_no_case)
{
    golden g;
    problem x;
    for (int i = 0; i < golden_count(); i++) {
        ck_assert(!golden_case(i, &g));
        if (strcmp(g.operation, "scrambled")) continue;
        char *kind = strstr(g.line, " kind=");
        if (kind) kind[6] = 'x';
        else strcpy(g.operation, "unheard");
        ck_assert(golden_problem(&g, AG_F32, &x));
        ck_assert(!golden_case(i, &g));
        strcpy(g.operation, "unheard");
        ck_assert(golden_problem(&g, AG_F32, &x));
    }
}
END_TEST

Suite *suite_golden(void)
{
    Suite *s = suite_create("golden");
    TCase *c = tcase_create("golden");
    tcase_set_timeout(c, 600);
    add_loop(c, case_is_right, 0, golden_count());
    add_test(c, unknown_methods_are_no_case);
    suite_add_tcase(s, c);
    return s;
}
