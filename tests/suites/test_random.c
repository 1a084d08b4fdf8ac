/* test_random.c - the random vectors of methods.md, seen through the public API. Every token's value is its own
 * number and every query meets only its own key, so that the output is the draw. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../oracle/draw.h"
#include "../harness/kernels.h"
#include "suites.h"

enum { BITS = 10, MOST = 1 << BITS };

/* A sequence of n tokens whose attention is the identity: keys are the signs of their number's binary digits. */
typedef struct sequence {
    float q[2 * MOST * BITS], v[2 * MOST], out[2 * MOST];
    ag_problem p;
    ag_row row;
    ag_row_args run;
} sequence;

static sequence *sequence_new(int64_t n, ag_kind kind)
{
    sequence *s = calloc(1, sizeof *s);
    ck_assert_ptr_nonnull(s);
    for (int64_t i = 0; i < 2 * n; i++) {
        for (int64_t c = 0; c < BITS; c++) s->q[i * BITS + c] = (i % n) >> c & 1 ? 1 : -1;
        s->v[i] = (float)(i % n);
    }
    ag_problem_init(&s->p, 2, 1, n, n, BITS);
    s->p.d_v = 1;
    s->p.scale = 100; /* every other key is at least 200 below: exp is 0 */
    s->p.v = s->p.out = ag_layout_bhnd(AG_F32, 1, n, 1);
    ag_row_init(&s->row, AG_SCRAMBLED);
    ag_row_args_init(&s->run);
    s->row.kind = kind;
    s->p.rows = &s->row;
    s->p.row_count = 1;
    return s;
}

static void sequence_run(sequence *s)
{
    ag_context *context = kernels_context(0);
    ag_args a;
    char why[AG_MESSAGE_SIZE] = "";
    ag_args_init(&a, s->q, s->q, s->v, s->out);
    a.rows = &s->run;
    a.row_count = 1;
    ck_assert_msg(!ag_attention_guided(context, &s->p, &a, why, sizeof why), "%s", why);
    ag_context_free(context);
}

static void expect(const float *got, const int64_t *want, int count)
{
    for (int i = 0; i < count; i++)
        ck_assert_msg(lround(got[i]) == want[i], "token %d: %g for %lld", i, got[i], (long long)want[i]);
}

START_TEST(permutations_equal_the_vectors)
{
    static const struct {
        uint64_t seed;
        int64_t stream, n, want[8];
    } vectors[] = {
        { 0, 0, 64, { 55, 48, 30, 16, 5, 38, 37, 34 } },
        { 0x0123456789abcdef, 7, 1000, { 407, 473, 352, 973, 605, 66, 690, 997 } },
        { 42, 3, 2, { 1, 0 } },
        { 42, 3, 3, { 1, 0, 2 } },
        { 42, 3, 5, { 2, 4, 1, 3, 0 } },
    };
    for (ag_kind kind = AG_PERMUTE; kind <= AG_TOKENS; kind++) {
        sequence *s = sequence_new(vectors[_i].n, kind);
        s->run.seed = vectors[_i].seed;
        s->run.random_stream = vectors[_i].stream;
        sequence_run(s);
        expect(s->out, vectors[_i].want, vectors[_i].n < 8 ? (int)vectors[_i].n : 8);
        free(s);
    }
}
END_TEST

START_TEST(draws_equal_the_vectors)
{
    static const int64_t first[] = { 11, 58, 6, 39, 6, 32, 37, 30 };
    static const int64_t both[] = { 11 + 19, 58 + 29, 6 + 9, 39 + 48, 6 + 29, 32 + 49, 37 + 12, 30 + 7 };
    sequence *s = sequence_new(64, AG_GATHER);
    s->run.random_stream = 0;
    sequence_run(s);
    expect(s->out, first, 8);
    s->row.draws = 2;
    s->run.gain = sqrt(0.5); /* O = m: the scale of the mean is taken back */
    sequence_run(s);
    for (int i = 0; i < 64; i++) s->out[i] *= 2;
    expect(s->out, both, 8);
    free(s);
}
END_TEST

/* By default the stream is the row's global number, mod 2^32. */
START_TEST(streams_follow_the_rows)
{
    static const int64_t offsets[] = { 0, 5, 0xffffffff, 0x100000003 };
    for (ag_kind kind = AG_GATHER; kind <= AG_TOKENS; kind++) {
        sequence *s = sequence_new(100, kind);
        s->p.row_offset = offsets[_i];
        s->run.seed = 99;
        sequence_run(s);
        for (int64_t at = 0; at < 200; at++) {
            const uint32_t stream = (uint32_t)(offsets[_i] + at / 100);
            const int64_t want =
                kind == AG_GATHER ? draw_index(99, stream, at % 100, 0, 100) : draw_permuted(99, stream, at % 100, 100);
            expect(s->out + at, &want, 1);
        }
        free(s);
    }
}
END_TEST

/* An index array that holds what the seed draws gives the same bytes. */
START_TEST(indices_equal_seeds)
{
    int32_t index[300];
    sequence *s = sequence_new(100, (ag_kind)_i);
    s->row.draws = s->row.kind == AG_GATHER ? 3 : 1;
    s->run.seed = 0xfeedfacecafebeef;
    s->run.random_stream = 0xffffffff;
    sequence_run(s);
    float *drawn = malloc(sizeof s->out);
    ck_assert_ptr_nonnull(drawn);
    memcpy(drawn, s->out, sizeof s->out);
    for (int64_t i = 0; i < 100 * s->row.draws; i++)
        index[i] = (int32_t)(s->row.kind == AG_GATHER ? draw_index(s->run.seed, 0xffffffff, i / 3, i % 3, 100)
                                                      : draw_permuted(s->run.seed, 0xffffffff, i, 100));
    s->row.indexed = 1;
    s->run.index = index;
    sequence_run(s);
    ck_assert(!memcmp(drawn, s->out, 200 * sizeof *drawn));
    free(drawn);
    free(s);
}
END_TEST

/* One-shot calls: a row with an index array uses it, one without draws. In either place, for every kind. */
START_TEST(some_rows_may_have_an_index)
{
    enum { N = 50 };
    const ag_kind kind = (ag_kind)(_i / 2);
    const int with = _i % 2;
    int32_t reversed[N];
    char why[AG_MESSAGE_SIZE] = "";
    ag_context *context = kernels_context(0);
    sequence *s = sequence_new(N, kind);
    ag_row_args rows[2];
    ag_args a;
    for (int i = 0; i < N; i++) reversed[i] = N - 1 - i;
    for (int b = 0; b < 2; b++) {
        ag_row_args_init(&rows[b]);
        if (b == with) rows[b].index = reversed;
        else rows[b].seed = 42;
    }
    s->p.rows = NULL;
    s->p.row_count = 0;
    ag_args_init(&a, s->q, s->q, s->v, s->out);
    a.rows = rows;
    a.row_count = 2;
    ck_assert_msg(!ag_attention_scrambled(context, &s->p, NULL, kind, 1, &a, why, sizeof why), "%s", why);
    for (int64_t i = 0; i < N; i++) {
        const int64_t back = N - 1 - i, other = 1 - with;
        const int64_t drawn =
            kind == AG_GATHER ? draw_index(42, (uint32_t)other, i, 0, N) : draw_permuted(42, (uint32_t)other, i, N);
        expect(s->out + with * N + i, &back, 1);
        expect(s->out + other * N + i, &drawn, 1);
    }
    reversed[3] = N;
    ck_assert_int_eq(ag_attention_scrambled(context, &s->p, NULL, kind, 1, &a, why, sizeof why), AG_ERR_INDEX);
    a.row_count = 3;
    ck_assert_int_eq(ag_attention_scrambled(context, &s->p, NULL, kind, 1, &a, why, sizeof why), AG_ERR_SHAPE);
    free(s);
    ag_context_free(context);
}
END_TEST

/* One entry for every row, some of which draw nothing. */
START_TEST(standard_rows_may_share_a_seed)
{
    sequence *s = sequence_new(50, AG_TOKENS);
    ag_row rows[2];
    ag_row_init(&rows[0], AG_STANDARD);
    rows[1] = s->row;
    s->p.rows = rows;
    s->p.row_count = 2;
    s->run.seed = 42;
    sequence_run(s);
    for (int64_t i = 0; i < 50; i++) {
        const int64_t drawn = draw_permuted(42, 1, i, 50);
        expect(s->out + i, &i, 1);
        expect(s->out + 50 + i, &drawn, 1);
    }
    free(s);
}
END_TEST

/* pi is a bijection for every n. */
START_TEST(permutations_are_bijections)
{
    for (int64_t n = 1; n <= 300; n += n < 70 ? 1 : 23) {
        sequence *s = sequence_new(n, AG_TOKENS);
        unsigned char seen[MOST] = { 0 };
        s->run.seed = (uint64_t)n;
        sequence_run(s);
        for (int64_t i = 0; i < n; i++) {
            const long token = lround(s->out[i]);
            ck_assert(token >= 0 && token < n && !seen[token]++);
        }
        free(s);
    }
}
END_TEST

Suite *suite_random(void)
{
    Suite *s = suite_create("random");
    TCase *c = tcase_create("random");
    tcase_set_timeout(c, 600);
    add_loop(c, permutations_equal_the_vectors, 0, 5);
    add_test(c, draws_equal_the_vectors);
    add_loop(c, streams_follow_the_rows, 0, 4);
    add_loop(c, indices_equal_seeds, AG_GATHER, AG_TOKENS + 1);
    add_loop(c, some_rows_may_have_an_index, 0, 6);
    add_test(c, standard_rows_may_share_a_seed);
    add_test(c, permutations_are_bijections);
    suite_add_tcase(s, c);
    return s;
}
