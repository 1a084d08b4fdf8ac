/* pyramid.h - what the steps of a pyramid mean along one axis, for every backend: where an edge leads, and what a
 * number of a scale takes from the cells of the next. */
#ifndef AG_PYRAMID_H
#define AG_PYRAMID_H

#include "step.h"

/* The edge is not repeated: -1 is 1, n is n - 2. */
AG_FN int64_t ag_pyramid_reflected(int64_t i, int64_t n) { return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i; }
AG_FN int64_t ag_pyramid_clamped(int64_t i, int64_t n) { return i < 0 ? 0 : i >= n ? n - 1 : i; }

/* Number i of n, of twice as many as there are cells, is weight[0 .. 5) of cells i/2 - 2 .. i/2 + 2; those that are not
 * there weigh 0. Each cell becomes two, 3/4 of it and 1/4 of the neighbour on that side, then come five taps. */
AG_FN void ag_pyramid_taps(int64_t i, int64_t n, float weight[5])
{
    const int64_t first = i / 2 - 2;
    for (int c = 0; c < 5; c++) weight[c] = 0;
    for (int k = 0; k < 5; k++) {
        const float tap = (k == 2 ? 6.f : k == 1 || k == 3 ? 4.f : 1.f) / 16;
        const int64_t at = ag_pyramid_reflected(i + k - 2, n), cell = at / 2;
        const int64_t beside = ag_pyramid_clamped(cell + (at % 2 ? 1 : -1), n / 2);
        for (int c = 0; c < 5; c++) { /* by comparison: these are registers on a GPU */
            if (cell == first + c) weight[c] += .75f * tap;
            if (beside == first + c) weight[c] += .25f * tap;
        }
    }
}

#endif
