/* axis.c - see axis.h. */
#include "axis.h"

#include <math.h>
#include <stdlib.h>

static int64_t taps(int64_t extent, double sigma)
{
    const int64_t most = extent % 2 ? extent : extent + 1;
    const double wanted = ceil(6 * sigma);
    if (wanted >= (double)most) return most;
    return (int64_t)wanted | 1;
}

int ag_axis_changes(int64_t extent, double sigma)
{
    if (sigma == 0 || extent == 1) return 0;
    return sigma > AG_SIGMA_INFINITE || taps(extent, sigma) > 1;
}

ag_status ag_axis_make(int64_t extent, double sigma, int collapse, ag_axis *axis, void **memory)
{
    *axis = (ag_axis){ .in = extent, .out = extent, .changes = ag_axis_changes(extent, sigma) };
    *memory = NULL;
    if (!axis->changes) return AG_OK;

    axis->mean = sigma > AG_SIGMA_INFINITE;
    if (axis->mean) {
        if (collapse) axis->out = 1;
        return AG_OK;
    }
    axis->radius = taps(extent, sigma) / 2;
    double *tap = malloc((size_t)(axis->radius + 1) * sizeof *tap), sum = 0;
    if (!tap) return AG_ERR_MEMORY;
    for (int64_t x = axis->radius; x >= 0; x--) {
        tap[x] = exp(-0.5 * (double)(x * x) / (sigma * sigma));
        sum += x ? 2 * tap[x] : tap[x];
    }
    for (int64_t x = 0; x <= axis->radius; x++) tap[x] /= sum;
    axis->tap = tap;
    *memory = tap;
    return AG_OK;
}
