/* test_unused.c - what was never set, and what is set where nothing uses it: refused, where it would be standard
 * attention or another picture without a word. */
#include <stdlib.h>
#include <string.h>

#include "../harness/kernels.h"
#include "suites.h"

/** How to spoil the base problem, and what must come of it. `names` is part of the sentence. */
typedef struct refusal {
    void (*spoil)(problem *x);
    ag_status status;
    const char *names;
} refusal;

/* Row 0 standard, row 1 smoothed. */
static void set_base(problem *x)
{
    problem_init(x, 2, 4, 16, 16, 8);
    ag_row *row = problem_row(x, 1, AG_SMOOTHED);
    row->grid[0] = 1;
    row->grid[1] = row->grid[2] = 4;
    row->sigma = 1;
    ck_assert(!problem_build(x, 1));
}

/* Row 1 asks for another method, everything else as before. */
static ag_row *turn(problem *x, ag_method method)
{
    ag_row *row = &x->rows[1];
    const ag_row before = *row;
    ag_row_init(row, method);
    memcpy(row->grid, before.grid, sizeof row->grid);
    return row;
}

static void permute_row(problem *x) { turn(x, AG_SCRAMBLED)->kind = AG_PERMUTE; }
static void gather_row(problem *x) { turn(x, AG_SCRAMBLED); }

/* ---- Never set, and set where nothing uses it ---- */
static void rows_uncounted(problem *x) { x->p.row_count = 0; }
static void run_uncounted(problem *x) { x->a.row_count = 0; }
static void length_first_unasked(problem *x) { x->p.length_first = 1; }
static void length_end_unasked(problem *x) { x->p.length_end = 1; }
static void smoothed_unset(problem *x) { turn(x, AG_SMOOTHED); }
static void smoothed_over_time_alone(problem *x) { turn(x, AG_SMOOTHED)->sigma_t = 1; }
static void orthogonal_unset(problem *x) { turn(x, AG_ORTHOGONAL); }
static void blur_unset(problem *x) { turn(x, AG_SMOOTHED), x->p.operation = AG_BLUR; }
static void softened_unset(problem *x) { turn(x, AG_SOFTENED); }
static void masked_unset(problem *x) { turn(x, AG_MASKED); }
static void noisy_unset(problem *x) { turn(x, AG_NOISY); }
static void heads_none(problem *x) { x->rows[1].heads = x->heads[1]; }
static void sigma_unused(problem *x) { turn(x, AG_SOFTENED)->sigma = 2; }
static void sigma_t_unused(problem *x) { x->rows[0].sigma_t = 3; }
static void tau_unused(problem *x) { x->rows[1].inverse_temperature = 0.5; }
static void probability_unused(problem *x) { x->rows[0].probability = 0.25; }
static void amplitude_unused(problem *x) { x->rows[1].amplitude = 4; }
static void kind_unused(problem *x) { x->rows[1].kind = AG_TOKENS; }
static void draws_unused(problem *x) { x->rows[1].draws = 7; }
static void draws_of_permute(problem *x) { permute_row(x), x->rows[1].draws = 7; }
static void keep_parallel_unused(problem *x) { x->rows[1].keep_parallel = 0; }
static void blend_unused(problem *x) { x->rows[0].blend = 1; }
static void heads_unused(problem *x) { memset(x->heads[0], 1, 4), x->rows[0].heads = x->heads[0]; }
static void strength_unused(problem *x) { x->run[0].strength = 0.5; }
static void strength_shared(problem *x) { x->a.row_count = 1, x->run[0].strength = 0.5; }
static void gain_unused(problem *x) { permute_row(x), x->run[1].gain = 2; }
static void mix_unused(problem *x) { gather_row(x), x->run[1].mix = 0.75; }
static void mix_of_standard(problem *x) { x->run[0].mix = 0.75; }
static void seed_unused(problem *x) { x->run[1].seed = 12345; }
static void seed_shared(problem *x) { x->a.row_count = 1, x->run[0].seed = 12345; }
static void random_stream_unused(problem *x) { x->run[0].random_stream = 17; }
static void index_unused(problem *x)
{
    static const int32_t index[16];
    permute_row(x), x->run[1].index = index;
}

static const refusal refusals[] = {
    { rows_uncounted, AG_ERR_COMBINATION, "problem.row_count is 0" },
    { run_uncounted, AG_ERR_COMBINATION, "args.row_count is 0" },
    { length_first_unasked, AG_ERR_COMBINATION, "length_first is 1" },
    { length_end_unasked, AG_ERR_COMBINATION, "length_end is 1" },
    { smoothed_unset, AG_ERR_VALUE, "sigma is nan, which means not set: smoothed" },
    { smoothed_over_time_alone, AG_ERR_VALUE, "sigma is nan" },
    { orthogonal_unset, AG_ERR_VALUE, "sigma is nan" },
    { blur_unset, AG_ERR_VALUE, "sigma is nan" },
    { softened_unset, AG_ERR_VALUE, "inverse_temperature is nan" },
    { masked_unset, AG_ERR_VALUE, "probability is nan" },
    { noisy_unset, AG_ERR_VALUE, "amplitude is nan" },
    { heads_none, AG_ERR_VALUE, "of 4 heads none" },
    { sigma_unused, AG_ERR_COMBINATION, "sigma is 2, but softened" },
    { sigma_t_unused, AG_ERR_COMBINATION, "sigma_t is 3, but standard" },
    { tau_unused, AG_ERR_COMBINATION, "inverse_temperature is 0.5" },
    { probability_unused, AG_ERR_COMBINATION, "probability is 0.25" },
    { amplitude_unused, AG_ERR_COMBINATION, "amplitude is 4" },
    { kind_unused, AG_ERR_COMBINATION, "kind is tokens, but smoothed" },
    { draws_unused, AG_ERR_COMBINATION, "draws is 7, but smoothed" },
    { draws_of_permute, AG_ERR_COMBINATION, "draws is 7, but scrambled of kind permute" },
    { keep_parallel_unused, AG_ERR_COMBINATION, "keep_parallel is 0" },
    { blend_unused, AG_ERR_COMBINATION, "blend is 1, but standard" },
    { heads_unused, AG_ERR_COMBINATION, "heads" },
    { strength_unused, AG_ERR_VALUE, "rows[0].strength is 0.5" },
    { strength_shared, AG_ERR_VALUE, "rows[0].strength is 0.5" },
    { gain_unused, AG_ERR_COMBINATION, "rows[1].gain is 2" },
    { mix_unused, AG_ERR_COMBINATION, "rows[1].mix is 0.75" },
    { mix_of_standard, AG_ERR_COMBINATION, "rows[0].mix is 0.75" },
    { seed_unused, AG_ERR_COMBINATION, "rows[1].seed is 12345" },
    { seed_shared, AG_ERR_COMBINATION, "rows[0].seed is 12345" },
    { random_stream_unused, AG_ERR_COMBINATION, "rows[0].random_stream is 17" },
    { index_unused, AG_ERR_COMBINATION, "rows[1].index" },
};
enum { REFUSALS = sizeof refusals / sizeof *refusals };

START_TEST(refused)
{
    const refusal *r = &refusals[_i];
    ag_context *context = kernels_context(1);
    problem x;
    char why[AG_MESSAGE_SIZE] = "";
    set_base(&x);
    r->spoil(&x);
    const ag_status status = problem_execute(&x, context, NULL, why, sizeof why);
    ck_assert_msg(status == r->status && strstr(why, r->names), "refusal %d, %s: status %d: %s", _i, r->names,
                  (int)status, why);
    ck_assert(buffer_is_poison(&x.out));
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* Numbers that change nothing may stand anywhere, and explicit ones are what they say: standard attention. */
START_TEST(neutral_numbers_are_taken)
{
    static const ag_method methods[] = { AG_STANDARD, AG_IDENTITY, AG_SMOOTHED, AG_SOFTENED, AG_MASKED, AG_NOISY };
    ag_context *context = kernels_context(1);
    problem x;
    char why[AG_MESSAGE_SIZE] = "";
    set_base(&x);
    ag_row *row = turn(&x, methods[_i]);
    row->sigma = row->probability = row->amplitude = 0;
    row->inverse_temperature = 1;
    unsigned char *got = problem_bytes(&x, context, NULL, why, sizeof why);
    ck_assert_msg(got != NULL, "%s", why);
    ag_row_init(row, methods[_i] == AG_IDENTITY ? AG_IDENTITY : AG_STANDARD);
    unsigned char *want = problem_bytes(&x, context, NULL, why, sizeof why);
    ck_assert_msg(want && !memcmp(got, want, x.out.pages_size), "%s", why);
    free(got);
    free(want);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* The picture's range and grid may be told of every row. */
START_TEST(pictures_may_be_told_always)
{
    ag_context *context = kernels_context(1);
    problem x;
    set_base(&x);
    memcpy(x.rows[0].grid, x.rows[1].grid, sizeof x.rows[0].grid);
    x.rows[0].image_offset = 3;
    x.rows[0].image_length = 5;
    const verdict v = problem_run(&x, context, NULL);
    ck_assert_msg(v.outcome == OUTCOME_RIGHT, "%s", v.text);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

Suite *suite_unused(void)
{
    Suite *s = suite_create("unused");
    TCase *c = tcase_create("unused");
    tcase_set_timeout(c, 600);
    add_loop(c, refused, 0, REFUSALS);
    add_loop(c, neutral_numbers_are_taken, 0, 6);
    add_test(c, pictures_may_be_told_always);
    suite_add_tcase(s, c);
    return s;
}
