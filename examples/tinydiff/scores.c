/* scores.c - see scores.h. */
#include "scores.h"
#include "distance.h"
#include <math.h>
#include <string.h>

#define NORMAL_95 1.959963984540054

typedef struct tally {
    int64_t valid, well_formed, agree, label, outside, types[TYPES];
    bool pairs[TYPES][TYPES];
} tally;

static int lesser(int a, int b) { return a < b ? a : b; }
static int greater(int a, int b) { return a > b ? a : b; }

static void count_picture(tally *t, const float *picture, const verdict *v, int label)
{
    int wearing = 0;
    t->valid += v->valid, t->well_formed += v->well_formed, t->agree += v->agree;
    for (int i = 0; i < QUADRANTS; i++) t->types[v->type[i]]++, wearing += v->type[i] % COLOURS == label;
    t->label += wearing >= 2;
    for (int i = 0; i < PICTURE; i++) t->outside += !(fabsf(picture[i]) <= 1);
    if (v->valid) t->pairs[lesser(v->type[0], v->type[1])][greater(v->type[0], v->type[1])] = true;
}

static void set_interval(scores *s)
{
    const double n = (double)s->count, z = NORMAL_95, p = s->valid, divisor = 1 + z * z / n;
    const double centre = (p + z * z / (2 * n)) / divisor,
                 half = z / divisor * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    s->low = fmax(0, centre - half), s->high = fmin(1, centre + half);
}

/* Drawn so often, PAIRS equally frequent pairs would show this many different ones. */
static double expected_pairs(int64_t draws) { return PAIRS * (1 - pow(1 - 1. / PAIRS, (double)draws)); }

static double entropy_of(const int64_t *counts, int64_t all)
{
    double sum = 0;
    for (int i = 0; i < TYPES; i++)
        if (counts[i]) sum -= (double)counts[i] / (double)all * log((double)counts[i] / (double)all);
    return sum / log(TYPES);
}

void scores_make(scores *s, const float *pictures, int64_t count, uint8_t *verdicts)
{
    tally t;
    int64_t different = 0;
    memset(&t, 0, sizeof t), memset(s, 0, sizeof *s);
    for (int64_t i = 0; i < count; i++) {
        const verdict v = picture_judge(pictures + i * PICTURE);
        verdicts[i] = v.valid;
        count_picture(&t, pictures + i * PICTURE, &v, (int)(i % COLOURS));
    }
    for (int i = 0; i < TYPES * TYPES; i++) different += t.pairs[i / TYPES][i % TYPES];
    const double n = (double)count;
    s->count = count, s->valid_count = t.valid, s->verdicts = verdicts;
    s->valid = (double)t.valid / n, s->well_formed = (double)t.well_formed / n, s->agree = (double)t.agree / n;
    s->label = (double)t.label / n, s->out_of_range = (double)t.outside / (n * PICTURE);
    s->coverage = t.valid ? (double)different / expected_pairs(t.valid) : 0;
    s->entropy = entropy_of(t.types, count * QUADRANTS);
    set_interval(s);
    distance_to_data(pictures, count, &s->pixels, &s->features);
}

double scores_paired_z(const uint8_t *a, const uint8_t *b, int64_t count)
{
    double more = 0, fewer = 0;
    for (int64_t i = 0; i < count; i++) more += a[i] && !b[i], fewer += b[i] && !a[i];
    return more + fewer > 0 ? (more - fewer) / sqrt(more + fewer) : 0;
}
