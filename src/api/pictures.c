/* pictures.c - what guidance does with pictures outside attention: SAG's blur of what was attended to, SWG's average
 * of crops. A picture is small beside attention: the caller's thread does it all, in float64, without memory of its
 * own. */
#include "pictures.h"

#include <math.h>
#include <string.h>

/* ---- SAG ---- */

void ag_sag_init_sized(void *sag, size_t size, int64_t samples, int64_t channels, int64_t height, int64_t width)
{
    const ag_sag mine = { .samples = samples, .channels = channels, .height = height, .width = width };
    ag_struct_hand_out(sag, size, &mine, sizeof mine);
}

/* Gaussian of sigma 1, normalised over its 9 taps. */
static void find_taps(double *tap)
{
    double sum = 0;
    for (int t = -AG_SAG_REACH; t <= AG_SAG_REACH; t++) sum += tap[t + AG_SAG_REACH] = exp(-0.5 * t * t);
    for (int t = 0; t <= 2 * AG_SAG_REACH; t++) tap[t] /= sum;
}

static int64_t reflected(int64_t i, int64_t n) { return i < 0 ? -i : i < n ? i : 2 * (n - 1) - i; }

static float blurred(const ag_sag *s, const float *plane, int64_t y, int64_t x, const double *tap)
{
    double sum = 0;
    for (int dy = -AG_SAG_REACH; dy <= AG_SAG_REACH; dy++) {
        const float *row = plane + reflected(y + dy, s->height) * s->width;
        double of_row = 0;
        for (int dx = -AG_SAG_REACH; dx <= AG_SAG_REACH; dx++)
            of_row += tap[dx + AG_SAG_REACH] * row[reflected(x + dx, s->width)];
        sum += tap[dy + AG_SAG_REACH] * of_row;
    }
    return (float)sum;
}

/* One sample of one channel. */
static void blur_plane(const ag_sag *s, const float *from, const float *received, const double *tap, float *to)
{
    for (int64_t y = 0; y < s->height; y++) {
        const float *seen = received + y * s->grid_height / s->height * s->grid_width;
        for (int64_t x = 0; x < s->width; x++) {
            const int attended = seen[x * s->grid_width / s->width] > 1;
            to[y * s->width + x] = attended ? blurred(s, from, y, x, tap) : from[y * s->width + x];
        }
    }
}

ag_status ag_sag_blur(const ag_sag *sag, const float *x0, const float *received, float *out, char *text, size_t size)
{
    const ag_sag_arrays arrays = { x0, received, out };
    double tap[2 * AG_SAG_REACH + 1];
    ag_sag s;
    const ag_status status = ag_check_sag(sag, &arrays, &s, (ag_why){ text, size });
    if (status) return status;
    find_taps(tap);
    for (int64_t plane = 0; plane < s.samples * s.channels; plane++)
        blur_plane(&s, x0 + plane * s.height * s.width, received + plane / s.channels * s.grid_height * s.grid_width,
                   tap, out + plane * s.height * s.width);
    return AG_OK;
}

/* ---- SWG ---- */

void ag_crops_init_sized(void *crops, size_t size, int64_t samples, int64_t channels, int64_t height, int64_t width)
{
    const ag_crops mine = { .samples = samples, .channels = channels, .height = height, .width = width };
    ag_struct_hand_out(crops, size, &mine, sizeof mine);
}

/* Element (y, x) of plane `plane`: the mean of the crops that hold it. */
static float average(const ag_crops *c, const ag_crops_arrays *a, int64_t plane, int64_t y, int64_t x)
{
    const int64_t area = c->crop_height * c->crop_width, planes = c->samples * c->channels;
    int64_t coverage = 0;
    double sum = 0;
    for (int64_t i = 0; i < c->count; i++) {
        const int64_t down = y - c->top[i], right = x - c->left[i];
        if (down < 0 || right < 0 || down >= c->crop_height || right >= c->crop_width) continue;
        sum += a->crops[(i * planes + plane) * area + down * c->crop_width + right];
        coverage++;
    }
    if (a->cond && coverage <= 1) return a->cond[(plane * c->height + y) * c->width + x];
    return coverage ? (float)(sum / (double)coverage) : 0;
}

ag_status ag_coverage_average(const ag_crops *crops, const float *values, const float *cond, float *out, char *text,
                              size_t size)
{
    const ag_crops_arrays arrays = { values, cond, out };
    ag_crops c;
    const ag_status status = ag_check_crops(crops, &arrays, &c, (ag_why){ text, size });
    if (status) return status;
    for (int64_t plane = 0; plane < c.samples * c.channels; plane++)
        for (int64_t y = 0; y < c.height; y++)
            for (int64_t x = 0; x < c.width; x++)
                out[(plane * c.height + y) * c.width + x] = average(&c, &arrays, plane, y, x);
    return AG_OK;
}
