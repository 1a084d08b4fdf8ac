/* test_count.c - the flop a method really executes against the cost column of docs/methods.md, within 10 %, at shapes
 * divisible by the tiles. Linked with a library built with COUNT=1. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attnguide.h"
#include "../../src/cpu/count.h"
#include "../harness/methods.h"

enum { H = 2, D = 64, DV = 32, FRAMES = 16, HEIGHT = 12, WIDTH = 16, IMAGE = FRAMES * HEIGHT * WIDTH, CONTEXT = 384 };

typedef struct expectation {
    const char *name;
    ag_method method;
    ag_kind kind;
    double sigma, sigma_t;
    int drops_parallel, blend, causal;
    double context;                      /* tokens beside the image */
    double (*pairs)(double n, double c); /* query-key pairs per head; each costs 2 (d + d_v) */
} expectation;

static double every(double n, double c) { return (n + c) * (n + c); }
static double half(double n, double c) { return (n + c) * (n + c) / 2; }
static double none(double n, double c) { return (void)n, (void)c, 0; }
static double twice(double n, double c) { return 2 * every(n, c); }
static double own(double n, double c) { return n * (c + 1) + c * (n + c); }
static double own_standard(double n, double c) { return own(n, c) + n * (n + c); }
static double frames(double n, double c) { return (n + c) * (FRAMES + c); }
static double places(double n, double c) { return (n + c) * (HEIGHT * WIDTH + c); }
static double context(double n, double c) { return c * (n + c); }

/* clang-format off */
static const expectation expected[] = {
    { "standard",                       AG_STANDARD,   AG_GATHER,  0,        0,        0, 0, 0, 0,       every },
    { "standard, causal",               AG_STANDARD,   AG_GATHER,  0,        0,        0, 0, 1, 0,       half },
    { "identity",                       AG_IDENTITY,   AG_GATHER,  0,        0,        0, 0, 0, 0,       none },
    { "identity beside context",        AG_IDENTITY,   AG_GATHER,  0,        0,        0, 0, 0, CONTEXT, own },
    { "identity, context, blend",       AG_IDENTITY,   AG_GATHER,  0,        0,        0, 1, 0, CONTEXT, own_standard },
    { "uniform",                        AG_UNIFORM,    AG_GATHER,  0,        0,        0, 0, 0, 0,       none },
    { "uniform beside context",         AG_UNIFORM,    AG_GATHER,  0,        0,        0, 0, 0, CONTEXT, own },
    { "smoothed",                       AG_SMOOTHED,   AG_GATHER,  3,        0,        0, 0, 0, CONTEXT, every },
    { "smoothed, blend",                AG_SMOOTHED,   AG_GATHER,  3,        0,        0, 1, 0, 0,       twice },
    { "smoothed, infinite",             AG_SMOOTHED,   AG_GATHER,  INFINITY, 0,        0, 0, 0, CONTEXT, frames },
    { "smoothed, infinite over time",   AG_SMOOTHED,   AG_GATHER,  2,        INFINITY, 0, 0, 0, CONTEXT, places },
    { "smoothed, infinite, causal",     AG_SMOOTHED,   AG_GATHER,  INFINITY, 0,        0, 0, 1, 0,       half },
    { "orthogonal",                     AG_ORTHOGONAL, AG_GATHER,  3,        0,        0, 0, 0, CONTEXT, every },
    { "orthogonal, infinite",           AG_ORTHOGONAL, AG_GATHER,  INFINITY, 0,        0, 0, 0, CONTEXT, every },
    { "orthogonal alone, infinite",     AG_ORTHOGONAL, AG_GATHER,  INFINITY, 0,        1, 0, 0, CONTEXT, frames },
    { "gather",                         AG_SCRAMBLED,  AG_GATHER,  0,        0,        0, 0, 0, 0,       none },
    { "gather beside context",          AG_SCRAMBLED,  AG_GATHER,  0,        0,        0, 0, 0, CONTEXT, context },
    { "permute",                        AG_SCRAMBLED,  AG_PERMUTE, 0,        0,        0, 0, 0, CONTEXT, every },
    { "permute, blend",                 AG_SCRAMBLED,  AG_PERMUTE, 0,        0,        0, 1, 0, CONTEXT, every },
    { "softened",                       AG_SOFTENED,   AG_GATHER,  0,        0,        0, 0, 0, CONTEXT, every },
    { "masked",                         AG_MASKED,     AG_GATHER,  0,        0,        0, 0, 0, CONTEXT, every },
    { "noisy, blend",                   AG_NOISY,      AG_GATHER,  0,        0,        0, 1, 0, 0,       twice },
    { "tokens",                         AG_SCRAMBLED,  AG_TOKENS,  0,        0,        0, 0, 0, CONTEXT, every },
};
/* clang-format on */

static ag_row row_of(const expectation *e, ag_row_args *values)
{
    ag_row row;
    ag_row_init(&row, e->method);
    row.kind = e->kind;
    row.blend = e->blend;
    row_usual(&row, values);
    row_set(&row, values, "sigma", e->sigma);
    row_set(&row, values, "sigma_t", e->sigma_t);
    row_set(&row, values, "keep_parallel", !e->drops_parallel);
    row.image_offset = (int64_t)e->context / 2;
    row.image_length = IMAGE;
    row.grid[0] = FRAMES;
    row.grid[1] = HEIGHT;
    row.grid[2] = WIDTH;
    return row;
}

static float *filled(size_t n)
{
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; x && i < n; i++) x[i] = (float)((i * 7919) % 2003) / 1001.5f - 1;
    return x;
}

/* Flop that one call executes; negative if it was refused. */
static double counted(ag_context *c, const expectation *e)
{
    const int64_t tokens = IMAGE + (int64_t)e->context;
    ag_row_args values;
    ag_row_args_init(&values);
    const ag_row row = row_of(e, &values);
    ag_problem p;
    ag_problem_init(&p, 1, H, tokens, tokens, D);
    p.d_v = DV;
    p.v = p.out = ag_layout_bhnd(AG_F32, H, tokens, DV);
    p.causal = e->causal;
    p.rows = &row;
    p.row_count = 1;
    float *q = filled((size_t)(H * tokens * D)), *v = filled((size_t)(H * tokens * DV)),
          *out = filled((size_t)(H * tokens * DV));
    if (e->blend) values.strength = 0.5;
    ag_args a;
    ag_args_init(&a, q, q, v, out);
    a.rows = &values;
    a.row_count = 1;
    char why[AG_MESSAGE_SIZE] = "";
    atomic_store(&ag_counted_flop, 0);
    const ag_status s = ag_attention_guided(c, &p, &a, why, sizeof why);
    if (s) printf("%s: %s\n", e->name, why);
    free(q);
    free(v);
    free(out);
    return s ? -1 : (double)atomic_load(&ag_counted_flop);
}

static int count_one(ag_context *c, const expectation *e)
{
    const double want = 2.0 * (D + DV) * H * e->pairs(IMAGE, e->context), got = counted(c, e);
    const int good = fabs(got - want) <= 0.1 * want;
    printf("%-32s %10.3f Mflop, %10.3f by the table%s\n", e->name, got / 1e6, want / 1e6, good ? "" : "  FAILED");
    return good;
}

/* Methods that the table does not name cost what standard costs; sigma as above. */
static int is_named(int number)
{
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        if (methods_number(expected[i].method, expected[i].kind) == number) return 1;
    return 0;
}

int main(void)
{
    ag_context *c;
    int passed = 0, n = sizeof expected / sizeof *expected;
    if (ag_context_create(NULL, &c, NULL, 0)) return 1;
    for (int i = 0; i < n; i++) passed += count_one(c, &expected[i]);
    for (int i = 0; i < methods_count(); i++) {
        const ag_method_info info = methods_info(i);
        const expectation e = { methods_word(i), info.method, info.kind, 3, 0, 0, 0, 0, CONTEXT, every };
        if (is_named(i)) continue;
        passed += count_one(c, &e);
        n++;
    }
    ag_context_free(c);
    printf("%d passed, %d failed, 0 skipped\n", passed, n - passed);
    return passed != n;
}
