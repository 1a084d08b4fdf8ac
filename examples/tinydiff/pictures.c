/* pictures.c - see pictures.h. */
#include "pictures.h"
#include "random.h"
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BRIGHT .8f

enum { PLANE = SIDE * SIDE, SMALL = QUADRANT * QUADRANT, TEMPLATES = TYPES * OFFSETS * OFFSETS };

static bool covers(int shape, int y, int x)
{
    const int far = OBJECT - 1, middle = far / 2;
    switch (shape) {
    case FRAME: return y == 0 || x == 0 || y == far || x == far;
    case DIAMOND: return abs(y - middle) + abs(x - middle) <= middle;
    case CROSS: return y == x || y + x == far;
    default: return true;
    }
}

/* The corners of the cube with one or two channels up. */
static float channel_of(int colour, int channel)
{
    static const uint8_t up[COLOURS] = { 1, 2, 4, 3, 5, 6 };
    return up[colour] >> channel & 1 ? BRIGHT : -BRIGHT;
}

/* An object of a type into the quadrant that begins at `to`, of planes and rows so far apart. */
static void draw(int type, int top, int left, float *to, int plane, int row)
{
    for (int c = 0; c < CHANNELS; c++)
        for (int y = 0; y < QUADRANT; y++)
            for (int x = 0; x < QUADRANT; x++) {
                const int dy = y - top, dx = x - left;
                const bool inside = dy >= 0 && dy < OBJECT && dx >= 0 && dx < OBJECT;
                to[c * plane + y * row + x] =
                    inside && covers(type / COLOURS, dy, dx) ? channel_of(type % COLOURS, c) : -BRIGHT;
            }
}

void picture_describe(uint64_t seed, uint64_t index, description *d)
{
    generator g;
    generator_seed(&g, seed, index);
    const int a = generator_below(&g, TYPES), b = (a + 1 + generator_below(&g, TYPES - 1)) % TYPES;
    const bool swapped = generator_below(&g, 2);
    d->type[0] = d->type[3] = swapped ? b : a;
    d->type[1] = d->type[2] = swapped ? a : b;
    for (int i = 0; i < QUADRANTS; i++)
        d->top[i] = generator_below(&g, OFFSETS), d->left[i] = generator_below(&g, OFFSETS);
    d->label = a % COLOURS;
}

void picture_draw(const description *d, float *picture)
{
    for (int i = 0; i < QUADRANTS; i++)
        draw(d->type[i], d->top[i], d->left[i], picture + (i / 2 * SIDE + i % 2) * QUADRANT, PLANE, SIDE);
}

void pictures_make(uint64_t seed, int64_t first, int64_t count, float *pictures, int32_t *labels)
{
    description d;
    for (int64_t i = 0; i < count; i++) {
        picture_describe(seed, (uint64_t)(first + i), &d);
        picture_draw(&d, pictures + i * PICTURE);
        labels[i] = d.label;
    }
}

void noise_make(uint64_t seed, int64_t first, int64_t count, float *noise)
{
    generator g;
    for (int64_t i = 0; i < count; i++) {
        generator_seed(&g, seed, (uint64_t)(first + i));
        generator_normals(&g, noise + i * PICTURE, PICTURE);
    }
}

static float templates[TEMPLATES][CHANNELS * SMALL];

static void make_templates(void)
{
    for (int i = 0; i < TEMPLATES; i++)
        draw(i / (OFFSETS * OFFSETS), i / OFFSETS % OFFSETS, i % OFFSETS, templates[i], SMALL, QUADRANT);
}

static double distance_to(const float *a, const float *b)
{
    double sum = 0;
    for (int i = 0; i < CHANNELS * SMALL; i++) sum += (double)(a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

static void judge_quadrant(const float *quadrant, int *type, double *error)
{
    *error = INFINITY, *type = 0;
    for (int i = 0; i < TEMPLATES; i++) {
        const double sum = distance_to(quadrant, templates[i]);
        if (sum < *error) *error = sum, *type = i / (OFFSETS * OFFSETS);
    }
}

/* A NaN stays one: its quadrant then resembles nothing. */
static float clipped(float x) { return x < -1 ? -1 : x > 1 ? 1 : x; }

verdict picture_judge(const float *picture)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_templates);
    verdict v = { .well_formed = true };
    for (int i = 0; i < QUADRANTS; i++) {
        float quadrant[CHANNELS * SMALL];
        for (int j = 0; j < CHANNELS * SMALL; j++) {
            const int c = j / SMALL, y = i / 2 * QUADRANT + j / QUADRANT % QUADRANT,
                      x = i % 2 * QUADRANT + j % QUADRANT;
            quadrant[j] = clipped(picture[c * PLANE + y * SIDE + x]);
        }
        judge_quadrant(quadrant, &v.type[i], &v.error[i]);
        v.well_formed &= v.error[i] < JUDGE_THRESHOLD;
    }
    v.agree = v.type[0] == v.type[3] && v.type[1] == v.type[2] && v.type[0] != v.type[1];
    v.valid = v.well_formed && v.agree;
    return v;
}
