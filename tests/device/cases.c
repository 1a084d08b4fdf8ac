/* cases.c - see cases.h. */
#include "cases.h"

#include <math.h>

#include "../harness/methods.h"
#include "../oracle/number.h"

enum { LSE = 1, CAUSAL = 2, MASK = 4, BIAS = 8, LENGTHS = 16 };

/* Text before the picture; n_k 0: self-attention. */
typedef struct shape {
    int64_t batch, heads, kv_heads, text, grid[3], n_k, d, d_v;
} shape;

static const shape large[] = {
    { 1, 1, 1, 0, { 1, 64, 64 }, 0, 64, 64 },    /* SDXL, one head */
    { 1, 1, 1, 512, { 1, 64, 64 }, 0, 128, 128 } /* Flux, one head */
};

static const shape small[] = {
    { 3, 2, 2, 0, { 1, 16, 16 }, 0, 64, 64 },  { 1, 4, 4, 0, { 1, 32, 32 }, 0, 64, 64 },
    { 3, 4, 2, 13, { 1, 16, 16 }, 0, 40, 40 }, { 2, 2, 2, 128, { 1, 16, 24 }, 0, 128, 128 },
    { 2, 2, 1, 7, { 1, 19, 23 }, 0, 80, 80 },  { 2, 2, 2, 0, { 1, 8, 8 }, 0, 160, 160 },
    { 1, 3, 1, 5, { 2, 9, 9 }, 0, 256, 256 },  { 3, 2, 2, 0, { 4, 8, 10 }, 0, 128, 64 },
    { 2, 6, 3, 0, { 1, 1, 97 }, 0, 8, 8 },     { 1, 1, 1, 3, { 5, 1, 129 }, 0, 17, 31 },
};

/* Keys of their own: cross-attention, one query, one key, primes. Standard rows alone. */
static const shape cross[] = {
    { 2, 2, 2, 0, { 1, 32, 32 }, 77, 64, 64 },   { 3, 4, 4, 0, { 1, 1, 1 }, 1, 64, 64 },
    { 2, 4, 1, 0, { 1, 1, 1 }, 1031, 128, 128 }, { 1, 2, 2, 0, { 1, 1, 1009 }, 3, 64, 64 },
    { 2, 2, 2, 0, { 1, 1, 127 }, 257, 96, 96 },  { 1, 2, 2, 0, { 1, 1, 129 }, 640, 72, 72 },
};

/* What every rule is tried with. */
static const shape plain = { 3, 4, 2, 7, { 1, 8, 10 }, 0, 40, 40 };

typedef struct ask {
    ag_operation operation;
    ag_method method;
    ag_kind kind;
    double sigma, sigma_t;
    int keep_parallel, draws, blend, with;
} ask;

static const ask asks[] = {
    { AG_ATTENTION, AG_STANDARD, AG_GATHER, 0, 0, 1, 1, 0, LSE },
    { AG_ATTENTION, AG_STANDARD, AG_GATHER, 0, 0, 1, 1, 0, LSE | CAUSAL },
    { AG_ATTENTION, AG_STANDARD, AG_GATHER, 0, 0, 1, 1, 0, LSE | MASK | BIAS },
    { AG_ATTENTION, AG_STANDARD, AG_GATHER, 0, 0, 1, 1, 0, LENGTHS },
    { AG_ATTENTION, AG_IDENTITY, AG_GATHER, 0, 0, 1, 1, 0, LSE },
    { AG_ATTENTION, AG_IDENTITY, AG_GATHER, 0, 0, 1, 1, 1, MASK },
    { AG_ATTENTION, AG_UNIFORM, AG_GATHER, 0, 0, 1, 1, 0, LSE },
    { AG_ATTENTION, AG_UNIFORM, AG_GATHER, 0, 0, 1, 1, 0, LENGTHS },
    { AG_ATTENTION, AG_SMOOTHED, AG_GATHER, 1, 0, 1, 1, 0, 0 },
    { AG_ATTENTION, AG_SMOOTHED, AG_GATHER, 10, 2, 1, 1, 0, LSE },
    { AG_ATTENTION, AG_SMOOTHED, AG_GATHER, INFINITY, 0, 1, 1, 0, LSE },
    { AG_ATTENTION, AG_SMOOTHED, AG_GATHER, 2, INFINITY, 1, 1, 1, CAUSAL },
    { AG_ATTENTION, AG_ORTHOGONAL, AG_GATHER, 3, 0, 1, 1, 0, 0 },
    { AG_ATTENTION, AG_ORTHOGONAL, AG_GATHER, INFINITY, 0, 0, 1, 0, MASK },
    { AG_ATTENTION, AG_SCRAMBLED, AG_GATHER, 0, 0, 1, 1, 0, 0 },
    { AG_ATTENTION, AG_SCRAMBLED, AG_GATHER, 0, 0, 1, 3, 1, 0 },
    { AG_ATTENTION, AG_SCRAMBLED, AG_PERMUTE, 0, 0, 1, 1, 0, 0 },
    { AG_ATTENTION, AG_SCRAMBLED, AG_TOKENS, 0, 0, 1, 1, 0, BIAS },
    { AG_ATTENTION, AG_SOFTENED, AG_GATHER, 0, 0, 1, 1, 0, LSE | BIAS },
    { AG_ATTENTION, AG_MASKED, AG_GATHER, 0, 0, 1, 1, 0, LSE },
    { AG_ATTENTION, AG_NOISY, AG_GATHER, 0, 0, 1, 1, 1, CAUSAL },
    { AG_BLUR, AG_SMOOTHED, AG_GATHER, 1, 0, 1, 1, 0, 0 },
    { AG_BLUR, AG_SMOOTHED, AG_GATHER, 2, 1, 1, 1, 0, 0 },
    { AG_BLUR, AG_SMOOTHED, AG_GATHER, 10, 0, 1, 1, 0, 0 },
    { AG_BLUR, AG_SMOOTHED, AG_GATHER, INFINITY, INFINITY, 1, 1, 0, 0 },
    { AG_RECEIVED, AG_STANDARD, AG_GATHER, 0, 0, 1, 1, 0, MASK },
    { AG_ENERGY, AG_STANDARD, AG_GATHER, 0, 0, 1, 1, 0, CAUSAL },
    { AG_MAP, AG_STANDARD, AG_GATHER, 0, 0, 1, 1, 0, BIAS },
};

/* What large shapes are asked, by number above: standard, smoothed, infinite sigma; standard in float32. */
static const int asks_large[][2] = { { 0, 0 }, { 9, 0 }, { 10, 0 }, { 0, 1 } };

/* q, k and v, out. */
static const ag_dtype mixes[][3] = {
    { AG_BF16, AG_BF16, AG_BF16 }, { AG_F32, AG_F32, AG_F32 }, { AG_F16, AG_F16, AG_F16 },
    { AG_F32, AG_BF16, AG_F32 },   { AG_F32, AG_F16, AG_F32 },
};

enum {
    LARGE = sizeof large / sizeof *large,
    SMALL = sizeof small / sizeof *small,
    CROSS = sizeof cross / sizeof *cross,
    ASKS = sizeof asks / sizeof *asks,
    ASKS_LARGE = sizeof asks_large / sizeof *asks_large,
    MIXES = sizeof mixes / sizeof *mixes,
    CASES_LARGE = LARGE * ASKS_LARGE,
    STRIDE = 379,
    OTHER_STRIDE = 383 /* primes, of which one does not divide cases_small() */
};

/* Number of the n-th method that nothing above asks for; -1: there are not so many. */
static int unasked(int n)
{
    for (int i = 0; i < methods_count(); i++) {
        int asked = 0;
        for (int j = 0; j < ASKS; j++) asked |= methods_number(asks[j].method, asks[j].kind) == i;
        if (!asked && !n--) return i;
    }
    return -1;
}

static ask ask_at(int number)
{
    if (number < ASKS) return asks[number];
    const ag_method_info info = methods_info(unasked(number - ASKS));
    return (ask){ AG_ATTENTION, info.method, info.kind, 2, 0, 1, 1, 0, info.takes & AG_TAKES_LSE ? LSE : 0 };
}

int cases_asks(void)
{
    int n = ASKS;
    while (unasked(n - ASKS) >= 0) n++;
    return n;
}

static int cases_small(void) { return (SMALL * cases_asks() + CROSS) * MIXES; }
int cases_large(void) { return CASES_LARGE; }
int cases_count(void) { return CASES_LARGE + cases_small(); }

/* Promises 16 bytes where every row begins at a multiple of them: libraries and vector loads ask for it. */
static void promise(ag_layout *l, int64_t width)
{
    const int64_t size = (int64_t)number_size(l->dtype);
    for (int axis = 0; axis < 3; axis++)
        if (l->stride[axis] * size % 16) return;
    if (width * size % 16 == 0 && l->align < 16) l->align = 16;
}

static void set_row(problem *x, int64_t b, const shape *s, const ask *a)
{
    ag_row *row = problem_row(x, b, a->method);
    row->kind = a->kind;
    row_usual(row, &x->run[b]);
    row_set(row, &x->run[b], "sigma", a->sigma);
    row_set(row, &x->run[b], "sigma_t", a->sigma_t);
    row_set(row, &x->run[b], "keep_parallel", a->keep_parallel);
    row_set(row, &x->run[b], "draws", a->draws);
    row_set(row, &x->run[b], "mix", 0.7);
    row->blend = a->blend;
    row->image_offset = s->text;
    row->image_length = s->grid[0] * s->grid[1] * s->grid[2];
    for (int axis = 0; axis < 3; axis++) row->grid[axis] = s->grid[axis];
    x->run[b].strength = a->blend ? 0.6 : 1;
    x->run[b].seed = 11;
    problem_tidy(x, b);
}

/* The asked row is the last of the batch, beside standard ones; a blur has nothing beside it. */
static void set(problem *x, const shape *s, const ask *a, const ag_dtype mix[3], placing how)
{
    const int64_t n = s->text + s->grid[0] * s->grid[1] * s->grid[2];
    problem_init(x, s->batch, s->heads, n, s->n_k ? s->n_k : n, s->d);
    x->p.operation = a->operation;
    x->p.kv_heads = s->kv_heads;
    x->p.d_v = s->d_v;
    x->p.causal = a->with & CAUSAL;
    x->p.want_lse = a->with & LSE;
    x->p.has_key_lengths = a->with & LENGTHS;
    if (a->method != AG_STANDARD) set_row(x, s->batch - 1, s, a);
    if (a->with & MASK) problem_mask(x);
    if (a->with & BIAS) problem_bias(x, AG_F16);
    problem_place(x, how, mix[0], mix[1], mix[2]);
    promise(&x->p.q, s->d);
    promise(&x->p.k, s->d);
    promise(&x->p.v, s->d_v);
    promise(&x->p.out, a->operation == AG_BLUR ? s->d : s->d_v);
}

void case_set(int number, problem *x)
{
    if (number < CASES_LARGE) {
        const int *at = asks_large[number / LARGE];
        set(x, &large[number % LARGE], &asks[at[0]], mixes[at[1]], PLACE_TOKENS);
        return;
    }
    const int asked = cases_asks(), all = cases_small(), stride = all % STRIDE ? STRIDE : OTHER_STRIDE;
    const int at = (int)((int64_t)(number - CASES_LARGE) * stride % all);
    const ag_dtype *mix = mixes[at % MIXES];
    const int which = at / MIXES;
    const placing how = (placing)(which % 4);
    const ask a = ask_at(which < SMALL * asked ? which / SMALL : 0);
    set(x, which < SMALL * asked ? &small[which % SMALL] : &cross[which - SMALL * asked], &a, mix, how);
}

void case_ask(int number, int float32, problem *x)
{
    const ask a = ask_at(number);
    set(x, &plain, &a, mixes[float32], PLACE_TOKENS);
}
