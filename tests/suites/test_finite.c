/* test_finite.c - numbers near the largest and the smallest of their type in blurs, moved rows, combinations and merged
 * shards: what fits is finite and right, with every kernel. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/combination.h"
#include "../harness/kernels.h"
#include "../oracle/number.h"
#include "suites.h"

enum { TEXT = 512, TOKENS = 27 };

/* ---- blurs ---------------------------------------------------------------------------------------------------- */

static double greatest(ag_dtype type) { return type == AG_F16 ? 65504 : type == AG_BF16 ? 0x1.fep127 : FLT_MAX; }

/* All the greatest number; alternating in sign; that in one channel alone, and ordinary ones. */
static double blurred(int pattern, ag_dtype type, int64_t token, int64_t c)
{
    const double most = greatest(type), plain = 0.25 * (double)((token + 3 * c) % 9) - 1;
    if (pattern == 0) return most;
    if (pattern == 1) return token % 3 == 1 ? -most : most;
    return c == 7 ? most : plain;
}

typedef struct line {
    int64_t height, width, d;
    double sigma;
} line;

static const line lines[] = { { 1, 70, 64, 1 },  { 1, 70, 70, 40 }, { 1, 71, 16, 1e6 }, { 12, 13, 24, 0.8 },
                              { 12, 13, 70, 9 }, { 9, 10, 8, 1e6 }, { 1, 70, 5, 3 } };
enum { LINES = sizeof lines / sizeof *lines };

static void try_blur(const line *l, int pattern, ag_dtype type, ag_dtype to, ag_context *context)
{
    problem x;
    const int64_t n = l->height * l->width;
    problem_init(&x, 1, 2, n, n, l->d);
    problem_place(&x, PLACE_HEADS, type, type, to);
    x.p.operation = AG_BLUR;
    ag_row *row = problem_row(&x, 0, AG_SMOOTHED);
    row->grid[0] = 1, row->grid[1] = l->height, row->grid[2] = l->width;
    row->sigma = l->sigma;
    ck_assert(!problem_allocate(&x));
    for (int64_t at = 0; at < 2 * n * l->d; at++)
        number_write(type, x.q.data, at, blurred(pattern, type, at / l->d % n, at % l->d));
    ck_assert(!problem_answer(&x));
    kernels_try(&x, context, "blur");
    problem_free(&x);
}

START_TEST(blurs_of_large_numbers_are_right)
{
    ag_context *context = kernels_context(2);
    static const ag_dtype types[] = { AG_F32, AG_BF16, AG_F16 };
    for (int pattern = 0; pattern < 3; pattern++)
        for (int type = 0; type < 3; type++) {
            try_blur(&lines[_i], pattern, types[type], AG_F32, context);
            try_blur(&lines[_i], pattern, types[type], types[type], context);
        }
    ag_context_free(context);
}
END_TEST

/* ---- means, permuted and gathered values ---------------------------------------------------------------------- */

/* Every query attends to its own key alone: what is judged is the rows before. */
static void try_values(int perturbation, ag_dtype type, ag_context *context)
{
    problem x;
    problem_init(&x, 1, 2, TOKENS, TOKENS, TOKENS);
    problem_place(&x, PLACE_HEADS, type, type, type);
    ag_row *row = problem_row(&x, 0, perturbation == 0 ? AG_UNIFORM : AG_SCRAMBLED);
    if (perturbation) row->kind = perturbation == 1 ? AG_PERMUTE : AG_GATHER;
    if (perturbation == 2) row->draws = 5;
    ck_assert(!problem_allocate(&x));
    if (perturbation == 1) x.run[0].mix = 0.3;
    for (int64_t at = 0; at < 2 * TOKENS * TOKENS; at++) {
        const int64_t i = at / TOKENS % TOKENS, t = at % TOKENS;
        const double part = perturbation == 2                 ? 0.8 * (1 - (double)(at % 5) * 0.01)
                            : perturbation == 1 && i % 5 == 2 ? -1
                                                              : 1;
        number_write(type, x.q.data, at, i == t ? 100 : 0);
        number_write(type, x.k.data, at, i == t ? 100 : 0);
        number_write(type, x.v.data, at, part * greatest(type));
    }
    ck_assert(!problem_answer(&x));
    kernels_try(&x, context, perturbation == 0 ? "mean" : perturbation == 1 ? "permute" : "gather");
    if (perturbation == 2) kernels_try(&x, context, "tally");
    problem_free(&x);
}

START_TEST(moved_rows_of_large_numbers_are_right)
{
    ag_context *context = kernels_context(2);
    try_values(_i, AG_F32, context);
    try_values(_i, AG_BF16, context);
    try_values(_i, AG_F16, context);
    ag_context_free(context);
}
END_TEST

/* ---- combinations --------------------------------------------------------------------------------------------- */

static int is_of_guidance(const ag_kernel_info *info)
{
    return !info->unavailable && !strcmp(info->backend, kernels_backend()) &&
           (!strcmp(info->step, "statistics") || !strcmp(info->step, "combine"));
}

/* Calls `judge` with every kernel forced, and with none. */
static void with_kernels(combination *x, ag_context *context, void (*judge)(combination *, ag_context *, const char *))
{
    judge(x, context, NULL);
    for (int i = 0; i < kernels_count(); i++) {
        const ag_kernel_info info = kernels_info(i);
        if (!is_of_guidance(&info) || !kernels_combine(x, context, info.name)) continue;
        judge(x, context, info.name);
        kernels_reached[i] = 1;
    }
}

static void judge_by_oracle(combination *x, ag_context *context, const char *kernel)
{
    char text[TEXT] = "";
    ck_assert_msg(!combination_run(x, context, kernel, text, sizeof text), "%s", text);
    const char *wrong = combination_judge(x, text, sizeof text);
    ck_assert_msg(!wrong, "%s: %s", kernel ? kernel : "the library's choice", wrong);
}

static void set_rule(combination *x, ag_rule rule, int inputs, int64_t count, mixture mix)
{
    const double weights[] = { 4, -3.3, 0.2, 0, 0, 0, 0, 0 };
    combination_init(x, rule, inputs, 2, count);
    memcpy(x->weights, weights, sizeof weights);
    for (int k = 0; k < inputs; k++) x->mix[k] = mix;
    if (rule == AG_RESCALE) x->parameters[AG_RESCALE_PHI] = 0.7;
    if (rule == AG_CFG_ZERO) x->parameters[AG_CFG_ZERO_SCALE] = 3;
    if (rule == AG_NAG) x->parameters[AG_NAG_SCALE] = 3;
    if (rule != AG_APG) return;
    x->parameters[AG_APG_SCALE] = 3;
    x->parameters[AG_APG_ETA] = 0.3;
    x->parameters[AG_APG_RADIUS] = mix == MIX_HUGE ? 1e15 : 9;
    if (inputs == 3) x->parameters[AG_APG_MOMENTUM] = -0.5;
}

static const int64_t counts[] = { 1, 5, 77, 1024, 33000 };
enum { COUNTS = sizeof counts / sizeof *counts };

START_TEST(combinations_of_extreme_numbers_are_right)
{
    ag_context *context = kernels_context(2);
    for (int rule = AG_LINEAR; rule <= AG_MERGE; rule++)
        for (int type = 0; type < 4; type++)
            for (int tiny = 0; tiny < 2; tiny++) {
                combination x;
                const int inputs = rule == AG_APG && type == 0 ? 3 : rule <= AG_RESCALE ? 3 : 2;
                set_rule(&x, (ag_rule)rule, inputs, counts[_i], tiny ? MIX_TINY : MIX_HUGE);
                if (type & 1 && inputs == 2) x.g.dtype[0] = AG_BF16;
                if (type & 2) x.g.out_dtype = AG_BF16;
                ck_assert(!combination_build(&x, (uint64_t)type));
                with_kernels(&x, context, judge_by_oracle);
                combination_free(&x);
            }
    ag_context_free(context);
}
END_TEST

/* ---- NaN in one sample ---------------------------------------------------------------------------------------- */

static void judge_nan(combination *x, ag_context *context, const char *kernel)
{
    const int64_t n = x->g.count, sum = x->g.rule != AG_LINEAR && x->g.rule != AG_MERGE;
    char text[TEXT] = "";
    ck_assert_msg(!combination_run(x, context, kernel, text, sizeof text), "%s", text);
    const float *out = (const float *)x->out.data;
    float *clean = malloc((size_t)n * sizeof *clean);
    memcpy(clean, out, (size_t)n * sizeof *clean);
    buffer with = { 0 };
    ck_assert(!buffer_open(&with, x->in[1].size, sizeof(float)));
    memcpy(with.data, x->in[1].data, with.size);
    ((float *)with.data)[n + n / 2] = NAN;
    combination_begin(x);
    x->a.input[1] = with.data;
    ck_assert(!ag_guidance_combine(context, &x->g, &x->a, text, sizeof text));
    ck_assert_msg(!memcmp(clean, out, (size_t)n * sizeof *clean), "rule %d: the other sample", (int)x->g.rule);
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(isnan(out[n + i]) == (sum || i == n / 2), "rule %d: element %d is %g", (int)x->g.rule, (int)i,
                      out[n + i]);
    x->a.input[1] = x->in[1].data;
    buffer_close(&with);
    free(clean);
}

START_TEST(nan_stays_in_its_sample)
{
    static const float lse[2] = { 0, 1 };
    ag_context *context = kernels_context(2);
    for (int rule = AG_LINEAR; rule <= AG_MERGE; rule++)
        for (int norm = 1; norm <= 2; norm++) {
            combination x;
            if (rule != AG_NAG && norm == 2) continue;
            set_rule(&x, (ag_rule)rule, 2, counts[_i], MIX_PLAIN);
            if (rule == AG_NAG) x.parameters[AG_NAG_NORM] = norm;
            if (counts[_i] == 1 && rule == AG_RESCALE) continue; /* one element has no deviation */
            ck_assert(!combination_build(&x, 3));
            for (int i = 0; i < 2 && rule == AG_MERGE; i++) x.a.lse[i] = lse;
            with_kernels(&x, context, judge_nan);
            combination_free(&x);
        }
    ag_context_free(context);
}
END_TEST

/* ---- merged shards -------------------------------------------------------------------------------------------- */

/* A shard: its lse and its output; what both make of it. */
typedef struct shards {
    float lse[2], out[2];
    double want, want_lse;
} shards;

static const shards merged[] = {
    { { NAN, -INFINITY }, { NAN, 0 }, NAN, NAN },
    { { NAN, 0 }, { 1, 1 }, NAN, NAN },
    { { NAN, INFINITY }, { 1, 1 }, NAN, NAN },
    { { NAN, NAN }, { 1, 1 }, NAN, NAN },
    { { INFINITY, 2 }, { NAN, 3 }, 3, 2 },
    { { -INFINITY, 2 }, { INFINITY, 3 }, 3, 2 },
    { { INFINITY, -INFINITY }, { NAN, NAN }, 0, -INFINITY },
    { { INFINITY, INFINITY }, { NAN, NAN }, 0, -INFINITY },
    { { -INFINITY, -INFINITY }, { NAN, NAN }, 0, -INFINITY },
    { { -INFINITY, -3e38f }, { NAN, 3 }, 3, -3e38f },
    { { 3e38f, -3e38f }, { 3, 7 }, 3, 3e38f },
    { { 3e38f, 3e38f }, { 3, 7 }, 5, 3e38f },
    { { -3e38f, -3e38f }, { 3e38f, 3e38f }, 3e38f, -3e38f },
    { { FLT_MAX, FLT_MAX }, { 3e38f, -3e38f }, 0, FLT_MAX },
    { { 0, 0 }, { 0x1.fep127f, 0x1.fep127f }, 0x1.fep127f, 0.693147181 },
    { { 0, 0 }, { 1e-38f, 3e-38f }, 2e-38, 0.693147181 },
    { { 0, -88 }, { 0, 0x1p127f }, 1.03013713, 0 },
    { { 0, -200 }, { 1, NAN }, NAN, 0 },
    { { 0, -2000 }, { 1, NAN }, NAN, 0 },
    { { 0, -2000 }, { 1, 3e38f }, 1, 0 },
    { { 0, -2000 }, { NAN, 1 }, NAN, 0 },
};
enum { MERGED = sizeof merged / sizeof *merged };

static int is_close(double got, double want, double relative)
{
    if (isnan(want) || isinf(want)) return isnan(want) ? isnan(got) : got == want;
    return fabs(got - want) <= relative * fabs(want) + 1e-7 * relative;
}

static void judge_merged(const shards *s, const combination *x, int swap)
{
    const double allowed = x->g.out_dtype == AG_BF16 || x->g.dtype[0] == AG_BF16 ? 0x1p-7 : 1e-6;
    for (int64_t i = 0; i < x->g.samples * x->g.count; i++) {
        const double got = number_read(x->g.out_dtype, x->out.data, i);
        ck_assert_msg(is_close(got, s->want, allowed), "shards %d, swapped %d: out is %g", (int)(s - merged), swap,
                      got);
    }
    for (int64_t i = 0; i < x->g.samples; i++)
        ck_assert_msg(is_close(x->a.lse_out[i], s->want_lse, 1e-6) || x->a.lse_out[i] == s->want_lse,
                      "shards %d, swapped %d: lse is %g", (int)(s - merged), swap, x->a.lse_out[i]);
}

static void judge_merge(combination *x, ag_context *context, const char *kernel)
{
    char text[TEXT] = "";
    for (const shards *s = merged; s < merged + MERGED; s++)
        for (int swap = 0; swap < 2; swap++) {
            buffer lse[2] = { { 0 } }, in[2] = { { 0 } };
            combination_begin(x);
            for (int k = 0; k < 2; k++) {
                const int shard = swap ? !k : k;
                const size_t size = number_size(x->g.dtype[k]);
                ck_assert(!buffer_open(&lse[k], (size_t)x->g.samples * sizeof(float), sizeof(float)));
                ck_assert(!buffer_open(&in[k], (size_t)(x->g.samples * x->g.count) * size, size));
                for (int64_t i = 0; i < x->g.samples; i++) number_write(AG_F32, lse[k].data, i, s->lse[shard]);
                for (int64_t i = 0; i < x->g.samples * x->g.count; i++)
                    number_write(x->g.dtype[k], in[k].data, i, s->out[shard]);
                x->a.lse[k] = (const float *)lse[k].data;
                x->a.input[k] = in[k].data;
            }
            x->g.kernel = kernel;
            ck_assert_msg(!ag_guidance_combine(context, &x->g, &x->a, text, sizeof text), "%s", text);
            judge_merged(s, x, swap);
            for (int k = 0; k < 2; k++) buffer_close(&lse[k]), buffer_close(&in[k]);
        }
}

START_TEST(merging_loses_no_nan)
{
    ag_context *context = kernels_context(2);
    for (int type = 0; type < 4; type++) {
        combination x;
        combination_init(&x, AG_MERGE, 2, 3, counts[_i] > 1024 ? 100 : counts[_i]);
        for (int k = 0; k < 2 && type & 1; k++) x.g.dtype[k] = AG_BF16;
        if (type & 2) x.g.out_dtype = AG_BF16;
        ck_assert(!combination_build(&x, 1));
        with_kernels(&x, context, judge_merge);
        combination_free(&x);
    }
    ag_context_free(context);
}
END_TEST

Suite *suite_finite(void)
{
    Suite *s = suite_create("finite");
    TCase *c = tcase_create("finite");
    tcase_set_timeout(c, 600);
    if (problem_where == AG_HOST) {
        add_loop(c, blurs_of_large_numbers_are_right, 0, LINES);
        add_loop(c, moved_rows_of_large_numbers_are_right, 0, 3);
    }
    add_loop(c, combinations_of_extreme_numbers_are_right, 0, COUNTS);
    add_loop(c, nan_stays_in_its_sample, 0, COUNTS);
    add_loop(c, merging_loses_no_nan, 0, COUNTS);
    suite_add_tcase(s, c);
    return s;
}
