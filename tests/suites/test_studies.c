/* test_studies.c - what looks at attention, with numbers that nobody may see and numbers that float32 cannot multiply,
 * with every kernel of energy, received and map. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/kernels.h"
#include "../harness/random.h"
#include "../oracle/number.h"
#include "suites.h"

enum { HEADS = 2, QUERIES = 70, KEYS = 140, WIDTH = 19 };

static const ag_operation operations[] = { AG_RECEIVED, AG_ENERGY, AG_MAP };
static const ag_dtype types[] = { AG_F32, AG_F16, AG_BF16 };

/* ---- hidden numbers ------------------------------------------------------------------------------------------- */

/* What hides pairs: causality, or a bias of this type. */
static const ag_dtype hiding[] = { AG_NONE, AG_U8, AG_F32, AG_F16, AG_BF16 };
enum { HIDING = sizeof hiding / sizeof *hiding };

static const int64_t planted[] = { 3, 77, 128, 139 };
static const double values[] = { NAN, INFINITY, -INFINITY, 3e38 };

static int sees(const problem *x, int64_t i, int64_t j)
{
    if (x->p.causal) return j <= i + x->p.k_offset + KEYS - QUERIES;
    return (3 * i + j) % 5 != 0 && !(j == 77 && i < 60) && j != 139;
}

static void build_hidden(problem *x, ag_operation operation, ag_dtype type, ag_dtype hides)
{
    problem_init(x, 1, HEADS, QUERIES, KEYS, WIDTH);
    problem_place(x, PLACE_HEADS, type, type, AG_F32);
    x->p.operation = operation;
    x->p.causal = hides == AG_NONE;
    if (hides != AG_NONE) problem_bias(x, hides);
    ck_assert(!problem_allocate(x));
    for (int64_t at = 0; at < HEADS * QUERIES * WIDTH; at++) number_write(type, x->q.data, at, (double)(at % 7) - 3);
    for (int64_t at = 0; at < HEADS * KEYS * WIDTH; at++) number_write(type, x->k.data, at, (double)(at % 11) / 8);
    for (int64_t at = 0; hides != AG_NONE && at < HEADS * QUERIES * KEYS; at++) {
        const int seen = sees(x, at / KEYS % QUERIES, at % KEYS);
        number_write(hides, x->bias.data, at, hides == AG_U8 ? seen : seen ? 0.5 : -INFINITY);
    }
    ck_assert(!problem_answer(x));
}

/* A copy of an input, for the caller to free, with one number of some tokens replaced. */
static unsigned char *plant(const buffer *from, ag_dtype type, int64_t tokens, const int64_t *token, int n, double x)
{
    unsigned char *copy = malloc(from->size);
    memcpy(copy, from->data, from->size);
    for (int h = 0; h < HEADS; h++)
        for (int i = 0; i < n; i++) number_write(type, copy, (h * tokens + token[i]) * WIDTH + 5, x);
    return copy;
}

/* Which queries met what was planted. */
static void find_hit(const problem *x, int in_q, char *hit)
{
    for (int64_t i = 0; i < QUERIES; i++) {
        hit[i] = in_q && i == planted[0];
        for (int n = 0; n < 4 && !in_q; n++) hit[i] |= (char)sees(x, i, planted[n]);
    }
}

static void judge_rows(const problem *x, const float *got, const float *clean, const char *hit, int nan)
{
    for (int64_t at = 0; at < HEADS * QUERIES; at++) {
        if (!hit[at % QUERIES])
            ck_assert_msg(!memcmp(&got[at], &clean[at], sizeof *got), "row %d: %g for %g", (int)at, got[at], clean[at]);
        if (hit[at % QUERIES] && nan) ck_assert_msg(isnan(got[at]), "row %d is %g", (int)at, got[at]);
    }
    (void)x;
}

static void judge_map(const problem *x, const float *got, const float *clean, const char *hit, int nan)
{
    for (int64_t at = 0; at < HEADS * QUERIES * KEYS; at++) {
        const int64_t i = at / KEYS % QUERIES, j = at % KEYS;
        if (!hit[i]) ck_assert_msg(!memcmp(&got[at], &clean[at], sizeof *got), "%d, %d: %g", (int)i, (int)j, got[at]);
        else if (!sees(x, i, j)) ck_assert_msg(got[at] == 0, "hidden %d, %d: %g", (int)i, (int)j, got[at]);
        else if (nan) ck_assert_msg(isnan(got[at]), "%d, %d: %g", (int)i, (int)j, got[at]);
    }
}

static void judge_received(const problem *x, const float *got, const float *clean, const char *hit, int nan)
{
    for (int64_t j = 0; j < KEYS; j++) {
        int met = 0;
        for (int64_t i = 0; i < QUERIES; i++) met |= hit[i] && sees(x, i, j);
        if (!met)
            ck_assert_msg(fabsf(got[j] - clean[j]) <= 2e-6f * (1 + clean[j]), "key %d: %g for %g", (int)j, got[j],
                          clean[j]);
        if (met && nan) ck_assert_msg(isnan(got[j]), "key %d is %g", (int)j, got[j]);
    }
}

static void try_planted(problem *x, ag_context *context, const char *kernel, int in_q, double value)
{
    char hit[QUERIES], why[AG_MESSAGE_SIZE] = "";
    unsigned char *clean = NULL, *copy;
    float curvature[HEADS * QUERIES];
    const void *q = x->a.q, *k = x->a.k;
    if (problem_execute(x, context, kernel, why, sizeof why)) return; /* the kernel takes no masks */
    clean = malloc(x->out.size);
    memcpy(clean, x->out.data, x->out.size);
    if (x->a.curvature) memcpy(curvature, x->a.curvature, sizeof curvature);
    copy = in_q ? plant(&x->q, x->p.q.dtype, QUERIES, planted, 1, value)
                : plant(&x->k, x->p.k.dtype, KEYS, planted, 4, value);
    if (in_q) x->a.q = copy;
    else x->a.k = copy;
    find_hit(x, in_q, hit);
    ck_assert(!problem_execute(x, context, kernel, why, sizeof why));
    const float *got = (const float *)x->out.data, *before = (const float *)(void *)clean;
    if (x->p.operation == AG_ENERGY) judge_rows(x, got, before, hit, isnan(value));
    if (x->p.operation == AG_ENERGY) judge_rows(x, x->a.curvature, curvature, hit, isnan(value));
    if (x->p.operation == AG_MAP) judge_map(x, got, before, hit, isnan(value));
    if (x->p.operation == AG_RECEIVED) judge_received(x, got, before, hit, isnan(value));
    x->a.q = q;
    x->a.k = k;
    free(copy);
    free(clean);
}

/* NaN, infinity and what overflows, behind a bias of any type or causality, change no byte of the rows that do not see
 * them; rows that do see NaN are NaN, and make NaN of the keys that they see alone. */
START_TEST(hidden_numbers_touch_nobody)
{
    if (problem_where == AG_CUDA) return; /* its inputs lie in memory of this test's own */
    ag_context *context = kernels_context(2);
    for (int type = 0; type < 3; type++)
        for (int hides = 0; hides < HIDING; hides++) {
            problem x;
            build_hidden(&x, operations[_i], types[type], hiding[hides]);
            for (int kernel = 0; kernel < kernels_count(); kernel++) {
                const ag_kernel_info info = kernels_info(kernel);
                if (info.unavailable || strcmp(info.backend, kernels_backend())) continue;
                if (!kernels_serve(&x, context, info.name)) continue;
                for (int value = 0; value < 4; value++)
                    for (int in_q = 0; in_q < 2; in_q++) try_planted(&x, context, info.name, in_q, values[value]);
            }
            problem_free(&x);
        }
    ag_context_free(context);
}
END_TEST

/* ---- finite in, finite out ------------------------------------------------------------------------------------ */

/* Numbers whose exact result fits: q = a, k = b patterns, beside a bias; the scale. */
typedef struct extreme {
    const char *name;
    double q, k, scale;
    int opposed;    /* products that are infinite in float32 and cancel */
    double bias[3]; /* of key 0, of keys 1 mod 3, of the others */
    int energy;     /* it fits */
} extreme;

static const extreme extremes[] = {
    { "opposed", 1e20, 1e20, 1, 1, { 0, 0, 0 }, 1 },
    { "opposed, at the end", 3e38, 3e38, 1, 1, { 0, 0, 0 }, 1 },
    { "tiny scale", 1e19, 1e19, 1e-38, 0, { 0, 0, 0 }, 1 },
    { "denormal scale", 1e22, 1e22, 1e-44, 0, { 0, 0, 0 }, 1 },
    { "vanishing scale", 1e30, 1e30, 1e-60, 0, { 0, 0, 0 }, 1 },
    { "huge scale", 1e20, 1e-39, 1e19, 0, { 0, 0, 0 }, 1 },
    { "huge scale and queries", 1e25, 1e-38, 1e13, 0, { 0, 0, 0 }, 1 },
    { "denormal queries", 1e-40, 1e38, 100, 0, { 0, 0, 0 }, 1 },
    { "large logits", 2e18, 1e19, 1, 0, { 0, 0, 0 }, 1 },
    { "larger logits", 3e38, 3e38, 1, 0, { 0, 0, 0 }, 0 },
    { "a large bias", 1, 1, 1, 0, { 3e38, 0, 0 }, 1 },
    { "large biases", 1, 1, 1, 0, { 3e38, 2.5e38, -3e38 }, 1 },
    { "biases of 1e9", 1, 1, 1, 0, { 1e9, 1e9, 1e9 }, 1 },
    { "biases of -1e9", 1, 1, 1, 0, { -1e9, -1e9, -1e9 }, 1 },
    { "equal large biases", 0, 1, 1, 0, { 3e38, 3e38, 3e38 }, 1 },
    { "low biases", 1, 1, 1, 0, { -3e38, -2.5e38, -FLT_MAX }, 1 },
    { "the lowest bias and far products", 1e18, -1e18, 1, 0, { -2.9e38, -3e38, -3e38 }, 1 },
    { "a large bias and far products", 1e18, 1e18, 1, 0, { 2e38, 2.2e38, 0 }, 1 },
};
enum { EXTREMES = sizeof extremes / sizeof *extremes };

/* q is one number, k is 1, 1/2 or 0 times another in the first channel: logits are far apart or equal. */
static void fill_extreme(problem *x, const extreme *e)
{
    const int64_t d = x->p.d;
    for (int64_t at = 0; at < HEADS * QUERIES * d; at++)
        number_write(x->p.q.dtype, x->q.data, at, at % d < (e->opposed ? 2 : 1) ? e->q : 0);
    for (int64_t at = 0; at < HEADS * KEYS * d; at++) {
        const int64_t j = at / d % KEYS, c = at % d;
        const double opposed = c == 0 ? -e->k : c == 1 ? e->k : 0, along = c == 0 ? e->k * (double)(j % 3) / 2 : 0;
        number_write(x->p.k.dtype, x->k.data, at, !e->opposed ? along : j % 2 ? opposed : 0);
    }
    for (int64_t at = 0; x->p.bias_dtype != AG_NONE && at < HEADS * QUERIES * KEYS; at++)
        number_write(x->p.bias_dtype, x->bias.data, at, e->bias[at % KEYS == 0 ? 0 : at % 3 == 1 ? 1 : 2]);
}

static void try_extreme(const extreme *e, ag_operation operation, ag_dtype type, ag_context *context)
{
    problem x;
    problem_init(&x, 1, HEADS, QUERIES, KEYS, 8);
    problem_place(&x, PLACE_HEADS, type, type, AG_F32);
    x.p.operation = operation;
    x.p.scale = e->scale;
    if (e->bias[0] != 0) problem_bias(&x, type == AG_BF16 ? AG_BF16 : AG_F32);
    ck_assert(!problem_allocate(&x));
    fill_extreme(&x, e);
    ck_assert(!problem_answer(&x));
    kernels_try(&x, context, NULL);
    problem_free(&x);
}

START_TEST(extreme_numbers_are_right)
{
    ag_context *context = kernels_context(2);
    const extreme *e = &extremes[_i];
    for (int operation = 0; operation < 3; operation++)
        for (int type = 0; type < 3; type++) {
            if (types[type] == AG_F16 && (e->q > 6e4 || e->k > 6e4 || (e->k != 0 && fabs(e->k) < 1e-7))) continue;
            if (operations[operation] == AG_ENERGY && !e->energy) continue;
            try_extreme(e, operations[operation], types[type], context);
        }
    ag_context_free(context);
}
END_TEST

/* Queries of one panel come to their curvature in different numbers of steps: a hidden NaN changes none. */
START_TEST(curvature_depends_on_no_neighbour)
{
    enum { N = 65, D = 8, HIDDEN = 10 };
    static float q[N * D], k[N * D], energy[N], curvature[2][N];
    ag_context *context = kernels_context(1);
    for (uint64_t seed = 0; seed < 60; seed++) {
        random_state r = { seed };
        ag_problem p;
        ag_args a;
        for (int i = 0; i < N * D; i++)
            q[i] = (float)random_between(&r, -1, 1), k[i] = (float)random_between(&r, -1, 1);
        ag_problem_init(&p, 1, 1, N, N, D);
        p.causal = 1;
        for (int hidden = 0; hidden < 2; hidden++) {
            for (int t = 0; t < D && hidden; t++) k[HIDDEN * D + t] = NAN;
            ag_args_init(&a, q, k, NULL, energy);
            a.curvature = curvature[hidden];
            ck_assert(!ag_attention_energy(context, &p, &a, NULL, 0));
        }
        ck_assert_msg(!memcmp(curvature[0], curvature[1], HIDDEN * sizeof(float)), "seed %d", (int)seed);
    }
    ag_context_free(context);
}
END_TEST

Suite *suite_studies(void)
{
    Suite *s = suite_create("studies");
    TCase *c = tcase_create("studies");
    tcase_set_timeout(c, 600);
    add_loop(c, hidden_numbers_touch_nobody, 0, 3);
    if (problem_where == AG_HOST) add_test(c, curvature_depends_on_no_neighbour);
    if (problem_where == AG_HOST) add_loop(c, extreme_numbers_are_right, 0, EXTREMES);
    suite_add_tcase(s, c);
    return s;
}
