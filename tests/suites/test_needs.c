/* test_needs.c - which of q, k and v a row reads, and that what it does not read may be absent. */
#include <math.h>
#include <string.h>

#include "../harness/kernels.h"
#include "../oracle/oracle.h"
#include "suites.h"

static unsigned expected(const problem *x, int64_t b)
{
    unsigned bits = 0;
    for (int64_t i = 0; i < x->p.global_n_q || i < x->p.global_n_k; i++) bits |= oracle_reads(&x->p, &x->a, b, i);
    return bits;
}

static void without_masks(problem *x)
{
    x->p.has_key_mask = x->p.has_key_lengths = 0;
    x->p.length_first = x->p.length_end = 0;
}

/* needs() knows no masks, so neither do these problems. */
START_TEST(needs_equal_the_reads)
{
    for (uint64_t seed = 0; seed < 500; seed++) {
        problem x;
        problem_random(&x, seed);
        without_masks(&x);
        for (int64_t b = 0; b < x.p.batch; b++) {
            char text[PROBLEM_TEXT], why[AG_MESSAGE_SIZE] = "";
            unsigned needs = 0;
            problem_describe(&x, text, sizeof text);
            ck_assert_msg(!ag_problem_needs(&x.p, b, &needs, why, sizeof why), "%s: %s", why, text);
            ck_assert_msg(needs == expected(&x, b), "row %lld needs %u, says %u: %s", (long long)b, expected(&x, b),
                          needs, text);
        }
    }
}
END_TEST

/* A row that needs no q says so and reads none; one that does is refused. */
START_TEST(rows_may_read_nothing)
{
    ag_context *context = kernels_context(0);
    for (uint64_t seed = 0; seed < 200; seed++) {
        problem x;
        problem_random(&x, seed);
        if (x.p.row_count != x.p.batch) continue;
        without_masks(&x);
        unsigned all = AG_NEEDS_Q | AG_NEEDS_K | AG_NEEDS_V;
        for (int64_t b = 0; b < x.p.batch; b++) {
            const unsigned needs = expected(&x, b);
            if (!(needs & AG_NEEDS_Q)) x.rows[b].q_row = AG_ROW_NONE;
            if (!(needs & (AG_NEEDS_K | AG_NEEDS_V))) x.rows[b].kv_row = AG_ROW_NONE;
            all &= needs;
        }
        ck_assert(!problem_build(&x, seed));
        const verdict v = problem_run(&x, context, NULL);
        ck_assert_msg(v.outcome == OUTCOME_RIGHT, "%s", v.text);
        problem_free(&x);
        if (!(all & AG_NEEDS_Q)) continue;
        char why[AG_MESSAGE_SIZE] = "";
        ag_plan *plan = NULL;
        x.rows[0].q_row = AG_ROW_NONE;
        ck_assert_int_eq(ag_plan_create(context, &x.p, &plan, why, sizeof why), AG_ERR_VALUE);
    }
    ag_context_free(context);
}
END_TEST

/* A pointer that some row needs may not be NULL; problem_build has taken away those that none needs. */
START_TEST(needed_pointers_are_asked_for)
{
    ag_context *context = kernels_context(0);
    for (uint64_t seed = 0; seed < 100; seed++) {
        problem x;
        char why[AG_MESSAGE_SIZE] = "";
        problem_random(&x, seed);
        without_masks(&x);
        ck_assert(!problem_build(&x, seed));
        const void **pointers[] = { &x.a.q, &x.a.k, &x.a.v };
        for (int i = 0; i < 3; i++) {
            const void *kept = *pointers[i];
            *pointers[i] = NULL;
            const ag_status status = problem_execute(&x, context, NULL, why, sizeof why);
            ck_assert_int_eq(status, kept ? AG_ERR_NULL : AG_OK);
            if (kept) ck_assert(buffer_is_poison(&x.out));
            else buffer_poison(&x.out);
            *pointers[i] = kept;
        }
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

static unsigned needs_of(const problem *x)
{
    unsigned needs = 0;
    ck_assert(!ag_problem_needs(&x->p, 0, &needs, NULL, 0));
    return needs;
}

START_TEST(floors_need_little)
{
    problem x;
    problem_init(&x, 1, 2, 16, 16, 8);
    ag_row *row = problem_row(&x, 0, AG_IDENTITY);
    ck_assert_uint_eq(needs_of(&x), AG_NEEDS_V);
    x.p.want_lse = 1;
    ck_assert_uint_eq(needs_of(&x), AG_NEEDS_Q | AG_NEEDS_K | AG_NEEDS_V);
    x.p.want_lse = 0;
    row->method = AG_UNIFORM;
    ck_assert_uint_eq(needs_of(&x), AG_NEEDS_V);
    row->blend = 1;
    ck_assert_uint_eq(needs_of(&x), AG_NEEDS_Q | AG_NEEDS_K | AG_NEEDS_V);
    row->blend = 0;
    row->method = AG_SCRAMBLED;
    ck_assert_uint_eq(needs_of(&x), AG_NEEDS_V);
    for (ag_method method = AG_SOFTENED; method <= AG_NOISY; method++) {
        row->method = method;
        row->inverse_temperature = row->probability = row->amplitude = 0.5;
        problem_tidy(&x, 0);
        ck_assert_uint_eq(needs_of(&x), AG_NEEDS_Q | AG_NEEDS_K | AG_NEEDS_V);
    }
    ag_row_init(row, AG_SCRAMBLED);
    row->q_row = AG_ROW_NONE; /* row maps are not judged: an engine makes them from the answer */
    row->image_length = 15;
    ck_assert_uint_eq(needs_of(&x), AG_NEEDS_Q | AG_NEEDS_K | AG_NEEDS_V);
    x.p.operation = AG_BLUR;
    ag_row_init(row, AG_STANDARD);
    ck_assert_uint_eq(needs_of(&x), AG_NEEDS_Q);
    x.p.operation = AG_RECEIVED;
    ck_assert_uint_eq(needs_of(&x), AG_NEEDS_Q | AG_NEEDS_K);
    x.p.operation = AG_ENERGY;
    ck_assert_uint_eq(needs_of(&x), AG_NEEDS_Q | AG_NEEDS_K);
}
END_TEST

Suite *suite_needs(void)
{
    Suite *s = suite_create("needs");
    TCase *c = tcase_create("needs");
    tcase_set_timeout(c, 600);
    add_test(c, needs_equal_the_reads);
    add_test(c, rows_may_read_nothing);
    add_test(c, needed_pointers_are_asked_for);
    add_test(c, floors_need_little);
    suite_add_tcase(s, c);
    return s;
}
