/* test_extreme.c - finite in, finite out: numbers near the ends of their types, where the exact result fits, with every
 * attend kernel against the float64 oracle. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/kernels.h"
#include "../harness/methods.h"
#include "../oracle/number.h"
#include "../oracle/oracle.h"
#include "suites.h"

enum { HEADS = 2 };

/* Numbers are these sizes times small whole ones, so that equal logits are equal in any arithmetic. */
typedef struct extreme {
    const char *name;
    ag_dtype type;
    int n_q, n_k, d;
    double q, k, v, scale; /* scale 0: the default */
    ag_dtype bias;         /* of two numbers, in turn along keys and queries */
    double one, two;
    int perturbation, blend;
} extreme;

/* clang-format off */
static const extreme cases[] = {
    { "one key of 133120", AG_BF16, 1, 1, 64, 133120, 133120, 133120, 0, AG_NONE, 0, 0, 0, 0 },
    { "one key of -133120", AG_BF16, 1, 1, 64, 133120, -133120, 133120, 0, AG_NONE, 0, 0, 0, 0 },
    { "keys of 133120", AG_BF16, 60, 200, 64, 133120, 133120, 1, 0, AG_NONE, 0, 0, 0, 0 },
    { "logits beyond 1e9", AG_BF16, 50, 300, 64, 16384, 16384, 1, 1, AG_NONE, 0, 0, 0, 0 },
    { "logits beyond 1e9", AG_F32, 50, 300, 64, 1e5, 1e5, 1, 1, AG_NONE, 0, 0, 0, 0 },
    { "logits beyond -1e9", AG_BF16, 50, 300, 64, 16384, -16384, 1, 1, AG_NONE, 0, 0, 0, 0 },
    { "1e19 squared, scaled back", AG_BF16, 50, 140, 16, 0x1p63, 0x1p63, 1, 0x1p-128, AG_NONE, 0, 0, 0, 0 },
    { "1e19 squared, scaled back", AG_F32, 50, 140, 16, 1e19, 1e19, 1, 1e-38, AG_NONE, 0, 0, 0, 0 },
    { "1e20", AG_F32, 50, 140, 8, 1e20, 1e20, 1, 0, AG_NONE, 0, 0, 0, 0 },
    { "1e38", AG_F32, 50, 140, 8, 1e38, 1e38, 1e38, 0, AG_NONE, 0, 0, 0, 0 },
    { "1e38", AG_BF16, 50, 140, 8, 0x1p126, 0x1p126, 0x1p126, 0, AG_NONE, 0, 0, 0, 0 },
    { "huge queries", AG_F32, 50, 140, 20, 1e30, 1e-30, 1, 0, AG_NONE, 0, 0, 0, 0 },
    { "huge keys", AG_F32, 50, 140, 20, 1e-30, 1e30, 1, 0, AG_NONE, 0, 0, 0, 0 },
    { "huge queries", AG_BF16, 50, 140, 20, 0x1p100, 0x1p-100, 1, 0, AG_NONE, 0, 0, 0, 0 },
    { "huge keys", AG_BF16, 50, 140, 20, 0x1p-100, 0x1p100, 1, 0, AG_NONE, 0, 0, 0, 0 },
    { "denormal queries", AG_F32, 50, 140, 20, 0x1p-130, 0x1p126, 1, 8, AG_NONE, 0, 0, 0, 0 },
    { "denormal keys", AG_BF16, 50, 140, 20, 0x1p125, 0x1p-130, 1, 8, AG_NONE, 0, 0, 0, 0 },
    { "a huge scale", AG_F32, 50, 140, 20, 1e-15, 1e-15, 1, 1e30, AG_NONE, 0, 0, 0, 0 },
    { "a huge scale", AG_BF16, 50, 140, 20, 0x1p-51, 0x1p-49, 1, 0x1p99, AG_NONE, 0, 0, 0, 0 },
    { "a huge negative scale", AG_F32, 50, 140, 20, 1, 1, 1, -1e30, AG_NONE, 0, 0, 0, 0 },
    { "a tiny scale", AG_F32, 50, 140, 20, 1e20, 1e20, 1, 1e-40, AG_NONE, 0, 0, 0, 0 },
    { "a scale of nearly 0", AG_F32, 50, 140, 20, 1e30, 1e30, 1, 1e-300, AG_NONE, 0, 0, 0, 0 },
    { "a bias of 3e38", AG_F32, 50, 140, 20, 1, 1, 1, 0, AG_F32, 3e38, 3e38, 0, 0 },
    { "a bias of 3e38 and of 1e38", AG_F32, 50, 140, 20, 1, 1, 1, 0, AG_F32, 3e38, 1e38, 0, 0 },
    { "the largest bias", AG_F16, 50, 140, 20, 1, 1, 1, 0, AG_F32, FLT_MAX, 0, 0, 0 },
    { "the largest bias", AG_BF16, 50, 140, 20, 1, 1, 1, 0, AG_BF16, 0x1.fep127, 0x1.fcp127, 0, 0 },
    { "biases of -3e38 and -3.2e38", AG_F32, 50, 140, 20, 1, 1, 1, 0, AG_F32, -3e38, -3.2e38, 0, 0 },
    { "the lowest bias and -3.2e38", AG_BF16, 50, 140, 20, 1, 1, 1, 0, AG_F32, -FLT_MAX, -3.2e38, 0, 0 },
    { "the lowest bias alone", AG_F32, 50, 140, 20, 1, 1, 1, 0, AG_F32, -FLT_MAX, -FLT_MAX, 0, 0 },
    { "biases of 3e38 and -3e38", AG_F32, 50, 140, 20, 1, 1, 1, 0, AG_F32, 3e38, -3e38, 0, 0 },
    { "biases of -1e9 alone", AG_F32, 50, 140, 20, 1, 1, 1, 0, AG_F32, -1e9, -1e9, 0, 0 },
    { "biases of -65504 alone", AG_F16, 50, 140, 20, 1, 1, 1, 0, AG_F16, -65504, -65504, 0, 0 },
    { "biases of 65504 and 65472", AG_F16, 50, 140, 20, 1, 1, 1, 0, AG_F16, 65504, 65472, 0, 0 },
    { "values of 3e38", AG_F32, 50, 400, 20, 1, 1, 3e38, 0, AG_NONE, 0, 0, 0, 0 },
    { "the largest value", AG_F32, 50, 400, 20, .001, 1, FLT_MAX, 0, AG_NONE, 0, 0, 0, 0 },
    { "values of 3e38", AG_BF16, 50, 400, 20, 1, 1, 0x1.c4p127, 0, AG_NONE, 0, 0, 0, 0 },
    { "the largest value", AG_BF16, 50, 400, 20, .001, 1, 0x1.fep127, 0, AG_NONE, 0, 0, 0, 0 },
    { "the largest value", AG_F16, 50, 400, 20, .001, 1, 65504, 0, AG_NONE, 0, 0, 0, 0 },
    { "values of 65472", AG_F16, 50, 100, 24, .001, 1, 65472, 0, AG_NONE, 0, 0, 0, 0 },
    { "keys of 65504", AG_F16, 50, 100, 24, 65504, 65504, 65504, 0, AG_NONE, 0, 0, 0, 0 },
    { "values of 1.5e38", AG_F32, 50, 400, 20, .001, 1, 1.5e38, 0, AG_NONE, 0, 0, 0, 0 },
    { "one key of 65504", AG_F16, 3, 1, 24, 1, 1, 65504, 0, AG_NONE, 0, 0, 0, 0 },
    { "the largest value, smoothed", AG_F32, 50, 50, 20, 1, 1, FLT_MAX, 0, AG_NONE, 0, 0, AG_SMOOTHED, 0 },
    { "1e20, softened", AG_F32, 50, 50, 8, 1e20, 1e20, 1, 0, AG_NONE, 0, 0, 8, 0 },
    { "1e20, masked", AG_F32, 50, 50, 8, 1e20, 1e20, 1e38, 0, AG_NONE, 0, 0, 9, 0 },
    { "1e20, noisy", AG_BF16, 50, 50, 8, 0x1p66, 0x1p66, 1, 0, AG_NONE, 0, 0, 10, 0 },
    { "1e20, identity", AG_F32, 50, 50, 8, 1e20, 1e20, FLT_MAX, 0, AG_NONE, 0, 0, AG_IDENTITY, 0 },
    { "1e20, uniform", AG_F32, 50, 50, 8, 1e20, 1e18, 1, 0, AG_NONE, 0, 0, AG_UNIFORM, 0 },
    { "1e20, blended identity", AG_F32, 50, 50, 8, 1e20, 1e20, FLT_MAX, 0, AG_NONE, 0, 0, AG_IDENTITY, 1 },
    { "the largest value, blended", AG_F32, 50, 50, 8, 1, 1, FLT_MAX, 0, AG_NONE, 0, 0, AG_IDENTITY, 1 },
    { "the largest value, blended", AG_F16, 50, 50, 8, 1, 1, 65504, 0, AG_NONE, 0, 0, AG_IDENTITY, 1 },
    { "biases of 3e38, tokens", AG_F32, 50, 50, 8, 1, 1, 1, 0, AG_F32, 3e38, 2.9e38, 7, 0 },
    { "the largest value, permuted", AG_F32, 50, 50, 8, 1, 1, FLT_MAX, 0, AG_NONE, 0, 0, 6, 0 },
    { "the largest value, permuted", AG_BF16, 50, 50, 8, 1, 1, 0x1.fep127, 0, AG_NONE, 0, 0, 6, 1 },
    { "queries of 1e38, smoothed", AG_F32, 50, 50, 8, 1e38, 1e-38, 1, 0, AG_NONE, 0, 0, 3, 0 },
    { "the largest value, blended", AG_F32, 50, 50, 8, 1, 1, FLT_MAX, 0, AG_NONE, 0, 0, 2, 1 },
    { "the largest value, blended", AG_F32, 50, 50, 8, 1, 1, FLT_MAX, 0, AG_NONE, 0, 0, 3, 1 },
    { "1e20, sparse", AG_F32, 50, 50, 8, 1e20, 1e20, 1, 0, AG_NONE, 0, 0, 11, 0 },
    { "1e20, sparse", AG_BF16, 50, 50, 8, 0x1p66, 0x1p66, 1, 0, AG_NONE, 0, 0, 11, 0 },
    { "values of 1e38, sparse", AG_F32, 50, 50, 8, .001, 1, 1e38, 0, AG_NONE, 0, 0, 11, 0 },
    { "biases of 3e38, sparse", AG_F32, 50, 50, 8, 1, 1, 1, 0, AG_F32, 3e38, 2.9e38, 11, 0 },
    { "the lowest bias, sparse", AG_F32, 50, 50, 8, 1, 1, 1, 0, AG_F32, -FLT_MAX, -FLT_MAX, 11, 0 },
    { "1e20, tokens blended", AG_F32, 50, 50, 8, 1e20, 1e20, 1e38, 0, AG_F32, -FLT_MAX, 0, 7, 1 },
};
/* clang-format on */

/* From -1 to 1 in halves, 1 where there is one token. */
static double pattern(int64_t at, int64_t tokens, uint32_t salt)
{
    const uint32_t mixed = ((uint32_t)at * 2654435761u + salt) * 40503u;
    return tokens == 1 ? 1 : (double)((mixed >> 13) % 5) / 2 - 1;
}

static void fill(const buffer *b, ag_dtype type, int64_t tokens, int64_t d, double size)
{
    for (int64_t at = 0; at < HEADS * tokens * d; at++)
        number_write(type, b->data, at, size * pattern(at, tokens, (uint32_t)(size > 1 ? tokens : d)));
}

static void build(problem *x, const extreme *c)
{
    problem_init(x, 1, HEADS, c->n_q, c->n_k, c->d);
    problem_place(x, PLACE_HEADS, c->type, c->type, c->type);
    if (c->scale != 0) x->p.scale = c->scale;
    if (c->perturbation) {
        ag_row *row = problem_perturb(x, 0, c->perturbation);
        row->image_offset = 2;
        row->image_length = 48;
        row->grid[0] = 1;
        row->grid[1] = 6;
        row->grid[2] = 8;
        row->sigma = 1;
        row->blend = c->blend;
        if (c->blend) x->run[0].strength = 0.375;
        problem_tidy(x, 0);
    }
    x->p.want_lse = !c->blend && methods_info(c->perturbation).takes & AG_TAKES_LSE;
    if (c->bias) problem_bias(x, c->bias);
    ck_assert(!problem_allocate(x));
    fill(&x->q, c->type, c->n_q, c->d, c->q);
    fill(&x->k, c->type, c->n_k, c->d, c->k);
    fill(&x->v, c->type, c->n_k, c->d, c->v);
    for (int64_t at = 0; c->bias && at < (int64_t)HEADS * c->n_q * c->n_k; at++)
        number_write(c->bias, x->bias.data, at, (at + at / c->n_k) % 3 ? c->two : c->one);
}

/* Half a unit of the storage type beside the largest value: the result itself may be the largest number there is. */
static double allowed_of(const extreme *c, const char *kernel)
{
    const double storage = c->type == AG_F32 ? 2e-5 : c->type == AG_F16 ? 1e-3 : 0x1p-8;
    return strstr(kernel, "bf16") ? 0x1p-6 : storage;
}

static void judge(const problem *x, const extreme *c, const char *kernel, const double *want, const double *lse)
{
    const double allowed = allowed_of(c, kernel) * c->v;
    for (int64_t at = 0; at < oracle_count(&x->p); at++) {
        const double got = number_read(c->type, x->out.data, at);
        ck_assert_msg(fabs(got - want[at]) <= allowed, "%s: %s, type %d: element %lld is %.9g for %.9g", kernel,
                      c->name, (int)c->type, (long long)at, got, want[at]);
    }
    for (int64_t row = 0; row < HEADS * x->p.n_q && x->p.want_lse; row++) {
        const double got = ((const float *)x->lse.data)[row], size = fmax(1, fabs(lse[row]));
        const double most = strstr(kernel, "bf16") ? 0.02 : 3e-6;
        const int same = fabs(lse[row]) > FLT_MAX ? got == (lse[row] < 0 ? -INFINITY : INFINITY)
                                                  : fabs(got - lse[row]) <= most * size;
        ck_assert_msg(same, "%s: %s, type %d: lse %lld is %.9g for %.9g", kernel, c->name, (int)c->type, (long long)row,
                      got, lse[row]);
    }
}

/* The same where the result takes the place of the queries, which a row that is computed again still needs. */
static void try_in_place(problem *x, ag_context *context, const extreme *c, const char *kernel, const double *want[2])
{
    unsigned char *q = malloc(x->q.size);
    ck_assert_ptr_nonnull(q);
    memcpy(q, x->q.data, x->q.size);
    x->a.out = x->q.data;
    const ag_status status = problem_execute(x, context, kernel, NULL, 0);
    x->a.out = x->out.data;
    memcpy(x->out.data, x->q.data, x->q.size);
    memcpy(x->q.data, q, x->q.size);
    free(q);
    if (status == AG_ERR_ALIAS) return;
    ck_assert(!status);
    judge(x, c, kernel, want[0], want[1]);
}

/* With every kernel: bfloat16 products where a type may be rounded to them. */
static void try(problem *x, ag_context *context, const extreme *c)
{
    char why[AG_MESSAGE_SIZE] = "";
    double *want = malloc((size_t)oracle_count(&x->p) * sizeof *want);
    double *lse = malloc((size_t)(HEADS * x->p.n_q) * sizeof *lse);
    ck_assert(want && lse && !oracle(&x->p, &x->a, want, x->p.want_lse ? lse : NULL, NULL));
    for (int k = 0; k < kernels_count(); k++) {
        const ag_kernel_info info = kernels_info(k);
        if (info.unavailable || strcmp(info.backend, "cpu") || strcmp(info.step, "attend")) continue;
        x->p.products = strstr(info.name, "bf16") ? AG_BF16 : AG_NONE;
        const ag_status status = problem_execute(x, context, info.name, why, sizeof why);
        if (status == AG_ERR_KERNEL) continue;
        ck_assert_msg(!status, "%s: %s", c->name, why);
        judge(x, c, info.name, want, lse);
        try_in_place(x, context, c, info.name, (const double *[]){ want, lse });
    }
    free(want);
    free(lse);
}

START_TEST(finite_numbers_give_finite_results)
{
    ag_context *context = kernels_context(1);
    problem x;
    build(&x, &cases[_i]);
    try(&x, context, &cases[_i]);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

Suite *suite_extreme(void)
{
    Suite *s = suite_create("extreme");
    TCase *c = tcase_create("extreme");
    tcase_set_timeout(c, 600);
    add_loop(c, finite_numbers_give_finite_results, 0, sizeof cases / sizeof *cases);
    suite_add_tcase(s, c);
    return s;
}
