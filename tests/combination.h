/* combination.h - combinations of predictions with their data, run and judged by the oracle. Knows no Check.
 *
 * Use: combination_init, change x->g and the rest, combination_build, combination_run as often as wanted,
 * combination_free. */
#ifndef AG_TEST_COMBINATION_H
#define AG_TEST_COMBINATION_H

#include "attnguide.h"
#include "buffer.h"

enum { COMBINATION_SAMPLES = 5 };

/** What an input is made of. */
typedef enum mixture {
    MIX_PLAIN,    /* uniform in [-1, 1) */
    MIX_OFFSET,   /* uniform in 1e4 + [-1, 1) */
    MIX_CONSTANT, /* 0.1 everywhere, which no type holds exactly */
    MIX_ZERO
} mixture;

typedef struct combination {
    ag_guidance g;
    ag_guidance_args a;
    mixture mix[AG_MOST_INPUTS];
    double weights[COMBINATION_SAMPLES * AG_MOST_INPUTS];
    int in_place, lse_in_place;                             /* the input that out is; -1 (default): memory of its own */
    buffer in[AG_MOST_INPUTS], out, lse[2], lse_out, start; /* start: the momentum before */
    double *want, *want_momentum, *want_lse, *scale;        /* scale [samples]: the norms of a sample's inputs added */
} combination;

void combination_init(combination *x, ag_rule rule, int inputs, int64_t samples, int64_t count);

/* Any rule over hostile extents, types and strides. */
void combination_random(combination *x, uint64_t seed);

/* Buffers, data, and the oracle's answer. Nonzero: no memory. */
int combination_build(combination *x, uint64_t seed);
void combination_free(combination *x);

/* The oracle's answer for the data that is there. */
void combination_answer(combination *x);

/* Outputs poisoned, momentum and inputs in place put back: what a run begins with. Points x->a at them. */
void combination_begin(combination *x);

/* Begin, run with `kernel` forced (NULL: the library's choice), not judged. */
ag_status combination_run(combination *x, ag_context *context, const char *kernel, char *why, size_t size);

/* NULL, or what is wrong with the outputs, in text. */
const char *combination_judge(const combination *x, char *text, size_t size);

#endif
