/* test_oracle.c - the judge is judged: against the golden arrays and the vectors of methods.md. */
#include <math.h>
#include <stdlib.h>

#include "../oracle/draw.h"
#include "../harness/golden.h"
#include "../oracle/number.h"
#include "../oracle/oracle.h"
#include "suites.h"

/* The golden arrays are float32: half a unit in the last place of each is all there is between them. */
static void compare(const golden *g, const char *name, const double *got, const array *want)
{
    double error = 0, norm = 0;
    for (int64_t i = 0; i < want->count; i++) {
        const double w = ((const float *)want->data)[i];
        if (isinf(w))
            ck_assert_msg(got[i] == w, "%s/%s element %lld is %g for %g", g->name, name, (long long)i, got[i], w);
        if (isinf(w)) continue;
        error += (got[i] - w) * (got[i] - w);
        norm += w * w;
    }
    ck_assert_msg(sqrt(error) <= 1e-7 * sqrt(norm), "%s/%s is off by %g", g->name, name, sqrt(error / norm));
}

static void compare_if_there(const golden *g, const char *name, const double *got)
{
    array want = golden_array(g, name);
    if (want.data) compare(g, name, got, &want);
    free(want.data);
}

START_TEST(oracle_equals_golden)
{
    golden g;
    problem x;
    ck_assert(!golden_case(_i, &g));
    ck_assert(!golden_problem(&g, AG_F32, &x));
    const size_t rows = (size_t)(x.p.batch * x.p.heads * x.p.n_q) * sizeof(double);
    double *out = malloc((size_t)oracle_count(&x.p) * sizeof *out), *lse = malloc(rows), *curvature = malloc(rows);
    ck_assert(!oracle(&x.p, &x.a, out, lse, curvature));
    compare_if_there(&g, x.p.operation == AG_ENERGY ? "energy" : "out", out);
    compare_if_there(&g, "lse", lse);
    if (x.p.operation == AG_ENERGY) compare_if_there(&g, "curvature", curvature);
    free(out);
    free(lse);
    free(curvature);
    problem_free(&x);
}
END_TEST

START_TEST(draws_equal_the_vectors)
{
    static const int64_t first[] = { 11, 58, 6, 39, 6, 32, 37, 30 }, second[] = { 19, 29, 9, 48, 29, 49, 12, 7 };
    static const int64_t permuted[] = { 55, 48, 30, 16, 5, 38, 37, 34 };
    static const int64_t thousand[] = { 407, 473, 352, 973, 605, 66, 690, 997 };
    static const int64_t two[] = { 1, 0 }, three[] = { 1, 0, 2 }, five[] = { 2, 4, 1, 3, 0 };
    ck_assert_uint_eq(draw_word(0, 0, 0, 0, 0), 0x6627e8d5u);
    for (int64_t i = 0; i < 8; i++) {
        ck_assert_int_eq(draw_index(0, 0, i, 0, 64), first[i]);
        ck_assert_int_eq(draw_index(0, 0, i, 1, 64), second[i]);
        ck_assert_int_eq(draw_permuted(0, 0, i, 64), permuted[i]);
        ck_assert_int_eq(draw_permuted(0x0123456789abcdef, 7, i, 1000), thousand[i]);
        if (i < 2) ck_assert_int_eq(draw_permuted(42, 3, i, 2), two[i]);
        if (i < 3) ck_assert_int_eq(draw_permuted(42, 3, i, 3), three[i]);
        if (i < 5) ck_assert_int_eq(draw_permuted(42, 3, i, 5), five[i]);
    }
}
END_TEST

/* Masked and noisy: the words and z of methods.md. */
START_TEST(logit_words_equal_the_vectors)
{
    static const struct {
        uint64_t seed;
        int64_t i, j;
        uint32_t stream, words[2];
        double z;
    } vectors[] = {
        { 0, 0, 0, 0, { 0x4d7b25fc, 0xd75ee2f1 }, 0.838984300484 },
        { 42, 1, 2, 3, { 0x799371a9, 0xc3da3d75 }, 0.115218685096 },
        { 0x0123456789abcdef, 1000, 999, 7, { 0x2e553ca9, 0x2e07f7f9 }, 0.789254477288 },
    };
    for (int n = 0; n < 3; n++) {
        const uint32_t i = (uint32_t)vectors[n].i, j = (uint32_t)vectors[n].j;
        for (int word = 0; word < 2; word++)
            ck_assert_uint_eq(draw_word_at(word, vectors[n].seed, i, j, vectors[n].stream, 3), vectors[n].words[word]);
        ck_assert(fabs(draw_normal(vectors[n].seed, vectors[n].stream, i, j) - vectors[n].z) <= 1e-12);
        const double edge = ldexp(vectors[n].words[0], -32);
        ck_assert(!draw_hides(vectors[n].seed, vectors[n].stream, i, j, edge));
        ck_assert_int_eq(draw_hides(vectors[n].seed, vectors[n].stream, i, j, edge + 0x1p-33), i != j);
    }
}
END_TEST

/* Writing and reading back is the identity for every bit pattern that is a number, and rounds ties to even. */
START_TEST(numbers_round_trip)
{
    for (uint32_t bits = 0; bits < 65536; bits++) {
        const uint16_t given = (uint16_t)bits;
        uint16_t half, brain;
        const double h = number_read(AG_F16, &given, 0), b = number_read(AG_BF16, &given, 0);
        number_write(AG_F16, &half, 0, h);
        number_write(AG_BF16, &brain, 0, b);
        if (!isnan(h)) ck_assert_uint_eq(half, given);
        if (!isnan(b)) ck_assert_uint_eq(brain, given);
    }
    ck_assert(number_round(AG_F16, 2049) == 2048 && number_round(AG_F16, 2051) == 2052);
    ck_assert(number_round(AG_F16, 65519) == 65504 && isinf(number_round(AG_F16, 65520)));
    ck_assert(number_round(AG_BF16, 257) == 256 && number_round(AG_BF16, 259) == 260);
    ck_assert(number_round(AG_F16, 0x1p-25) == 0 && number_round(AG_F16, 0x1.8p-25) == 0x1p-24);
}
END_TEST

START_TEST(golden_is_there) { ck_assert_int_gt(golden_count(), 0); }
END_TEST

Suite *suite_oracle(void)
{
    Suite *s = suite_create("oracle");
    TCase *c = tcase_create("oracle");
    tcase_set_timeout(c, 600);
    add_test(c, draws_equal_the_vectors);
    add_test(c, logit_words_equal_the_vectors);
    add_test(c, numbers_round_trip);
    add_test(c, golden_is_there);
    add_loop(c, oracle_equals_golden, 0, golden_count());
    suite_add_tcase(s, c);
    return s;
}
