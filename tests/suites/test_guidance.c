/* test_guidance.c - predictions combined: every rule against the oracle, with every kernel, any threads, any parts. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/combination.h"
#include "../harness/kernels.h"
#include "suites.h"

enum { TESTS = 24, EACH = 15, TEXT = 512 };

START_TEST(random_combinations_are_right)
{
    ag_context *context = kernels_context(2);
    for (uint64_t seed = (uint64_t)_i * EACH; seed < (uint64_t)(_i + 1) * EACH; seed++) {
        combination x;
        combination_random(&x, seed);
        ck_assert(!combination_build(&x, seed));
        kernels_try_combination(&x, context);
        combination_free(&x);
    }
    ag_context_free(context);
}
END_TEST

/* ---- hostile data --------------------------------------------------------------------------------------------- */

static const int64_t extents[] = { 1, 2, 511, 513, 1000, 16384, 16385, 100000 };
enum { EXTENTS = sizeof extents / sizeof *extents };

static void set_rule(combination *x, ag_rule rule, int inputs, int64_t count)
{
    combination_init(x, rule, inputs, 2, count);
    const double weights[] = { 4, -3.3, 0.7, 0, 0, 0, 0, 0 };
    memcpy(x->weights, weights, sizeof weights);
    ag_parameter_info p;
    ag_parameter_info_init(&p);
    for (int i = 0; !ag_rule_parameter_at(rule, i, &p); i++) x->parameters[i] = p.usual;
    if (x->keeps && rule == AG_APG) x->parameters[AG_APG_MOMENTUM] = -0.5;
}

static void try_mixtures(ag_rule rule, int inputs, int64_t count, mixture first, mixture second)
{
    combination x;
    ag_context *context = kernels_context(1);
    set_rule(&x, rule, inputs, count);
    for (int k = 0; k < inputs; k++) x.mix[k] = k == 0 ? first : second;
    ck_assert(!combination_build(&x, (uint64_t)count));
    kernels_try_combination(&x, context);
    combination_free(&x);
    ag_context_free(context);
}

/* Constants, zeros, and a mean of 1e4, in either place: nothing divides by zero, no variance is lost. */
START_TEST(hostile_data_is_right)
{
    static const mixture mixtures[] = { MIX_PLAIN, MIX_OFFSET, MIX_CONSTANT, MIX_ZERO };
    const bool slow = problem_where == AG_CUDA && extents[_i] > 20000; /* minutes, in emulation: equal places alone */
    for (int rule = 0; rule < combination_rules(); rule++)
        for (int i = 0; i < 4; i++)
            for (int j = slow ? i : 0; j < (slow ? i + 1 : 4); j++)
                try_mixtures((ag_rule)rule, 2, extents[_i], mixtures[i], mixtures[j]);
}
END_TEST

/* ---- groups --------------------------------------------------------------------------------------------------- */

static const int64_t groups[][3] = { { 1, 7, 73 }, { 5, 1, 64 }, { 64, 8, 1 }, { 3, 2, 1 }, { 1, 300, 300 } };
enum { GROUPS = sizeof groups / sizeof *groups };

static void try_groups(ag_rule rule, const int64_t group[3], mixture first, mixture second)
{
    combination x;
    ag_context *context = kernels_context(1);
    set_rule(&x, rule, 2, group[0] * group[1] * group[2]);
    memcpy(x.g.group, group, sizeof x.g.group);
    for (int k = 0; k < AG_MOST_INPUTS + 1; k++) x.mix[k] = k == 0 ? first : second;
    ck_assert(!combination_build(&x, (uint64_t)group[1]));
    kernels_try_combination(&x, context);
    combination_free(&x);
    ag_context_free(context);
}

/* The same of every group by itself: a group that is zero, constant, or far from zero for what it varies. */
START_TEST(hostile_groups_are_right)
{
    static const mixture mixtures[] = { MIX_OFFSET, MIX_PLAIN, MIX_CONSTANT, MIX_ZERO };
    const int most = groups[_i][1] > 100 ? 1 : 4; /* those that no cache holds take time */
    for (int rule = 0; rule < combination_rules(); rule++) {
        if (!(combination_info((ag_rule)rule).uses & AG_USES_GROUPS)) continue;
        for (int i = 0; i < most; i++)
            for (int j = 0; j < most; j++) try_groups((ag_rule)rule, groups[_i], mixtures[i], mixtures[j]);
    }
}
END_TEST

/* Planes that tasks share: each makes rows that another stores. */
START_TEST(large_pyramids_are_right)
{
    combination x;
    ag_context *context = kernels_context(2);
    const int64_t picture[] = { 1, 40, 4100 };
    set_rule(&x, AG_FDG, 2, picture[1] * picture[2]);
    memcpy(x.g.picture, picture, sizeof picture);
    x.g.levels = _i;
    for (int l = 0; l < _i; l++) x.parameters[AG_FDG_PARALLEL + l] = 0.5;
    ck_assert(!combination_build(&x, 9));
    kernels_try_combination(&x, context);
    combination_free(&x);
    ag_context_free(context);
}
END_TEST

/* gU is 0, and so is its cosine: (U + U) / 4. */
START_TEST(mahiro_of_scale_0_is_half_of_u)
{
    combination x;
    ag_context *context = kernels_context(1);
    combination_init(&x, AG_MAHIRO, 2, 2, extents[_i]);
    x.parameters[AG_MAHIRO_SCALE] = 0;
    ck_assert(!combination_build(&x, 6));
    for (int64_t i = 0; i < 2 * extents[_i]; i++) x.want[i] = ((const float *)x.in[1].data)[i] / 2;
    kernels_try_combination(&x, context);
    combination_free(&x);
    ag_context_free(context);
}
END_TEST

/* The result is constant where C is not: rescaling leaves it alone. */
START_TEST(a_constant_result_is_not_rescaled)
{
    combination x;
    ag_context *context = kernels_context(1);
    set_rule(&x, AG_RESCALE, 2, extents[_i]);
    x.weights[0] = 0;
    x.weights[1] = 1;
    x.mix[1] = MIX_CONSTANT;
    x.parameters[AG_RESCALE_PHI] = 1;
    ck_assert(!combination_build(&x, 5));
    kernels_try_combination(&x, context);
    combination_free(&x);
    ag_context_free(context);
}
END_TEST

/* ---- neutral values ------------------------------------------------------------------------------------------- */

static void neutral(combination *x)
{
    const double weights[] = { 1, 0, 0, 0, 0, 0, 0, 0 };
    memcpy(x->weights, weights, sizeof weights);
    ag_parameter_info p;
    ag_parameter_info_init(&p);
    for (int i = 0; !ag_rule_parameter_at(x->g.rule, i, &p); i++) {
        const int is_there = !x->g.levels || i % AG_FDG_PARALLEL < x->g.levels;
        x->parameters[i] = is_there ? p.neutral : AG_NOT_SET;
    }
}

/* C itself, element by element, whatever the others hold: NaN here, where nothing is summed up. */
START_TEST(neutral_values_give_the_first_input)
{
    ag_context *context = kernels_context(2);
    for (int rule = AG_LINEAR; rule < combination_rules(); rule++) {
        combination x;
        char why[AG_MESSAGE_SIZE] = "";
        if (rule == AG_MERGE || rule == AG_PERP_NEG) continue; /* what they give otherwise is no input */
        set_rule(&x, (ag_rule)rule, 2, extents[_i]);
        neutral(&x);
        if (rule == AG_NAG) x.parameters[AG_NAG_ALPHA] = 0;
        ck_assert(!combination_build(&x, 77));
        buffer nan = { 0 };
        ck_assert(!buffer_open(&nan, x.in[1].size, sizeof(float)));
        if (rule != AG_NAG && rule != AG_APG && rule != AG_CFG_ZERO) x.a.input[1] = nan.data;
        ck_assert_msg(!combination_run(&x, context, NULL, why, sizeof why), "%s", why);
        ck_assert_msg(!memcmp(x.out.data, x.in[0].data, x.out.size), "rule %d is not neutral", rule);
        buffer_close(&nan);
        combination_free(&x);
    }
    ag_context_free(context);
}
END_TEST

/* eta 1, no clamp, no momentum: APG is guidance as usual. */
START_TEST(apg_can_be_plain_guidance)
{
    ag_context *context = kernels_context(2);
    for (int from_uncond = 0; from_uncond < 2; from_uncond++) {
        combination x;
        char text[TEXT];
        set_rule(&x, AG_APG, 2, extents[_i]);
        ck_assert(!combination_build(&x, 8));
        for (int64_t i = 0; i < 2 * extents[_i]; i++) {
            const double c = ((const float *)x.in[0].data)[i], u = ((const float *)x.in[1].data)[i];
            x.want[i] = from_uncond ? u + 7.5 * (c - u) : c + 6.5 * (c - u);
        }
        x.parameters[AG_APG_BASE] = from_uncond;
        x.parameters[AG_APG_SCALE] = 7.5;
        x.parameters[AG_APG_ETA] = 1;
        x.parameters[AG_APG_RADIUS] = 0;
        ck_assert(!combination_run(&x, context, NULL, NULL, 0));
        ck_assert_msg(!combination_judge(&x, text, sizeof text), "%s", text);
        combination_free(&x);
    }
    ag_context_free(context);
}
END_TEST

/* Three steps in a row, each beginning with the state that the one before left. */
START_TEST(momentum_is_handed_on)
{
    ag_context *context = kernels_context(2);
    const int64_t all = 2 * extents[_i];
    float *state = calloc((size_t)all, sizeof *state);
    for (uint64_t step = 0; step < 3; step++) {
        combination x;
        set_rule(&x, AG_APG, 3, extents[_i]);
        if (step == 0) x.mix[2] = MIX_ZERO;
        ck_assert(!combination_build(&x, step));
        if (step > 0) {
            memcpy(x.start.data, state, x.start.size);
            combination_begin(&x);
            combination_answer(&x);
        }
        kernels_try_combination(&x, context);
        memcpy(state, x.state.data, x.start.size);
        combination_free(&x);
    }
    free(state);
    ag_context_free(context);
}
END_TEST

/* ---- the same bytes ------------------------------------------------------------------------------------------- */

typedef struct bytes {
    unsigned char *out, *state, *lse;
} bytes;

static unsigned char *copy_of(const buffer *b)
{
    unsigned char *copy = malloc(b->size + 1);
    if (b->pages) memcpy(copy, b->data, b->size);
    return copy;
}

static int same(const buffer *b, const unsigned char *copy) { return !b->pages || !memcmp(b->data, copy, b->size); }

static bytes take_bytes(const combination *x)
{
    return (bytes){ copy_of(&x->out), copy_of(&x->state), copy_of(&x->lse_out) };
}

static void free_bytes(bytes *b)
{
    free(b->out);
    free(b->state);
    free(b->lse);
}

static void same_bytes(const combination *x, const bytes *b, const char *how)
{
    ck_assert_msg(same(&x->out, b->out) && same(&x->lse_out, b->lse), "%s gives other bytes", how);
    ck_assert_msg(!x->start.pages || same(&x->state, b->state), "%s gives another state", how);
}

/* NaN, and a count that ends before, are the default; and so is the default itself. */
START_TEST(absent_parameters_are_defaults)
{
    ag_context *context = kernels_context(1);
    for (int rule = 0; rule < combination_rules(); rule++) {
        combination x;
        ag_parameter_info p;
        ag_parameter_info_init(&p);
        combination_init(&x, (ag_rule)rule, 2, 2, extents[_i]);
        ck_assert(!combination_build(&x, 21) && !combination_run(&x, context, NULL, NULL, 0));
        bytes first = take_bytes(&x);
        for (int i = 0; !ag_rule_parameter_at((ag_rule)rule, i, &p); i++) x.parameters[i] = p.initial;
        ck_assert(!combination_run(&x, context, NULL, NULL, 0));
        same_bytes(&x, &first, "the defaults by number");
        x.a.parameters = NULL;
        x.a.parameter_count = 0;
        ck_assert(!combination_run(&x, context, NULL, NULL, 0));
        same_bytes(&x, &first, "no parameters");
        free_bytes(&first);
        combination_free(&x);
    }
    ag_context_free(context);
}
END_TEST

/* Every phase in shares, the last first. */
static void run_by_shares(combination *x, ag_context *context, int shares)
{
    ag_plan *plan = NULL;
    ag_guidance_args args;
    char why[AG_MESSAGE_SIZE] = "";
    x->g.workers = shares;
    ck_assert_msg(!ag_guidance_plan(context, &x->g, &plan, why, sizeof why), "%s", why);
    combination_begin(x);
    args = x->a;
    args.workspace_size = ag_plan_workspace(plan);
    args.workspace = memset(malloc(args.workspace_size + 1), 0xff, args.workspace_size);
    ck_assert_msg(!ag_guidance_check(plan, &args, why, sizeof why), "%s", why);
    for (int phase = 0; phase < ag_plan_phases(plan); phase++)
        for (int worker = shares - 1; worker >= 0; worker--)
            ck_assert(!ag_guidance_run_share(plan, &args, phase, worker, shares));
    free(args.workspace);
    ag_plan_free(plan);
    x->g.workers = 0;
}

START_TEST(threads_and_parts_change_no_byte)
{
    ag_context *context[4];
    for (int i = 0; i < 4; i++) context[i] = kernels_context(i + 1);
    for (uint64_t seed = (uint64_t)_i * EACH; seed < (uint64_t)(_i + 1) * EACH; seed++) {
        combination x;
        combination_random(&x, seed);
        ck_assert(!combination_build(&x, seed));
        ck_assert(!combination_run(&x, context[0], NULL, NULL, 0));
        bytes first = take_bytes(&x);
        for (int i = 1; i < 4; i++) {
            ck_assert(!combination_run(&x, context[i], NULL, NULL, 0));
            same_bytes(&x, &first, "another number of threads");
        }
        for (int shares = 1; shares < 5; shares++) {
            run_by_shares(&x, context[0], shares);
            same_bytes(&x, &first, "a run by shares");
        }
        free_bytes(&first);
        combination_free(&x);
    }
    for (int i = 0; i < 4; i++) ag_context_free(context[i]);
}
END_TEST

Suite *suite_guidance(void)
{
    Suite *s = suite_create("guidance");
    TCase *c = tcase_create("guidance");
    tcase_set_timeout(c, 600);
    add_loop(c, random_combinations_are_right, 0, TESTS);
    add_loop(c, hostile_data_is_right, 0, EXTENTS);
    add_loop(c, hostile_groups_are_right, 0, GROUPS);
    add_loop(c, large_pyramids_are_right, 1, 4);
    add_loop(c, mahiro_of_scale_0_is_half_of_u, 0, EXTENTS);
    add_loop(c, a_constant_result_is_not_rescaled, 0, EXTENTS);
    add_loop(c, neutral_values_give_the_first_input, 0, EXTENTS);
    add_loop(c, apg_can_be_plain_guidance, 0, EXTENTS);
    add_loop(c, momentum_is_handed_on, 0, EXTENTS);
    add_loop(c, absent_parameters_are_defaults, 0, EXTENTS);
    if (problem_where == AG_HOST) add_loop(c, threads_and_parts_change_no_byte, 0, TESTS);
    suite_add_tcase(s, c);
    return s;
}
