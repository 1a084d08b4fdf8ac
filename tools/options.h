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
#include "sampler.h"

/* Which command an entry of the table belongs to. */
enum {
    FOR_RUN = 1,
    FOR_CASE = 2, /* a line of cases.txt that names an operation */
    FOR_REPLAY = 4,
    FOR_DEMO = 8,
    FOR_COMBINE = 16,
    FOR_CONVERT = 32,
    FOR_RULE = 64,         /* a line of cases.txt that names a rule */
    FOR_SAMPLER = 128,     /* combine of a step of a sampler */
    FOR_SAMPLER_CASE = 256 /* a line of cases.txt that names one */
};

/* A rule's parameter, by the name that the library tells of it, or the list of those that have one name. */
enum { MOST_LISTED = 8 };
typedef struct parameter {
    const char *name;
    double values[MOST_LISTED];
    int count;
} parameter;

enum { MOST_PARAMETERS = 64 }; /* names of all rules together are fewer */
enum { DRAWS_UNTOLD = -1 };

typedef struct options {
    const operation *op;
    const char *q, *k, *v, *bias, *mask, *index; /* paths of input arrays; NULL = not given */
    const char *out, *lse, *curvature;           /* paths of output arrays; one of lse, curvature ... */
    const char *extra;                           /* ... is the operation's second; NULL = not wanted */
    const char *inputs;                          /* cases.txt: folder of shared input arrays */
    const char *heads, *rows;                    /* lists of those perturbed; NULL = all */
    int64_t grid[3];
    int64_t image_offset, image_length;
    ag_row row;      /* the kind, and what numbers methods take; draws DRAWS_UNTOLD: as many as an index has, or 1 */
    ag_row_args run; /* likewise */
    double scale, strength;
    int has_scale, blend;
    int32_t causal, threads; /* threads 0: the library's choice */
    uint64_t seed;
    ag_dtype dtype;
    ag_place place;
    const char *kernel;
    const combination *rule;        /* what follows, to its end: combine and convert */
    const char *file[GUIDED_FILES]; /* paths of input arrays; NULL = not given */
    const char *state_out;
    int64_t group[3];
    double cfg_scale, perturbed_scale, alpha, sigma;
    int has_cfg_scale, has_perturbed_scale, has_alpha, has_sigma, has_from, has_to;
    parameter parameters[MOST_PARAMETERS]; /* given, of any rule, but those above */
    int parameter_count;
    int32_t taps;
    ag_prediction from, to;
    const sampler *sampler; /* a step of a sampler, and what it is given */
    step_options step;

    int32_t shrink, patch;   /* demo */
    double noise, bandwidth; /* demo */
} options;

void options_init(options *o);

/* The parameter of that name, of a list its number `i`; `absent` where it is not given. */
double options_parameter(const options *o, const char *name, int i, double absent);

/* How many numbers were given. */
int options_listed(const options *o, const char *name);

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
