/* test_steps.c - the step kernels of the CUDA backend where the shared suites do not reach: grids wider than a block,
 * rows of keys longer than shared memory, indices that are the CPU's bit for bit, what may not be in place. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/kernels.h"
#include "../suites/suites.h"
#include "emulated.h"

static void set_grid(ag_row *row, int64_t frames, int64_t height, int64_t width)
{
    row->grid[0] = frames;
    row->grid[1] = height;
    row->grid[2] = width;
    row->image_length = frames * height * width;
}

/* ---- blur ---- */

typedef struct picture {
    int64_t frames, height, width, d;
    double sigma, sigma_t;
} picture;

static const picture pictures[] = {
    { 1, 70, 9, 3, 30, 0 },          /* height in two parts, eight bands side by side */
    { 1, 131, 67, 1, 9, 0 },         /* several blocks each way, each in two parts */
    { 2, 17, 33, 20, 1, INFINITY },  /* time a mean, the rest not; a second slab of channels, not full */
    { 3, 5, 130, 8, INFINITY, 1 },   /* the other way round: means that meet in blocks of 64 columns */
    { 3, 20, 12, 24, INFINITY, 0 },  /* a mean for each frame */
    { 3, 20, 12, 24, INFINITY, 9e9 } /* one for all */
};
enum { PICTURES = sizeof pictures / sizeof *pictures };

static void set_blur(problem *x, const picture *p)
{
    const int64_t n = p->frames * p->height * p->width;
    problem_init(x, 1, 2, n + 3, n + 3, p->d);
    x->p.operation = AG_BLUR;
    ag_row *row = problem_row(x, 0, AG_SMOOTHED);
    set_grid(row, p->frames, p->height, p->width);
    row->image_offset = 2;
    row->sigma = p->sigma;
    row->sigma_t = p->sigma_t;
}

START_TEST(wide_blurs_are_right)
{
    static const ag_dtype types[] = { AG_F32, AG_F16, AG_BF16 };
    ag_context *context = kernels_context(1);
    problem x;
    set_blur(&x, &pictures[_i]);
    problem_place(&x, _i % 2 ? PLACE_TOKENS : PLACE_PADDED, types[_i % 3], AG_F32, types[(_i + 1) % 3]);
    ck_assert(!problem_build(&x, (uint64_t)_i));
    kernels_try(&x, context, "blur");
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* Other blocks read the rows that one writes. */
START_TEST(blur_in_place_is_refused)
{
    ag_context *context = kernels_context(1);
    problem x;
    set_blur(&x, &pictures[0]);
    ck_assert(!problem_build(&x, 1));
    char why[AG_MESSAGE_SIZE] = "";
    x.a.out = (void *)(uintptr_t)x.a.q;
    ck_assert_int_eq(problem_execute(&x, context, NULL, why, sizeof why), AG_ERR_ALIAS);
    ck_assert_msg(strstr(why, "blur_simt") != NULL, "%s", why);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* An infinite blur has read its rows before it writes: queries may lie where the result goes. */
START_TEST(infinite_blurs_run_in_place)
{
    ag_context *context = kernels_context(1);
    const picture infinite = { 3, 20, 12, 24, INFINITY, _i ? 9e9 : 0 };
    problem x;
    char why[AG_MESSAGE_SIZE] = "";
    set_blur(&x, &infinite);
    ck_assert(!problem_build(&x, 1));
    memcpy(x.out.data, x.q.data, x.q.size);
    x.a.q = x.out.data;
    ck_assert_msg(!problem_execute(&x, context, NULL, why, sizeof why), "%s", why);
    const verdict v = problem_judge(&x);
    ck_assert_msg(v.outcome == OUTCOME_RIGHT, "%s", v.text);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* ---- mean: more tokens than a block holds at once, masked ones and NaN among them ---- */

START_TEST(masked_means_are_right)
{
    ag_context *context = kernels_context(1);
    problem x;
    problem_init(&x, 2, 4, 1100, 1100, 24);
    x.p.kv_heads = 2;
    for (int64_t b = 0; b < 2; b++) problem_row(&x, b, AG_UNIFORM);
    problem_mask(&x);
    problem_place(&x, PLACE_TOKENS, AG_F32, _i ? AG_BF16 : AG_F32, AG_F32);
    ck_assert(!problem_build(&x, (uint64_t)_i));
    kernels_try(&x, context, "mean");
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* ---- studies: keys that shared memory does not hold, and masks between them ---- */

START_TEST(long_studies_are_right)
{
    ag_context *context = kernels_context(1);
    problem x;
    problem_init(&x, 1, 2, 3, 6400, 3);
    x.p.operation = (ag_operation)_i;
    x.fill = FILL_RISING; /* the last keys weigh most, if they are seen */
    if (_i != AG_ENERGY) problem_mask(&x);
    problem_place(&x, PLACE_TOKENS, AG_F32, AG_F16, AG_F32);
    ck_assert(!problem_build(&x, 3));
    kernels_try(&x, context, NULL);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* ---- scrambled ---- */

static void set_gather(problem *x, int64_t draws)
{
    problem_init(x, 2, 4, 330, 330, 40);
    x->p.kv_heads = 2;
    for (int64_t b = 0; b < 2; b++) {
        ag_row *row = problem_row(x, b, AG_SCRAMBLED);
        row->kind = AG_GATHER;
        row->draws = draws;
        x->run[b].gain = 1 / sqrt((double)draws); /* no spread: the values themselves come out */
        x->run[b].seed = 0x123456789abcdefu + (uint64_t)b;
    }
    problem_place(x, PLACE_TOKENS, AG_F16, AG_F16, AG_F16);
}

START_TEST(draws_are_the_cpus)
{
    ag_context *context = kernels_context(1);
    problem x;
    set_gather(&x, _i);
    ck_assert(!problem_build(&x, 7));
    unsigned char *device = problem_bytes(&x, context, NULL, NULL, 0);
    x.p.place = AG_HOST;
    unsigned char *host = problem_bytes(&x, context, NULL, NULL, 0);
    ck_assert(device && host);
    ck_assert(!memcmp(device, host, x.out.pages_size));
    free(device);
    free(host);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* Nobody could check the caller's indices on the host: what depends on a wrong one is NaN, the rest is right. */
START_TEST(wrong_indices_make_nan)
{
    ag_context *context = kernels_context(1);
    problem x;
    char why[AG_MESSAGE_SIZE] = "";
    set_gather(&x, 1);
    x.rows[0].indexed = x.rows[1].indexed = 1;
    ck_assert(!problem_build(&x, 7));
    buffer mine = { 0 };
    ck_assert(!buffer_open(&mine, 330 * sizeof(int32_t), sizeof(int32_t)));
    int32_t *index = (int32_t *)(void *)mine.data;
    memcpy(index, x.run[0].index, mine.size);
    index[5] = 330;
    index[6] = -1;
    x.run[0].index = index;
    ck_assert_msg(!problem_execute(&x, context, NULL, why, sizeof why), "%s", why);
    const uint16_t *out = (const uint16_t *)(const void *)x.out.data;
    for (int64_t i = 0; i < 330; i++)
        ck_assert_int_eq((out[i * x.p.out.stride[2]] & 0x7fff) > 0x7c00, i == 5 || i == 6);
    buffer_close(&mine);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

Suite *suite_steps(void)
{
    Suite *s = suite_create("steps");
    TCase *c = tcase_create("steps");
    tcase_set_timeout(c, 600);
    add_loop(c, wide_blurs_are_right, 0, PICTURES);
    add_test(c, blur_in_place_is_refused);
    add_loop(c, infinite_blurs_run_in_place, 0, 2);
    add_loop(c, masked_means_are_right, 0, 2);
    add_loop(c, long_studies_are_right, AG_RECEIVED, AG_MAP + 1);
    add_loop(c, draws_are_the_cpus, 1, 4);
    add_test(c, wrong_indices_make_nan);
    suite_add_tcase(s, c);
    return s;
}
