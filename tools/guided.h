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
    FILE_EMPTY,
    FILE_A,
    FILE_B,
    FILE_X0,
    FILE_X,
    FILE_PREDICTION,
    FILE_STATE,
    FILE_INPUTS, /* those before are inputs of the same shape, those from here on [samples] */
    FILE_LSE_A = FILE_INPUTS,
    FILE_LSE_B,
    FILE_RECEIVED, /* sag_blur's, of a shape of its own */
    GUIDED_FILES
};

typedef struct guided_file {
    const char *option; /* without the dashes */
    const char *name;   /* of the array in a replayed case */
} guided_file;

extern const guided_file guided_files[GUIDED_FILES];

typedef struct combination {
    const char *name;      /* RULE of combine, or convert: the library's, where it tells of its inputs */
    const char *operation; /* in cases.txt */
    const char *help;      /* NULL: what the library tells of the rule */
    ag_rule rule;
    unsigned needs, takes; /* bits 1 << FILE_...; takes holds needs */
    int by_rows;           /* a sample is a row of the last axis; 0: all axes but the first */
} combination;

/* NULL: past the last. */
const combination *guided_at(int i);

/* NULL: no such name. */
const combination *guided_find(const char *name);
const combination *guided_of_case(const char *name);

/* The rules of combine, and the names of all in cases.txt; NULL: beyond the last. */
const char *guided_name(int i);
const char *guided_case_name(int i);

/* The files of combination.takes, as bits. */
enum {
    TAKES_COND = 1 << FILE_COND,
    TAKES_UNCOND = 1 << FILE_UNCOND,
    TAKES_PERTURBED = 1 << FILE_PERTURBED,
    TAKES_PREDICTION = 1 << FILE_PREDICTION,
    TAKES_SPACE = 1 << FILE_X | 1 << FILE_PREDICTION,
    TAKES_PICTURE = 1 << FILE_X0 | 1 << FILE_RECEIVED
};

struct options;

/* Parameter i of all rules together, as the library tells of it; false: past the last. A name may come again. */
bool guided_parameter(int i, ag_parameter_info *info);

/* How many parameters of one rule have that name: more than one are a list. */
int guided_parameters(const char *name);

/* The rule that o->rule and its options come to: a linear one that is rescaled is another. */
ag_rule guided_rule(const struct options *o);

/* What is told of it: bits of ag_rule_info.uses, and how many inputs it takes. */
ag_rule_info guided_info(ag_rule rule);

/* The files and numbers that the rule needs are there, and none that it does not know. */
bool guided_complete(const struct options *o, fault *why);

/* o->rule, its files and o->out are set; o->lse and o->state_out where wanted. Nothing is written unless all went
 * well. */
bool guided_run(ag_context *context, const struct options *o, fault *why);

/* The same for sag_blur. */
bool sag_run(const struct options *o, fault *why);

#endif
