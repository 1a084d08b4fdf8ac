/* test_structs.c - sized structs, NULL where a struct is due, and what only the one-shot calls judge. */
#include <string.h>

#include "../harness/kernels.h"
#include "suites.h"

/** A struct from a newer header: the one known here and a tail. */
typedef struct newer_problem {
    ag_problem known;
    char tail[40];
} newer_problem;
typedef struct newer_row {
    ag_row known;
    char tail[24];
} newer_row;
typedef struct newer_args {
    ag_args known;
    char tail[8];
} newer_args;
typedef struct newer_row_args {
    ag_row_args known;
    char tail[16];
} newer_row_args;

typedef struct newer {
    newer_problem p;
    newer_args a;
    newer_row rows[2];
    newer_row_args run[2];
} newer;

/* x in structs of the newer header; entries of an array are then that much further apart. */
static void make_newer(newer *n, const problem *x)
{
    memset(n, 0, sizeof *n);
    n->p.known = x->p;
    n->a.known = x->a;
    n->p.known.size = sizeof n->p;
    n->a.known.size = sizeof n->a;
    for (int b = 0; b < 2; b++) {
        n->rows[b].known = x->rows[b];
        n->run[b].known = x->run[b];
        n->rows[b].known.size = sizeof n->rows[b];
        n->run[b].known.size = sizeof n->run[b];
    }
    n->p.known.rows = &n->rows[0].known;
    n->a.known.rows = &n->run[0].known;
}

static void set_problem(problem *x)
{
    problem_init(x, 2, 2, 12, 12, 8);
    problem_row(x, 0, AG_IDENTITY)->image_offset = 4;
    ag_row *row = problem_row(x, 1, AG_SCRAMBLED);
    row->kind = AG_PERMUTE;
    row->blend = 1;
    x->run[1].strength = 0.5;
    x->run[1].seed = 3;
    ck_assert(!problem_build(x, 1));
}

START_TEST(newer_structs_with_zero_tails_are_taken)
{
    problem x;
    newer n;
    char why[AG_MESSAGE_SIZE] = "";
    ag_context *context = kernels_context(0);
    set_problem(&x);
    make_newer(&n, &x);
    ck_assert_msg(!ag_attention_guided(context, &n.p.known, &n.a.known, why, sizeof why), "%s", why);
    const verdict v = problem_judge(&x);
    ck_assert_msg(v.outcome == OUTCOME_RIGHT, "%s", v.text);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

START_TEST(newer_structs_that_use_their_tails_are_refused)
{
    problem x;
    newer n;
    char why[AG_MESSAGE_SIZE] = "";
    ag_context *context = kernels_context(0);
    set_problem(&x);
    make_newer(&n, &x);
    char *tails[] = { n.p.tail, n.a.tail, n.rows[1].tail, n.run[1].tail };
    tails[_i][7] = 1;
    ck_assert_int_eq(ag_attention_guided(context, &n.p.known, &n.a.known, why, sizeof why), AG_ERR_STRUCT);
    ck_assert(*why && buffer_is_poison(&x.out));
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

static void swap_struct(const problem *x, ag_image *image, int which, ag_status *status, ag_context *context)
{
    problem plain;
    char why[AG_MESSAGE_SIZE] = "";
    problem_init(&plain, 2, 2, 12, 12, 8);
    if (which == 0) image->size = 1;
    if (which == 1) image->grid[1] = 7;
    if (which == 2) plain.p.rows = x->rows, plain.p.row_count = 2;
    *status = ag_attention_smoothed(context, &plain.p, image, 1, &x->a, why, sizeof why);
    ck_assert(*why && !strchr(why, '\n'));
}

/* One-shot calls judge their own arguments too: the image's size and grid, and rows that are set. */
START_TEST(one_shot_calls_refuse)
{
    static const ag_status wanted[] = { AG_ERR_STRUCT, AG_ERR_SHAPE, AG_ERR_COMBINATION };
    problem x;
    ag_image image;
    ag_status status;
    ag_context *context = kernels_context(0);
    set_problem(&x);
    ag_image_init(&image, 1, 3, 4);
    swap_struct(&x, &image, _i, &status, context);
    ck_assert_int_eq(status, wanted[_i]);
    ck_assert(buffer_is_poison(&x.out));
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

START_TEST(null_arguments_are_refused)
{
    problem x;
    ag_plan *plan = (ag_plan *)&x;
    int64_t count = 0;
    unsigned needs;
    ag_context *context = kernels_context(0), *none = NULL;
    set_problem(&x);
    ck_assert_int_eq(ag_plan_create(NULL, &x.p, &plan, NULL, 0), AG_ERR_NULL);
    ck_assert_ptr_null(plan);
    ck_assert_int_eq(ag_plan_create(context, NULL, &plan, NULL, 0), AG_ERR_NULL);
    ck_assert_int_eq(ag_plan_create(context, &x.p, NULL, NULL, 0), AG_ERR_NULL);
    ck_assert_int_eq(ag_attention_guided(none, &x.p, &x.a, NULL, 0), AG_ERR_NULL);
    ck_assert_int_eq(ag_attention_guided(context, NULL, &x.a, NULL, 0), AG_ERR_NULL);
    ck_assert_int_eq(ag_attention_guided(context, &x.p, NULL, NULL, 0), AG_ERR_NULL);
    ck_assert_int_eq(ag_problem_needs(NULL, 0, &needs, NULL, 0), AG_ERR_NULL);
    ck_assert_int_eq(ag_problem_needs(&x.p, 0, NULL, NULL, 0), AG_ERR_NULL);
    ck_assert_int_eq(ag_problem_reads(NULL, 0, AG_NEEDS_Q, NULL, 0, &count, NULL, 0), AG_ERR_NULL);
    ck_assert_int_eq(ag_problem_needs(&x.p, 2, &needs, NULL, 0), AG_ERR_VALUE);
    ck_assert_int_eq(ag_problem_needs(&x.p, -1, &needs, NULL, 0), AG_ERR_VALUE);
    ck_assert_int_eq(ag_context_create(NULL, NULL, NULL, 0), AG_ERR_NULL);
    ck_assert(buffer_is_poison(&x.out));
    ag_plan_free(NULL);
    ag_context_free(NULL);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

Suite *suite_structs(void)
{
    Suite *s = suite_create("structs");
    TCase *c = tcase_create("structs");
    tcase_set_timeout(c, 600);
    add_test(c, newer_structs_with_zero_tails_are_taken);
    add_loop(c, newer_structs_that_use_their_tails_are_refused, 0, 4);
    add_loop(c, one_shot_calls_refuse, 0, 3);
    add_test(c, null_arguments_are_refused);
    suite_add_tcase(s, c);
    return s;
}
