/* test_queries.c - some of the queries of a longer sequence: their rows are those of the whole computation, and nothing
 * else is read or written. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/kernels.h"
#include "../harness/methods.h"
#include "../oracle/number.h"
#include "../oracle/oracle.h"
#include "suites.h"

/* ---- random problems, against the oracle ---- */

START_TEST(random_parts_are_right)
{
    problem x;
    ag_context *context = kernels_context(0);
    if (problem_random_part(&x, (uint64_t)_i)) {
        ck_assert(!problem_build(&x, (uint64_t)_i));
        kernels_try(&x, context, NULL);
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

/* ---- every method, against the whole computation ---- */

enum { WIDTH = 24, HEADS = 4, ROWS = 2, BEFORE = 20, IMAGE = 54, AFTER = 17, LAYOUTS = 4, OPTIONS = 8 };

/* Text nowhere, before, after, around; what else goes with the method by the table. */
static void make_whole(problem *x, int method, int layout, int option)
{
    const ag_method_info info = methods_info(method);
    const int64_t before = layout & 1 ? BEFORE : 0, n = before + IMAGE + (layout & 2 ? AFTER : 0);
    const ag_dtype type = option % 3 == 2 ? AG_BF16 : AG_F32;
    problem_init(x, ROWS, HEADS, n, n, WIDTH);
    x->p.kv_heads = HEADS / 2;
    for (int b = 0; b < ROWS; b++) {
        ag_row *row = problem_perturb(x, b, method);
        if (info.takes & AG_TAKES_IMAGE) ag_row_picture(row, before, 1, 6, 9);
        if (info.takes & AG_TAKES_SEED) x->run[b].seed = 77;
        if (info.takes & AG_TAKES_INDEX) row->indexed = option == 3;
        if (info.takes & AG_TAKES_BLEND) row->blend = option == 1 || option == 6;
        if (info.takes & AG_TAKES_BLUR && option == 7) row->sigma = INFINITY;
        if (info.takes & AG_TAKES_GRID && option == 2) row->sigma = 0;
        if (row->method == AG_ORTHOGONAL) row->keep_parallel = option % 2;
        if (row->blend) x->run[b].strength = 0.77;
        for (int h = 0; h < HEADS; h++) x->heads[b][h] = h % 3 == b;
        if (info.takes & AG_TAKES_IMAGE && option == 5) row->heads = x->heads[b];
    }
    if (option == 3 && info.takes & AG_TAKES_BIAS) problem_bias(x, layout ? AG_F32 : AG_U8);
    if (option == 4 && info.takes & AG_TAKES_CAUSAL) x->p.causal = 1;
    if (option == 4 && info.takes & AG_TAKES_BIAS) problem_bias(x, AG_F16);
    if (option == 6) problem_mask(x);
    x->p.has_key_lengths = option == 2;
    x->p.want_lse = (option == 0 || option == 4) && info.takes & AG_TAKES_LSE;
    problem_place(x, option == 5 ? PLACE_PADDED : PLACE_TOKENS, type, type, type);
}

/* Queries [first, end) of a whole problem: the same data, and out at its own place. */
static void part_of(const problem *x, int64_t first, int64_t end, problem *y)
{
    *y = *x;
    const ag_problem *p = &x->p;
    y->p.rows = y->rows;
    y->a.rows = y->run;
    y->p.q_offset = first;
    y->p.n_q = end - first;
    const int64_t bias = first * p->bias_stride[2] * (int64_t)(p->bias_dtype ? number_size(p->bias_dtype) : 0);
    const int64_t q = first * p->q.stride[2] * (int64_t)number_size(p->q.dtype);
    const int64_t out = first * p->out.stride[2] * (int64_t)number_size(p->out.dtype);
    if (y->a.q) y->a.q = (const char *)y->a.q + q;
    if (y->a.bias) y->a.bias = (const char *)y->a.bias + bias;
    y->a.out = (char *)y->a.out + out;
}

static unsigned char *row_at(const problem *x, unsigned char *out, int64_t b, int64_t h, int64_t i)
{
    const int64_t *s = x->p.out.stride;
    return out + (b * s[0] + h * s[1] + i * s[2]) * (int64_t)number_size(x->p.out.dtype);
}

/* The rows are those of `whole`, the same bytes where `exact`; nothing else was written. Poison again. */
static void compare_rows(problem *x, const problem *y, unsigned char *whole, const float *lse, int exact,
                         const char *name)
{
    const int64_t n = y->p.n_q, first = y->p.q_offset, all = x->p.n_q;
    const size_t size = number_size(x->p.out.dtype), bytes = (size_t)x->p.d_v * size;
    const double allowed = x->p.out.dtype == AG_F32 ? 1e-5 : 0x1p-6;
    for (int64_t at = 0; at < ROWS * HEADS * n; at++) {
        const int64_t b = at / n / HEADS, h = at / n % HEADS, i = first + at % n;
        unsigned char *got = row_at(x, x->out.data, b, h, i), *want = row_at(x, whole, b, h, i);
        const int same = !memcmp(got, want, bytes);
        ck_assert_msg(same || !exact, "%s: row %lld head %lld token %lld of %lld..%lld differs", name, (long long)b,
                      (long long)h, (long long)i, (long long)first, (long long)(first + n));
        for (int64_t c = 0; c < x->p.d_v && !same; c++) {
            const double u = number_read(x->p.out.dtype, got, c), v = number_read(x->p.out.dtype, want, c);
            ck_assert_msg(fabs(u - v) <= allowed * fmax(1, fabs(v)), "%s: token %lld: %g for %g", name, (long long)i, u,
                          v);
        }
        memset(got, 0xff, bytes);
        if (!x->p.want_lse) continue;
        const float u = ((float *)x->lse.data)[at], v = lse[(b * HEADS + h) * all + i];
        ck_assert_msg(exact ? u == v : u == v || fabsf(u - v) <= 1e-5f, "%s: lse of token %lld: %g for %g", name,
                      (long long)i, u, v);
    }
    ck_assert(buffer_is_poison(&x->out));
    buffer_poison(&x->lse);
}

/* The oracle says of the part what it says of the whole. */
static void compare_oracle(const problem *x, const problem *y)
{
    const int64_t n = y->p.n_q, d = x->p.d_v;
    double *want = malloc((size_t)oracle_count(&y->p) * sizeof *want);
    ck_assert(want && !oracle(&y->p, &y->a, want, NULL, NULL));
    for (int64_t at = 0; at < ROWS * HEADS * n * d; at++) {
        const double other = x->want[(at / d / n * x->p.n_q + y->p.q_offset + at / d % n) * d + at % d];
        ck_assert_msg(fabs(want[at] - other) <= 1e-12, "the oracle: %g for %g", want[at], other);
    }
    free(want);
}

/* In place: the queries lie where the results go. */
static void put_queries(problem *x, problem *y)
{
    for (int64_t at = 0; at < ROWS * HEADS * y->p.n_q; at++) {
        const int64_t b = at / y->p.n_q / HEADS, h = at / y->p.n_q % HEADS, i = y->p.q_offset + at % y->p.n_q;
        memcpy(row_at(x, x->out.data, b, h, i), row_at(x, x->q.data, b, h, i),
               (size_t)x->p.d * number_size(x->p.q.dtype));
    }
    y->a.q = y->a.out;
}

/* A kernel's answer for the whole, against which parts are held. */
typedef struct whole {
    problem *x;
    ag_context *context;
    const char *kernel;
    unsigned char *out;
    float *lse;
    int exact, oracle; /* parts have the same bytes; the oracle is asked for them as well */
} whole;

static void try_part(const whole *w, int64_t first, int64_t end)
{
    char why[AG_MESSAGE_SIZE] = "";
    problem y;
    part_of(w->x, first, end, &y);
    const char *name = w->kernel ? w->kernel : "the library's choice";
    if (!problem_has_part(&y.p, first, end)) {
        ck_assert_int_eq(problem_execute(&y, w->context, w->kernel, why, sizeof why), AG_ERR_COMBINATION);
        ck_assert_msg(strstr(why, "needs the queries of tokens") != NULL, "%s", why);
        ck_assert(buffer_is_poison(&w->x->out));
        return;
    }
    if (!w->kernel && w->oracle) compare_oracle(w->x, &y);
    if (w->kernel && !kernels_serve(&y, w->context, w->kernel)) return;
    for (int in_place = 0; in_place < (y.a.q ? 2 : 1); in_place++) {
        if (in_place) put_queries(w->x, &y);
        const ag_status status = problem_execute(&y, w->context, w->kernel, why, sizeof why);
        ck_assert_msg(!status || (in_place && status == AG_ERR_KERNEL), "%s: %s", name, why);
        if (status) buffer_poison(&w->x->out);
        else compare_rows(w->x, &y, w->out, w->lse, w->exact, name);
    }
}

static void try_parts(problem *x, ag_context *context, const char *kernel, int layout)
{
    const int64_t o = layout & 1 ? BEFORE : 0, e = o + IMAGE, all = x->p.n_q;
    const int64_t parts[][2] = { { 0, all },    { o, e },           { 0, o },          { e, all },        { o, o + 27 },
                                 { o + 27, e }, { o + 31, o + 32 }, { o / 2, o + 13 }, { o + 40, all },   { o, all },
                                 { 0, e },      { 0, 1 },           { all - 1, all },  { o + 13, o + 45 } };
    char why[AG_MESSAGE_SIZE] = "";
    if (problem_execute(x, context, kernel, why, sizeof why)) {
        ck_assert_msg(kernel != NULL, "%s", why);
        return;
    }
    whole w = { .x = x, .context = context, .kernel = kernel };
    w.out = malloc(x->out.size);
    w.lse = malloc(x->lse.size + 1);
    w.exact = !kernel || kernels_exact(x, context, kernel);
    w.oracle = layout == LAYOUTS - 1 && x->p.out.dtype == AG_F32;
    ck_assert(w.out && w.lse);
    memcpy(w.out, x->out.data, x->out.size);
    if (x->lse.size) memcpy(w.lse, x->lse.data, x->lse.size);
    buffer_poison(&x->out);
    buffer_poison(&x->lse);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i][0] < parts[i][1]) try_part(&w, parts[i][0], parts[i][1]);
    free(w.out);
    free(w.lse);
}

START_TEST(parts_equal_the_whole)
{
    const int method = _i / LAYOUTS, layout = _i % LAYOUTS;
    ag_context *context = kernels_context(2);
    for (int option = 0; option < a_share(OPTIONS); option++) {
        problem x;
        make_whole(&x, method, layout, option);
        ck_assert(!problem_build(&x, (uint64_t)(8 * _i + option)));
        for (int i = 0; i < kernels_count(); i++) {
            const ag_kernel_info info = kernels_info(i);
            if (info.unavailable || strcmp(info.backend, kernels_backend()) != 0) continue;
            if (strcmp(info.step, "attend") != 0 && strcmp(info.step, "gather") != 0) continue;
            if (kernels_serve(&x, context, info.name)) try_parts(&x, context, info.name, layout);
        }
        try_parts(&x, context, NULL, layout);
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

/* The suite of the host; that of any place has the random problems alone: these shift pointers. */
Suite *suite_queries(void)
{
    Suite *s = suite_create("queries");
    TCase *c = tcase_create("queries");
    tcase_set_timeout(c, 600);
    add_loop(c, random_parts_are_right, 0, a_share(400));
    if (problem_where == AG_HOST) add_loop(c, parts_equal_the_whole, 0, methods_count() * LAYOUTS);
    suite_add_tcase(s, c);
    return s;
}
