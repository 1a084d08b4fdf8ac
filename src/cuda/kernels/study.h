/* study.h - logits as the studies stream them: a block has four queries, a thread a key. No logit is kept but where a
 * kernel says so. Products of eight channels are summed in float32, everything longer in float64; logits too large for
 * that are found again in float64 throughout. */
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
    int b, h, i0, n_q, n_k; /* extents of tokens fit */
    float *stage;           /* [QUERIES][STAGE], shared */
    head_rows q, k;
};

DEVICE study study_of(const ag_launch &l, const ag_step *s, int h, int i0, float *stage)
{
    const ag_study &x = s->u.study;
    const head_rows q = rows_of(l, x.q, h), k = rows_of(l, x.k, h);
    return { l, x, (int)s->b, h, i0, (int)x.n_q, (int)x.n_k, stage, q, k };
}

DEVICE double dot_of_run(const float *q, const float (&k)[8])
{
    float sum = 0;
    UNROLL for (int c = 0; c < 8; c++) sum += q[c] * k[c];
    return sum;
}

/* Looked up for each key: what is held all along takes registers that the tile wants. */
DEVICE int is_key(const study &s, int j) { return j < s.n_k && is_visible(visible_of(s.l, s.b), j); }

APART double exact_product(const ag_launch &l, const ag_study &x, int h, int i, int j)
{
    const char *q = at(l, x.q, h, i), *k = at(l, x.k, h, j);
    double sum = 0;
    ROLLED for (int64_t t = 0; t < x.d; t++) sum += (double)load_one(q, x.q.dtype, t) * load_one(k, x.k.dtype, t);
    return sum;
}

/* The logit of query i and a visible key j from their product; -inf where it is not seen, whatever the product. */
DEVICE double logit(const study &s, int i, int j, double product)
{
    if (i >= s.n_q || j >= ag_causal_end(s.x.causal, s.x.causal_shift, i)) return -INFINITY;
    const float bias = s.x.biased ? bias_at(s.l, s.b, s.h, i, j) : 0;
    if (bias == -INFINITY) return -INFINITY;
    if (!(fabs(s.x.scale * product) <= LOGITS_FIT)) product = exact_product(s.l, s.x, s.h, i, j);
    return s.x.scale * product + bias;
}

/* Channels [t0, t0 + STAGE) of the block's queries, as float32; 0 past the last channel or query. */
DEVICE void stage_queries(const study &s, int64_t t0)
{
    enum { ALL = QUERIES * STAGE / 8 };
    const int run = thread(), i = s.i0 + run / (STAGE / 8);
    sync_block(); /* those before have been used */
    if (run < ALL) {
        float q[8];
        load_run(q, s.q, i < s.n_q ? i : s.i0, t0 + run % (STAGE / 8) * 8, i < s.n_q ? s.x.d : 0);
        UNROLL for (int c = 0; c < 8; c++) s.stage[run * 8 + c] = q[c];
    }
    sync_block(); /* queries are there */
}

/* Logits of the block's queries and this thread's key j, which may be past the last. Every thread calls. */
DEVICE void logits(const study &s, int j, double (&to)[QUERIES])
{
    const int there = is_key(s, j);
    UNROLL for (int n = 0; n < QUERIES; n++) to[n] = 0;
    for (int64_t t0 = 0; t0 < s.x.d; t0 += STAGE) {
        stage_queries(s, t0);
        ROLLED for (int64_t t = t0; t < t0 + STAGE && t < s.x.d && there; t += 8)
        {
            float k[8];
            load_run(k, s.k, j, t, s.x.d);
            UNROLL for (int n = 0; n < QUERIES; n++) to[n] += dot_of_run(s.stage + n * STAGE + (t - t0), k);
        }
    }
    UNROLL for (int n = 0; n < QUERIES; n++) to[n] = there ? logit(s, s.i0 + n, j, to[n]) : -INFINITY;
}

/* The same for one query, to the bit, by a thread alone. */
DEVICE double logit_alone(const study &s, int i, int j)
{
    double sum = 0;
    if (!is_key(s, j)) return -INFINITY;
    const char *q = row(s.q, i), *k = row(s.k, j);
    ROLLED for (int64_t t = 0; t < s.x.d; t += 8)
    {
        float of_run = 0;
        ROLLED for (int64_t c = t; c < t + 8 && c < s.x.d; c++)
        {
            of_run += load_one(q, s.q.dtype, c) * load_one(k, s.k.dtype, c);
        }
        sum += of_run;
    }
    return logit(s, i, j, sum);
}

/* exp(logit - lse): an element of the map. 0 where nothing is seen. */
DEVICE float weight_of(double logit, double lse) { return logit == -INFINITY ? 0 : expf((float)(logit - lse)); }

/* ---- softmax sums, online: sum = sum_j exp(logit_j - m), m the largest logit ---- */

struct running {
    double m, sum;
};

DEVICE running joined(running a, running b)
{
    const double m = a.m > b.m ? a.m : b.m;
    return { m, a.sum * weight_of(a.m, m) + b.sum * weight_of(b.m, m) };
}

DEVICE running one(double logit) { return { logit, weight_of(logit, logit) }; }

/* What is in shared memory beside the stage. */
struct study_room {
    float stage[QUERIES * STAGE];
    running part[STUDY_WARPS][QUERIES];
    running all[QUERIES]; /* sum 0: nothing is seen */
};

/* An element of the map. Not by way of the lse: beside a maximum of -3e38 the logarithm of the sum is lost. */
DEVICE float share_of(double logit, const running &r)
{
    return logit == -INFINITY || r.sum == 0 ? 0 : expf((float)(logit - r.m)) / (float)r.sum;
}

DEVICE double lse_of(const running &r) { return r.m == -INFINITY ? r.m : r.m + log(r.sum); }

/* Leaves maximum and sum of the block's queries in the room. */
DEVICE void find_sums(const study &s, study_room *room)
{
    running r[QUERIES];
    UNROLL for (int n = 0; n < QUERIES; n++) r[n] = { -INFINITY, 0 };
    for (int j0 = 0; j0 < s.n_k; j0 += STUDY_THREADS) {
        double x[QUERIES];
        logits(s, j0 + thread(), x);
        UNROLL for (int n = 0; n < QUERIES; n++) r[n] = joined(r[n], one(x[n]));
    }
    UNROLL for (int n = 0; n < QUERIES; n++)
    {
        running mine = r[n];
        ROLLED for (int mask = 16; mask; mask /= 2)
        {
            const double m = shuffle_xor(mine.m, mask);
            mine = joined(mine, { m, shuffle_xor(mine.sum, mask) });
        }
        if (!lane()) room->part[warp()][n] = mine;
    }
    sync_block(); /* every warp's is there */
    if (thread() < QUERIES) {
        running all = room->part[0][thread()];
        ROLLED for (int w = 1; w < STUDY_WARPS; w++) all = joined(all, room->part[w][thread()]);
        room->all[thread()] = all;
    }
    sync_block();
}

#endif
