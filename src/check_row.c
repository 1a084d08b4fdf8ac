/* check_row.c - what each output row asks for, judged: its method, image, numbers, and how they go together. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "step.h"

typedef long long ll;

static ag_status check_image(const ag_problem *p, const ag_row *in, int64_t b, ag_row_checked *r, ag_why why)
{
    r->o = in->image_offset;
    r->n = in->image_length == AG_ALL_TOKENS && r->o >= 0 ? p->n_q - r->o : in->image_length;
    if (r->o < 0 || r->n < 1 || r->o > p->n_q - r->n)
        return ag_refuse(why, AG_ERR_SHAPE, "row %lld: image tokens [%lld, +%lld) are empty or not within %lld tokens",
                         (ll)b, (ll)r->o, (ll)in->image_length, (ll)p->n_q);
    memcpy(r->grid, in->grid, sizeof r->grid);
    const int64_t *g = r->grid;
    const int needed = in->method == AG_SMOOTHED || in->method == AG_ORTHOGONAL;
    if (!g[0] && !g[1] && !g[2]) {
        if (!needed) return AG_OK;
        return ag_refuse(why, AG_ERR_SHAPE, "row %lld: a blur needs the grid of its %lld image tokens", (ll)b,
                         (ll)r->n);
    }
    int64_t frame, all;
    if (g[0] < 1 || g[1] < 1 || g[2] < 1 || __builtin_mul_overflow(g[1], g[2], &frame) ||
        __builtin_mul_overflow(g[0], frame, &all) || all != r->n)
        return ag_refuse(why, AG_ERR_SHAPE, "row %lld: grid %lldx%lldx%lld is not that of %lld image tokens", (ll)b,
                         (ll)g[0], (ll)g[1], (ll)g[2], (ll)r->n);
    return AG_OK;
}

/* What softened, masked and noisy do to logits. The scale of softened rows has the bound of every scale. */
static ag_status check_logit_values(const ag_problem *p, const ag_row *in, int64_t b, ag_why why)
{
    const double tau = in->inverse_temperature;
    if (in->method == AG_SOFTENED && !(tau >= 0 && isfinite(tau)))
        return ag_refuse(why, AG_ERR_VALUE, "row %lld: inverse_temperature is %g, not finite and 0 or more", (ll)b,
                         tau);
    if (in->method == AG_SOFTENED && !(fabs(tau * p->scale) <= 1e30))
        return ag_refuse(why, AG_ERR_VALUE, "row %lld: inverse_temperature %g times scale %g is not within 1e30", (ll)b,
                         tau, p->scale);
    if (in->method == AG_MASKED && !(in->probability >= 0 && in->probability <= 1))
        return ag_refuse(why, AG_ERR_VALUE, "row %lld: probability is %g, not between 0 and 1", (ll)b, in->probability);
    if (in->method == AG_NOISY && !(in->amplitude >= 0 && in->amplitude <= 1e30))
        return ag_refuse(why, AG_ERR_VALUE, "row %lld: amplitude is %g, not between 0 and 1e30", (ll)b, in->amplitude);
    return AG_OK;
}

static ag_status check_method_values(const ag_row *in, int64_t b, ag_row_checked *r, ag_why why)
{
    r->keep_parallel = in->keep_parallel != 0;
    r->draws = in->draws;
    r->sigma = in->sigma;
    r->sigma_t = in->sigma_t;
    r->inverse_temperature = in->inverse_temperature;
    r->probability = in->probability;
    r->amplitude = in->amplitude;
    r->blend = in->blend != 0;
    r->indexed = in->indexed != 0;
    r->kind = in->kind;
    if (in->method == AG_SMOOTHED || in->method == AG_ORTHOGONAL) {
        if (!(in->sigma >= 0))
            return ag_refuse(why, AG_ERR_VALUE, "row %lld: sigma is %g, not 0 or more", (ll)b, in->sigma);
        if (!(in->sigma_t >= 0))
            return ag_refuse(why, AG_ERR_VALUE, "row %lld: sigma_t is %g, not 0 or more", (ll)b, in->sigma_t);
    }
    if (in->method != AG_SCRAMBLED) {
        if (!in->indexed) return AG_OK;
        return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: only scrambled attention takes an index, not method %d",
                         (ll)b, (int)in->method);
    }
    if ((unsigned)in->kind > AG_TOKENS)
        return ag_refuse(why, AG_ERR_TYPE, "row %lld: kind is %d, which does not exist", (ll)b, (int)in->kind);
    if (in->kind == AG_GATHER && in->draws < 1)
        return ag_refuse(why, AG_ERR_VALUE, "row %lld: draws is %d, less than 1", (ll)b, (int)in->draws);
    return AG_OK;
}

static ag_status check_together(const ag_problem *p, const ag_row_checked *r, int64_t b, ag_why why)
{
    const int gather = r->method == AG_SCRAMBLED && r->kind == AG_GATHER;
    if ((p->bias_dtype != AG_NONE || p->causal) && (r->method == AG_IDENTITY || r->method == AG_UNIFORM || gather))
        return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: %s is not defined with identity, uniform and gather",
                         (ll)b, p->causal ? "causal" : "bias");
    if (p->want_lse && r->blend)
        return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: a blend of two results has no lse", (ll)b);
    if (p->want_lse && gather)
        return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: gathered values have no lse", (ll)b);
    return AG_OK;
}

static ag_status check_self(const ag_problem *p, int64_t b, ag_why why)
{
    if (p->operation == AG_BLUR) return AG_OK; /* reads queries only */
    if (p->n_q != p->n_k)
        return ag_refuse(why, AG_ERR_SHAPE,
                         "row %lld: a perturbation needs self-attention, but n_q is %lld and n_k %lld", (ll)b,
                         (ll)p->n_q, (ll)p->n_k);
    if (p->global_n_q != p->n_q || p->global_n_k != p->n_k)
        return ag_refuse(why, AG_ERR_COMBINATION,
                         "row %lld: a perturbation needs the whole sequence, but this is a shard of %lld tokens", (ll)b,
                         (ll)p->global_n_q);
    return AG_OK;
}

static ag_status check_operation(const ag_problem *p, const ag_row *in, int64_t b, ag_why why)
{
    if ((unsigned)in->method > AG_NOISY)
        return ag_refuse(why, AG_ERR_TYPE, "row %lld: method is %d, which does not exist", (ll)b, (int)in->method);
    if (p->operation == AG_ATTENTION || in->method == AG_STANDARD) return AG_OK;
    if (p->operation == AG_BLUR && in->method == AG_SMOOTHED && !in->blend && !in->heads) return AG_OK;
    return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: method %d, blend or a head set does not go with operation %d",
                     (ll)b, (int)in->method, (int)p->operation);
}

static ag_status check_row(const ag_problem *p, const ag_row *in, int64_t b, ag_row_checked *r, ag_why why)
{
    ag_status s = check_operation(p, in, b, why);
    r->q_row = in->q_row == AG_ROW_SAME ? b : in->q_row;
    r->kv_row = in->kv_row == AG_ROW_SAME ? b : in->kv_row;
    r->method = s ? AG_STANDARD : in->method;
    r->heads_at = -1;
    if (s || in->method == AG_STANDARD) return s;
    s = check_self(p, b, why);
    if (!s) s = check_image(p, in, b, r, why);
    if (!s) s = check_method_values(in, b, r, why);
    if (!s) s = check_logit_values(p, in, b, why);
    return s ? s : check_together(p, r, b, why);
}

/* Copies row b's head set behind those of earlier rows; one entry for all rows is copied once. */
static void keep_heads(ag_checked *c, const ag_row *in, int64_t b, int shared)
{
    if (!in->heads || c->rows[b].method == AG_STANDARD) return;
    if (shared && b > 0) {
        c->rows[b].heads_at = c->rows[0].heads_at;
        return;
    }
    c->rows[b].heads_at = (int32_t)c->heads_size;
    for (int64_t h = 0; h < c->p.heads; h++) c->heads[c->heads_size++] = in->heads[h] != 0;
}

ag_status ag_check_rows(const ag_problem *p, ag_checked *c, ag_why why)
{
    if (p->row_count != 0 && p->row_count != 1 && p->row_count != p->batch)
        return ag_refuse(why, AG_ERR_SHAPE, "row_count is %lld, neither 0, 1 nor batch %lld", (ll)p->row_count,
                         (ll)p->batch);
    if (p->row_count && !p->rows)
        return ag_refuse(why, AG_ERR_NULL, "rows is NULL, but row_count is %lld", (ll)p->row_count);
    if (p->row_count > 1 && p->heads > INT32_MAX / p->row_count)
        return ag_refuse(why, AG_ERR_SHAPE, "%lld rows of %lld heads are more than this library counts",
                         (ll)p->row_count, (ll)p->heads);

    c->rows = calloc((size_t)p->batch, sizeof *c->rows);
    c->heads = malloc((size_t)p->heads * (size_t)(p->row_count ? p->row_count : 1));
    if (!c->rows || !c->heads) return ag_refuse(why, AG_ERR_MEMORY, "no memory for %lld rows", (ll)p->batch);
    ag_row standard;
    ag_row_init(&standard, AG_STANDARD);
    for (int64_t b = 0; b < p->batch; b++) {
        ag_row in = standard;
        if (p->row_count) {
            const ag_status s =
                ag_take_entry(&in, sizeof in, p->rows, p->row_count > 1 ? b : 0, "an entry of rows", why);
            if (s) return s;
        }
        const ag_status s = check_row(p, &in, b, &c->rows[b], why);
        if (s) return s;
        keep_heads(c, &in, b, p->row_count == 1);
    }
    return AG_OK;
}

static ag_status check_map(const char *name, int64_t row, int64_t rows, int reads, int64_t b, ag_why why)
{
    if (row == AG_ROW_NONE) {
        if (!reads) return AG_OK;
        return ag_refuse(why, AG_ERR_VALUE, "row %lld: %s is AG_ROW_NONE, but the row reads that tensor", (ll)b, name);
    }
    if (row >= 0 && row < rows) return AG_OK;
    return ag_refuse(why, AG_ERR_VALUE, "row %lld: %s is %lld, but there are %lld rows", (ll)b, name, (ll)row,
                     (ll)rows);
}

/* The row map is judged last: only the lowered steps, which are in the order of their rows, tell what a row reads. */
ag_status ag_check_row_map(const ag_checked *c, const ag_program *program, ag_why why)
{
    for (int64_t b = 0, at = 0; b < c->p.batch; b++) {
        unsigned needs = 0;
        for (; at < program->n_steps && program->steps[at].b == b; at++) needs |= ag_step_needs(&program->steps[at]);
        ag_status s = check_map("q_row", c->rows[b].q_row, c->p.q_batch, needs & AG_NEEDS_Q, b, why);
        if (!s) s = check_map("kv_row", c->rows[b].kv_row, c->p.kv_batch, needs & (AG_NEEDS_K | AG_NEEDS_V), b, why);
        if (s) return s;
    }
    return AG_OK;
}
