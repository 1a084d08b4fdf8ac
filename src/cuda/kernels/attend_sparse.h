/* attend_sparse.h - weights S + lambda (E - S) in the any-shape attend kernel: S softmax, E entmax of the same logits.
 * A search goes before the pass, which then finds maximum, tau and sums of each query in shared memory. The steps to
 * tau are those of cpu/kernels/attend_sparse_tmpl.h.
 *
 * Every sweep of the search goes over all tiles of keys. The logits of text keys, up to KEPT_TILES of them, stay in
 * shared memory, where each thread finds its own patch again; those of more keys are multiplied again in every sweep.
 * The pass multiplies all of them once more: beside its results there are no registers to find them again. */
#ifndef AG_ATTEND_SPARSE_H
#define AG_ATTEND_SPARSE_H

#include "attend_tiles.h"

enum { KEPT_TILES = 2, SPARSE_STEPS = 48 };

#define SPARSE_RESTS 0x1p-17f /* a step below this share of tau is the last */
#define LAMBDA_FITS 16        /* beyond, float32 tells the two weights apart too little */

enum { SWEEP_TOP, SWEEP_TAU, SWEEP_TOTALS, SWEEPS };

/* Tiles whose logits are kept, by shape alone; 0: none. */
AG_FN int64_t kept_tiles(const ag_attend *a)
{
    int64_t keys = 0;
    for (int i = 0; i < a->pass[0].n_keys && a->pass[0].power != 0; i++) keys += a->pass[0].keys[i].count;
    return keys <= (int)KEPT_TILES * (int)KEYS ? (keys + KEYS - 1) / KEYS : 0;
}

/* What a thread adds up of each of its queries in a sweep: E, and its power below or softmax. */
struct sparse {
    float sum[MINE], below[MINE];
};

/* z - tau, at least 0, of a logit below its maximum. */
DEVICE float excess(int squares, float below_top, float tau)
{
    return fmaxf(below_top * (squares ? LN2 / 2 : LN2) - tau, 0.0f);
}

/* ---- a sweep ---- */

/* The 16 threads of a query are in one warp, and wait before another changes what they read. */
DEVICE void sparse_maxima(const worker &w, const float (*s)[4])
{
    UNROLL
    for (int i = 0; i < MINE; i++) {
        const float top = row_max(fmaxf(fmaxf(s[i][0], s[i][1]), fmaxf(s[i][2], s[i][3])));
        if (!w.column) w.r->found[w.first + i].m = fmaxf(w.r->found[w.first + i].m, top);
    }
}

/* My part of the sums. */
DEVICE void sparse_sums(const worker &w, sparse &x, const float (*s)[4], int what)
{
    const int squares = w.r->squares;
    UNROLL
    for (int i = 0; i < MINE; i++) {
        const found f = w.r->found[w.first + i];
        UNROLL
        for (int c = 0; c < 4; c++) {
            const float below_top = s[i][c] - f.m, u = excess(squares, below_top, f.tau);
            x.sum[i] += squares ? u * u : u;
            x.below[i] += what == SWEEP_TOTALS ? exp2f(below_top) : squares ? u : u > 0;
        }
    }
}

/* Some thread of the block says yes. */
DEVICE int any_of_block(const worker &w, int x)
{
    const int mine = vote_any(x);
    int any = 0;
    sync_block(); /* nobody still reads what was there */
    if (!lane()) w.r->moves[warp()] = mine;
    sync_block(); /* every warp's is there */
    for (int n = 0; n < THREADS / 32; n++) any |= w.r->moves[n];
    return any;
}

/* Newton's step of every tau, but of those that rest while others move; 0: all rest after it. */
DEVICE int sparse_step(const worker &w, const sparse &x)
{
    float step[MINE];
    int mine = 0;
    UNROLL
    for (int i = 0; i < MINE; i++) {
        step[i] = (x.sum[i] - 1) / (w.r->squares ? 2 * x.below[i] : x.below[i]);
        mine |= step[i] > -w.r->found[w.first + i].tau * SPARSE_RESTS;
    }
    const int moves = any_of_block(w, mine);
    UNROLL
    for (int i = 0; i < MINE && !w.column; i++) {
        float *tau = &w.r->found[w.first + i].tau;
        if (step[i] > (moves ? -*tau * SPARSE_RESTS : -SPARSE_RESTS)) *tau += step[i];
    }
    return moves;
}

/* After a sweep: what it found, and whether the next is another kind. */
DEVICE int sparse_done(const worker &w, sparse &x, int what)
{
    UNROLL
    for (int i = 0; i < MINE; i++) {
        x.sum[i] = row_sum(x.sum[i]);
        x.below[i] = row_sum(x.below[i]);
        if (what != SWEEP_TOTALS || w.column) continue;
        w.r->found[w.first + i].soft = x.below[i] == 0 ? 0 : 1 / x.below[i];
        w.r->found[w.first + i].hard = x.sum[i] == 0 ? 0 : 1 / x.sum[i];
    }
    const int done = what != SWEEP_TAU || !sparse_step(w, x);
    sync_warp(); /* maximum or tau are there: the 16 threads of a query are in one warp */
    return done;
}

/* My patch of the listed tile: made where `makes`, and kept for later if there is a place; else found there. */
DEVICE void sparse_logits(const ag_launch &l, const worker &w, float (*s)[4], float *kept, int makes)
{
    const int any = (w.r->any[0] | w.r->any[1]) != 0;
    if (makes && any) make_logits(l, w, s);
    UNROLL
    for (int i = 0; i < MINE; i++) UNROLL
    for (int c = 0; c < 4; c++) {
        if (!makes) s[i][c] = kept[(i * 4 + c) * THREADS];
        else if (!any) s[i][c] = -INFINITY;
        if (makes && kept) kept[(i * 4 + c) * THREADS] = s[i][c];
    }
}

/* ---- the search ---- */

/* What weights are made of, for each query of the block. */
DEVICE void sparse_search(const ag_launch &l, const worker &w)
{
    float *kept = kept_tiles(w.a) ? (float *)(w.r + 1) + thread() : NULL;
    const int64_t end = last_seen(w), keys = keys_of(*w.pass, end);
    int steps = 0;
    for (int i = 0; i < MINE && !w.column; i++) w.r->found[w.first + i] = { -FLT_MAX, -1, 0, 0 };
    sync_warp();
    ROLLED
    for (int what = SWEEP_TOP; what < SWEEPS;) {
        sparse x = {};
        ROLLED
        for (int64_t from = 0; from < keys; from += KEYS) {
            const int makes = what == SWEEP_TOP || !kept;
            float logit[MINE][4], *at = kept ? kept + from / KEYS * (MINE * 4 * THREADS) : NULL;
            if (makes) {
                sync_block(); /* the list before has been read */
                list_keys(l, w, *w.pass, from, end);
                sync_block(); /* keys are listed */
            }
            sparse_logits(l, w, logit, at, makes);
            if (what == SWEEP_TOP) sparse_maxima(w, logit);
            else sparse_sums(w, x, logit, what);
        }
        what += sparse_done(w, x, what) || ++steps == SPARSE_STEPS;
    }
    sync_block(); /* all of it is found, the last list has been read */
}

/* Weights, whole, in shared memory. A NaN among a query's logits makes its sum of softmax, and so every weight, NaN. */
DEVICE void sparse_weigh(const worker &w, const float (*s)[4])
{
    const int squares = w.r->squares;
    const float lambda = fminf(w.r->lambda, LAMBDA_FITS);
    UNROLL
    for (int i = 0; i < MINE; i++) {
        const found f = w.r->found[w.first + i];
        UNROLL
        for (int c = 0; c < 4; c++) {
            const float below_top = s[i][c] - f.m, u = excess(squares, below_top, f.tau);
            const float soft = exp2f(below_top) * f.soft;
            w.r->p[w.first + i][w.column + 16 * c] = soft + lambda * ((squares ? u * u : u) * f.hard - soft);
        }
    }
}

/* What the recurrence would have ended with; nothing is left to be divided. */
DEVICE void sparse_end(worker &w)
{
    UNROLL
    for (int i = 0; i < MINE; i++) {
        w.m[i] = w.r->found[w.first + i].m;
        w.l[i] = w.r->found[w.first + i].soft == 0 ? 0 : 1;
        if (w.r->lambda > LAMBDA_FITS) w.r->again[w.first + i] = 1;
    }
}

#endif
