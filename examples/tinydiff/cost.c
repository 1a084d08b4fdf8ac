/* cost.c - see cost.h. */
#include "cost.h"
#include "guide.h"
#include "random.h"
#include "sampler.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PICTURES = 32, ROUNDS = 15, MOST_WAYS = 32 };

typedef struct way {
    setting s;
    bool fork;
    guide *g;
    double times[ROUNDS];
} way;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *times)
{
    qsort(times, ROUNDS, sizeof *times, ascending);
    return times[ROUNDS / 2];
}

static bool add(way *ways, int *count, ag_context *context, const network *n, bool fork, const char *line, char *why)
{
    way *w = &ways[*count];
    w->fork = fork;
    if (!setting_parse(&w->s, line, why) || !(w->g = guide_create(context, NULL, n, NULL, &w->s, fork, PICTURES, why)))
        return false;
    return ++*count, true;
}

/* Plain first; then each method in one layer, forked and not; then identity in each layer. */
static bool add_all(way *ways, int *count, ag_context *context, const network *n, const char *layer, char *why)
{
    static const struct {
        const char *name, *words;
    } methods[] = { { "identity", "identity" },
                    { "uniform", "uniform" },
                    { "smoothed-inf", "smoothed sigma=inf" },
                    { "smoothed-1", "smoothed sigma=1" },
                    { "permute", "permute" } };
    char line[SETTING_LINE];
    bool good = add(ways, count, context, n, true, "plain", why);
    for (int i = 0; good && i < 2 * (int)(sizeof methods / sizeof *methods); i++) {
        snprintf(line, sizeof line, "%s inputs=CP method=%s layer=%.8s w=1", methods[i / 2].name, methods[i / 2].words,
                 layer);
        good = add(ways, count, context, n, !(i % 2), line, why);
    }
    for (int i = 0; good && i < n->layers && *count < MOST_WAYS; i++) {
        snprintf(line, sizeof line, "layer-%d inputs=CP method=identity layer=%d w=1", i, i);
        good = add(ways, count, context, n, true, line, why);
    }
    return good;
}

static bool time_all(way *ways, int count, char *why)
{
    float *x = malloc(2 * PICTURES * PICTURE * sizeof *x);
    int labels[PICTURES];
    bool good = x != NULL;
    if (!good) strcpy(why, "there is no memory for pictures");
    else noise_make(1, 0, PICTURES, x);
    for (int i = 0; i < PICTURES; i++) labels[i] = label_of(i);
    for (int round = 0; good && round < ROUNDS; round++)
        for (int i = 0; good && i < count; i++) {
            const double begun = now();
            good = guide_velocity(ways[i].g, x, .5, labels, round, 0, x + PICTURES * PICTURE, why);
            ways[i].times[round] = now() - begun;
        }
    free(x);
    return good;
}

bool cost_report(const network *n, const char *layer, FILE *out, char *why)
{
    ag_context_options options;
    ag_context *context = NULL;
    way *ways = calloc(MOST_WAYS, sizeof *ways);
    int count = 0;
    ag_context_options_init(&options);
    options.threads = 1;
    bool good = ways && ag_context_create(&options, &context, why, WHY) == AG_OK;
    good = good && add_all(ways, &count, context, n, layer, why) && time_all(ways, count, why);
    if (good) {
        const double plain = median(ways[0].times);
        fprintf(out, "setting\tforked\ttime over a plain step\tmicroseconds a picture\n");
        for (int i = 0; i < count; i++) {
            const double t = i ? median(ways[i].times) : plain;
            fprintf(out, "%s\t%s\t%.3f\t%.1f\n", ways[i].s.name, ways[i].fork ? "yes" : "no", t / plain,
                    1e6 * t / PICTURES);
        }
    }
    for (int i = 0; i < count; i++) guide_free(ways[i].g);
    ag_context_free(context), free(ways);
    return good;
}
