/* clock.c - samples, their median and spread. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

double clock_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void sample_add(samples *s, double seconds)
{
    if (s->n < MOST_SAMPLES) s->seconds[s->n++] = seconds;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The value at part `at` (0 .. 1) of the sorted samples. */
static double quantile(const samples *s, double at)
{
    double sorted[MOST_SAMPLES];
    if (!s->n) return 0;
    memcpy(sorted, s->seconds, sizeof sorted);
    qsort(sorted, (size_t)s->n, sizeof *sorted, by_size);
    return sorted[(int)(at * (s->n - 1) + 0.5)];
}

double sample_median(const samples *s) { return quantile(s, 0.5); }

double sample_spread(const samples *s)
{
    const double median = sample_median(s);
    return median > 0 ? (quantile(s, 0.75) - quantile(s, 0.25)) / median : 0;
}
