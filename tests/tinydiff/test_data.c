/* test_data.c - tinydiff's pictures, its judge and its measures, against known ones. */
#include "suites.h"

#include "../../examples/tinydiff/distance.h"
#include "../../examples/tinydiff/pictures.h"
#include "../../examples/tinydiff/random.h"
#include "../../examples/tinydiff/scores.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The red planes of a red square, a green frame, a blue diamond and a yellow cross, drawn by hand. */
static const char *const by_hand[SIDE] = {
    "................", ".#####..........", ".#####..........", ".#####..........",
    ".#####..........", ".#####..........", "................", "................",
    "...........#...#", "............#.#.", ".............#..", "............#.#.",
    "...........#...#", "................", "................", "................",
};

START_TEST(a_picture_is_as_drawn_by_hand)
{
    const description d = { .type = { SQUARE * COLOURS, FRAME * COLOURS + 1, DIAMOND * COLOURS + 2,
                                      CROSS * COLOURS + 3 },
                            .top = { 1, 0, 2, 0 },
                            .left = { 1, 2, 1, 3 - 0 } };
    float picture[PICTURE];
    picture_draw(&d, picture);
    for (int i = 0; i < SIDE * SIDE; i++)
        ck_assert_float_eq(picture[i], by_hand[i / SIDE][i % SIDE] == '#' ? .8f : -.8f);
}
END_TEST

static verdict verdict_of(const int *types)
{
    description d = { .top = { 0, 1, 2, 0 }, .left = { 2, 1, 0, 0 } };
    float picture[PICTURE];
    memcpy(d.type, types, sizeof d.type);
    picture_draw(&d, picture);
    return picture_judge(picture);
}

START_TEST(the_judge_knows_pairs)
{
    ck_assert(verdict_of((int[]){ 3, 17, 17, 3 }).valid);
    ck_assert(!verdict_of((int[]){ 3, 3, 3, 3 }).agree);
    ck_assert(!verdict_of((int[]){ 3, 3, 17, 17 }).agree);
    const verdict v = verdict_of((int[]){ 3, 17, 16, 3 });
    ck_assert(v.well_formed && !v.agree && !v.valid);
    ck_assert_int_eq(v.type[2], 16);
}
END_TEST

START_TEST(the_judge_has_a_threshold)
{
    description d;
    float picture[PICTURE];
    picture_describe(5, 0, &d);
    picture_draw(&d, picture);
    /* 64 pixels of a plane, each off by the same: the squared distance of a quadrant is just below 5.76, then above. */
    for (int i = 0; i < 2; i++) {
        picture_draw(&d, picture);
        for (int y = 0; y < QUADRANT; y++)
            for (int x = 0; x < QUADRANT; x++) picture[y * SIDE + x] *= i ? .6f : .63f;
        const verdict v = picture_judge(picture);
        ck_assert_double_eq_tol(v.error[0], i ? 6.5536 : 5.607, 1e-3);
        ck_assert_int_eq(v.valid, !i);
    }
    picture_draw(&d, picture);
    picture[100] = NAN;
    ck_assert(!picture_judge(picture).well_formed);
    picture[100] = 7; /* cut to 1 */
    ck_assert(picture_judge(picture).error[0] + picture_judge(picture).error[1] < 3.3);
}
END_TEST

START_TEST(data_are_valid_and_alike_everywhere)
{
    enum { COUNT = 6000 };
    float *pictures = malloc(sizeof(float) * COUNT * PICTURE);
    int32_t *labels = malloc(sizeof *labels * COUNT);
    int types[QUADRANTS][TYPES] = { { 0 } }, wears = 0;
    pictures_make(1, 0, COUNT, pictures, labels);
    for (int i = 0; i < COUNT; i++) {
        const verdict v = picture_judge(pictures + i * PICTURE);
        ck_assert(v.valid && v.error[0] == 0);
        for (int j = 0; j < QUADRANTS; j++) types[j][v.type[j]]++;
        wears += v.type[0] % COLOURS == labels[i] || v.type[1] % COLOURS == labels[i];
    }
    ck_assert_int_eq(wears, COUNT);
    for (int j = 0; j < QUADRANTS * TYPES; j++) ck_assert_int_lt(abs(types[j / TYPES][j % TYPES] - COUNT / TYPES), 90);
    float again[PICTURE];
    int32_t label;
    pictures_make(1, COUNT - 1, 1, again, &label);
    ck_assert_mem_eq(again, pictures + (COUNT - 1) * PICTURE, sizeof again);
    free(pictures), free(labels);
}
END_TEST

START_TEST(random_numbers_are_as_they_should_be)
{
    enum { COUNT = 200000 };
    generator g;
    double sum = 0, squares = 0;
    int counts[24] = { 0 };
    float *x = malloc(sizeof *x * COUNT);
    generator_seed(&g, 1, 2);
    generator_normals(&g, x, COUNT);
    for (int i = 0; i < COUNT; i++) sum += x[i], squares += (double)x[i] * x[i];
    ck_assert_double_eq_tol(sum / COUNT, 0, .01);
    ck_assert_double_eq_tol(squares / COUNT, 1, .015);
    for (int i = 0; i < COUNT; i++) counts[generator_below(&g, 24)]++;
    for (int i = 0; i < 24; i++) ck_assert_int_lt(abs(counts[i] - COUNT / 24), 400);
    /* The first words of xoshiro256** from the state 1, 2, 3, 4, as its authors' program gives them. */
    g = (generator){ { 1, 2, 3, 4 } };
    ck_assert_uint_eq(generator_next(&g), 11520);
    ck_assert_uint_eq(generator_next(&g), 0);
    ck_assert_uint_eq(generator_next(&g), 1509978240);
    free(x);
}
END_TEST

START_TEST(measures_are_right_on_known_pictures)
{
    enum { COUNT = 1500 };
    float *pictures = malloc(sizeof(float) * COUNT * PICTURE);
    uint8_t *verdicts = malloc(COUNT), *others = malloc(COUNT);
    int32_t *labels = malloc(sizeof *labels * COUNT);
    scores data, noise, half;
    pictures_make(9, 0, COUNT, pictures, labels);
    scores_make(&data, pictures, COUNT, verdicts);
    ck_assert(data.valid == 1 && data.agree == 1 && data.well_formed == 1 && data.out_of_range == 0);
    ck_assert(data.coverage > .97 && data.coverage < 1.03 && data.entropy > .995 && data.entropy <= 1);
    ck_assert(data.high > .9999 && data.low > .997);
    for (int i = 0; i < COUNT / 2; i++) memset(pictures + i * PICTURE, 0, PICTURE * sizeof *pictures);
    scores_make(&half, pictures, COUNT, others);
    ck_assert_double_eq(half.valid, .5);
    ck_assert_double_eq_tol(half.low, .474722, 1e-5);
    ck_assert(half.pixels > data.pixels && half.features > data.features);
    /* 750 are valid before, none of them after: z = -750/sqrt(750). */
    ck_assert_double_eq_tol(scores_paired_z(others, verdicts, COUNT), -sqrt(750), 1e-9);
    ck_assert_double_eq(scores_paired_z(others, others, COUNT), 0);
    noise_make(1, 0, COUNT, pictures);
    scores_make(&noise, pictures, COUNT, others);
    ck_assert(noise.valid == 0 && noise.coverage == 0 && noise.pixels > 10 * data.pixels &&
              noise.features > 10 * data.features);
    ck_assert_double_eq_tol(noise.out_of_range, .3173, .01);
    free(pictures), free(verdicts), free(others), free(labels);
}
END_TEST

Suite *data_suite(void)
{
    Suite *s = suite_create("data");
    TCase *c = tcase_create("data");
    tcase_set_timeout(c, 600);
    tcase_add_test(c, a_picture_is_as_drawn_by_hand);
    tcase_add_test(c, the_judge_knows_pairs);
    tcase_add_test(c, the_judge_has_a_threshold);
    tcase_add_test(c, data_are_valid_and_alike_everywhere);
    tcase_add_test(c, random_numbers_are_as_they_should_be);
    tcase_add_test(c, measures_are_right_on_known_pictures);
    suite_add_tcase(s, c);
    return s;
}
