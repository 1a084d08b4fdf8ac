/* sampler.h - steps of a sampler by the names that the command line and cases.txt use, and one of them from files into
 * a file. */
#ifndef TOOLS_SAMPLER_H
#define TOOLS_SAMPLER_H

#include "attnguide.h"
#include "fault.h"

/* What a step can be given. Files come first, in the order of the weights. */
enum {
    STEP_X,
    STEP_PREDICTION,
    STEP_NOISE,
    STEP_FILES,
    STEP_FROM = STEP_FILES,
    STEP_ALPHA,
    STEP_SIGMA,
    STEP_ALPHA_TO,
    STEP_SIGMA_TO,
    STEP_VARIANCE,
    STEP_ETA,
    STEP_GAMMA,
    STEP_GIVEN
};

typedef struct step_options {
    const char *file[STEP_FILES]; /* paths */
    ag_prediction from;
    double alpha, sigma, alpha_to, sigma_to, eta, gamma; /* eta 0 where it is absent */
    ag_variance variance;                                /* small where it is absent */
    int has[STEP_GIVEN];
} step_options;

typedef struct sampler {
    const char *name, *help;
    unsigned needs, may; /* bits 1 << STEP_... */
    ag_status (*weigh)(const step_options *s, double *weights, fault *why);
} sampler;

/* NULL: no such name. */
const sampler *sampler_find(const char *name);

/* NULL: beyond the last. */
const sampler *sampler_at(int i);
const char *sampler_name(int i);

/* The name of an array in a replayed case. */
const char *sampler_file_name(int file);

/* The step reads that file: DDIM reads noise where eta is not 0. */
bool sampler_reads(const sampler *step, const step_options *s, int file);

struct options;

/* The files and numbers that the step needs are there, and none that it does not know. */
bool sampler_complete(const struct options *o, fault *why);

/* o->sampler, what it needs and o->out are set. Nothing is written unless all went well. */
bool sampler_run(ag_context *context, const struct options *o, fault *why);

#endif
