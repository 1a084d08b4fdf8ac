/* oracle_row.c - one row of one head: what it sees, its weights, its output. */
#include "oracle_head.h"

#include <math.h>
#include <string.h>

#include "draw.h"
#include "number.h"

int head_changes(const head *t, int64_t i)
{
    return t->chosen && (head_scrambles(t, AG_PERMUTE) || head_is_image(t, head_token(t, i)));
}

/* Query i and key j are tokens of the image, and `method` is the row's. */
static int inside(const head *t, int64_t i, int64_t j, int perturbed, ag_method method)
{
    return perturbed && t->row->method == method && head_is_image(t, head_token(t, i)) && head_is_image(t, j);
}

static int sees(const head *t, int64_t i, int64_t j, int perturbed)
{
    const ag_problem *p = t->p;
    const int64_t token = head_token(t, i);
    const int own_rule = perturbed && head_is_image(t, token);
    if (j == p->n_k) return own_rule && t->row->method == AG_UNIFORM && t->visible_image > 0;
    if (!head_visible(t, j)) return 0;
    if (own_rule && t->row->method == AG_UNIFORM && head_is_image(t, j)) return 0;
    if (own_rule && t->row->method == AG_IDENTITY && head_is_image(t, j) && token != j) return 0;
    if (inside(t, i, j, perturbed, AG_MASKED) &&
        draw_hides(t->run->seed, head_stream(t), token - t->first, j - t->first, t->row->probability))
        return 0;
    return !p->causal || p->k_offset + j <= p->q_offset + i + p->global_n_k - p->global_n_q;
}

static double bias(const head *t, int64_t i, int64_t j)
{
    const ag_problem *p = t->p;
    const int64_t *s = p->bias_stride;
    if (p->bias_dtype == AG_NONE) return 0;
    const double x = number_read(p->bias_dtype, t->a->bias, t->b * s[0] + t->h * s[1] + i * s[2] + j * s[3]);
    return p->bias_dtype != AG_U8 ? x : x != 0 ? 0 : -INFINITY;
}

static double dot(const double *x, const double *y, int64_t n)
{
    double even = 0, odd = 0; /* two chains: one waits for the other's addition */
    for (int64_t c = 0; c + 1 < n; c += 2) {
        even += x[c] * y[c];
        odd += x[c + 1] * y[c + 1];
    }
    return even + odd + (n % 2 ? x[n - 1] * y[n - 1] : 0);
}

static double logit(const head *t, int64_t i, int64_t j, const double *q, int perturbed)
{
    double x = t->p->scale * dot(q, t->k + j * t->p->d, t->p->d);
    if (perturbed && t->row->method == AG_SOFTENED) x *= t->row->inverse_temperature;
    if (inside(t, i, j, perturbed, AG_NOISY))
        x += t->row->amplitude * draw_normal(t->run->seed, head_stream(t), head_token(t, i) - t->first, j - t->first);
    return j == t->p->n_k ? x + log((double)t->visible_image) : x + bias(t, i, j);
}

/* The row whose logits row i has: pi(i) under tokens. */
static int64_t row_of(const head *t, int64_t i, int perturbed)
{
    if (!perturbed || !head_scrambles(t, AG_TOKENS)) return i;
    return t->first + head_source(t, head_token(t, i) - t->first, 0) - t->p->q_offset;
}

/* The weights max(0, (power - 1) x - tau)^(1 / (power - 1)) of logits x, with the tau that makes them sum to 1: found
 * by halving where it must lie, as the weight of the greatest logit is between 0 and 1. */
static void entmax(const double *x, int64_t count, double power, double *weight)
{
    double top = -INFINITY, sum = 0;
    for (int64_t j = 0; j < count; j++) top = fmax(top, x[j]);
    double low = -1, high = 0; /* of tau, from (power - 1) top on */
    for (int step = 0; step < 100; step++) {
        const double tau = (low + high) / 2;
        sum = 0;
        for (int64_t j = 0; j < count; j++) {
            const double above = x[j] == -INFINITY ? 0 : fmax(0, (power - 1) * (x[j] - top) - tau);
            sum += weight[j] = power == 2 ? above : above * above;
        }
        if (sum > 1) low = tau;
        else high = tau;
    }
    for (int64_t j = 0; j < count; j++) weight[j] /= sum;
}

double head_weigh(head *t, int64_t i, int perturbed)
{
    const int blurred = perturbed && (t->row->method == AG_SMOOTHED || t->row->method == AG_ORTHOGONAL);
    const int64_t own = row_of(t, i, perturbed), last = t->p->n_k;
    const double *q = (blurred ? t->changed : t->q) + own * t->p->d;
    double top = -INFINITY, sum = 0;
    int64_t seen = 0, only = 0;
    for (int64_t j = 0; j <= last; j++) {
        const double x = sees(t, own, j, perturbed) ? logit(t, own, j, q, perturbed) : -INFINITY;
        t->weight[j] = x;
        if (x == -INFINITY) continue;
        only = j;
        seen++;
        if (x > top) top = x;
    }
    if (perturbed && t->row->method == AG_SPARSE && seen) entmax(t->weight, last, t->row->power, t->hard);
    if (seen == 1) { /* weight 1 whatever the logit: identity and uniform without context read neither Q nor K */
        const double lse = t->weight[only];
        for (int64_t j = 0; j <= last; j++) t->weight[j] = j == only;
        return lse;
    }
    for (int64_t j = 0; j <= last; j++) sum += t->weight[j] = seen ? exp(t->weight[j] - top) : 0;
    for (int64_t j = 0; j <= last && seen; j++) t->weight[j] /= sum;
    return seen ? top + log(sum) : -INFINITY;
}

static void gathered(const head *t, int64_t i, double *out)
{
    for (int64_t c = 0; c < t->p->d_v; c++)
        out[c] = (head_drawn(t, head_token(t, i) - t->first, c) - t->mu) * sqrt(t->row->draws) * t->run->gain + t->mu;
}

double head_attend(head *t, int64_t i, int perturbed, double *out)
{
    const int64_t d = t->p->d_v;
    const double *v = perturbed && head_scrambles(t, AG_PERMUTE) ? t->moved : t->v;
    memset(out, 0, (size_t)d * sizeof *out);
    if (perturbed && head_scrambles(t, AG_GATHER)) {
        gathered(t, i, out);
        return NAN; /* has no lse */
    }
    const double lse = head_weigh(t, i, perturbed);
    for (int64_t j = 0; j < t->p->n_k && perturbed && t->row->method == AG_SPARSE && lse != -INFINITY; j++) {
        double *soft = &t->weight[j]; /* a key of no weight in either has none */
        if (t->run->lambda != 0 && (*soft != 0 || t->hard[j] != 0)) *soft += t->run->lambda * (t->hard[j] - *soft);
    }
    for (int64_t j = 0; j <= t->p->n_k; j++) {
        const double w = t->naive ? number_round(t->p->k.dtype, t->weight[j]) : t->weight[j];
        for (int64_t c = 0; c < d && w != 0; c++) out[c] += w * v[j * d + c];
    }
    return lse;
}
