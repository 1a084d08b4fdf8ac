/* amend.h - what bias and causality make of a tile of logits s[rows][PANEL] in units of log 2, whose lanes are queries
 * and rows keys, or the other way about. Biases are read along keys, where most callers have them side by side. Written
 * over the vector verbs that the including file chose, after tile.h. */
#ifndef AG_AMEND_H
#define AG_AMEND_H

#include "log2.h"
#include "rows_vector.h"

/* Whose logits these are, and what there is to be done to them. */
typedef struct amendment {
    const ag_bound *run;
    int64_t b, h, causal_shift;
    int causal, biased;
} amendment;

/* Keys below this are all that causality leaves query i. */
static inline int64_t seen_by(const amendment *a, int64_t i) { return ag_causal_end(a->causal, a->causal_shift, i); }

/* Biases in units of log 2. The lowest finite float is a popular "-inf": it must stay finite, or a row that has nothing
 * else would see nothing. Finite biases are held above the second term, which is the lowest float for them, so that
 * those below -2.3e38 count as equal; -inf stays what it is. */
static inline vec v_in_log2(vec bias) { return v_max(bias * (float)LOG2E, bias * 0x1p-30f - FLT_MAX); }

/* The logit with its bias. Where that is -inf the key is hidden, whatever the product: NaN - inf would be NaN. */
static inline vec v_amended(vec logit, vec bias)
{
    const __typeof__(bias == bias) hidden = bias == v_all(-INFINITY);
    return (vec)((hidden & (__typeof__(hidden))bias) | (~hidden & (__typeof__(hidden))(logit + bias)));
}

static inline void load_biases(const amendment *a, int64_t i, const int64_t *key, int n, float *to)
{
    for (int k = 0; k < n; k++) to[k] = ag_bias_at(a->run, a->b, a->h, i, key[k]);
    for (int k = n; k < LANES; k++) to[k] = 0;
}

/* Biases of query i and of n keys, n <= LANES, which are in order and none is there twice; 0 in the lanes that are
 * left. */
static inline vec biases_of(const amendment *a, int64_t i, const int64_t *key, int n)
{
    const ag_problem *p = &a->run->c->p;
    const int64_t at = ag_bias_element(p, a->b, a->h, i, key[0]);
    const int side_by_side = n == LANES && p->bias_stride[3] == 1 && key[LANES - 1] - key[0] == LANES - 1;
    const void *from = a->run->bias;
    float few[LANES];
    if (side_by_side && p->bias_dtype == AG_F32) return v_in_log2(row_vec(from, AG_F32, at));
    if (side_by_side && p->bias_dtype == AG_F16) return v_in_log2(row_vec(from, AG_F16, at));
    if (side_by_side && p->bias_dtype == AG_BF16) return v_in_log2(row_vec(from, AG_BF16, at));
    if (side_by_side)
        for (int k = 0; k < LANES; k++) few[k] = ag_bias_of_byte(((const uint8_t *)from)[at + k]);
    else load_biases(a, i, key, n, few);
    return v_in_log2(v_load(few));
}

/* ---- lanes are queries: squares of biases change sides ---- */

static inline void add_biases_to_queries(const amendment *a, const int64_t *query, int lanes, const int64_t *key,
                                         int keys, float *s)
{
    for (int j = 0; j < keys; j += LANES)
        for (int lane = 0; lane < lanes; lane += LANES) {
            const int n = keys - j < LANES ? keys - j : LANES;
            vec z[LANES];
            for (int i = 0; i < LANES; i++) z[i] = biases_of(a, query[lane + i], key + j, n);
            v_transpose(z);
            for (int i = 0; i < n; i++) {
                vec *at = (vec *)(s + (j + i) * PANEL + lane);
                *at = v_amended(*at, z[i]);
            }
        }
}

/* Keys come in order. */
static inline void amend_queries(const amendment *a, const int64_t *query, int lanes, const int64_t *key, int keys,
                                 float *s)
{
    if (a->biased) add_biases_to_queries(a, query, lanes, key, keys, s);
    for (int lane = 0; a->causal && lane < lanes; lane++)
        for (int j = keys - 1; j >= 0 && key[j] >= seen_by(a, query[lane]); j--) s[j * PANEL + lane] = -INFINITY;
}

/* ---- lanes are keys: `lanes` of them, not those that fill the last vector ---- */

static inline void add_biases_to_keys(const amendment *a, const int64_t *query, int queries, const int64_t *key,
                                      int lanes, float *s)
{
    for (int i = 0; i < queries; i++)
        for (int lane = 0; lane < lanes; lane += LANES) {
            const int n = lanes - lane < LANES ? lanes - lane : LANES;
            vec *at = (vec *)(s + i * PANEL + lane);
            *at = v_amended(*at, biases_of(a, query[i], key + lane, n));
        }
}

static inline void amend_keys(const amendment *a, const int64_t *query, int queries, const int64_t *key, int lanes,
                              float *s)
{
    if (a->biased) add_biases_to_keys(a, query, queries, key, lanes, s);
    for (int i = 0; a->causal && i < queries; i++)
        for (int lane = lanes - 1; lane >= 0 && key[lane] >= seen_by(a, query[i]); lane--)
            s[i * PANEL + lane] = -INFINITY;
}

#endif
