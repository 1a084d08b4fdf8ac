/* rule.h - what a rule of guidance is. One header per rule, <name>.h: its arithmetic, which every backend compiles, and
 * at its end its room, its name, parameters and checks, which table.c alone compiles. Nothing outside this folder names
 * a rule: check, lower, kernels, the command, the benchmark and the tests ask its room.
 *
 * The terms a_k are the inputs and behind them the state, where there is one. A rule has linear forms of them: x, y,
 * a base, and what is kept. For each group of a sample out = base + f_x x + f_y y, and the state becomes kept +
 * f_kept x. The factors f come from sums over the group of x and y, if the rule wants any: two passes then. */
#ifndef AG_RULE_H
#define AG_RULE_H

#include <math.h>

#include "../program/backend.h"

/* ---- statistics: sums over a group, in float64 ---- */

enum {
    AG_SUM_X,
    AG_SUM_Y,
    AG_SUM_XX,
    AG_SUM_YY,
    AG_SUM_XY,
    AG_SUM_ABS_X,
    AG_SUM_ABS_Y,
    AG_SUM_ROOTS, /* of sign(xy) sqrt|xy| */
    AG_SUMS
};

/* Those that a rule wants, as bits. Of deviations the group's first element is taken off, in x and in y. */
enum {
    AG_SUMS_OF_DEVIATIONS = 1 << AG_SUM_X | 1 << AG_SUM_Y | 1 << AG_SUM_XX | 1 << AG_SUM_YY,
    AG_SUMS_OF_PRODUCTS = 1 << AG_SUM_XX | 1 << AG_SUM_YY | 1 << AG_SUM_XY,
    AG_SUMS_OF_SQUARES = 1 << AG_SUM_XX | 1 << AG_SUM_YY,
    AG_SUMS_OF_SIZES = 1 << AG_SUM_ABS_X | 1 << AG_SUM_ABS_Y,
    AG_SUMS_OF_ROOTS = AG_SUMS_OF_SIZES | 1 << AG_SUM_ROOTS
};

AG_FN int ag_sums_deviate(unsigned sums) { return sums >> AG_SUM_X & 1; }

/* ---- what the arithmetic is given, and gives ---- */

/* One sample of a combination. */
typedef struct ag_sample {
    const ag_guidance *g;
    const ag_combining *run;
    int64_t number;
} ag_sample;

/* Weights of the terms. */
typedef struct ag_forms {
    double x[AG_MOST_TERMS], y[AG_MOST_TERMS], base[AG_MOST_TERMS], kept[AG_MOST_TERMS];
    int signs; /* of x its sign, -1, 0 or 1, is what the factors are of */
} ag_forms;

typedef struct ag_factors {
    double x, y, kept;
} ag_factors;

/* Of rules that are all base. */
AG_FN ag_factors ag_no_factors(const ag_sample *s, const double *sums)
{
    const ag_factors none = { 0, 0, 0 };
    (void)s;
    (void)sums;
    return none;
}

/* Those of many groups. */
typedef struct ag_factors_of {
    double *x, *y, *kept;
} ag_factors_of;

/* Steep factors make small differences of large terms large: sums in float32 would not hold them. */
#define AG_STEEP 16.0
AG_FN int ag_is_steep(double x, double y) { return !(fabs(x) <= AG_STEEP && fabs(y) <= AG_STEEP); }

AG_FN double ag_weight(const ag_forms *f, const ag_factors *by, int k)
{
    return f->base[k] + (f->signs ? 0 : by->x * f->x[k]) + by->y * f->y[k];
}

AG_FN double ag_kept_weight(const ag_forms *f, const ag_factors *by, int k)
{
    return f->kept[k] + (f->signs ? 0 : by->kept * f->x[k]);
}

/* The terms: the inputs, and behind them the state, where there is one: float32, packed. */
AG_FN int ag_terms(const ag_sample *s) { return s->g->inputs + (s->run->state ? 1 : 0); }
AG_FN ag_dtype ag_term_type(const ag_sample *s, int k) { return k < s->g->inputs ? s->g->dtype[k] : AG_F32; }

AG_FN const char *ag_term_at(const ag_sample *s, int k)
{
    const ag_guidance *g = s->g;
    if (k == g->inputs) return (const char *)(s->run->state + s->number * g->count);
    return (const char *)s->run->input[k] + s->number * g->stride[k] * (int64_t)ag_size_of(g->dtype[k]);
}

/* The state's place among the terms; of a first step, which does not read it, or without one, -1. */
AG_FN int ag_state_term(const ag_sample *s) { return s->run->state && !s->run->first_step ? s->g->inputs : -1; }

/* The caller's weights, of rules that take them. */
AG_FN const double *ag_given_weights(const ag_sample *s)
{
    return s->run->weights + (s->g->weights_per_sample ? s->number * s->g->inputs : 0);
}

/* form = by times their linear combination. */
AG_FN void ag_given_form(const ag_sample *s, double by, double *form)
{
    for (int k = 0; k < s->g->inputs; k++) form[k] = by * ag_given_weights(s)[k];
}

/* ---- numbers, without branches, so that compilers make vectors of them ---- */

/* a / b, and `otherwise` where b is 0. */
AG_FN double ag_ratio(double a, double b, double otherwise)
{
    const double ratio = a / b;
    return b == 0 ? otherwise : ratio;
}

AG_FN double ag_clamped(double x, double low, double high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

/* e^-x of x >= 0, to 1e-12: e^(-x/2048) to the 2048th; from 700 on it is so small that it does not matter what it is.
 * NaN stays NaN. */
AG_FN double ag_decay(double x)
{
    const double by[] = {
        1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720,
        1.0 / 120,       1.0 / 24,       1.0 / 6,       1.0 / 2,      1,           1
    };
    const double r = ag_clamped(x, 0, 700) * (-1.0 / 2048);
    double p = by[0];
    for (int i = 1; i <= 12; i++) p = p * r + by[i];
    for (int i = 0; i < 11; i++) p *= p;
    return p;
}

/* ---- a room ---- */

/* Of weights and parameters: products of two still fit in float32. */
#define AG_LARGEST 1e15

/* Of the rules that have a g. */
#define AG_CFG_SCALE(INITIAL, USUAL)                                                                                   \
    {                                                                                                                  \
        .name = "cfg_scale", .meaning = "g, how far to go", .initial = (INITIAL), .least = -AG_LARGEST,                \
        .most = AG_LARGEST, .neutral = 1, .usual = (USUAL)                                                             \
    }

typedef struct ag_rule_room {
    ag_rule_info info;                             /* what ag_rule_at() tells; its size is not set here */
    const ag_parameter_info *parameters;           /* [info.parameter_count]; sizes and places are not set here */
    unsigned sums;                                 /* all that it may want; 0: one pass */
    unsigned (*sums_of)(const double *parameters); /* those it wants with these parameters; NULL: all of them */
    int whole;                                     /* a sample is never cut, as its lse may be written in place */
    int folds;                                     /* a group's sums become one number, whose mean over the sample's
                                                      groups is sums[0] for the factors of the whole sample */
    ag_status (*check)(const ag_guidance *g, const ag_guidance_args *args, const double *parameters,
                       ag_why why); /* what is special; NULL */
} ag_rule_room;

/* NULL: there is no such rule. */
const ag_rule_room *ag_rule_find(ag_rule rule);

/* Parameter i of a run: the caller's, or the default where it is NaN or absent. */
double ag_rule_parameter(const ag_rule_room *room, const ag_guidance_args *args, int i);

#endif
