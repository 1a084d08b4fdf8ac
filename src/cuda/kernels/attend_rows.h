/* attend_rows.h - what a block of the any-shape attend kernel works on: its queries and keys, where their rows are, and
 * the shared memory they are staged in. */
#ifndef AG_ATTEND_ROWS_H
#define AG_ATTEND_ROWS_H

#include "rows.h"

enum { THREADS = 256, QUERIES = 64, KEYS = 64, WIDE = 128 };
enum { CHANNELS = 32, PITCH = CHANNELS + 4, AT_ONCE = 32 }; /* staged: channels of q and k, keys of v */
enum { MINE = 4, HALVES = WIDE / 64 };                      /* a thread's queries, its groups of 4 channels */

/* One row of a tensor; NULL where there is nothing to read. */
struct source {
    const char *at;
    ag_dtype type;
};

struct alignas(16) four {
    float x[4];
};

/* Of attend_sparse.h: what is found of a query before its values are used. soft, hard: 1 / the sums of both. */
struct found {
    float m, tau, soft, hard;
};

/* Of attend_exact.h: weights and values of as many keys as there are threads. */
struct exact_room {
    double weight[THREADS], part[THREADS / 32];
    source value[THREADS];
};

/* Shared memory. Behind it each thread keeps its result of the first pass, where results are blended, or its logits,
 * where weights are searched for (attend_sparse.h). */
struct room {
    source query[QUERIES], key[KEYS]; /* staged together */
    source value[KEYS];
    int64_t token[QUERIES];     /* -1: no query */
    int64_t logit_row[QUERIES]; /* row of causal and bias; -1: an index out of range */
    int64_t key_token[KEYS];    /* -1: hidden from all */
    float start[QUERIES];       /* logit of the own key; -inf: there is none */
    int span[QUERIES];
    int again[QUERIES];      /* float32 does not hold the numbers of this row */
    uint32_t any[KEYS / 32]; /* keys that are not hidden, as bits */
    float lambda;            /* beside softmax there is entmax; 0: there is not */
    int squares;             /* its power is 1.5, else 2 */
    struct found found[QUERIES];
    int moves[THREADS / 32]; /* of a warp: some tau of its queries moves */
    union alignas(16) {
        struct {
            union {
                struct {
                    float q[QUERIES][PITCH], k[KEYS][PITCH];
                };
                float v[AT_ONCE][WIDE];
            };
            float p[QUERIES][KEYS + 4];
        };
        float rows[QUERIES][WIDE]; /* a value for each query: own values, results that are ready */
        exact_room exact;
    };
};

enum { KEPT = MINE * HALVES * 4 };

/* What a thread knows. */
struct worker {
    const ag_step *s;
    const ag_attend *a;
    room *r;
    int64_t h;
    const ag_pass *pass; /* the one that is run */
    int64_t channel;     /* the first of this block's values */
    int wide;            /* it has more than 64 of them */
    int first, column;   /* my queries are first .. first + 3; keys and channels go by column, 0 .. 15 */
    float m[MINE], l[MINE];
    int odd;              /* of my queries, as bits: one of my logits does not fit */
    four o[MINE][HALVES]; /* channels 64 half + 4 column .. + 3 */
};

AG_FN int64_t queries_of(const ag_attend *a)
{
    int64_t n = 0;
    for (int i = 0; i < a->n_spans; i++) n += a->spans[i].count;
    return n;
}

AG_FN int64_t tiles_of(const ag_attend *a) { return (queries_of(a) + QUERIES - 1) / QUERIES; }
AG_FN int64_t parts_of(const ag_attend *a) { return (a->d_v + WIDE - 1) / WIDE; }

/* ---- reading ---- */

/* Channels t .. t + 3 of a row that has n; zeros past its end and where there is no row. */
DEVICE four load_four(const source &s, int64_t t, int64_t n)
{
    four y = {};
    if (!s.at || t >= n) return y;
    const char *at = s.at + t * (int64_t)ag_size_of(s.type);
    const int whole = t + 4 <= n;
    if (s.type == AG_F32 && whole && !((uintptr_t)at & 15)) return *(const four *)at;
    if (s.type != AG_F32 && whole && !((uintptr_t)at & 7)) {
        struct alignas(8) halves {
            uint16_t x[4];
        };
        const halves h = *(const halves *)at;
        UNROLL
        for (int i = 0; i < 4; i++) y.x[i] = s.type == AG_F16 ? of_half(h.x[i]) : of_bfloat(h.x[i]);
        return y;
    }
    UNROLL
    for (int i = 0; i < 4; i++)
        if (t + i < n) y.x[i] = load_one(at, s.type, i);
    return y;
}

DEVICE source row_at(const ag_launch &l, const ag_ref &r, int64_t h, int64_t i) { return { at(l, r, h, i), r.dtype }; }

/* Channels t .. t + 4 << log_fours of `rows` rows that have n, side by side. */
DEVICE void stage(float *to, int pitch, const source *from, int rows, int log_fours, int64_t t, int64_t n)
{
    for (int x = thread(); x < rows << log_fours; x += THREADS) {
        const int row = x >> log_fours, c = (x & ((1 << log_fours) - 1)) * 4;
        *(four *)&to[row * pitch + c] = load_four(from[row], t + c, n);
    }
}

/* ---- queries ---- */

/* The block's queries are number `from` and those that follow, across the spans. */
DEVICE void list_queries(const worker &w, int64_t from)
{
    if (thread() >= QUERIES) return;
    int64_t n = from + thread();
    w.r->token[thread()] = -1;
    w.r->again[thread()] = 0;
    for (int i = 0; i < w.a->n_spans; n -= w.a->spans[i++].count) {
        if (n < 0 || n >= w.a->spans[i].count) continue;
        w.r->token[thread()] = w.a->spans[i].first + n;
        w.r->span[thread()] = i;
    }
}

DEVICE int own_is_there(const ag_launch &l, const worker &w, const ag_pass &pass, int64_t token)
{
    if (pass.own == AG_OWN_NONE) return 0;
    if (pass.own == AG_OWN_SELF) return is_visible(visible_of(l, w.s->b), token);
    return *(const float *)at(l, pass.own_count, w.h, 0) > 0;
}

/* What the pass has for each query: its row, the row of its logits, its own key and value or its ready result. */
DEVICE void list_rows(const ag_launch &l, const worker &w, const ag_pass &pass)
{
    if (thread() >= QUERIES) return;
    const int n = thread();
    room *r = w.r;
    const int64_t i = r->token[n], own = pass.own == AG_OWN_SELF ? i : 0;
    r->query[n] = r->key[n] = r->value[n] = { NULL, AG_F32 };
    r->logit_row[n] = i;
    if (i < 0) return;
    if (pass.ready) {
        r->value[n] = row_at(l, pass.q[0], w.h, ag_mapped(&pass.map, i));
        return;
    }
    r->query[n] = row_at(l, pass.q[r->span[n]], w.h, i);
    if (own_is_there(l, w, pass, i)) {
        r->key[n] = row_at(l, pass.own_k, w.h, own);
        r->value[n] = row_at(l, pass.own_v, w.h, own);
    }
    if (!pass.permuted) return;
    const int64_t entry = index_entry(index_at(l, pass.index, row_value(l, w.s->b)), i - pass.o, l.problem->n_q);
    r->logit_row[n] = entry < 0 ? -1 : entry + pass.o;
}

/* ---- keys ---- */

DEVICE int64_t seen_by(const ag_attend *a, int64_t logit_row)
{
    return ag_causal_end(a->causal, a->causal_shift, logit_row);
}

/* None of the block's queries sees keys from here on. */
DEVICE int64_t last_seen(const worker &w)
{
    int64_t end = w.a->causal ? INT64_MIN : INT64_MAX;
    for (int i = 0; w.a->causal && i < QUERIES; i++) {
        const int64_t seen = seen_by(w.a, w.r->logit_row[i]);
        if (w.r->token[i] >= 0 && seen > end) end = seen;
    }
    return end;
}

DEVICE int64_t keys_below(const ag_keys &keys, int64_t end)
{
    if (end <= keys.first) return 0;
    return end - keys.first < keys.count ? end - keys.first : keys.count;
}

DEVICE int64_t keys_of(const ag_pass &pass, int64_t end)
{
    int64_t keys = 0;
    for (int i = 0; i < pass.n_keys; i++) keys += keys_below(pass.keys[i], end);
    return keys;
}

/* Where the pass' keys number `from` and those that follow are, across its ranges. */
DEVICE void list_keys(const ag_launch &l, const worker &w, const ag_pass &pass, int64_t from, int64_t end)
{
    if (thread() >= KEYS) return;
    room *r = w.r;
    const int n = thread();
    const ag_visible seen = visible_of(l, w.s->b);
    int64_t at = from + n, token = -1;
    r->key[n] = r->value[n] = { NULL, AG_F32 };
    for (int i = 0; i < pass.n_keys; i++) {
        const ag_keys &keys = pass.keys[i];
        const int64_t count = keys_below(keys, end);
        if (at >= 0 && at < count && is_visible(seen, keys.first + at)) {
            token = keys.first + at;
            r->key[n] = row_at(l, keys.k, w.h, token);
            r->value[n] = row_at(l, keys.v, w.h, token);
        }
        at -= count;
    }
    r->key_token[n] = token;
    const uint32_t any = vote_lanes(token >= 0);
    if (lane() == 0) r->any[warp()] = any;
}

#endif
