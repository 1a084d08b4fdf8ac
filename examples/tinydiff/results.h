/* results.h - what the study measured, a line each in a file of columns between tabs, so that a run that was cut off
 * goes on where it stopped. */
#ifndef TINYDIFF_RESULTS_H
#define TINYDIFF_RESULTS_H

#include "scores.h"
#include "setting.h"
#include <stdio.h>

enum { MODEL_NAME = 32, STAGE_NAME = 32 };

typedef struct result {
    char model[MODEL_NAME], stage[STAGE_NAME], name[SETTING_NAME], line[SETTING_LINE];
    int64_t seed;
    double z; /* against the stage's first setting */
    scores s; /* s.verdicts is owned by the list */
} result;

typedef struct results {
    result *list;
    int count;
} results;

/* A file that is not there is an empty list. False: why[WHY] says what is wrong. */
bool results_read(results *r, const char *path, char *why);
void results_free(results *r);

/* Adds one to the list, which takes the verdicts, and to the file. */
bool results_add(results *r, const char *path, const result *one, char *why);

/* The same model, stage, setting line, number of pictures and seed; NULL: not measured yet. */
const result *results_find(const results *r, const result *like);

/* All of it: as JSON, and as one table in Markdown for each model and stage. */
void results_json(const results *r, FILE *out);
void results_table(const results *r, FILE *out);

#endif
