/* draw_tmpl.h - the draw step: Philox and its permutation (semantics.h) for LANES / 2 tokens at once, written over the
 * vector verbs that the including file chose. Words are the lower halves of 64 bits; what is above them is junk that no
 * product sees. */
#include "../../semantics.h"
#include "../cpu.h"

enum { DRAW_WORDS = LANES / 2 };

#define DRAW_INLINE static inline __attribute__((always_inline))

DRAW_INLINE words draw_all(uint64_t x) { return x - (words){ 0 }; }

/* One draw's key: what it does not share with its neighbours is counters 0 and 1. */
typedef struct draw_key {
    uint64_t seed;
    uint32_t c2, c3;
} draw_key;

/* ag_philox for every lane. */
DRAW_INLINE words draw_philox(const draw_key *key, words c0, words c1)
{
    uint32_t k0 = (uint32_t)key->seed, k1 = (uint32_t)(key->seed >> 32);
    words c2 = draw_all(key->c2), c3 = draw_all(key->c3);
    for (int round = 0; round < 10; round++) {
        const words x = u_multiply(draw_all(0xD2511F53u), c0), y = u_multiply(draw_all(0xCD9E8D57u), c2);
        c0 = (y >> 32) ^ c1 ^ draw_all(k0);
        c2 = (x >> 32) ^ c3 ^ draw_all(k1);
        c1 = y;
        c3 = x;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return c0 & 0xffffffff;
}

DRAW_INLINE words draw_feistel(const draw_key *key, words x, int half)
{
    const uint64_t mask = ((uint64_t)1 << half) - 1;
    words left = x >> half, right = x & mask;
    for (uint64_t round = 0; round < 8; round++) {
        const words next = left ^ (draw_philox(key, right, draw_all(round)) & mask);
        left = right;
        right = next;
    }
    return left << half | right;
}

DRAW_INLINE int draw_any(words x)
{
    uint64_t all = 0;
    for (int i = 0; i < DRAW_WORDS; i++) all |= x[i];
    return all != 0;
}

/* ag_permuted for every lane: those that are inside wait for the others. Lanes past the last token walk from 0: from
 * outside the network's domain they might never come in. */
DRAW_INLINE words draw_permuted(const draw_key *key, words i, uint64_t n, int half)
{
    words x = draw_feistel(key, i & (words)(i < n), half), outside = (words)(x >= n);
    while (draw_any(outside)) {
        x = (draw_feistel(key, x, half) & outside) | (x & ~outside);
        outside = (words)(x >= n);
    }
    return x;
}

static words draw_counting(int64_t first)
{
    words x;
    for (int i = 0; i < DRAW_WORDS; i++) x[i] = (uint64_t)(first + i);
    return x;
}

static void draw_put_words(int32_t *to, words x, int64_t n)
{
    for (int i = 0; i < DRAW_WORDS && i < n; i++) to[i] = (int32_t)x[i];
}

static int64_t draw_tasks(const ag_step *s) { return ag_chunks(s->u.draw.n); }

static void draw_run(const ag_step *s, const ag_bound *bound, int64_t task, void *unused)
{
    (void)unused;
    const ag_draw *x = &s->u.draw;
    const ag_row_args row = ag_row_values(bound, s->b);
    const draw_key key = { row.seed, (uint32_t)row.random_stream, x->permutation ? 2 : 1 };
    const int half = ag_permutation_half(x->n);
    int32_t *index = (int32_t *)(bound->base[AG_WORK] + x->offset);
    const int64_t first = task * AG_CHUNK, last = first + AG_CHUNK < x->n ? first + AG_CHUNK : x->n;
    if (x->permutation) {
        for (int64_t i = first; i < last; i += DRAW_WORDS) {
            const words to = x->n == 1 ? draw_all(0) : draw_permuted(&key, draw_counting(i), (uint64_t)x->n, half);
            draw_put_words(index + i, to, last - i);
        }
        return;
    }
    /* token i's draw number t is entry i draws + t */
    for (int64_t at = first * x->draws; at < last * x->draws; at += DRAW_WORDS) {
        words i, t;
        for (int lane = 0; lane < DRAW_WORDS; lane++) {
            i[lane] = (uint64_t)((at + lane) / x->draws);
            t[lane] = (uint64_t)((at + lane) % x->draws);
        }
        draw_put_words(index + at, u_multiply(draw_philox(&key, i, t), draw_all((uint64_t)x->n)) >> 32,
                       last * x->draws - at);
    }
}
