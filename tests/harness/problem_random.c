/* problem_random.c - small problems that can hold anything the header describes. */
#include "problem.h"

#include <math.h>
#include <string.h>

#include "methods.h"
#include "random.h"

static const ag_dtype types[] = { AG_F32, AG_F16, AG_BF16 };

static ag_dtype any_type(random_state *r) { return types[random_below(r, 3)]; }

static int64_t any_width(random_state *r)
{
    static const int64_t widths[] = { 1, 2, 3, 5, 8, 16, 17, 31, 32, 40, 48, 64, 80, 96 };
    return widths[random_below(r, (int64_t)(sizeof widths / sizeof *widths))];
}

static int64_t any_length(random_state *r)
{
    return 1 + random_below(r, random_chance(r, 3) ? 8 : random_chance(r, 2) ? 60 : 130);
}

/* A grid of at most n tokens, and where it begins. */
static void random_image(ag_row *row, int64_t n, random_state *r)
{
    int64_t *g = row->grid;
    row->image_length = n;
    g[0] = g[1] = 1;
    g[2] = n;
    if (random_chance(r, 4)) return;
    if (random_chance(r, 8)) n = 1 + random_below(r, n);
    g[0] = random_chance(r, 3) ? 1 + random_below(r, n < 3 ? n : 3) : 1;
    g[1] = 1 + random_below(r, n / g[0] < 11 ? n / g[0] : 11);
    g[2] = n / (g[0] * g[1]);
    row->image_length = g[0] * g[1] * g[2];
}

static void random_seed(problem *x, int64_t b, random_state *r)
{
    x->run[b].seed = random_word(r);
    if (random_chance(r, 3)) x->run[b].random_stream = random_below(r, (int64_t)1 << 32);
}

/* Numbers at which something changes, beside those of the table. */
typedef struct values {
    const char *name;
    double at[9];
    int count;
} values;

static const values known[] = {
    { "sigma", { 0, 0.3, 1, 2.5, 10, 9998, 9999, 10000, INFINITY }, 9 },
    { "sigma_t", { 0, 0, 0.7, 3, INFINITY }, 5 },
    { "draws", { 1, 2, 3, 4 }, 4 },
    { "gain", { 1, 0.5, -1.25, 2 }, 4 },
    { "mix", { 1, 0, 0.7, 1.5 }, 4 },
    { "inverse_temperature", { 0, 0.25, 1, 1.5 }, 4 },
    { "probability", { 0, 0x1p-34, 0.3, 0.9, 1 }, 5 },
    { "amplitude", { 0, 0.1, 1, 3 }, 4 },
    { "lambda", { 0, 0.5, 1, 2, 20 }, 5 },
};

static double random_value(const ag_parameter_info *p, random_state *r)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(p->name, known[i].name)) return known[i].at[random_below(r, known[i].count)];
    if (p->whole && p->most - p->least < 100)
        return p->least + (double)random_below(r, (int64_t)(p->most - p->least) + 1);
    const double some[] = { p->usual,
                            isnan(p->neutral) ? p->usual : p->neutral,
                            fmax(p->least, p->usual / 2),
                            fmin(p->most, 2 * p->usual),
                            fabs(p->least) <= 10 ? p->least : p->usual,
                            isinf(p->most) || fabs(p->most) <= 10 ? p->most : p->usual };
    return some[random_below(r, 6)];
}

static void random_method(problem *x, int64_t b, int number, random_state *r)
{
    static const double strengths[] = { 0, 0.3, 0.77, 1 };
    const ag_method_info info = methods_info(number);
    ag_row *row = problem_row(x, b, info.method);
    ag_parameter_info p;
    if (!(info.takes & AG_TAKES_IMAGE)) return;
    row->kind = info.kind;
    random_image(row, x->p.n_q, r);
    row->image_offset = random_below(r, x->p.n_q - row->image_length + 1);
    if (row->image_offset + row->image_length == x->p.n_q && random_chance(r, 2)) row->image_length = AG_ALL_TOKENS;
    for (int i = 0; methods_parameter(number, i, &p); i++) row_put(row, &x->run[b], &p, random_value(&p, r));
    if (info.takes & AG_TAKES_INDEX) row->indexed = random_chance(r, 3);
    if (info.takes & AG_TAKES_SEED) random_seed(x, b, r);
    if (x->p.operation == AG_ATTENTION && info.takes & AG_TAKES_BLEND && random_chance(r, 3)) {
        row->blend = 1;
        x->run[b].strength = strengths[random_below(r, 4)];
    }
    int64_t chosen = 0;
    for (int64_t h = 0; h < x->p.heads; h++) chosen += (x->heads[b][h] = (uint8_t)random_below(r, 3)) != 0;
    if (x->p.operation != AG_BLUR && random_chance(r, 3) && chosen) row->heads = x->heads[b];
}

/* One that goes with the operation and, where they are of another sequence, the keys: number 0 is standard, which goes
 * with all. */
static int any_method(const problem *x, int cross, random_state *r)
{
    int number = (int)random_below(r, methods_count());
    while (cross && !(methods_info(number).takes & AG_TAKES_CROSS)) number = (int)random_below(r, methods_count());
    if (x->p.operation == AG_ATTENTION) return number;
    if (x->p.operation != AG_BLUR || random_chance(r, 3)) return 0;
    for (int i = 1; i < methods_count(); i++)
        if (methods_info(i).takes & AG_TAKES_BLUR) return i;
    return 0;
}

/* Output rows that read rows of the tensors in any order, several the same one. */
static void random_maps(problem *x, random_state *r)
{
    x->p.q_batch = 1 + random_below(r, x->p.batch + 1);
    x->p.kv_batch = 1 + random_below(r, x->p.batch + 1);
    for (int64_t b = 0; b < x->p.batch; b++) {
        x->rows[b].q_row = random_below(r, x->p.q_batch);
        x->rows[b].kv_row = random_below(r, x->p.kv_batch);
    }
}

/* What the rows do not forbid: methods.md section 0. */
static void random_options(problem *x, random_state *r)
{
    ag_problem *p = &x->p;
    int logits_given = 1, lse = p->operation == AG_ATTENTION;
    for (int64_t b = 0; b < p->row_count; b++) {
        const ag_row *row = &x->rows[b];
        const uint32_t takes = methods_info(methods_number(row->method, row->kind)).takes;
        if (!(takes & AG_TAKES_BIAS)) logits_given = 0;
        if (row->blend || !(takes & AG_TAKES_LSE)) lse = 0;
    }
    p->want_lse = lse && random_chance(r, 2);
    if (p->operation == AG_BLUR) return;
    if (random_chance(r, 3)) problem_mask(x);
    if (p->has_key_mask && random_chance(r, 4)) p->key_mask_stride[0] = 0;
    if (p->has_key_mask && random_chance(r, 4)) p->key_mask_stride[1] = 3;
    p->has_key_lengths = random_chance(r, 5);
    if (p->has_key_lengths && random_chance(r, 2)) {
        p->length_first = random_below(r, p->n_k);
        p->length_end = p->length_first + 1 + random_below(r, p->n_k - p->length_first);
    }
    if (!logits_given) return;
    p->causal = random_chance(r, 3);
    if (random_chance(r, 3)) problem_bias(x, (ag_dtype)(1 + random_below(r, 4)));
    for (int axis = 0; axis < 3 && p->bias_dtype; axis++)
        if (random_chance(r, 3)) p->bias_stride[axis] = 0;
}

/* A shard of a longer causal sequence; only where every row is standard. */
static void random_shard(problem *x, random_state *r)
{
    ag_problem *p = &x->p;
    if (p->row_count || !p->causal || !random_chance(r, 2)) return;
    p->q_offset = random_below(r, 50);
    p->k_offset = random_below(r, 50);
    p->global_n_q = p->q_offset + p->n_q + random_below(r, 50);
    p->global_n_k = p->k_offset + p->n_k + random_below(r, 50);
}

void problem_random(problem *x, uint64_t seed)
{
    random_state r = { seed };
    const int64_t kv_heads = 1 + random_below(&r, 3), heads = kv_heads * (1 + random_below(&r, 3));
    const int64_t n = any_length(&r), batch = 1 + random_below(&r, 4), d = any_width(&r);
    const int operation = (int)random_below(&r, 20), perturbed = !random_chance(&r, 3);
    const int cross = operation > 4 && !perturbed && random_chance(&r, 2);
    problem_init(x, batch, heads, n, operation == 1 || perturbed ? n : any_length(&r), d);
    x->p.operation = operation < 5 ? (ag_operation)operation : AG_ATTENTION;
    x->p.kv_heads = kv_heads;
    if (random_chance(&r, 3)) x->p.d_v = any_width(&r);
    if (random_chance(&r, 4)) x->fill = (filling)(1 + random_below(&r, 5));
    x->p.row_offset = random_below(&r, 3);
    for (int64_t b = 0; b < batch && (operation == 1 || perturbed || cross); b++)
        random_method(x, b, any_method(x, cross, &r), &r);
    if (x->p.row_count && random_chance(&r, 3)) random_maps(x, &r);
    if (x->p.row_count && random_chance(&r, 6)) x->p.row_count = x->a.row_count = 1; /* one entry for every row */
    if (random_chance(&r, 4)) x->p.products = AG_F32;
    if (random_chance(&r, 3)) x->p.wave_bytes = (size_t)random_below(&r, 20000);
    random_options(x, &r);
    random_shard(x, &r);
    problem_place(x, (placing)random_below(&r, 5), any_type(&r), any_type(&r), any_type(&r));
    if (random_chance(&r, 2)) x->p.q.dtype = x->p.k.dtype = x->p.v.dtype = x->p.out.dtype = AG_F32;
}
