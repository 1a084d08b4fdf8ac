/* test_pictures.c - SAG's blur and SWG's average, each against its formula written again in float64. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attnguide.h"
#include "../harness/buffer.h"
#include "../harness/random.h"
#include "suites.h"

static float *fill(buffer *b, int64_t count, random_state *r, double low, double high)
{
    ck_assert(!buffer_open(b, (size_t)count * sizeof(float), sizeof(float)));
    float *x = (float *)b->data;
    for (int64_t i = 0; r && i < count; i++) x[i] = (float)random_between(r, low, high);
    return x;
}

static int64_t mirror(int64_t i, int64_t n)
{
    while (i < 0 || i >= n) i = i < 0 ? -i : 2 * n - 2 - i;
    return i;
}

/* The 2-D Gaussian at once, all of its 81 weights. */
static double blurred(const float *plane, int64_t h, int64_t w, int64_t y, int64_t x)
{
    double sum = 0, weights = 0;
    for (int64_t v = -4; v <= 4; v++)
        for (int64_t u = -4; u <= 4; u++) {
            const double weight = exp(-(double)(u * u + v * v) / 2);
            weights += weight;
            sum += weight * plane[mirror(y + v, h) * w + mirror(x + u, w)];
        }
    return sum / weights;
}

START_TEST(sag_blurs_what_was_attended)
{
    random_state r = { (uint64_t)_i };
    const int64_t samples = 1 + random_below(&r, 3), channels = 1 + random_below(&r, 4), h = 5 + random_below(&r, 30);
    const int64_t w = 5 + random_below(&r, 30), hg = 1 + random_below(&r, h + 3), wg = 1 + random_below(&r, w + 3);
    buffer x0 = { 0 }, received = { 0 }, out = { 0 };
    const float *x = fill(&x0, samples * channels * h * w, &r, -1, 1);
    const float *seen = fill(&received, samples * hg * wg, &r, 0, 2);
    float *y = fill(&out, samples * channels * h * w, NULL, 0, 0);
    char why[AG_MESSAGE_SIZE] = "";
    ag_sag s;
    ag_sag_init(&s, samples, channels, h, w);
    s.grid_height = hg;
    s.grid_width = wg;
    buffer_seal(&x0);
    buffer_seal(&received);
    ck_assert_msg(!ag_sag_blur(&s, x, seen, y, why, sizeof why), "%s", why);
    for (int64_t p = 0; p < samples * channels; p++)
        for (int64_t at = 0; at < h * w; at++) {
            const int64_t down = (int64_t)floor((double)(at / w * hg) / (double)h);
            const int64_t right = (int64_t)floor((double)(at % w * wg) / (double)w);
            const int attended = seen[(p / channels * hg + down) * wg + right] > 1;
            const double want = attended ? blurred(x + p * h * w, h, w, at / w, at % w) : x[p * h * w + at];
            ck_assert_msg(fabs(y[p * h * w + at] - want) <= 1e-7, "%d: element %lld", _i, (long long)at);
        }
    buffer_close(&x0);
    buffer_close(&received);
    buffer_close(&out);
}
END_TEST

static double mean_of(const ag_crops *c, const float *values, const float *cond, int64_t p, int64_t y, int64_t x)
{
    double sum = 0;
    int coverage = 0;
    for (int64_t i = 0; i < c->count; i++)
        for (int64_t v = 0; v < c->crop_height; v++)
            for (int64_t u = 0; u < c->crop_width; u++)
                if (c->top[i] + v == y && c->left[i] + u == x) {
                    sum += values[((i * c->samples * c->channels + p) * c->crop_height + v) * c->crop_width + u];
                    coverage++;
                }
    if (cond && coverage < 2) return cond[(p * c->height + y) * c->width + x];
    return coverage ? sum / coverage : 0;
}

START_TEST(crops_are_averaged)
{
    random_state r = { (uint64_t)_i };
    int64_t top[5], left[5];
    buffer crops = { 0 }, conds = { 0 }, out = { 0 };
    ag_crops c;
    ag_crops_init(&c, 1 + random_below(&r, 2), 1 + random_below(&r, 3), 1 + random_below(&r, 12),
                  1 + random_below(&r, 12));
    c.count = 1 + random_below(&r, 5);
    c.crop_height = 1 + random_below(&r, c.height);
    c.crop_width = 1 + random_below(&r, c.width);
    c.top = top;
    c.left = left;
    for (int i = 0; i < 5; i++) top[i] = random_below(&r, c.height - c.crop_height + 1);
    for (int i = 0; i < 5; i++) left[i] = random_below(&r, c.width - c.crop_width + 1);
    const int64_t planes = c.samples * c.channels, all = planes * c.height * c.width;
    const float *values = fill(&crops, c.count * planes * c.crop_height * c.crop_width, &r, -1, 1);
    const float *cond = fill(&conds, all, &r, -1, 1);
    float *y = fill(&out, all, NULL, 0, 0);
    for (int way = 0; way < 3; way++) { /* without C, with it, in place of it */
        char why[AG_MESSAGE_SIZE] = "";
        buffer_poison(&out);
        if (way == 2) memcpy(y, cond, (size_t)all * sizeof *y);
        const float *given = way == 0 ? NULL : way == 1 ? cond : y;
        ck_assert_msg(!ag_coverage_average(&c, values, given, y, why, sizeof why), "%s", why);
        for (int64_t i = 0; i < all; i++) {
            const int64_t p = i / (c.height * c.width), at = i % (c.height * c.width);
            const double want = mean_of(&c, values, way ? cond : NULL, p, at / c.width, at % c.width);
            ck_assert_msg(fabs(y[i] - want) <= 1e-7, "%d, %d: element %lld", _i, way, (long long)i);
        }
    }
    buffer_close(&crops);
    buffer_close(&conds);
    buffer_close(&out);
}
END_TEST

/* ---- refusals ---- */

typedef struct pictures {
    ag_sag s;
    ag_crops c;
    int64_t top[2], left[2];
    float x[200], received[200], *out, *cond, *in, *seen;
} pictures;

static void sag_size(pictures *p) { p->s.size = 1; }
static void sag_samples(pictures *p) { p->s.samples = 0; }
static void sag_huge(pictures *p) { p->s.channels = INT64_MAX; }
static void sag_flat(pictures *p) { p->s.height = 4; }
static void sag_grid(pictures *p) { p->s.grid_width = 0; }
static void sag_grid_huge(pictures *p) { p->s.grid_height = INT64_MAX / 2; }
static void sag_seen(pictures *p) { p->seen = NULL; }
static void sag_in(pictures *p) { p->in = NULL; }
static void no_out(pictures *p) { p->out = NULL; }
static void in_place(pictures *p) { p->out = p->x; }
static void overlapping(pictures *p) { p->out = p->x + 7; }
static void over_received(pictures *p) { p->out = p->received + 2; }
static void crops_size(pictures *p) { p->c.size = 3; }
static void crops_none(pictures *p) { p->c.count = 0; }
static void crops_large(pictures *p) { p->c.crop_height = 11; }
static void crops_out(pictures *p) { p->left[1] = 7; }
static void crops_before(pictures *p) { p->top[0] = -1; }
static void crops_top(pictures *p) { p->c.top = NULL; }
static void crops_width(pictures *p) { p->c.width = -3; }
static void cond_near(pictures *p) { p->cond = p->out + 1; }
static void over_top(pictures *p)
{
    static int64_t top[100];
    p->c.top = top;
    p->out = (float *)(void *)top;
}
static float *odd(const float *at) { return (float *)(void *)((char *)(uintptr_t)at + 2); }
static void in_odd(pictures *p) { p->in = odd(p->x); }
static void seen_odd(pictures *p) { p->seen = odd(p->received); }
static void out_odd(pictures *p) { p->out = odd(p->out); }
static void cond_odd(pictures *p) { p->cond = odd(p->received); }
static void left_odd(pictures *p) { p->c.left = (const int64_t *)(const void *)((const char *)p->left + 4); }

static const struct {
    int crops;
    void (*spoil)(pictures *p);
    ag_status status;
    const char *names;
} refusals[] = {
    { 0, sag_size, AG_ERR_STRUCT, "1" },      { 0, sag_samples, AG_ERR_SHAPE, "0" },
    { 0, sag_huge, AG_ERR_SHAPE, "beyond" },  { 0, sag_flat, AG_ERR_SHAPE, "4" },
    { 0, sag_grid, AG_ERR_SHAPE, "0" },       { 0, sag_grid_huge, AG_ERR_SHAPE, "grid" },
    { 0, sag_seen, AG_ERR_NULL, "received" }, { 0, sag_in, AG_ERR_NULL, "x0" },
    { 0, no_out, AG_ERR_NULL, "out" },        { 0, in_place, AG_ERR_ALIAS, "x0" },
    { 0, overlapping, AG_ERR_ALIAS, "x0" },   { 0, over_received, AG_ERR_ALIAS, "received" },
    { 1, crops_size, AG_ERR_STRUCT, "3" },    { 1, crops_none, AG_ERR_SHAPE, "count 0" },
    { 1, crops_large, AG_ERR_SHAPE, "11" },   { 1, crops_out, AG_ERR_INDEX, "7" },
    { 1, crops_before, AG_ERR_INDEX, "-1" },  { 1, crops_top, AG_ERR_NULL, "top" },
    { 1, crops_width, AG_ERR_SHAPE, "-3" },   { 1, sag_in, AG_ERR_NULL, "values" },
    { 1, no_out, AG_ERR_NULL, "out" },        { 1, in_place, AG_ERR_ALIAS, "values" },
    { 1, cond_near, AG_ERR_ALIAS, "cond" },   { 1, over_top, AG_ERR_ALIAS, "top" },
    { 0, in_odd, AG_ERR_STRIDE, "x0" },       { 0, seen_odd, AG_ERR_STRIDE, "received" },
    { 0, out_odd, AG_ERR_STRIDE, "out" },     { 1, in_odd, AG_ERR_STRIDE, "values" },
    { 1, out_odd, AG_ERR_STRIDE, "out" },     { 1, cond_odd, AG_ERR_STRIDE, "cond" },
    { 1, left_odd, AG_ERR_STRIDE, "left" },
};
enum { REFUSALS = sizeof refusals / sizeof *refusals };

START_TEST(refused)
{
    static pictures p;
    buffer out = { 0 };
    char why[AG_MESSAGE_SIZE] = "";
    p.out = fill(&out, 200, NULL, 0, 0);
    p.in = p.x;
    p.seen = p.received;
    ag_sag_init(&p.s, 1, 1, 10, 10);
    p.s.grid_height = p.s.grid_width = 5;
    ag_crops_init(&p.c, 1, 1, 10, 10);
    p.c.count = 2;
    p.c.crop_height = p.c.crop_width = 4;
    p.c.top = p.top;
    p.c.left = p.left;
    refusals[_i].spoil(&p);
    const ag_status status = refusals[_i].crops ? ag_coverage_average(&p.c, p.in, p.cond, p.out, why, sizeof why)
                                                : ag_sag_blur(&p.s, p.in, p.seen, p.out, why, sizeof why);
    ck_assert_msg(status == refusals[_i].status && strstr(why, refusals[_i].names), "refusal %d: status %d: %s", _i,
                  (int)status, why);
    ck_assert(buffer_is_poison(&out));
    buffer_close(&out);
}
END_TEST

Suite *suite_pictures(void)
{
    Suite *s = suite_create("pictures");
    TCase *c = tcase_create("pictures");
    add_loop(c, sag_blurs_what_was_attended, 0, 40);
    add_loop(c, crops_are_averaged, 0, 60);
    add_loop(c, refused, 0, REFUSALS);
    suite_add_tcase(s, c);
    return s;
}
