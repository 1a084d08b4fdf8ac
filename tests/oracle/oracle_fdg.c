/* oracle_fdg.c - see oracle_fdg.h. The pyramid literally, as methods.md writes it: every level of both pictures, every
 * blur of a whole plane. */
#include "oracle_fdg.h"

#include <stdlib.h>

enum { MOST = 8 };

/* [channels, height, width] */
typedef struct picture {
    int64_t channels, height, width;
    double *x;
} picture;

static picture made(int64_t channels, int64_t height, int64_t width)
{
    return (picture){ channels, height, width, malloc((size_t)(channels * height * width) * sizeof(double)) };
}

static int64_t size_of(const picture *p) { return p->channels * p->height * p->width; }

/* Without the edge repeated: -1 is 1, n is n - 2. */
static int64_t reflected(int64_t i, int64_t n) { return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i; }
static int64_t clamped(int64_t i, int64_t n) { return i < 0 ? 0 : i >= n ? n - 1 : i; }

static double at(const picture *p, int64_t c, int64_t y, int64_t x) { return p->x[(c * p->height + y) * p->width + x]; }

static picture blurred(const picture *p)
{
    static const double taps[] = { 1. / 16, 4. / 16, 6. / 16, 4. / 16, 1. / 16 };
    picture to = made(p->channels, p->height, p->width);
    for (int64_t c = 0, i = 0; c < p->channels; c++)
        for (int64_t y = 0; y < p->height; y++)
            for (int64_t x = 0; x < p->width; x++, i++) {
                to.x[i] = 0;
                for (int a = -2; a <= 2; a++)
                    for (int b = -2; b <= 2; b++)
                        to.x[i] += taps[a + 2] * taps[b + 2] *
                                   at(p, c, reflected(y + a, p->height), reflected(x + b, p->width));
            }
    return to;
}

static picture down(const picture *p)
{
    picture soft = blurred(p), to = made(p->channels, p->height / 2, p->width / 2);
    for (int64_t c = 0, i = 0; c < to.channels; c++)
        for (int64_t y = 0; y < to.height; y++)
            for (int64_t x = 0; x < to.width; x++, i++)
                to.x[i] = (at(&soft, c, 2 * y, 2 * x) + at(&soft, c, 2 * y, 2 * x + 1) +
                           at(&soft, c, 2 * y + 1, 2 * x) + at(&soft, c, 2 * y + 1, 2 * x + 1)) /
                          4;
    free(soft.x);
    return to;
}

/* 3/4 of the cell and 1/4 of the neighbour on that side, along both axes; then blurred. */
static picture up(const picture *p)
{
    picture large = made(p->channels, 2 * p->height, 2 * p->width);
    for (int64_t c = 0, i = 0; c < large.channels; c++)
        for (int64_t y = 0; y < large.height; y++)
            for (int64_t x = 0; x < large.width; x++, i++) {
                const int64_t y0 = y / 2, x0 = x / 2;
                const int64_t y1 = clamped(y % 2 ? y0 + 1 : y0 - 1, p->height);
                const int64_t x1 = clamped(x % 2 ? x0 + 1 : x0 - 1, p->width);
                large.x[i] = .75 * (.75 * at(p, c, y0, x0) + .25 * at(p, c, y0, x1)) +
                             .25 * (.75 * at(p, c, y1, x0) + .25 * at(p, c, y1, x1));
            }
    picture to = blurred(&large);
    free(large.x);
    return to;
}

/* Levels 0 .. levels - 1 of a pyramid; the last is what is left. */
static void pyramid(const picture *p, int levels, picture *level)
{
    picture next = made(p->channels, p->height, p->width);
    for (int64_t i = 0; i < size_of(p); i++) next.x[i] = p->x[i];
    for (int l = 0; l < levels; l++) {
        level[l] = next;
        if (l == levels - 1) return;
        next = down(&level[l]);
        picture back = up(&next);
        for (int64_t i = 0; i < size_of(&back); i++) level[l].x[i] -= back.x[i];
        free(back.x);
    }
}

/* u becomes the guided level. */
static void guide(const picture *c, picture *u, double scale, double parallel)
{
    long double products = 0, squares = 0;
    for (int64_t i = 0; i < size_of(c); i++) {
        products += ((long double)c->x[i] - u->x[i]) * c->x[i];
        squares += (long double)c->x[i] * c->x[i];
    }
    const double along = squares != 0 ? (double)(products / squares) : 0;
    for (int64_t i = 0; i < size_of(c); i++) {
        const double d = c->x[i] - u->x[i], part = along * c->x[i];
        u->x[i] += scale * (d - part + parallel * part);
    }
}

void oracle_fdg(const int64_t size[3], int levels, const double *scales, const double *parallel, const double *c,
                const double *u, double *out)
{
    picture of_c[MOST], of_u[MOST];
    const picture first = { size[0], size[1], size[2], (double *)(uintptr_t)c };
    const picture second = { size[0], size[1], size[2], (double *)(uintptr_t)u };
    pyramid(&first, levels, of_c);
    pyramid(&second, levels, of_u);
    for (int l = 0; l < levels; l++) guide(&of_c[l], &of_u[l], scales[l], parallel[l]);
    for (int l = levels - 1; l > 0; l--) {
        picture back = up(&of_u[l]);
        for (int64_t i = 0; i < size_of(&back); i++) of_u[l - 1].x[i] += back.x[i];
        free(back.x);
    }
    for (int64_t i = 0; i < size_of(&first); i++) out[i] = of_u[0].x[i];
    for (int l = 0; l < levels; l++) free(of_c[l].x), free(of_u[l].x);
}
