/* measure.c - one subject's time: a graph of runs over all sets of its inputs in turn, replayed, medians. */
#include <math.h>
#include <stdlib.h>

#include "../../tests/device/device.h"
#include "timing.h"

enum { MOST_RUNS = 256, MOST_REPLAYS = 21, LEAST_REPLAYS = 5, WARM = 3, MOST_SETS = 96 };
#define GRAPH_SECONDS 1.5e-3 /* a graph should last: its own launch is then lost in it */
#define MOST_SECONDS 0.8     /* all replays of one subject */

int sets_for(double bytes)
{
    const double wanted = ceil(3.0 * (double)device_l2() / bytes) + 1;
    return wanted < 2 ? 2 : wanted > MOST_SETS ? MOST_SETS : (int)wanted;
}

typedef struct repeated {
    const work *w;
    int runs;
} repeated;

static int body(void *arg, void *stream)
{
    const repeated *r = arg;
    for (int i = 0; i < r->runs; i++)
        if (r->w->run(r->w->arg, i % r->w->sets, stream)) return 1;
    return 0;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Times of `replays` replays, sorted. */
static int replay(const device_graph *g, int replays, double *seconds, void *stream)
{
    for (int i = 0; i < replays; i++)
        if ((seconds[i] = device_time(g, stream)) < 0) return 1;
    qsort(seconds, (size_t)replays, sizeof *seconds, by_size);
    return 0;
}

/* One run: how long about, and what it is made of. */
static int probe(repeated *r, void *stream, double *about, figure *f)
{
    device_graph g;
    double seconds[WARM];
    r->runs = 1;
    const int bad = device_record(&g, body, r, stream) || replay(&g, WARM, seconds, stream);
    f->kernels = g.kernels;
    f->others = g.others;
    device_graph_end(&g);
    *about = bad ? 0 : seconds[0];
    return bad;
}

int measure(const work *w, void *stream, figure *f)
{
    device_graph g;
    double seconds[MOST_REPLAYS], about;
    repeated r = { .w = w };
    *f = (figure){ .seconds = 0 };
    if (probe(&r, stream, &about, f)) return 1;
    const double wanted = about > 0 ? ceil(GRAPH_SECONDS / about) : MOST_RUNS;
    const int enough = wanted < MOST_RUNS ? (int)wanted : MOST_RUNS;
    r.runs = (enough + w->sets - 1) / w->sets * w->sets;
    const double each = about * r.runs, fit = each > 0 ? MOST_SECONDS / each : MOST_REPLAYS;
    const int replays = fit > MOST_REPLAYS ? MOST_REPLAYS : fit < LEAST_REPLAYS ? LEAST_REPLAYS : (int)fit;
    int bad = device_record(&g, body, &r, stream) || replay(&g, each < MOST_SECONDS ? WARM : 1, seconds, stream);
    bad = bad || replay(&g, replays, seconds, stream);
    device_graph_end(&g);
    if (bad) return 1;
    const double median = seconds[replays / 2];
    f->seconds = median / r.runs;
    f->spread = median > 0 ? (seconds[replays * 3 / 4] - seconds[replays / 4]) / median : 0;
    f->runs = r.runs;
    f->replays = replays;
    return 0;
}
