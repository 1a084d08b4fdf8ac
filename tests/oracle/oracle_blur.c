/* oracle_blur.c - see oracle_blur.h. */
#include "oracle_blur.h"

#include <math.h>
#include <stdlib.h>

/* One axis of a grid in raster order: `extent` tokens, `step` apart. */
typedef struct axis {
    int64_t extent, step;
} axis;

static int64_t taps(int64_t extent, double sigma)
{
    const double wanted = ceil(6 * sigma);
    const int64_t most = extent % 2 ? extent : extent + 1;
    if (!(wanted < (double)most)) return most;
    return (int64_t)wanted % 2 ? (int64_t)wanted : (int64_t)wanted + 1;
}

static int64_t reflect(int64_t at, int64_t extent)
{
    if (at < 0) return -at;
    return at < extent ? at : 2 * (extent - 1) - at;
}

/* The line of tokens that begins at x, channel by channel; `line` holds one blurred copy. */
static void blur_line(double *x, axis a, int64_t d, int64_t reach, const double *weight, double *line)
{
    for (int64_t t = 0; t < d; t++) {
        for (int64_t i = 0; i < a.extent; i++) {
            line[i] = 0;
            for (int64_t r = -reach; r <= reach; r++)
                line[i] += weight[r + reach] * x[reflect(i + r, a.extent) * a.step * d + t];
        }
        for (int64_t i = 0; i < a.extent; i++) x[i * a.step * d + t] = line[i];
    }
}

static int blur_axis(double *x, int64_t tokens, axis a, int64_t d, double sigma)
{
    const int64_t n = sigma > 0 && a.extent > 1 ? taps(a.extent, sigma) : 1, reach = (n - 1) / 2;
    if (n == 1) return 0;
    double *weight = malloc((size_t)(n + a.extent) * sizeof *weight), sum = 0;
    if (!weight) return 1;
    for (int64_t r = -reach; r <= reach; r++) sum += weight[r + reach] = exp(-(double)(r * r) / (2 * sigma * sigma));
    for (int64_t r = 0; r < n; r++) weight[r] /= sum;
    for (int64_t i = 0; i < tokens; i++)
        if (i / a.step % a.extent == 0) blur_line(x + i * d, a, d, reach, weight, weight + n);
    free(weight);
    return 0;
}

/* Every token becomes the mean over the axis. */
static void mean_axis(double *x, int64_t tokens, axis a, int64_t d)
{
    for (int64_t i = 0; i < tokens; i++) {
        if (i / a.step % a.extent) continue;
        for (int64_t t = 0; t < d; t++) {
            double sum = 0;
            for (int64_t r = 0; r < a.extent; r++) sum += x[(i + r * a.step) * d + t];
            for (int64_t r = 0; r < a.extent; r++) x[(i + r * a.step) * d + t] = sum / (double)a.extent;
        }
    }
}

int oracle_blur(double *x, const int64_t grid[3], int64_t d, double sigma, double sigma_t)
{
    const int64_t frame = grid[1] * grid[2], tokens = grid[0] * frame;
    const axis time = { grid[0], frame }, height = { grid[1], grid[2] }, width = { grid[2], 1 };
    const axis whole = { frame, 1 };
    if (sigma > 9999) mean_axis(x, tokens, whole, d);
    else if (blur_axis(x, tokens, height, d, sigma) || blur_axis(x, tokens, width, d, sigma)) return 1;
    if (!(sigma_t > 9999)) return blur_axis(x, tokens, time, d, sigma_t);
    mean_axis(x, tokens, time, d);
    return 0;
}
