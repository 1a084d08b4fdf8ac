/* attend_exact.h - one row of the attend step in float64, as its definition says: what a block does again where float32
 * does not hold the numbers of a row, or where a hidden key or value is not finite. Hidden keys are not multiplied, and
 * a value of weight 0 is not read. Slow: keys are gone over twice, each by one thread. */
#ifndef AG_ATTEND_EXACT_H
#define AG_ATTEND_EXACT_H

#include "attend_rows.h"

/* Query i of head h and, of its result, the channels from `channel` on: THREADS threads have WIDE channels. */
struct exact {
    const ag_launch &l;
    const ag_step *s;
    exact_room *room;
    int64_t h, i, channel;
};

/* Where a key of the query is. */
struct exact_key {
    source q, k, v;
    double added; /* to the product, scaled; -inf: the key is hidden */
};

/* The sum over the block, or the greatest, NaN left out. */
DEVICE double over_block(const exact &x, double mine, int greatest)
{
    ROLLED
    for (int mask = 16; mask; mask /= 2) {
        const double other = shuffle_xor(mine, mask);
        mine = greatest ? fmax(mine, other) : mine + other;
    }
    sync_block(); /* nobody still reads what was there */
    if (!lane()) x.room->part[warp()] = mine;
    sync_block(); /* every warp's is there */
    mine = x.room->part[0];
    ROLLED
    for (int n = 1; n < THREADS / 32; n++) mine = greatest ? fmax(mine, x.room->part[n]) : mine + x.room->part[n];
    return mine;
}

/* ---- logits ---- */

DEVICE double exact_product(const source &q, const source &k, int64_t d)
{
    double sum = 0;
    ROLLED
    for (int64_t t = 0; t < d; t++) sum += (double)load_one(q.at, q.type, t) * load_one(k.at, k.type, t);
    return sum;
}

/* Masked, noisy: -inf hides. */
DEVICE double exact_disturbance(const exact &x, const ag_disturbance &by, int64_t j)
{
    const int64_t from = x.i - by.o, to = j - by.o;
    if (by.kind == AG_DISTURB_NONE || from < 0 || from >= by.n || to < 0 || to >= by.n) return 0;
    const ag_row_value row = row_value(x.l, x.s->b);
    const ag_words words = ag_logit_words(row.seed, (uint32_t)row.random_stream, (uint32_t)from, (uint32_t)to);
    if (by.kind == AG_DISTURB_NOISE) return by.amplitude * ag_normal_f32(words);
    return ag_words_hide(words, (uint32_t)from, (uint32_t)to, by.last) ? -INFINITY : 0;
}

/* What is added to the logit of key j; the logits are of row `at`. */
DEVICE double exact_added(const exact &x, const ag_pass &p, int64_t at, int64_t j)
{
    const ag_attend &a = x.s->u.attend;
    if (j >= seen_by(&a, at) || !is_visible(visible_of(x.l, x.s->b), j)) return -INFINITY;
    const double more = exact_disturbance(x, p.disturbance, j);
    const float bias = a.biased ? bias_at(x.l, x.s->b, x.h, at, j) : 0;
    return more == -INFINITY || bias == -INFINITY ? -INFINITY : more + bias;
}

DEVICE void take_own(const exact &x, const ag_pass &p, exact_key *key)
{
    const float count = p.own == AG_OWN_MEAN ? *(const float *)at(x.l, p.own_count, x.h, 0) : 1;
    if (p.own == AG_OWN_NONE || !(count > 0)) return;
    if (p.own == AG_OWN_SELF && !is_visible(visible_of(x.l, x.s->b), x.i)) return;
    key->k = row_at(x.l, p.own_k, x.h, p.own == AG_OWN_SELF ? x.i : 0);
    key->v = row_at(x.l, p.own_v, x.h, p.own == AG_OWN_SELF ? x.i : 0);
    key->added = log((double)count);
}

/* Key number n of a pass, number 0 being the own one. */
DEVICE exact_key key_of(const exact &x, const ag_pass &p, int64_t at, int64_t n)
{
    exact_key key = { {}, {}, {}, -INFINITY };
    if (!n) take_own(x, p, &key);
    ROLLED
    for (int r = 0; n && r < p.n_keys; r++) {
        const int64_t j = p.keys[r].first + n - 1;
        if (n > p.keys[r].count) {
            n -= p.keys[r].count;
            continue;
        }
        key.k = row_at(x.l, p.keys[r].k, x.h, j);
        key.v = row_at(x.l, p.keys[r].v, x.h, j);
        key.added = exact_added(x, p, at, j);
        n = 0;
    }
    return key;
}

/* -inf where the key is hidden, whatever its product is. */
DEVICE double exact_logit(const exact &x, const ag_pass &p, const source &q, const exact_key &key)
{
    if (key.added == -INFINITY) return -INFINITY;
    return p.scale * exact_product(q, key.k, x.s->u.attend.d) + key.added;
}

/* ---- a pass: one channel for each thread below WIDE ---- */

/* The row that the logits are of; -1: a wrong index. */
DEVICE int64_t exact_logit_row(const exact &x, const ag_pass &p)
{
    if (!p.permuted) return x.i;
    const int32_t *index = index_at(x.l, p.index, row_value(x.l, x.s->b));
    const int64_t entry = index_entry(index, x.i - p.o, x.l.problem->n_q);
    return entry < 0 ? -1 : entry + p.o;
}

DEVICE int span_of(const ag_attend &a, int64_t i)
{
    int span = 0;
    while (span + 1 < a.n_spans && (i < a.spans[span].first || i >= a.spans[span].first + a.spans[span].count)) span++;
    return span;
}

/* Adds up the values that the block has listed, every second one. */
DEVICE double listed_values(const exact &x, int64_t t)
{
    double sum = 0;
    if (t >= x.s->u.attend.d_v) return 0;
    ROLLED
    for (int n = thread() / WIDE; n < THREADS; n += THREADS / WIDE) {
        const double w = x.room->weight[n];
        if (w != 0) sum += w * load_one(x.room->value[n].at, x.room->value[n].type, t);
    }
    return sum;
}

/* Of weights S + lambda (E - S): tau, and the sums of E and of softmax. */
struct exact_entmax {
    double lambda, tau, sum, l;
};

DEVICE double exact_excess(const ag_pass &p, double below_top, double tau)
{
    return fmax((p.power - 1) * below_top - tau, 0.0);
}

/* Newton's steps from -1, where the greatest key alone weighs 1, which never pass tau. A NaN ends them. */
DEVICE exact_entmax find_entmax(const exact &x, const ag_pass &p, const source &q, int64_t at, int64_t keys, double top)
{
    exact_entmax e = { lambda_of(x.l, x.s->b), -1, 0, 0 };
    double step = top == -INFINITY ? -INFINITY : 1;
    ROLLED
    for (int steps = 0; steps < 100 && step > -1e-15 * e.tau; steps++) {
        double sum = 0, slope = 0, l = 0;
        ROLLED
        for (int64_t n = thread(); n < keys; n += THREADS) {
            const double below_top = exact_logit(x, p, q, key_of(x, p, at, n)) - top;
            const double u = exact_excess(p, below_top, e.tau);
            sum += p.power == 2 ? u : u * u;
            slope += p.power == 2 ? u > 0 : 2 * u;
            l += exp(below_top);
        }
        e.sum = over_block(x, sum, 0);
        e.l = over_block(x, l, 0);
        slope = over_block(x, slope, 0);
        step = (e.sum - 1) / slope;
        if (step > -1e-15 * e.tau) e.tau += step;
    }
    return e;
}

/* Where the two parts cancel, too small to show, but not 0: a NaN among the values that are seen reaches the result. */
DEVICE double exact_weight(const ag_pass &p, const exact_entmax &e, double below_top)
{
    const double u = exact_excess(p, below_top, e.tau), soft = exp(below_top) / e.l;
    const double weight = soft + e.lambda * ((p.power == 2 ? u : u * u) / e.sum - soft);
    return weight == 0 ? 1e-300 : weight;
}

DEVICE double exact_softmax(const exact &x, const ag_pass &p, double *lse)
{
    const ag_attend &a = x.s->u.attend;
    const int64_t at = exact_logit_row(x, p), t = x.channel + thread() % WIDE;
    const source q = row_at(x.l, p.q[span_of(a, x.i)], x.h, x.i);
    int64_t keys = 1;
    for (int r = 0; r < p.n_keys; r++) keys += p.keys[r].count;
    *lse = NAN;
    if (at < 0) return NAN;
    double top = -INFINITY, sum = 0, out = 0;
    ROLLED
    for (int64_t n = thread(); n < keys; n += THREADS) top = fmax(top, exact_logit(x, p, q, key_of(x, p, at, n)));
    top = over_block(x, top, 1);
    const int sparse = p.power != 0 && lambda_of(x.l, x.s->b) != 0;
    exact_entmax e = {};
    if (sparse) e = find_entmax(x, p, q, at, keys, top);
    ROLLED
    for (int64_t from = 0; from < keys; from += THREADS) {
        const exact_key key = key_of(x, p, at, from + thread());
        const double logit = exact_logit(x, p, q, key), w = logit == -INFINITY ? 0 : exp(logit - top);
        sync_block(); /* those before have been used */
        x.room->weight[thread()] = sparse && w != 0 ? exact_weight(p, e, logit - top) : w;
        x.room->value[thread()] = key.v;
        sum += w;
        sync_block(); /* weights are there */
        out += listed_values(x, t);
    }
    sum = over_block(x, sum, 0);
    x.room->weight[thread()] = out;
    sync_block(); /* every part of a channel is there */
    out = 0;
    for (int n = thread() % WIDE; n < THREADS; n += WIDE) out += x.room->weight[n];
    *lse = sum == 0 ? -INFINITY : top + log(sum);
    return sum == 0 ? 0 : sparse ? out : out / sum;
}

/* ---- the row ---- */

DEVICE void exact_row(const exact &x)
{
    const ag_attend &a = x.s->u.attend;
    const int64_t t = x.channel + thread();
    const double u = a.n_passes == 2 ? (float)row_value(x.l, x.s->b).strength : 0;
    double out = 0, lse = 0;
    ROLLED
    for (int n = u == 1; n <= (u > 0); n++) {
        const ag_pass &p = a.pass[n];
        const double share = u > 0 && u < 1 ? n ? u : 1 - u : 1;
        double one = 0;
        if (!p.ready) one = exact_softmax(x, p, &lse);
        else if (thread() < WIDE && t < a.d_v)
            one = load_one(at(x.l, p.q[0], x.h, ag_mapped(&p.map, x.i)), p.q[0].dtype, t);
        out += share * one;
    }
    if (thread() < WIDE && t < a.d_v) store_one(at(x.l, a.out, x.h, x.i), a.out.dtype, t, (float)out);
    if (a.lse.source != AG_SOURCES && !x.channel && !thread()) *(float *)at(x.l, a.lse, x.h, x.i) = (float)lse;
}

#endif
