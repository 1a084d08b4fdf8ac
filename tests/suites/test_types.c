/* test_types.c - every bit pattern of the half types, and what lies between them, through identity: a copy that
 * converts. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <string.h>

#include "../harness/kernels.h"
#include "../oracle/number.h"
#include "suites.h"

enum { TOKENS = 256, WIDTH = 256, COUNT = TOKENS * WIDTH };

/* Copy v into out, [TOKENS, WIDTH] of their types, with this kernel. */
static void convert_by(const char *kernel, const void *v, ag_dtype from, void *out, ag_dtype to)
{
    ag_context *context = kernels_context(0);
    problem x;
    char why[AG_MESSAGE_SIZE] = "";
    problem_init(&x, 1, 1, TOKENS, TOKENS, WIDTH);
    x.p.kernel = kernel;
    problem_row(&x, 0, AG_IDENTITY);
    problem_place(&x, PLACE_HEADS, from, from, to);
    x.a.v = v;
    x.a.out = out;
    ck_assert_msg(!ag_attention_guided(context, &x.p, &x.a, why, sizeof why), "%s", why);
    ag_context_free(context);
}

/* With the kernel that is chosen, and to the same bytes with every other that copies. */
static void convert(const void *v, ag_dtype from, void *out, ag_dtype to)
{
    const size_t size = COUNT * ag_dtype_size(to);
    void *other = malloc(size);
    convert_by(NULL, v, from, out, to);
    for (int i = 0; i < kernels_count(); i++) {
        const ag_kernel_info info = kernels_info(i);
        if (info.unavailable || strcmp(info.backend, "cpu") || strcmp(info.step, "copy")) continue;
        memset(other, 0xa5, size);
        convert_by(info.name, v, from, other, to);
        ck_assert_msg(memcmp(other, out, size) == 0, "%s: other bytes", info.name);
    }
    free(other);
}

static void expect(ag_dtype to, const void *got, int64_t at, double from)
{
    const double want = number_round(to, from), have = number_read(to, got, at);
    const int same = isnan(want) ? isnan(have) : have == want && !signbit(have) == !signbit(want);
    ck_assert_msg(same, "%a becomes %a, not %a", from, have, want);
}

static const ag_dtype halves[] = { AG_F16, AG_BF16 };

/* All 65536 patterns, subnormals, infinities and NaN among them. */
START_TEST(halves_widen_exactly)
{
    uint16_t *v = malloc(COUNT * sizeof *v);
    float *out = malloc(COUNT * sizeof *out);
    for (int64_t i = 0; i < COUNT; i++) v[i] = (uint16_t)i;
    convert(v, halves[_i], out, AG_F32);
    for (int64_t i = 0; i < COUNT; i++) expect(AG_F32, out, i, number_read(halves[_i], v, i));
    free(v);
    free(out);
}
END_TEST

/* Every number of the type, moved by a fraction of the distance to its neighbour above: ties go to even. */
START_TEST(floats_round_to_nearest_even)
{
    static const double fractions[] = { 0, 0.25, 0.5, 0.5 + 0x1p-12, 0.5 - 0x1p-12 };
    float *v = malloc(COUNT * sizeof *v);
    uint16_t *out = malloc(COUNT * sizeof *out);
    for (int f = 0; f < 5; f++) {
        for (int64_t i = 0; i < COUNT; i++) {
            const uint16_t near[2] = { (uint16_t)i, (uint16_t)(i + 1) };
            const double low = number_read(halves[_i], near, 0), high = number_read(halves[_i], near, 1);
            const int apart = isfinite(low) && isfinite(high) && fabs(high) < 1e38;
            v[i] = (float)(apart ? low + (high - low) * fractions[f] : low);
        }
        convert(v, AG_F32, out, halves[_i]);
        for (int64_t i = 0; i < COUNT; i++) expect(halves[_i], out, i, v[i]);
    }
    free(v);
    free(out);
}
END_TEST

/* Float32 of every exponent and sign with mantissas spread evenly, NaN of every payload among them. */
START_TEST(any_floats_round)
{
    uint32_t *v = malloc(COUNT * sizeof *v);
    uint16_t *out = malloc(COUNT * sizeof *out);
    for (uint32_t part = 0; part < 64; part++) {
        for (uint32_t i = 0; i < COUNT; i++) v[i] = i << 16 | ((i * 40503u + part * 1031u) & 0xffff);
        convert(v, AG_F32, out, halves[_i]);
        for (int64_t i = 0; i < COUNT; i++) expect(halves[_i], out, i, number_read(AG_F32, v, i));
    }
    free(v);
    free(out);
}
END_TEST

/* One half type into the other, and overflow to infinity on the way. */
START_TEST(halves_become_each_other)
{
    uint16_t *v = malloc(COUNT * sizeof *v), *out = malloc(COUNT * sizeof *out);
    for (int64_t i = 0; i < COUNT; i++) v[i] = (uint16_t)i;
    convert(v, halves[_i], out, halves[1 - _i]);
    for (int64_t i = 0; i < COUNT; i++) expect(halves[1 - _i], out, i, number_read(halves[_i], v, i));
    free(v);
    free(out);
}
END_TEST

Suite *suite_types(void)
{
    Suite *s = suite_create("types");
    TCase *c = tcase_create("types");
    tcase_set_timeout(c, 600);
    add_loop(c, halves_widen_exactly, 0, 2);
    add_loop(c, floats_round_to_nearest_even, 0, 2);
    add_loop(c, any_floats_round, 0, 2);
    add_loop(c, halves_become_each_other, 0, 2);
    suite_add_tcase(s, c);
    return s;
}
