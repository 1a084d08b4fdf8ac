/* test_golden.c - every golden case, in every type, with the library's choice and every attend kernel. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "kernels.h"
#include "oracle.h"
#include "suites.h"

static double *golden_numbers(const golden *g, const char *name)
{
    array a = golden_array(g, name);
    double *x = a.data ? malloc((size_t)a.count * sizeof *x) : NULL;
    for (int64_t i = 0; i < a.count && x; i++) x[i] = ((float *)a.data)[i];
    free(a.data);
    return x;
}

/* In float32 the golden arrays are the judge. */
static void answer_from_golden(const golden *g, problem *x)
{
    x->want = golden_numbers(g, x->p.operation == AG_ENERGY ? "energy" : "out");
    x->want_lse = golden_numbers(g, "lse");
    x->want_curvature = golden_numbers(g, "curvature");
    if (!strcmp(g->name, "standard_large_logits")) x->noise = 1.9e-5; /* 2e-5 in all */
}

static void open_lse(problem *x, const golden *g)
{
    array lse = golden_array(g, "lse");
    x->p.want_lse = lse.data != NULL;
    if (lse.data) ck_assert(!buffer_open(&x->lse, (size_t)lse.count * sizeof(float), sizeof(float)));
    x->a.lse = (float *)x->lse.data;
    free(lse.data);
}

static void try_case(const golden *g, ag_dtype type, ag_context *context)
{
    problem x;
    ck_assert_msg(!golden_problem(g, type, &x), "%s cannot be read", g->name);
    open_lse(&x, g);
    if (type == AG_F32) answer_from_golden(g, &x);
    else ck_assert(!problem_answer(&x));
    ck_assert_msg(x.want != NULL, "%s has no expected output", g->name);
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
