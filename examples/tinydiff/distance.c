/* distance.c - see distance.h. */
#include "distance.h"
#include "pictures.h"
#include "random.h"
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    REFERENCE = 4096,
    DIRECTIONS = 192,
    FIRST = 16,
    SECOND = 32,
    THIRD = 48,
    POOLED = 4,
    FEATURES = THIRD * (POOLED + 1)
};
enum { DATA_SEED = 777001, NETWORK_SEED = 3, DIRECTION_SEED = 11 };

/* What belongs to the data, made once: projections sorted along each direction. */
static struct {
    float kernel1[FIRST * CHANNELS * 9], kernel2[SECOND * FIRST * 9], kernel3[THIRD * SECOND * 9];
    float pixel_direction[DIRECTIONS][PICTURE], feature_direction[DIRECTIONS][FEATURES];
    float mean[FEATURES], deviation[FEATURES];
    float *pixels, *features; /* [DIRECTIONS][REFERENCE] */
} data;

/* relu of a 3 x 3 convolution with zeros outside, [in][side][side] to [out][side][side]. */
static void convolve(const float *x, int in, int side, const float *kernel, int out, float *y)
{
    for (int o = 0; o < out; o++) {
        float *plane = y + o * side * side;
        memset(plane, 0, (size_t)(side * side) * sizeof *y);
        for (int i = 0; i < in * 9; i++) {
            const float k = kernel[o * in * 9 + i];
            const int dy = i % 9 / 3 - 1, dx = i % 3 - 1;
            const float *from = x + i / 9 * side * side;
            for (int row = dy < 0; row < side - (dy > 0); row++)
                for (int column = dx < 0; column < side - (dx > 0); column++)
                    plane[row * side + column] += k * from[(row + dy) * side + column + dx];
        }
        for (int i = 0; i < side * side; i++) plane[i] = fmaxf(plane[i], 0);
    }
}

/* Means of 2 x 2, [planes][side][side] to half the side. */
static void halve(const float *x, int planes, int side, float *y)
{
    const int half = side / 2;
    for (int i = 0; i < planes * half * half; i++) {
        const float *from = x + (i / (half * half) * side + i / half % half * 2) * side + i % half * 2;
        y[i] = (from[0] + from[1] + from[side] + from[side + 1]) / 4;
    }
}

/* Means of the last planes' quarters, and their deviation. */
static void find_features(const float *picture, float *features)
{
    enum { HALF = SIDE / 2, QUARTER = SIDE / 4, LAST = QUARTER * QUARTER };
    float a[FIRST * SIDE * SIDE], b[FIRST * HALF * HALF], c[SECOND * HALF * HALF], d[SECOND * LAST], e[THIRD * LAST];
    convolve(picture, CHANNELS, SIDE, data.kernel1, FIRST, a), halve(a, FIRST, SIDE, b);
    convolve(b, FIRST, HALF, data.kernel2, SECOND, c), halve(c, SECOND, HALF, d);
    convolve(d, SECOND, QUARTER, data.kernel3, THIRD, e), halve(e, THIRD, QUARTER, features);
    for (int i = 0; i < THIRD; i++) {
        double sum = 0, squares = 0;
        for (int j = 0; j < LAST; j++) sum += e[i * LAST + j], squares += (double)e[i * LAST + j] * e[i * LAST + j];
        features[THIRD * POOLED + i] = (float)sqrt(fmax(0, (squares - sum * sum / LAST) / (LAST - 1)));
    }
}

static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* out [count]: sorted projections of rows [count][length] on a direction. */
static void project(const float *rows, int64_t count, int length, const float *direction, float *out)
{
    for (int64_t i = 0; i < count; i++) {
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int j = 0; j < length; j++) sum += rows[i * length + j] * direction[j];
        out[i] = sum;
    }
    qsort(out, (size_t)count, sizeof *out, ascending);
}

static void make_direction(generator *g, float *direction, int length)
{
    double squares = 0;
    generator_normals(g, direction, length);
    for (int i = 0; i < length; i++) squares += (double)direction[i] * direction[i];
    for (int i = 0; i < length; i++) direction[i] = (float)(direction[i] / sqrt(squares));
}

static void make_kernel(generator *g, float *kernel, int in, int out)
{
    generator_normals(g, kernel, out * in * 9);
    for (int i = 0; i < out * in * 9; i++) kernel[i] *= sqrtf(2.f / (float)(in * 9));
}

static void standardise(float *features, int64_t count)
{
    for (int64_t i = 0; i < count * FEATURES; i++)
        features[i] = (features[i] - data.mean[i % FEATURES]) / data.deviation[i % FEATURES];
}

static void find_moments(const float *features)
{
    for (int j = 0; j < FEATURES; j++) {
        double sum = 0, squares = 0;
        for (int i = 0; i < REFERENCE; i++) sum += features[i * FEATURES + j];
        for (int i = 0; i < REFERENCE; i++) squares += pow(features[i * FEATURES + j] - sum / REFERENCE, 2);
        data.mean[j] = (float)(sum / REFERENCE), data.deviation[j] = (float)sqrt(squares / REFERENCE) + 1e-3f;
    }
}

static void *need(size_t bytes)
{
    void *p = malloc(bytes);
    if (!p) abort();
    return p;
}

static void make_data(void)
{
    float *pictures = need(sizeof(float) * REFERENCE * PICTURE), *features = need(sizeof(float) * REFERENCE * FEATURES);
    int32_t *labels = need(sizeof *labels * REFERENCE);
    generator g;
    data.pixels = need(sizeof(float) * DIRECTIONS * REFERENCE),
    data.features = need(sizeof(float) * DIRECTIONS * REFERENCE);
    generator_seed(&g, NETWORK_SEED, 0);
    make_kernel(&g, data.kernel1, CHANNELS, FIRST), make_kernel(&g, data.kernel2, FIRST, SECOND);
    make_kernel(&g, data.kernel3, SECOND, THIRD);
    generator_seed(&g, DIRECTION_SEED, 0);
    for (int i = 0; i < DIRECTIONS; i++) {
        make_direction(&g, data.pixel_direction[i], PICTURE);
        make_direction(&g, data.feature_direction[i], FEATURES);
    }
    pictures_make(DATA_SEED, 0, REFERENCE, pictures, labels);
    for (int i = 0; i < REFERENCE; i++) find_features(pictures + i * PICTURE, features + i * FEATURES);
    find_moments(features), standardise(features, REFERENCE);
    for (int i = 0; i < DIRECTIONS; i++) {
        project(pictures, REFERENCE, PICTURE, data.pixel_direction[i], data.pixels + i * REFERENCE);
        project(features, REFERENCE, FEATURES, data.feature_direction[i], data.features + i * REFERENCE);
    }
    free(pictures), free(features), free(labels);
}

/* Sum of squared differences of sorted projections from the data's quantiles at the same ranks. */
static double off(const float *sorted, int64_t count, const float *reference)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        const double rank = fmin(fmax(((double)i + .5) / (double)count * REFERENCE - .5, 0), REFERENCE - 1);
        const int below = (int)rank, above = below + (below < REFERENCE - 1);
        const double quantile = reference[below] + (rank - below) * (reference[above] - reference[below]);
        sum += (sorted[i] - quantile) * (sorted[i] - quantile);
    }
    return sum;
}

void distance_to_data(const float *pictures, int64_t count, double *pixels, double *features)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    float *found = need(sizeof(float) * (size_t)count * FEATURES), *line = need(sizeof(float) * (size_t)count);
    pthread_once(&once, make_data);
    for (int64_t i = 0; i < count; i++) find_features(pictures + i * PICTURE, found + i * FEATURES);
    standardise(found, count);
    *pixels = *features = 0;
    for (int i = 0; i < DIRECTIONS; i++) {
        project(pictures, count, PICTURE, data.pixel_direction[i], line);
        *pixels += off(line, count, data.pixels + i * REFERENCE);
        project(found, count, FEATURES, data.feature_direction[i], line);
        *features += off(line, count, data.features + i * REFERENCE);
    }
    *pixels = sqrt(*pixels / (double)(count * DIRECTIONS)), *features = sqrt(*features / (double)(count * DIRECTIONS));
    free(found), free(line);
}
