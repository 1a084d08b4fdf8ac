/* test_guidance.c - predictions combined: every rule against the oracle, with every kernel, any threads, any parts. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "combination.h"
#include "kernels.h"
#include "suites.h"

enum { TESTS = 24, EACH = 15, TEXT = 512 };

static void run_and_judge(combination *x, ag_context *context, const char *kernel)
{
    char text[TEXT] = "";
    const ag_status status = combination_run(x, context, kernel, text, sizeof text);
    ck_assert_msg(status == AG_OK, "%s: %s", kernel ? kernel : "the library's choice", text);
    const char *wrong = combination_judge(x, text, sizeof text);
    ck_assert_msg(wrong == NULL, "%s: %s", kernel ? kernel : "the library's choice", wrong);
}

static int is_of_guidance(const ag_kernel_info *info)
{
    return !info->unavailable && !strcmp(info->backend, kernels_backend()) &&
           (!strcmp(info->step, "statistics") || !strcmp(info->step, "combine"));
}

/* A forced name is ignored by a plan without its step. */
static int uses(const combination *x, ag_context *context, const char *kernel)
{
    char text[2048] = "";
    ag_guidance g = x->g;
    ag_plan *plan = NULL;
    g.kernel = kernel;
    ck_assert_int_eq(ag_guidance_plan(context, &g, &plan, NULL, 0), AG_OK);
    ag_plan_explain(plan, text, sizeof text);
    ag_plan_free(plan);
    return strstr(text, kernel) != NULL;
}

static void try_kernels(combination *x, ag_context *context)
{
    run_and_judge(x, context, NULL);
    for (int i = 0; i < kernels_count(); i++) {
        const ag_kernel_info info = kernels_info(i);
        if (!is_of_guidance(&info) || !uses(x, context, info.name)) continue;
        run_and_judge(x, context, info.name);
        kernels_reached[i] = 1;
    }
}

START_TEST(random_combinations_are_right)
{
    ag_context *context = kernels_context(2);
    for (uint64_t seed = (uint64_t)_i * EACH; seed < (uint64_t)(_i + 1) * EACH; seed++) {
        combination x;
        combination_random(&x, seed);
        ck_assert(!combination_build(&x, seed));
        try_kernels(&x, context);
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
    x->a.scale = 7.5;
    x->a.rescale = 0.7;
    x->a.eta = 0.3;
    x->a.radius = 9;
    x->a.momentum = -0.5;
}

static void try_mixtures(ag_rule rule, int inputs, int64_t count, mixture first, mixture second)
{
    combination x;
    ag_context *context = kernels_context(1);
    set_rule(&x, rule, inputs, count);
    for (int k = 0; k < inputs; k++) x.mix[k] = k == 0 ? first : second;
    ck_assert(!combination_build(&x, (uint64_t)count));
    try_kernels(&x, context);
    combination_free(&x);
    ag_context_free(context);
}

/* Constants, zeros, and a mean of 1e4, in either place: nothing divides by zero, no variance is lost. */
START_TEST(hostile_data_is_right)
{
    static const mixture mixtures[] = { MIX_PLAIN, MIX_OFFSET, MIX_CONSTANT, MIX_ZERO };
    for (int rule = AG_LINEAR; rule <= AG_MERGE; rule++)
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) try_mixtures((ag_rule)rule, 2, extents[_i], mixtures[i], mixtures[j]);
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
    x.a.rescale = 1;
    ck_assert(!combination_build(&x, 5));
    try_kernels(&x, context);
    combination_free(&x);
    ag_context_free(context);
}
END_TEST

/* ---- neutral values ------------------------------------------------------------------------------------------- */

static void neutral(combination *x)
{
    const double weights[] = { 1, 0, 0, 0, 0, 0, 0, 0 };
    memcpy(x->weights, weights, sizeof weights);
    x->a.scale = 1;
    x->a.rescale = 0;
    if (x->g.rule == AG_NAG) x->a.alpha = 0;
}

/* C itself, element by element, whatever the others hold: NaN here, where nothing is summed up. */
START_TEST(neutral_values_give_the_first_input)
{
    ag_context *context = kernels_context(2);
    for (int rule = AG_LINEAR; rule <= AG_NAG; rule++) {
        combination x;
        char why[AG_MESSAGE_SIZE] = "";
        set_rule(&x, (ag_rule)rule, 2, extents[_i]);
        neutral(&x);
        ck_assert(!combination_build(&x, 77));
        buffer nan = { 0 };
        ck_assert(!buffer_open(&nan, x.in[1].size, sizeof(float)));
        if (rule <= AG_RESCALE) x.a.input[1] = nan.data;
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
        x.g.from_uncond = from_uncond;
        x.a.eta = 1;
        x.a.radius = 0;
        ck_assert(!combination_run(&x, context, NULL, NULL, 0));
        ck_assert_msg(!combination_judge(&x, text, sizeof text), "%s", text);
        combination_free(&x);
    }
    ag_context_free(context);
}
END_TEST

/* Three steps in a row, each beginning with the momentum that the one before left. */
START_TEST(momentum_is_handed_on)
{
    ag_context *context = kernels_context(2);
    const int64_t all = 2 * extents[_i];
    float *momentum = calloc((size_t)all, sizeof *momentum);
    for (uint64_t step = 0; step < 3; step++) {
        combination x;
        set_rule(&x, AG_APG, 3, extents[_i]);
        if (step == 0) x.mix[2] = MIX_ZERO;
        ck_assert(!combination_build(&x, step));
        if (step > 0) {
            memcpy(x.start.data, momentum, x.start.size);
            combination_begin(&x);
            combination_answer(&x);
        }
        try_kernels(&x, context);
        memcpy(momentum, x.in[2].data, x.start.size);
        combination_free(&x);
    }
    free(momentum);
    ag_context_free(context);
}
END_TEST

/* ---- the same bytes ------------------------------------------------------------------------------------------- */

typedef struct bytes {
    unsigned char *out, *momentum, *lse;
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
    return (bytes){ copy_of(&x->out), copy_of(&x->in[2]), copy_of(&x->lse_out) };
}

static void same_bytes(const combination *x, const bytes *b, const char *how)
{
    ck_assert_msg(same(&x->out, b->out) && same(&x->lse_out, b->lse), "%s gives other bytes", how);
    ck_assert_msg(!x->start.pages || same(&x->in[2], b->momentum), "%s gives another momentum", how);
}

/* Every phase in shares, the last first. */
static void run_by_shares(combination *x, ag_context *context, int shares)
{
    ag_plan *plan = NULL;
    ag_args args;
    char why[AG_MESSAGE_SIZE] = "";
    x->g.workers = shares;
    ck_assert_msg(!ag_guidance_plan(context, &x->g, &plan, why, sizeof why), "%s", why);
    combination_begin(x);
    ag_args_init(&args, NULL, NULL, NULL, NULL);
    args.guidance = &x->a;
    args.workspace_size = ag_plan_workspace(plan);
    args.workspace = malloc(args.workspace_size + 1);
    ck_assert_msg(!ag_plan_check(plan, &args, why, sizeof why), "%s", why);
    for (int phase = 0; phase < ag_plan_phases(plan); phase++)
        for (int worker = shares - 1; worker >= 0; worker--)
            ck_assert(!ag_plan_run_share(plan, &args, phase, worker, shares));
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
        free(first.out);
        free(first.momentum);
        free(first.lse);
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
    tcase_add_loop_test(c, random_combinations_are_right, 0, TESTS);
    tcase_add_loop_test(c, hostile_data_is_right, 0, EXTENTS);
    tcase_add_loop_test(c, a_constant_result_is_not_rescaled, 0, EXTENTS);
    tcase_add_loop_test(c, neutral_values_give_the_first_input, 0, EXTENTS);
    tcase_add_loop_test(c, apg_can_be_plain_guidance, 0, EXTENTS);
    tcase_add_loop_test(c, momentum_is_handed_on, 0, EXTENTS);
    if (problem_where == AG_HOST) tcase_add_loop_test(c, threads_and_parts_change_no_byte, 0, TESTS);
    suite_add_tcase(s, c);
    return s;
}
