/* test_properties.c - what must hold whatever the numbers are. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../oracle/draw.h"
#include "../harness/kernels.h"
#include "../harness/random.h"
#include "suites.h"

enum { N = 48, D = 16, H = 2 };

/** Packed float32 self-attention of one row and two heads, N tokens, filled at random. */
typedef struct bench {
    float q[H * N * D], k[H * N * D], v[H * N * N], out[H * N * N], lse[H * N], curvature[H * N];
    ag_problem p;
    ag_row row;
    ag_row_args values;
    ag_context *context;
} bench;

static void set_up(bench *t, ag_method method)
{
    random_state r = { 5 };
    memset(t, 0, sizeof *t);
    for (int i = 0; i < H * N * D; i++) t->q[i] = (float)random_between(&r, -1, 1);
    for (int i = 0; i < H * N * D; i++) t->k[i] = (float)random_between(&r, -1, 1);
    for (int i = 0; i < H * N * N; i++) t->v[i] = (float)random_between(&r, -1, 1);
    ag_problem_init(&t->p, 1, H, N, N, D);
    ag_row_init(&t->row, method);
    ag_row_args_init(&t->values);
    t->row.grid[0] = 1;
    t->row.grid[1] = 6;
    t->row.grid[2] = 8;
    t->p.rows = &t->row;
    t->p.row_count = 1;
    t->context = kernels_context(0);
}

static void run(bench *t)
{
    ag_args a;
    char why[AG_MESSAGE_SIZE] = "";
    ag_args_init(&a, t->q, t->k, t->v, t->out);
    a.rows = &t->values;
    a.row_count = 1;
    if (t->p.want_lse) a.lse = t->lse;
    if (t->p.operation == AG_ENERGY) a.curvature = t->curvature;
    ck_assert_msg(!ag_attention_guided(t->context, &t->p, &a, why, sizeof why), "%s", why);
}

static int takes(const bench *t)
{
    ag_plan *plan = NULL;
    const int taken = !ag_plan_create(t->context, &t->p, &plan, NULL, 0);
    ag_plan_free(plan);
    return taken;
}

/* v becomes the identity: the output is the attention map, [H, N, N]. */
static void show_map(bench *t)
{
    memset(t->v, 0, sizeof t->v);
    for (int i = 0; i < H * N; i++) t->v[i * N + i % N] = 1;
    t->p.d_v = N;
    t->p.v = t->p.out = ag_layout_bhnd(AG_F32, H, N, N);
}

/* Row i is uniform exactly when q_i is orthogonal to every k_j - mean(k): here when its first half is zero. */
START_TEST(uniform_rows_are_orthogonal_ones)
{
    bench t;
    set_up(&t, AG_STANDARD);
    show_map(&t);
    for (int i = 0; i < H * N; i++)
        for (int c = 0; c < D; c++) {
            if (c >= D / 2) t.k[i * D + c] = 0.5f; /* all keys differ in the first half only */
            else if (i % 2) t.q[i * D + c] = 0;
        }
    run(&t);
    for (int i = 0; i < H * N; i++) {
        double most = 0;
        for (int j = 0; j < N; j++) most = fmax(most, fabs(t.out[i * N + j] * N - 1));
        ck_assert_msg(i % 2 ? most <= 1e-5 : most >= 1e-3, "row %d is %g from uniform", i, most);
    }
    ag_context_free(t.context);
}
END_TEST

START_TEST(infinite_sigma_gives_equal_rows)
{
    bench t;
    set_up(&t, AG_SMOOTHED);
    show_map(&t);
    t.row.sigma = INFINITY;
    run(&t);
    for (int i = 1; i < N; i++) ck_assert(!memcmp(t.out, t.out + i * N, N * sizeof *t.out));
    ag_context_free(t.context);
}
END_TEST

/* tau 0 takes the queries away: every row is the mean of v. Between, the entropy of every row rises as tau falls. */
START_TEST(softened_rows_flatten)
{
    bench t;
    double before = 0;
    set_up(&t, AG_SOFTENED);
    show_map(&t);
    for (int step = 0; step < 3; step++) {
        double entropy = 0;
        t.row.inverse_temperature = 1 - 0.5 * step;
        run(&t);
        for (int i = 0; i < H * N * N; i++) entropy -= t.out[i] * log(t.out[i]);
        ck_assert(entropy > before);
        before = entropy;
    }
    for (int i = 0; i < H * N * N; i++) ck_assert(fabs(t.out[i] * N - 1) <= 1e-6);
    ag_context_free(t.context);
}
END_TEST

/* The share of hidden pairs is p within five standard deviations, none is on the diagonal, both heads agree. */
START_TEST(masked_hides_its_share)
{
    static const double shares[] = { 0.05, 0.5, 0.97 };
    bench t;
    int hidden = 0;
    set_up(&t, AG_MASKED);
    show_map(&t);
    t.row.probability = shares[_i];
    run(&t);
    for (int i = 0; i < N * N; i++) {
        ck_assert_int_eq(t.out[i] == 0, t.out[N * N + i] == 0);
        ck_assert(i % (N + 1) || t.out[i] > 0);
        hidden += t.out[i] == 0;
    }
    const double pairs = N * (N - 1), want = shares[_i] * pairs;
    ck_assert_msg(fabs(hidden - want) <= 5 * sqrt(want * (1 - shares[_i])), "%d hidden for %g", hidden, want);
    ag_context_free(t.context);
}
END_TEST

/* p 1 leaves the diagonal, as identity does: a sum of one weight. */
START_TEST(masked_by_all_is_identity)
{
    bench t;
    set_up(&t, AG_MASKED);
    t.row.probability = 1;
    t.row.image_offset = _i * 4;
    t.row.image_length = N - _i * 7;
    memset(t.row.grid, 0, sizeof t.row.grid);
    run(&t);
    float *masked = malloc(sizeof t.out);
    ck_assert_ptr_nonnull(masked);
    memcpy(masked, t.out, sizeof t.out);
    t.row.method = AG_IDENTITY;
    t.row.probability = AG_NOT_SET;
    run(&t);
    for (int i = 0; i < H * N * D; i++) ck_assert(fabs(masked[i] - t.out[i]) <= 1e-6);
    free(masked);
    ag_context_free(t.context);
}
END_TEST

/* With equal logits log A differs by a z from row to row: mean 0, variance a^2, and it grows with a. */
START_TEST(noise_is_normal)
{
    bench t;
    set_up(&t, AG_NOISY);
    show_map(&t);
    memset(t.q, 0, sizeof t.q);
    t.row.amplitude = 0.5 + _i;
    run(&t);
    double sum = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        double mean = 0;
        for (int j = 0; j < N; j++) mean += log(t.out[i * N + j]) / N;
        for (int j = 0; j < N; j++) {
            const double z = (log(t.out[i * N + j]) - mean) / t.row.amplitude;
            ck_assert(fabs(z) <= 2 * 6.67);
            sum += z * z * z;
            squares += z * z;
        }
    }
    const double degrees = N * (N - 1), variance = squares / degrees;
    ck_assert_msg(fabs(variance - 1) <= 5 * sqrt(2 / degrees), "variance %g", variance);
    ck_assert_msg(fabs(sum / degrees) <= 5 * sqrt(15 / degrees), "third moment %g", sum / degrees);
    ag_context_free(t.context);
}
END_TEST

/* With equal logits log A tells z, to what exp2 and the map round. This seed's z at (1, 2) is -0.000219. */
START_TEST(noise_equals_its_definition)
{
    bench t;
    set_up(&t, AG_NOISY);
    show_map(&t);
    memset(t.q, 0, sizeof t.q);
    t.row.amplitude = 2;
    t.values.seed = 8108975;
    ck_assert(fabs(draw_normal(t.values.seed, 0, 1, 2) + 0.000218994247) <= 1e-12);
    for (int k = 0; k < kernels_count(); k++) {
        const ag_kernel_info info = kernels_info(k);
        if (info.unavailable || strcmp(info.backend, "cpu") || strcmp(info.step, "attend")) continue;
        t.p.kernel = info.name;
        if (!takes(&t)) continue;
        run(&t);
        for (int i = 0; i < N; i++)
            for (int j = 1; j < N; j++) {
                const double want = draw_normal(t.values.seed, 0, i, j) - draw_normal(t.values.seed, 0, i, 0);
                const double got = log((double)t.out[i * N + j] / t.out[i * N]) / t.row.amplitude;
                ck_assert_msg(fabs(got - want) <= 5e-6, "%s: (%d, %d) is %.9g for %.9g", info.name, i, j, got, want);
            }
    }
    ag_context_free(t.context);
}
END_TEST

static double mean_of(const float *x, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += x[i];
    return sum / (double)count;
}

/* lse is convex and an infinite blur doubly stochastic. */
START_TEST(infinite_sigma_lowers_mean_lse)
{
    bench t;
    set_up(&t, AG_STANDARD);
    t.p.want_lse = 1;
    t.p.scale = 2;
    run(&t);
    const double before = mean_of(t.lse, H * N);
    t.row.method = AG_SMOOTHED;
    t.row.sigma = INFINITY;
    run(&t);
    ck_assert_msg(mean_of(t.lse, H * N) <= before, "%g grew to %g", before, mean_of(t.lse, H * N));
    ag_context_free(t.context);
}
END_TEST

START_TEST(infinite_blur_keeps_the_mean)
{
    bench t;
    set_up(&t, AG_SMOOTHED);
    t.p.operation = AG_BLUR;
    t.row.sigma = 9999.5;
    run(&t);
    for (int c = 0; c < D; c++) {
        double before = 0, after = 0;
        for (int i = 0; i < N; i++) {
            before += t.q[i * D + c];
            after += t.out[i * D + c];
        }
        ck_assert_msg(fabs(before - after) <= 1e-5, "channel %d: %g became %g", c, before, after);
    }
    ag_context_free(t.context);
}
END_TEST

START_TEST(energy_is_minus_lse)
{
    bench t;
    set_up(&t, AG_STANDARD);
    t.p.want_lse = 1;
    run(&t);
    t.p.want_lse = 0;
    t.p.operation = AG_ENERGY;
    run(&t);
    for (int i = 0; i < H * N; i++) {
        ck_assert(fabs(t.out[i] + t.lse[i]) <= 2e-6 * fmax(1, fabs(t.lse[i])));
        ck_assert(t.curvature[i] > 0 && t.curvature[i] <= 0.5);
    }
    ag_context_free(t.context);
}
END_TEST

/* 1/M for a uniform row, near 1/2 for two equal keys above the rest, 0 where one key has all the weight. */
START_TEST(curvature_has_its_known_values)
{
    bench t;
    set_up(&t, AG_STANDARD);
    t.p.operation = AG_ENERGY;
    memset(t.q, 0, D * sizeof *t.q);
    memset(t.k, 0, sizeof t.k);
    t.k[0] = t.k[D] = 1;
    t.k[2 * D + 1] = 1;
    t.q[D] = t.q[2 * D + 1] = 1000;
    t.q[D + 1] = t.q[2 * D] = 0;
    for (int k = 0; k < kernels_count(); k++) {
        const ag_kernel_info info = kernels_info(k);
        if (info.unavailable || strcmp(info.backend, "cpu") || strcmp(info.step, "energy")) continue;
        t.p.kernel = info.name;
        run(&t);
        ck_assert(fabs(t.curvature[0] - 1.0 / N) <= 1e-7);
        ck_assert(fabs(t.curvature[1] - 0.5) <= 1e-6);
        ck_assert(fabs(t.curvature[2]) <= 1e-6);
    }
    ag_context_free(t.context);
}
END_TEST

/* Every query gives away 1, so the keys receive N in all. */
START_TEST(received_sums_to_the_queries)
{
    bench t;
    set_up(&t, AG_STANDARD);
    t.p.operation = AG_RECEIVED;
    run(&t);
    ck_assert(fabs(mean_of(t.out, N) - 1) <= 1e-6);
    ag_context_free(t.context);
}
END_TEST

/* The image is everything: every row is the mean of v; identity copies v bit for bit. */
START_TEST(floors_without_context)
{
    bench t;
    set_up(&t, AG_UNIFORM);
    run(&t);
    for (int i = 1; i < N; i++) ck_assert(!memcmp(t.out, t.out + i * D, D * sizeof *t.out));
    for (int c = 0; c < D; c++) {
        double sum = 0;
        for (int i = 0; i < N; i++) sum += t.v[i * D + c];
        ck_assert(fabs(t.out[c] - sum / N) <= 1e-6);
    }
    t.row.method = AG_IDENTITY;
    run(&t);
    ck_assert(!memcmp(t.out, t.v, (size_t)(H * N * D) * sizeof *t.v));
    ag_context_free(t.context);
}
END_TEST

Suite *suite_properties(void)
{
    Suite *s = suite_create("properties");
    TCase *c = tcase_create("properties");
    tcase_set_timeout(c, 600);
    add_test(c, uniform_rows_are_orthogonal_ones);
    add_test(c, infinite_sigma_gives_equal_rows);
    add_test(c, infinite_sigma_lowers_mean_lse);
    add_test(c, softened_rows_flatten);
    add_loop(c, masked_hides_its_share, 0, 3);
    add_loop(c, masked_by_all_is_identity, 0, 2);
    add_loop(c, noise_is_normal, 0, 2);
    add_test(c, noise_equals_its_definition);
    add_test(c, infinite_blur_keeps_the_mean);
    add_test(c, energy_is_minus_lse);
    add_test(c, curvature_has_its_known_values);
    add_test(c, received_sums_to_the_queries);
    add_test(c, floors_without_context);
    suite_add_tcase(s, c);
    return s;
}
