/* options.h - what was asked for, in words, whether on the command line or in a line of cases.txt.
 *
 * Both go through one table: the option --keep-parallel and the key keep_parallel= are the same entry.
 */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include "attnguide.h"
#include "fault.h"
#include "guided.h"
#include "operation.h"

/* Which command an entry of the table belongs to. */
enum {
    FOR_RUN = 1,
    FOR_CASE = 2, /* a line of cases.txt that names an operation */
    FOR_REPLAY = 4,
    FOR_DEMO = 8,
    FOR_COMBINE = 16,
    FOR_CONVERT = 32,
    FOR_RULE = 64 /* a line of cases.txt that names a rule */
};

typedef struct options {
    const operation *op;
    const char *q, *k, *v, *bias, *mask, *index; /* paths of input arrays; NULL = not given */
    const char *out, *lse, *curvature;           /* paths of output arrays; one of lse, curvature ... */
    const char *extra;                           /* ... is the operation's second; NULL = not wanted */
    const char *inputs;                          /* cases.txt: folder of shared input arrays */
    const char *heads, *rows;                    /* lists of those perturbed; NULL = all */
    int64_t grid[3];
    int64_t image_offset, image_length;
    double sigma, sigma_t, scale, strength, gain, mix, inverse_temperature, probability, amplitude;
    int has_scale, blend, has_draws;
    int32_t keep_parallel, causal, draws, threads; /* threads 0: the library's choice */
    ag_kind kind;
    uint64_t seed;
    ag_dtype dtype;
    ag_place place;
    const char *kernel;
    const combination *rule;        /* what follows, to its end: combine and convert */
    const char *file[GUIDED_FILES]; /* paths of input arrays; NULL = not given */
    const char *momentum_out;
    double cfg_scale, perturbed_scale, nag_scale, rescale, eta, radius, momentum, tau, alpha;
    int has_cfg_scale, has_perturbed_scale, has_rescale, has_momentum, has_alpha, has_sigma, has_from, has_to;
    int32_t from_uncond, norm, taps;
    ag_prediction from, to;

    int32_t shrink, patch;   /* demo */
    double noise, bandwidth; /* demo */
} options;

void options_init(options *o);

/* Sets one entry. key in either spelling; shown is how errors name it. Strings are borrowed. */
bool options_set(options *o, unsigned command, const char *key, const char *value, const char *shown, fault *why);

/* Arguments from argv[first] on: options are set, at most `most` others are collected into positional, their number
 * into *count. */
typedef struct arguments {
    int argc, first, most;
    char **argv;
    const char **positional;
    int count;
} arguments;
bool options_parse(options *o, unsigned command, arguments *given, fault *why);

#endif
