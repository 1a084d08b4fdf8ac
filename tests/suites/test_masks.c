/* test_masks.c - the edges of what a query sees, with every attend kernel. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/kernels.h"
#include "../oracle/number.h"
#include "suites.h"

static const ag_dtype types[] = { AG_F32, AG_F16, AG_BF16 };

/* One row's mask hides everything, the other's length is 0; k and v stay NaN. */
START_TEST(rows_that_see_nothing_are_zero)
{
    ag_context *context = kernels_context(0);
    for (int i = 0; i < 3; i++) {
        problem x;
        problem_init(&x, 2, 2, 70, 140, 64);
        problem_place(&x, PLACE_TOKENS, types[i], types[i], types[i]);
        problem_mask(&x);
        x.p.want_lse = x.p.has_key_lengths = 1;
        ck_assert(!problem_allocate(&x));
        memset(x.mask.data, 0, 140);
        memset(x.mask.data + 140, 1, 140);
        ((int32_t *)x.lengths.data)[0] = 140;
        ((int32_t *)x.lengths.data)[1] = 0;
        for (int64_t at = 0; at < 2 * 2 * 70 * 64; at++) number_write(types[i], x.q.data, at, (double)(at % 7) - 3);
        ck_assert(!problem_answer(&x));
        for (int64_t at = 0; at < 2 * 2 * 70; at++) ck_assert(x.want[at * 64] == 0 && x.want_lse[at] == -INFINITY);
        kernels_try(&x, context, "attend");
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

static void fill(const buffer *to, int64_t count, int period)
{
    for (int64_t at = 0; at < count; at++) number_write(AG_F32, to->data, at, 0.1 * (double)(at % period) - 0.5);
}

/* The lowest finite number is a popular "-inf" for a bias: beside anything else it hides, alone it is the same for
 * every key, and the row is their mean. */
START_TEST(the_lowest_bias_stays_finite)
{
    static const ag_operation operations[] = { AG_ATTENTION, AG_RECEIVED, AG_ENERGY };
    ag_context *context = kernels_context(0);
    for (int brain = 0; brain < 2; brain++) {
        problem x;
        problem_init(&x, 1, 2, 20, 130, 16);
        x.p.operation = operations[_i];
        x.p.want_lse = x.p.operation == AG_ATTENTION;
        problem_bias(&x, brain ? AG_BF16 : AG_F32);
        ck_assert(!problem_allocate(&x));
        fill(&x.q, 2 * 20 * 16, 7);
        fill(&x.k, 2 * 130 * 16, 11);
        fill(&x.v, 2 * 130 * 16, 13);
        for (int64_t at = 0; at < 2 * 20 * 130; at++) {
            const int lowest = at / 130 % 20 < 3 || at % 3 == 0;
            number_write(x.p.bias_dtype, x.bias.data, at, !lowest ? 0.25 : brain ? -0x1.fep127 : -FLT_MAX);
        }
        ck_assert(!problem_answer(&x));
        kernels_try(&x, context, NULL);
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

/* Without context an image token of identity sees itself alone: where its own key is masked its row is zero. */
START_TEST(rows_of_masked_own_keys_are_zero)
{
    ag_context *context = kernels_context(0);
    for (int i = 0; i < 3; i++) {
        problem x;
        int masked = 0;
        problem_init(&x, 1, 2, 70, 70, 16);
        problem_row(&x, 0, AG_IDENTITY);
        problem_place(&x, PLACE_TOKENS, types[i], types[i], types[i]);
        problem_mask(&x);
        ck_assert(!problem_build(&x, 5));
        for (int64_t at = 0; at < 70; at++) masked += !x.mask.data[at] && x.want[at * 16] == 0;
        ck_assert(masked > 0 && masked < 70);
        kernels_try(&x, context, "copy");
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

enum { NAN_TOKENS = 70, NAN_WIDTH = 16, NAN_QUERY = 5 };

/* Builds a head of which one query is NaN; returns its queries, for the caller to free. */
static float *build_with_nan(problem *x)
{
    ck_assert(!problem_build(x, 3));
    float *q = malloc(x->q.size);
    ck_assert_ptr_nonnull(q);
    memcpy(q, x->q.data, x->q.size);
    for (int c = 0; c < NAN_WIDTH; c++) q[NAN_QUERY * NAN_WIDTH + c] = NAN;
    x->a.q = q;
    return q;
}

/* A query of NaN gives a row of NaN with an lse of NaN, never one that seems to see nothing; the others do not mind. */
START_TEST(rows_of_nan_are_nan)
{
    if (problem_where == AG_CUDA) return; /* its queries lie in memory of this test's own */
    ag_context *context = kernels_context(0);
    problem x;
    char why[AG_MESSAGE_SIZE] = "";
    problem_init(&x, 1, 1, NAN_TOKENS, NAN_TOKENS, NAN_WIDTH);
    x.p.want_lse = 1;
    float *q = build_with_nan(&x);
    for (int k = 0; k < kernels_count(); k++) {
        const ag_kernel_info info = kernels_info(k);
        if (info.unavailable || strcmp(info.backend, kernels_backend()) || strcmp(info.step, "attend")) continue;
        x.p.products = strstr(info.name, "bf16") ? AG_BF16 : AG_NONE;
        ck_assert_msg(!problem_execute(&x, context, info.name, why, sizeof why), "%s", why);
        const float *out = (const float *)x.out.data, *lse = (const float *)x.lse.data;
        for (int i = 0; i < NAN_TOKENS; i++) {
            const int nan = i == NAN_QUERY;
            ck_assert_msg(isnan(lse[i]) == nan, "%s: lse of row %d is %g", info.name, i, lse[i]);
            for (int c = 0; c < NAN_WIDTH; c++)
                ck_assert_msg(isnan(out[i * NAN_WIDTH + c]) == nan, "%s: row %d is %g", info.name, i,
                              out[i * NAN_WIDTH + c]);
        }
    }
    free(q);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* The same of what looks at attention: that query's energy and curvature, and all that keys receive. */
START_TEST(studies_of_nan_are_nan)
{
    if (problem_where == AG_CUDA) return; /* its queries lie in memory of this test's own */
    ag_context *context = kernels_context(0);
    problem x;
    char why[AG_MESSAGE_SIZE] = "";
    problem_init(&x, 1, 1, NAN_TOKENS, NAN_TOKENS, NAN_WIDTH);
    x.p.operation = (ag_operation)_i;
    float *q = build_with_nan(&x);
    for (int k = 0; k < kernels_count(); k++) {
        const ag_kernel_info info = kernels_info(k);
        if (info.unavailable || strcmp(info.backend, kernels_backend())) continue;
        ck_assert_msg(!problem_execute(&x, context, info.name, why, sizeof why), "%s", why);
        for (int i = 0; i < NAN_TOKENS; i++) {
            const int nan = i == NAN_QUERY || x.p.operation == AG_RECEIVED;
            ck_assert_msg(isnan(((const float *)x.out.data)[i]) == nan, "%s: %d", info.name, i);
            if (x.a.curvature) ck_assert_msg(isnan(x.a.curvature[i]) == nan, "%s: curvature %d", info.name, i);
        }
    }
    free(q);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

Suite *suite_masks(void)
{
    Suite *s = suite_create("masks");
    TCase *c = tcase_create("masks");
    tcase_set_timeout(c, 600);
    add_test(c, rows_that_see_nothing_are_zero);
    add_test(c, rows_of_masked_own_keys_are_zero);
    add_loop(c, the_lowest_bias_stays_finite, 0, 3);
    add_test(c, rows_of_nan_are_nan);
    add_loop(c, studies_of_nan_are_nan, AG_RECEIVED, AG_ENERGY + 1);
    suite_add_tcase(s, c);
    return s;
}
