/* test_kernels.c - every kernel of the library's tables, forced, on hostile shapes. No kernel is named in this file. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/kernels.h"
#include "../harness/methods.h"
#include "suites.h"

enum { CAUSAL = 1, MASK = 2, LENGTHS = 4, BIAS = 8, LSE = 16 };
enum { RANDOM_TESTS = 20, RANDOM_PROBLEMS = 20 };

typedef struct shape {
    int64_t batch, heads, kv_heads, n_q, n_k, d, d_v;
    placing how;
    filling fill;
    unsigned with;
} shape;

static const shape shapes[] = {
    /* B  H kv    N     M    d  d_v */
    { 1, 1, 1, 1, 1, 1, 1, PLACE_HEADS, FILL_PLAIN, LSE },
    { 1, 1, 1, 1, 1, 64, 64, PLACE_HEADS, FILL_PLAIN, LSE },
    { 2, 2, 1, 7, 1, 40, 40, PLACE_TOKENS, FILL_PLAIN, LSE },
    { 2, 3, 3, 1, 97, 64, 64, PLACE_TOKENS, FILL_PLAIN, LSE | MASK },
    { 1, 2, 2, 3, 2, 1, 1, PLACE_PADDED, FILL_PLAIN, LSE },
    { 1, 2, 2, 13, 29, 3, 3, PLACE_FUSED, FILL_PLAIN, LSE },
    { 2, 2, 2, 31, 67, 3, 64, PLACE_PADDED, FILL_PLAIN, MASK },
    { 2, 4, 2, 61, 127, 40, 40, PLACE_TOKENS, FILL_PLAIN, LSE },
    { 1, 2, 1, 127, 131, 64, 64, PLACE_FUSED, FILL_PLAIN, LSE | MASK },
    { 1, 2, 2, 48, 128, 64, 64, PLACE_HEADS, FILL_PLAIN, LSE },
    { 1, 2, 2, 49, 129, 64, 80, PLACE_PADDED, FILL_PLAIN, LSE | BIAS },
    { 1, 1, 1, 257, 255, 64, 64, PLACE_TOKENS, FILL_PLAIN, LSE | CAUSAL },
    { 1, 3, 1, 101, 103, 80, 80, PLACE_HEADS, FILL_PLAIN, LSE },
    { 2, 2, 2, 65, 33, 80, 40, PLACE_PADDED, FILL_PLAIN, CAUSAL },
    { 1, 2, 2, 90, 77, 128, 128, PLACE_TOKENS, FILL_PLAIN, LSE | LENGTHS },
    { 1, 2, 1, 63, 65, 128, 1, PLACE_FUSED, FILL_PLAIN, LSE },
    { 1, 2, 2, 37, 41, 160, 160, PLACE_HEADS, FILL_PLAIN, LSE },
    { 1, 1, 1, 71, 73, 160, 64, PLACE_BROADCAST, FILL_PLAIN, MASK },
    { 1, 2, 2, 53, 59, 256, 256, PLACE_TOKENS, FILL_PLAIN, LSE },
    { 1, 1, 1, 19, 23, 64, 256, PLACE_PADDED, FILL_PLAIN, BIAS },
    { 3, 6, 2, 17, 19, 64, 64, PLACE_BROADCAST, FILL_PLAIN, LSE },
    { 2, 2, 2, 40, 200, 64, 64, PLACE_HEADS, FILL_PLAIN, LSE | MASK | LENGTHS | CAUSAL | BIAS },
    { 2, 2, 2, 200, 40, 40, 40, PLACE_TOKENS, FILL_PLAIN, LSE | MASK | CAUSAL },
    { 1, 2, 2, 50, 60, 64, 64, PLACE_HEADS, FILL_LARGE, LSE },
    { 1, 2, 2, 50, 300, 40, 40, PLACE_TOKENS, FILL_LARGE, LSE | MASK },
    { 1, 2, 2, 50, 150, 64, 64, PLACE_HEADS, FILL_NEGATIVE, LSE | MASK },
    { 1, 2, 2, 33, 70, 160, 160, PLACE_PADDED, FILL_NEGATIVE, LSE | CAUSAL },
    { 1, 2, 2, 50, 60, 64, 64, PLACE_HEADS, FILL_DENORMAL, LSE },
    { 1, 2, 2, 33, 65, 3, 3, PLACE_FUSED, FILL_DENORMAL, LSE },
    { 1, 2, 2, 50, 600, 64, 64, PLACE_HEADS, FILL_RISING, LSE },
    { 1, 2, 1, 100, 333, 80, 80, PLACE_TOKENS, FILL_RISING, LSE | CAUSAL },
    { 1, 32, 4, 385, 67, 16, 16, PLACE_TOKENS, FILL_PLAIN, LSE },
    { 1, 40, 40, 400, 33, 8, 16, PLACE_HEADS, FILL_PLAIN, LSE | CAUSAL | MASK },
    { 1, 1, 1, 1024, 1024, 64, 64, PLACE_HEADS, FILL_PLAIN, LSE },
    { 1, 1, 1, 1031, 77, 40, 40, PLACE_TOKENS, FILL_PLAIN, 0 },
    { 1, 2, 1, 67, 2053, 64, 64, PLACE_FUSED, FILL_PLAIN, LSE | MASK },
    { 1, 1, 1, 1009, 1013, 80, 80, PLACE_PADDED, FILL_PLAIN, CAUSAL },
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static const ag_dtype mixes[][3] = {
    { AG_F32, AG_F32, AG_F32 },  { AG_F16, AG_F16, AG_F16 },   { AG_BF16, AG_BF16, AG_BF16 },
    { AG_F32, AG_F16, AG_F32 },  { AG_F32, AG_BF16, AG_F32 },  { AG_BF16, AG_F32, AG_F16 },
    { AG_F16, AG_BF16, AG_F32 }, { AG_BF16, AG_F16, AG_BF16 },
};
enum { MIXES = sizeof mixes / sizeof *mixes };

static void set_shape(problem *x, const shape *s, const ag_dtype mix[3])
{
    problem_init(x, s->batch, s->heads, s->n_q, s->n_k, s->d);
    x->p.kv_heads = s->kv_heads;
    x->p.d_v = s->d_v;
    x->fill = s->fill;
    x->p.causal = s->with & CAUSAL;
    x->p.want_lse = s->with & LSE;
    x->p.has_key_lengths = s->with & LENGTHS;
    if (s->with & MASK) problem_mask(x);
    if (s->with & BIAS) problem_bias(x, AG_F16);
    problem_place(x, s->how, mix[0], mix[1], mix[2]);
}

/* Every mix of types on small shapes; the first three on large ones, which take the oracle long. */
START_TEST(shapes_are_right)
{
    const shape *s = &shapes[_i];
    const int types = s->n_q * s->n_k > 100000 ? 3 : MIXES;
    ag_context *context = kernels_context(0);
    for (int i = 0; i < a_share(types); i++) {
        problem x;
        set_shape(&x, s, mixes[i]);
        ck_assert(!problem_build(&x, (uint64_t)(_i * MIXES + i)));
        kernels_try(&x, context, "attend");
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

/* As many keys as text has, and far more: logits that are kept while tau is searched, and those that are made again. */
static const int64_t text_keys[] = { 1, 77, 129, 333, 1025, 4096, 4099 };

static void set_text(problem *x, int64_t keys, int turn)
{
    problem_init(x, 2, 2, 53, keys, 17);
    x->p.kv_heads = 1;
    x->p.causal = turn % 3 == 2;
    x->fill = turn % 4 == 1 ? FILL_SMALL : FILL_PLAIN;
    for (int64_t b = 0; b < 2; b++) {
        ag_row *row = problem_perturb(x, b, methods_number(AG_SPARSE, AG_GATHER));
        row_set(row, &x->run[b], "power", b ? 2 : 1.5);
        row_set(row, &x->run[b], "lambda", b ? 0.75 : 2);
        row->image_offset = b * 5;
    }
    if (turn % 2) problem_mask(x);
    if (turn % 4 > 1) problem_bias(x, AG_F16);
    problem_place(x, PLACE_TOKENS, mixes[turn][0], mixes[turn][1], mixes[turn][2]);
}

START_TEST(sparse_rows_are_right)
{
    ag_context *context = kernels_context(0);
    for (int i = 0; i < a_share(MIXES); i++) {
        problem x;
        set_text(&x, text_keys[_i], i);
        ck_assert(!problem_build(&x, (uint64_t)(_i * MIXES + i)));
        kernels_try(&x, context, "attend");
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

/* One batch as an engine runs it: every method at once, GQA, text on both sides, head sets, shared rows, strengths. */
static void set_guided(problem *x, int64_t width, int64_t d_v, const ag_dtype mix[3], placing how)
{
    problem_init(x, methods_count(), 4, 75, 75, width);
    x->p.kv_heads = 2;
    x->p.d_v = d_v;
    x->p.q_batch = 3;
    x->p.kv_batch = 2;
    for (int64_t b = 0; b < x->p.batch; b++) {
        ag_row *row = problem_perturb(x, b, (int)b);
        row->q_row = b % 3;
        row->kv_row = b % 2;
        row_set(row, &x->run[b], "draws", 2);
        row_set(row, &x->run[b], "sigma", b % 2 ? 2 : INFINITY);
        row->image_offset = 4;
        row->image_length = 64;
        row->grid[0] = 2;
        row->grid[1] = 4;
        row->grid[2] = 8;
        row->blend = b % 2 && methods_info((int)b).takes & AG_TAKES_BLEND;
        x->run[b].strength = row->blend ? 0.25 * (double)(b % 4) : 1;
        x->run[b].seed = 7;
        memcpy(x->heads[b], (uint8_t[4]){ 1, 0, (uint8_t)(b & 1), 1 }, 4);
        if (b % 4 < 2) row->heads = x->heads[b];
    }
    problem_mask(x);
    problem_place(x, how, mix[0], mix[1], mix[2]);
}

START_TEST(guided_batches_are_right)
{
    static const int64_t widths[] = { 1, 3, 40, 64, 80, 128, 160, 256 };
    ag_context *context = kernels_context(0);
    for (int i = 0; i < a_share(MIXES); i++) {
        problem x;
        set_guided(&x, widths[_i], i % 2 ? widths[_i] : widths[(_i + i) % 8], mixes[i], (placing)((_i + i) % 5));
        ck_assert(!problem_build(&x, (uint64_t)_i));
        kernels_try(&x, context, NULL);
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

/* Pictures of a thousand tokens beside text: the panels, blocks and waves that small problems never fill. */
static void set_picture(problem *x, int perturbation, int64_t heads, int64_t side, int64_t d)
{
    const int64_t n = side * side;
    problem_init(x, 2, heads, n + 13, n + 13, d);
    x->p.kv_heads = heads / 2;
    for (int64_t b = 0; b < 2; b++) {
        ag_row *row = problem_perturb(x, b, perturbation);
        row->image_offset = b ? 9 : 13;
        row->image_length = n;
        row->grid[0] = 1;
        row->grid[1] = row->grid[2] = side;
        row_set(row, &x->run[b], "sigma", b ? 4 : INFINITY);
        row_set(row, &x->run[b], "keep_parallel", perturbation % 2);
    }
    problem_place(x, PLACE_TOKENS, AG_F32, AG_F32, AG_F32);
}

START_TEST(large_pictures_are_right)
{
    ag_context *context = kernels_context(0);
    problem x;
    set_picture(&x, _i, 2, 32, 40);
    x.p.wave_bytes = 100000;
    ck_assert(!problem_build(&x, (uint64_t)_i));
    kernels_try(&x, context, "attend");
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* So many heads that tasks are as large as they get, one row blended. */
START_TEST(many_heads_are_right)
{
    ag_context *context = kernels_context(0);
    problem x;
    set_picture(&x, _i, 16, 27, 8);
    x.rows[1].blend = 1;
    x.run[1].strength = 0.3;
    ck_assert(!problem_build(&x, (uint64_t)_i));
    kernels_try(&x, context, "attend");
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* Received, energy and map on every small shape, with whatever masks it has. */
START_TEST(studies_are_right)
{
    ag_context *context = kernels_context(0);
    for (int i = 0; i < SHAPES * MIXES; i++) {
        problem x;
        set_shape(&x, &shapes[i / MIXES], mixes[i % MIXES]);
        if (x.p.n_q * x.p.n_k > 100000 || i % MIXES >= a_share(MIXES)) continue;
        x.p.operation = (ag_operation)_i;
        x.p.want_lse = 0;
        ck_assert(!problem_build(&x, (uint64_t)i));
        kernels_try(&x, context, NULL);
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

/* Rows of several blocks and panels; and so long ones that their weights are not kept. */
static const shape long_studies[] = {
    { 1, 2, 1, 300, 1031, 40, 40, PLACE_TOKENS, FILL_PLAIN, CAUSAL },
    { 1, 1, 1, 1031, 300, 16, 16, PLACE_HEADS, FILL_PLAIN, CAUSAL },
    { 2, 40, 40, 97, 131, 8, 8, PLACE_HEADS, FILL_PLAIN, LENGTHS },
    { 1, 1, 1, 300, 1200, 16, 16, PLACE_HEADS, FILL_RISING, MASK | BIAS },
    { 1, 1, 1, 3, 50021, 3, 3, PLACE_HEADS, FILL_RISING, 0 },
    { 1, 1, 1, 2, 50021, 3, 3, PLACE_HEADS, FILL_PLAIN, MASK },
};
enum { LONG_STUDIES = sizeof long_studies / sizeof *long_studies };

START_TEST(long_studies_are_right)
{
    ag_context *context = kernels_context(0);
    for (ag_operation operation = AG_RECEIVED; operation <= AG_ENERGY; operation++) {
        problem x;
        set_shape(&x, &long_studies[_i], mixes[_i % 3]);
        x.p.operation = operation;
        x.p.want_lse = 0;
        x.p.wave_bytes = 1; /* one row of the batch after the other */
        ck_assert(!problem_build(&x, (uint64_t)_i));
        kernels_try(&x, context, NULL);
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

START_TEST(blurs_are_right)
{
    static const int64_t grids[][3] = { { 1, 1, 1 },   { 1, 1, 2 },  { 1, 2, 1 },   { 1, 7, 7 },   { 1, 6, 10 },
                                        { 3, 6, 8 },   { 1, 1, 16 }, { 5, 1, 1 },   { 1, 1, 129 }, { 1, 64, 3 },
                                        { 2, 13, 31 }, { 4, 2, 2 },  { 1, 1, 401 }, { 1, 1013, 1 } };
    static const double sigmas[] = { 0, 1e-200, 0.1, 0.5, 2, 10, 9998, 9999, 9999.5, INFINITY };
    static const int64_t widths[] = { 1, 3, 40, 64, 160 };
    const int64_t *grid = grids[_i], n = grid[0] * grid[1] * grid[2];
    ag_context *context = kernels_context(0);
    for (int i = 0; i < 50; i++) {
        problem x;
        problem_init(&x, 1, 2, n + 5, n + 5, widths[i / 10]);
        x.p.operation = AG_BLUR;
        ag_row *row = problem_row(&x, 0, AG_SMOOTHED);
        memcpy(row->grid, grid, sizeof row->grid);
        row->image_offset = 2;
        row->image_length = n;
        row->sigma = sigmas[i % 10];
        row->sigma_t = i % 3 ? sigmas[(i + _i) % 10] : 0;
        problem_place(&x, (placing)(i % 5), mixes[i % MIXES][0], AG_F32, mixes[i % MIXES][2]);
        if (i % 2) problem_place(&x, (placing)(i % 5), AG_F32, AG_F32, AG_F32);
        ck_assert(!problem_build(&x, (uint64_t)i));
        kernels_try(&x, context, "blur");
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

START_TEST(random_problems_are_right)
{
    ag_context *context = kernels_context(0);
    for (int i = 0; i < a_share(RANDOM_PROBLEMS); i++) {
        problem x;
        problem_random(&x, (uint64_t)(_i * RANDOM_PROBLEMS + i));
        ck_assert(!problem_build(&x, (uint64_t)i));
        kernels_try(&x, context, NULL);
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

/* ---- The tables --------------------------------------------------------------------------------------------- */

/* By now every usable kernel has given a right answer somewhere. */
START_TEST(every_kernel_was_reached)
{
    for (int i = 0; i < kernels_count(); i++) {
        const ag_kernel_info info = kernels_info(i);
        if (strcmp(info.backend, kernels_backend())) continue;
        ck_assert_msg(info.unavailable || kernels_reached[i], "no test shape reaches %s", info.name);
    }
}
END_TEST

static int is_floor(int number)
{
    const ag_kernel_info info = kernels_info(number);
    if (strcmp(info.backend, kernels_backend())) return 0;
    for (int later = number + 1; later < kernels_count(); later++) {
        const ag_kernel_info other = kernels_info(later);
        if (!strcmp(other.backend, info.backend) && !strcmp(other.step, info.step)) return 0;
    }
    return 1;
}

/* The last kernel of each step needs nothing of the machine and takes any problem. */
START_TEST(floor_refuses_nothing)
{
    if (!kernels_complete()) return; /* a plan wants all of its steps */
    ag_context *context = kernels_context(0);
    for (int i = 0; i < kernels_count(); i++) {
        const ag_kernel_info info = kernels_info(i);
        if (!is_floor(i)) continue;
        ck_assert_msg(!info.unavailable, "%s is the last of its step: %s", info.name, info.unavailable);
        for (uint64_t seed = 0; seed < 400; seed++) {
            problem x;
            char why[AG_MESSAGE_SIZE] = "";
            ag_plan *plan = NULL;
            problem_random(&x, seed);
            x.p.kernel = info.name;
            ck_assert_msg(!ag_plan_create(context, &x.p, &plan, why, sizeof why), "%s: %s", info.name, why);
            ag_plan_free(plan);
        }
    }
    ag_context_free(context);
}
END_TEST

/* A case of its own for what can be asked for by itself, with CK_RUN_CASE. */
static TCase *add_case(Suite *s, const char *name)
{
    TCase *c = tcase_create(name);
    tcase_set_timeout(c, 600);
    suite_add_tcase(s, c);
    return c;
}

Suite *suite_kernels(void)
{
    Suite *s = suite_create("kernels");
    TCase *c = add_case(s, "shapes");
    add_loop(c, shapes_are_right, 0, SHAPES);
    add_loop(c, large_pictures_are_right, 1, methods_count());
    add_loop(c, many_heads_are_right, 1, methods_count());
    add_loop(add_case(s, "sparse"), sparse_rows_are_right, 0, (int)(sizeof text_keys / sizeof *text_keys));
    add_loop(add_case(s, "guided"), guided_batches_are_right, 0, 8);
    add_loop(add_case(s, "studies"), studies_are_right, AG_RECEIVED, AG_MAP + 1);
    add_loop(add_case(s, "long"), long_studies_are_right, 0, LONG_STUDIES);
    add_loop(add_case(s, "blurs"), blurs_are_right, 0, 14);
    add_loop(add_case(s, "problems"), random_problems_are_right, 0, RANDOM_TESTS);
    add_test(add_case(s, "tables"), floor_refuses_nothing);
    return s;
}

Suite *suite_reached(void)
{
    Suite *s = suite_create("reached");
    add_test(add_case(s, "reached"), every_kernel_was_reached);
    return s;
}
