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
    MIX_ZERO,
    MIX_HUGE, /* uniform in 2e38 * [0.95, 1), whose squares and fourfold float32 does not hold */
    MIX_TINY  /* uniform in 1e-30 * [-1, 1), whose squares it does not hold either */
} mixture;

typedef struct combination {
    ag_guidance g;
    ag_guidance_args a;
    mixture mix[AG_MOST_INPUTS + 1];
    double weights[COMBINATION_SAMPLES * AG_MOST_INPUTS];
    double parameters[AG_MOST_PARAMETERS]; /* the defaults, until set */
    int in_place, lse_in_place;            /* the input that out is; -1 (default): memory of its own */
    int keeps;                             /* has a state, filled with the mix behind those of the inputs */
    buffer in[AG_MOST_INPUTS], out, lse[2], lse_out;
    buffer state, start;                          /* start: the state before */
    double *want, *want_state, *want_lse, *scale; /* scale [samples]: the norms of a sample's inputs added */
} combination;

/* As many inputs as the rule has, at least; a rule whose state may be absent has one where there is one input too many.
 * Pictures are of some shape that fits the count. */
void combination_init(combination *x, ag_rule rule, int inputs, int64_t samples, int64_t count);

/* Gives it another rule, with what that is given at run: weights as they are, parameters at their defaults. */
void combination_rule(combination *x, ag_rule rule);

/* How many rules there are, and what is told of one. */
int combination_rules(void);
ag_rule_info combination_info(ag_rule rule);

/* Any rule over hostile extents, types and strides. */
void combination_random(combination *x, uint64_t seed);

/* Buffers, data, and the oracle's answer. Nonzero: no memory. */
int combination_build(combination *x, uint64_t seed);
void combination_free(combination *x);

/* The oracle's answer for the data that is there. */
void combination_answer(combination *x);

/* Outputs poisoned, state and inputs in place put back: what a run begins with. Points x->a at them. */
void combination_begin(combination *x);

/* Begin, run with `kernel` forced (NULL: the library's choice), not judged. */
ag_status combination_run(combination *x, ag_context *context, const char *kernel, char *why, size_t size);

/* NULL, or what is wrong with the outputs, in text. */
const char *combination_judge(const combination *x, char *text, size_t size);

#endif
