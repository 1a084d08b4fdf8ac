/* problem_random.c - small problems that can hold anything the header describes. */
#include "problem.h"

#include <math.h>

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
    if (random_chance(r, 3)) x->run[b].stream = random_below(r, (int64_t)1 << 32);
}

static void random_scramble(problem *x, int64_t b, random_state *r)
{
    static const double gains[] = { 1, 0.5, -1.25, 2 }, mixes[] = { 1, 0, 0.7, 1.5 };
    ag_row *row = &x->rows[b];
    row->kind = (ag_kind)random_below(r, 3);
    row->indexed = random_chance(r, 3);
    if (row->kind == AG_GATHER) row->draws = 1 + (int32_t)random_below(r, 4);
    x->run[b].gain = gains[random_below(r, 4)];
    x->run[b].mix = mixes[random_below(r, 4)];
    random_seed(x, b, r);
}

static void random_method(problem *x, int64_t b, ag_method method, random_state *r)
{
    static const double sigmas[] = { 0, 0.3, 1, 2.5, 10, 9998, 9999, 10000, INFINITY };
    static const double sigmas_t[] = { 0, 0, 0.7, 3, INFINITY };
    static const double strengths[] = { 0, 0.3, 0.77, 1 }, taus[] = { 0, 0.25, 1, 1.5 };
    static const double probabilities[] = { 0, 0x1p-34, 0.3, 0.9, 1 }, amplitudes[] = { 0, 0.1, 1, 3 };
    ag_row *row = problem_row(x, b, method);
    if (method == AG_STANDARD) return;
    random_image(row, x->p.n_q, r);
    row->image_offset = random_below(r, x->p.n_q - row->image_length + 1);
    if (row->image_offset + row->image_length == x->p.n_q && random_chance(r, 2)) row->image_length = AG_ALL_TOKENS;
    row->sigma = sigmas[random_below(r, 9)];
    row->sigma_t = sigmas_t[random_below(r, 5)];
    row->keep_parallel = !random_chance(r, 3);
    if (method == AG_SCRAMBLED) random_scramble(x, b, r);
    row->inverse_temperature = taus[random_below(r, 4)];
    row->probability = probabilities[random_below(r, 5)];
    row->amplitude = amplitudes[random_below(r, 4)];
    if (method == AG_MASKED || method == AG_NOISY) random_seed(x, b, r);
    if (x->p.operation == AG_ATTENTION && random_chance(r, 3)) {
        row->blend = 1;
        x->run[b].strength = strengths[random_below(r, 4)];
    }
    for (int64_t h = 0; h < x->p.heads; h++) x->heads[b][h] = (uint8_t)random_below(r, 3);
    if (x->p.operation != AG_BLUR && random_chance(r, 3)) row->heads = x->heads[b];
}

static ag_method any_method(const problem *x, random_state *r)
{
    if (x->p.operation == AG_BLUR) return random_chance(r, 3) ? AG_STANDARD : AG_SMOOTHED;
    if (x->p.operation != AG_ATTENTION) return AG_STANDARD;
    return (ag_method)random_below(r, AG_NOISY + 1);
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
        const int gather = row->method == AG_SCRAMBLED && row->kind == AG_GATHER;
        if (row->method == AG_IDENTITY || row->method == AG_UNIFORM || gather) logits_given = 0;
        if (row->blend || gather) lse = 0;
    }
    p->want_lse = lse && random_chance(r, 2);
    if (p->operation == AG_BLUR) return;
    if (random_chance(r, 3)) problem_mask(x);
    if (p->has_key_mask && random_chance(r, 4)) p->key_mask_stride[0] = 0;
    if (p->has_key_mask && random_chance(r, 4)) p->key_mask_stride[1] = 3;
    p->has_key_lengths = random_chance(r, 5);
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
    problem_init(x, batch, heads, n, operation == 1 || perturbed ? n : any_length(&r), d);
    x->p.operation = operation < 5 ? (ag_operation)operation : AG_ATTENTION;
    x->p.kv_heads = kv_heads;
    if (random_chance(&r, 3)) x->p.d_v = any_width(&r);
    if (random_chance(&r, 4)) x->fill = (filling)(1 + random_below(&r, 5));
    x->p.row_offset = random_below(&r, 3);
    for (int64_t b = 0; b < batch && (operation == 1 || perturbed); b++) random_method(x, b, any_method(x, &r), &r);
    if (x->p.row_count && random_chance(&r, 3)) random_maps(x, &r);
    if (x->p.row_count && random_chance(&r, 6)) x->p.row_count = x->a.row_count = 1; /* one entry for every row */
    if (random_chance(&r, 4)) x->p.products = AG_F32;
    if (random_chance(&r, 3)) x->p.wave_bytes = (size_t)random_below(&r, 20000);
    random_options(x, &r);
    random_shard(x, &r);
    problem_place(x, (placing)random_below(&r, 5), any_type(&r), any_type(&r), any_type(&r));
    if (random_chance(&r, 2)) x->p.q.dtype = x->p.k.dtype = x->p.v.dtype = x->p.out.dtype = AG_F32;
}
