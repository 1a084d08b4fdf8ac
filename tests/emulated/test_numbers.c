/* test_numbers.c - what the CUDA kernels do about numbers that are not finite or that float32 does not hold: NaN in a
 * hidden key or value reaches nobody but those who see it, and finite numbers give the finite results they should. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/kernels.h"
#include "../oracle/number.h"
#include "../suites/suites.h"
#include "emulated.h"

/* ---- hidden ---- */

enum { TOKENS = 70, WIDTH = 16, HEADS = 2, HIDDEN = 5 };

typedef enum way { BY_FLAGS, BY_INFINITY, BY_CAUSALITY, BY_CHANCE, PERMUTED, BLENDED, WAYS } way;

static void set_hidden(problem *x, way how, ag_dtype type)
{
    problem_init(x, 1, HEADS, TOKENS, TOKENS, WIDTH);
    if (how == BY_CHANCE) problem_row(x, 0, AG_MASKED)->probability = 0.5;
    if (how == PERMUTED) problem_row(x, 0, AG_SCRAMBLED)->kind = AG_TOKENS;
    if (how == BLENDED) {
        ag_row *row = problem_row(x, 0, AG_SOFTENED);
        row->inverse_temperature = 0.5;
        row->blend = 1;
        x->run[0].strength = 0.25;
    }
    x->p.causal = how == BY_CAUSALITY || how == PERMUTED || how == BLENDED;
    problem_place(x, PLACE_TOKENS, type, type, type);
    if (how == BY_FLAGS || how == BY_INFINITY) problem_bias(x, how == BY_FLAGS ? AG_U8 : AG_F32);
}

/* A third of the queries see the key. */
static void hide(problem *x)
{
    for (int64_t at = 0; at < HEADS * TOKENS * TOKENS; at++) {
        const int seen = at % TOKENS != HIDDEN || at / TOKENS % 3 == 0;
        number_write(x->p.bias_dtype, x->bias.data, at, x->p.bias_dtype == AG_U8 ? seen : seen ? 0.25 : -INFINITY);
    }
}

/* A copy of a tensor on the device, to write to. */
static void *copied(const buffer *b)
{
    void *copy = malloc(b->size);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, b->data, b->size);
    emulated->adopt(copy, b->size);
    return copy;
}

static void drop(void *copy)
{
    emulated->forget(copy);
    free(copy);
}

static void set_key(const ag_layout *l, void *data, double value)
{
    for (int64_t h = 0; h < HEADS; h++)
        for (int64_t c = 0; c < WIDTH; c++)
            number_write(l->dtype, data, h * l->stride[1] + HIDDEN * l->stride[2] + c, value);
}

static double out_of(const problem *x, int64_t at)
{
    const int64_t c = at % WIDTH, i = at / WIDTH % TOKENS, h = at / WIDTH / TOKENS, *s = x->p.out.stride;
    return number_read(x->p.out.dtype, x->out.data, h * s[1] + i * s[2] + c);
}

/* Rows that see the key are NaN throughout; the others are `want`. */
static void judge_hidden(const problem *x, const char *kernel, const double *want, const double *moved)
{
    int counts[2] = { 0, 0 };
    for (int64_t at = 0; at < HEADS * TOKENS * WIDTH; at++) {
        const int sees = fabs(moved[at] - want[at]) > 0.1;
        const double got = out_of(x, at);
        counts[sees]++;
        ck_assert_msg(sees ? !isfinite(got) : fabs(got - want[at]) <= 0.02, "%s: element %d is %g for %g", kernel,
                      (int)at, got, sees ? NAN : want[at]);
    }
    ck_assert(counts[0] && counts[1]);
}

/* Who sees the key is told by the oracle: a large value there shows in the result. */
static void try_hidden(way how, ag_dtype type, double k_value, double v_value)
{
    ag_context *context = kernels_context(1);
    problem x;
    char why[AG_MESSAGE_SIZE] = "";
    set_hidden(&x, how, type);
    if (x.p.bias_dtype != AG_NONE) {
        ck_assert(!problem_allocate(&x));
        for (int64_t at = 0; at < HEADS * TOKENS * WIDTH; at++) {
            number_write(type, x.q.data, at, (double)(at * 7 % 13) / 13 - 0.5);
            number_write(type, x.k.data, at, (double)(at * 5 % 11) / 11 - 0.5);
            number_write(type, x.v.data, at, (double)(at * 3 % 17) / 17 - 0.5);
        }
        hide(&x);
        ck_assert(!problem_answer(&x));
    } else ck_assert(!problem_build(&x, 3));
    double *want = x.want;
    void *k = copied(&x.k), *v = copied(&x.v);
    x.a.k = k;
    x.a.v = v;
    x.want = NULL;
    set_key(&x.p.v, v, 1000);
    ck_assert(!problem_answer(&x));
    if (!isfinite(k_value)) set_key(&x.p.k, k, k_value);
    set_key(&x.p.v, v, v_value);
    for (int n = 0; n < kernels_count(); n++) {
        const ag_kernel_info info = kernels_info(n);
        if (info.unavailable || strcmp(info.backend, kernels_backend()) || strcmp(info.step, "attend")) continue;
        const ag_status status = problem_execute(&x, context, info.name, why, sizeof why);
        if (status == AG_ERR_KERNEL) continue;
        ck_assert_msg(!status, "%s", why);
        judge_hidden(&x, info.name, want, x.want);
    }
    free(want);
    drop(k);
    drop(v);
    problem_free(&x);
    ag_context_free(context);
}

START_TEST(hidden_numbers_reach_nobody)
{
    static const ag_dtype types[] = { AG_F32, AG_F16, AG_BF16 };
    for (int t = 0; t < 3; t++) {
        try_hidden((way)_i, types[t], NAN, NAN);
        try_hidden((way)_i, types[t], 0, INFINITY);
    }
}
END_TEST

/* ---- large ---- */

typedef struct large {
    int64_t keys, d;
    ag_dtype type;
    double q, k, v, scale, bias; /* one number each, k of the first key 0 where d is 8; bias 0: none */
} large;

static const large larges[] = {
    { 1, 64, AG_BF16, 133120, 133120, 133120, 0, 0 }, { 1, 64, AG_BF16, 133120, -133120, 133120, 0, 0 },
    { 40, 64, AG_F32, 1e19, 1e19, 1, 1e-38, 0 },      { 2, 8, AG_F32, 1e20, 1e20, 1, 0, 0 },
    { 2, 8, AG_F32, 0x1p64, 0x1p63, 1, 0, 0 },        { 70, 16, AG_F32, 1e5, 1e5, 1, 0, 0 },
    { 70, 16, AG_F32, 100003, 99991, 1, 0, 0 },       { 300, 16, AG_F32, 1, 1, FLT_MAX, 0, 0 },
    { 300, 16, AG_F32, 1, 1, -FLT_MAX, 0, 3e38 },     { 70, 16, AG_F32, 1, 1, 1, 0, 2.5e38 },
    { 300, 16, AG_BF16, 1, 1, 0x1.fep127, 0, 0 },     { 300, 16, AG_F16, 65504, 65504, 65504, 0, 0 },
    { 70, 16, AG_F16, 65504, -65504, 65504, 0, 0 },
};
enum { LARGES = sizeof larges / sizeof *larges, QUERIES = 3 };

/* Keys differ by a little where there are many. Where d is 8, the first is 0 and so is the sum of the second's
 * channels, of which the first alone is negative: in float32 their sum with q may end as -inf. */
static double key_number(const large *l, int64_t at)
{
    const int64_t j = at / l->d;
    if (l->d == 8) return !j ? 0 : at % l->d ? l->k : -7 * l->k;
    return l->k * (1 - (double)(j % 3) / 4);
}

static void set_large(problem *x, const large *l, ag_operation operation)
{
    problem_init(x, 1, 1, QUERIES, l->keys, l->d);
    x->p.operation = operation;
    x->p.want_lse = operation == AG_ATTENTION;
    if (l->scale > 0) x->p.scale = l->scale;
    problem_place(x, PLACE_HEADS, l->type, l->type, l->type);
    if (l->bias != 0) problem_bias(x, AG_F32);
    ck_assert(!problem_allocate(x));
    for (int64_t at = 0; at < QUERIES * l->d; at++) number_write(l->type, x->q.data, at, l->q);
    for (int64_t at = 0; at < l->keys * l->d; at++) number_write(l->type, x->k.data, at, key_number(l, at));
    for (int64_t at = 0; operation == AG_ATTENTION && at < l->keys * l->d; at++)
        number_write(l->type, x->v.data, at, l->v);
    for (int64_t at = 0; l->bias != 0 && at < QUERIES * l->keys; at++)
        number_write(AG_F32, x->bias.data, at, at % 2 ? l->bias : 0);
    ck_assert(!problem_answer(x));
}

START_TEST(finite_numbers_stay_finite)
{
    static const ag_operation operations[] = { AG_ATTENTION, AG_RECEIVED, AG_ENERGY, AG_MAP };
    ag_context *context = kernels_context(1);
    for (int o = 0; o < 4; o++) {
        problem x;
        set_large(&x, &larges[_i], operations[o]);
        kernels_try(&x, context, NULL);
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

Suite *suite_numbers(void)
{
    Suite *s = suite_create("numbers");
    TCase *c = tcase_create("numbers");
    tcase_set_timeout(c, 600);
    add_loop(c, hidden_numbers_reach_nobody, 0, WAYS);
    add_loop(c, finite_numbers_stay_finite, 0, LARGES);
    suite_add_tcase(s, c);
    return s;
}
