/* axis.h - one axis of the separable Gaussian blur, as a banded matrix that is never stored.
 *
 * taps n = ceil(6 sigma), made odd, clamped to the extent; w(x) = exp(-x^2 / 2 sigma^2), normalised after truncation;
 * reflection does not repeat the edge. An infinite axis is the mean (methods.md section 2). */
#ifndef AG_AXIS_H
#define AG_AXIS_H

#include "step.h"

/* sigma above this (strict) means the axis' mean. */
#define AG_SIGMA_INFINITE 9999.0

/* 1 if a blur of this sigma changes an axis of this extent. */
int ag_axis_changes(int64_t extent, double sigma);

/* Fills `axis`; collapse: an infinite axis gets one output instead of `extent` equal ones. *memory is what the taps
 * live in, to be freed by the caller; NULL if there are none. */
ag_status ag_axis_make(int64_t extent, double sigma, int collapse, ag_axis *axis, void **memory);

/* Columns [low, high) hold everything of rows [i, i + rows) that is not zero. */
AG_FN int64_t ag_axis_low(const ag_axis *a, int64_t i) { return a->mean || i < a->radius ? 0 : i - a->radius; }

AG_FN int64_t ag_axis_high(const ag_axis *a, int64_t i, int64_t rows)
{
    const int64_t end = i + rows + a->radius;
    return a->mean || end > a->in ? a->in : end;
}

AG_FN double ag_axis_tap(const ag_axis *a, int64_t x)
{
    if (x < 0) x = -x;
    return x > a->radius ? 0 : a->tap[x];
}

/* G[i][j]: the direct tap, and those that the reflection at 0 and at in-1 folds onto column j. */
AG_FN double ag_axis_weight(const ag_axis *a, int64_t i, int64_t j)
{
    if (a->mean) return 1 / (double)a->in;
    double w = ag_axis_tap(a, j - i);
    if (j > 0) w += ag_axis_tap(a, -j - i);
    if (j < a->in - 1) w += ag_axis_tap(a, 2 * (a->in - 1) - j - i);
    return w;
}

#endif
