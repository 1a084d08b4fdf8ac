/* study.h - logits as the studies stream them: a block has four queries, a thread a key. No logit is kept but where a
 * kernel says so. Products of eight channels are summed in float32, everything longer in float64. */
/* clang-format off */
#ifndef AG_CUDA_STUDY_H
#define AG_CUDA_STUDY_H

#include "vectors.h"

/* clang-format on */

enum { STUDY_THREADS = 128, STUDY_WARPS = STUDY_THREADS / 32, QUERIES = 4, STAGE = 64 };

/* Who studies: a head of an output row, from query i0 on. */
struct study {
    const ag_launch &l;
    const ag_study &x;
    visible seen;
    int64_t b, h, i0;
    float *stage; /* [QUERIES][STAGE], shared */
    int q_whole, k_whole;
};

DEVICE study study_of(const ag_launch &l, const ag_step *s, int64_t h, int64_t i0, float *stage)
{
    const ag_study &x = s->u.study;
    return { l, x, visible_of(l, s->b), s->b, h, i0, stage, is_aligned(l, x.q), is_aligned(l, x.k) };
}

DEVICE double dot_of_run(const float *q, const float (&k)[8])
{
    float sum = 0;
    UNROLL for (int c = 0; c < 8; c++) sum += q[c] * k[c];
    return sum;
}

/* The logit of query i and key j from their product; -inf where j is not seen. */
DEVICE double logit(const study &s, int64_t i, int64_t j, double product)
{
    if (j >= s.x.n_k || i >= s.x.n_q || !is_visible(s.seen, j)) return -INFINITY;
    if (s.x.causal && j > i + s.x.causal_shift) return -INFINITY;
    const float bias = s.x.biased ? bias_at(s.l, s.b, s.h, i, j) : 0;
    return bias == -INFINITY ? -INFINITY : s.x.scale * product + bias;
}

/* Channels [t0, t0 + STAGE) of the block's queries, as float32; 0 past the last channel or query. */
DEVICE void stage_queries(const study &s, int64_t t0)
{
    sync_block();
    for (int at_run = thread(); at_run < QUERIES * STAGE / 8; at_run += STUDY_THREADS) {
        const int64_t i = s.i0 + at_run / (STAGE / 8), t = t0 + at_run % (STAGE / 8) * 8;
        const int there = i < s.x.n_q;
        float q[8];
        load_run(q, at(s.l, s.x.q, s.h, there ? i : s.i0), s.x.q.dtype, t, there ? s.x.d : 0, s.q_whole);
        UNROLL for (int c = 0; c < 8; c++) s.stage[at_run * 8 + c] = q[c];
    }
    sync_block();
}

/* Logits of the block's queries and this thread's key j, which may be past the last. Every thread of the block calls. */
DEVICE void logits(const study &s, int64_t j, double (&to)[QUERIES])
{
    UNROLL for (int n = 0; n < QUERIES; n++) to[n] = 0;
    const char *row = at(s.l, s.x.k, s.h, j < s.x.n_k ? j : 0);
    for (int64_t t0 = 0; t0 < s.x.d; t0 += STAGE) {
        stage_queries(s, t0);
        for (int64_t t = t0; t < t0 + STAGE && t < s.x.d && j < s.x.n_k; t += 8) {
            float k[8];
            load_run(k, row, s.x.k.dtype, t, s.x.d, s.k_whole);
            UNROLL for (int n = 0; n < QUERIES; n++) to[n] += dot_of_run(s.stage + n * STAGE + (t - t0), k);
        }
    }
    UNROLL for (int n = 0; n < QUERIES; n++) to[n] = logit(s, s.i0 + n, j, to[n]);
}

/* The same for one query, to the bit, by a thread alone. */
DEVICE double logit_alone(const study &s, int64_t i, int64_t j)
{
    double sum = 0;
    for (int64_t t = 0; t < s.x.d; t += 8) {
        float q[8], k[8];
        load_run(q, at(s.l, s.x.q, s.h, i), s.x.q.dtype, t, s.x.d, s.q_whole);
        load_run(k, at(s.l, s.x.k, s.h, j), s.x.k.dtype, t, s.x.d, s.k_whole);
        sum += dot_of_run(q, k);
    }
    return logit(s, i, j, sum);
}

/* exp(logit - lse): an element of the map. 0 where nothing is seen. */
DEVICE float weight_of(double logit, double lse) { return logit == -INFINITY ? 0 : expf((float)(logit - lse)); }

/* ---- softmax sums, online: sum = sum_j exp(logit_j - m) ---- */

struct running {
    double m, sum;
};

DEVICE running joined(const running &a, const running &b)
{
    const double m = a.m > b.m ? a.m : b.m;
    if (m == -INFINITY) return { m, 0 };
    return { m, a.sum * weight_of(a.m, m) + b.sum * weight_of(b.m, m) };
}

DEVICE void take_logit(running *r, double x)
{
    if (x == -INFINITY) return;
    if (x > r->m) *r = { x, r->sum * weight_of(r->m, x) + 1 };
    else r->sum += weight_of(x, r->m);
}

/* What is in shared memory beside the stage. */
struct study_room {
    float stage[QUERIES * STAGE];
    running part[STUDY_WARPS][QUERIES];
};

/* log sum_j exp(logit_j) of the block's queries, the same bits in every thread; -inf where nothing is seen. */
DEVICE void find_lse(const study &s, study_room *room, double (&lse)[QUERIES])
{
    running r[QUERIES];
    UNROLL for (int n = 0; n < QUERIES; n++) r[n] = { -INFINITY, 0 };
    for (int64_t j0 = 0; j0 < s.x.n_k; j0 += STUDY_THREADS) {
        double x[QUERIES];
        logits(s, j0 + thread(), x);
        UNROLL for (int n = 0; n < QUERIES; n++) take_logit(&r[n], x[n]);
    }
    UNROLL for (int n = 0; n < QUERIES; n++)
    {
        for (int mask = 16; mask; mask /= 2)
            r[n] = joined(r[n], { shuffle_xor(r[n].m, mask), shuffle_xor(r[n].sum, mask) });
        if (!lane()) room->part[warp()][n] = r[n];
    }
    sync_block();
    UNROLL for (int n = 0; n < QUERIES; n++)
    {
        running all = room->part[0][n];
        for (int w = 1; w < STUDY_WARPS; w++) all = joined(all, room->part[w][n]);
        lse[n] = all.m == -INFINITY ? all.m : all.m + log(all.sum);
    }
}

#endif
