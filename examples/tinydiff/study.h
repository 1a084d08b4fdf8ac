/* study.h - the stages of a study file, setting by setting: what is measured already is left out. */
#ifndef TINYDIFF_STUDY_H
#define TINYDIFF_STUDY_H

#include "network.h"
#include "results.h"

enum { MOST_SETTINGS = 512 };

/* A file like study.txt, in order. */
typedef struct plan_line {
    char stage[STAGE_NAME], line[SETTING_LINE]; /* with layer=* */
    int64_t count, seed;
} plan_line;

typedef struct study {
    plan_line lines[MOST_SETTINGS];
    int count;
} study;

bool study_read(study *s, const char *path, char *why);

typedef struct study_options {
    const char *model, *results; /* a name for the model; a path */
    const char *stage;           /* the only one; NULL: all */
    const network *n, *early;    /* early: NULL = there is none, and settings with input A are left out */
    int threads;
} study_options;

/* Measures what is not in the results yet. */
bool study_run(const study *s, const study_options *o, results *r, char *why);

/* The layer in which the perturbed network alone keeps the fewest agreeing pictures, by the stage "layers"; -1: not
 * measured. */
int study_layer(const results *r, const char *model);

#endif
