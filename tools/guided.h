/* guided.h - the rules of guidance by the names that the command line and cases.txt use, and one combination of
 * predictions from files into files. */
#ifndef TOOLS_GUIDED_H
#define TOOLS_GUIDED_H

#include "attnguide.h"
#include "fault.h"

/* Input arrays, in the order in which a rule's own become its inputs a_0, a_1 ... */
enum {
    FILE_COND,
    FILE_UNCOND,
    FILE_PERTURBED,
    FILE_POSITIVE,
    FILE_NEGATIVE,
    FILE_A,
    FILE_B,
    FILE_X,
    FILE_PREDICTION,
    FILE_MOMENTUM,
    FILE_INPUTS, /* those before are inputs of the same shape, those from here on [samples] */
    FILE_LSE_A = FILE_INPUTS,
    FILE_LSE_B,
    FILE_X0, /* these two are sag_blur's, which has shapes of its own */
    FILE_RECEIVED,
    GUIDED_FILES
};

typedef struct guided_file {
    const char *option; /* without the dashes */
    const char *name;   /* of the array in a replayed case */
} guided_file;

extern const guided_file guided_files[GUIDED_FILES];

typedef struct combination {
    const char *name;      /* RULE of combine, or convert */
    const char *operation; /* in cases.txt */
    ag_rule rule;
    unsigned needs, takes; /* bits 1 << FILE_...; takes holds needs */
    int by_rows;           /* a sample is a row of the last axis; 0: all axes but the first */
} combination;

/* NULL: no such name. */
const combination *guided_find(const char *name);
const combination *guided_of_case(const char *name);

struct options;

/* The files and numbers that the rule needs are there, and none that it does not know. */
bool guided_complete(const struct options *o, fault *why);

/* o->rule, its files and o->out are set; o->lse and o->momentum_out where wanted. Nothing is written unless all went
 * well. */
bool guided_run(ag_context *context, const struct options *o, fault *why);

/* The same for sag_blur. */
bool sag_run(const struct options *o, fault *why);

#endif
