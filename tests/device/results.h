/* results.h - the records of a run of gpu-check, read again: flat JSON objects, one in a line. */
#ifndef AG_GPU_RESULTS_H
#define AG_GPU_RESULTS_H

#include <stdio.h>

enum { MOST_FIELDS = 24 };

typedef struct result {
    int n;
    char *key[MOST_FIELDS], *value[MOST_FIELDS]; /* numbers as they are written, strings without their quotes */
    char *line;                                  /* the object itself */
} result;

typedef struct results {
    int n, room;
    result *list;
} results;

/* From JSON lines, or from an array with one object in a line. Nonzero: a line that is neither, or no memory. */
int results_read(results *r, FILE *file);
void results_free(results *r);

/* The value of a key, "" if absent; as a number, NAN if it is none. */
const char *result_text(const result *r, const char *key);
double result_number(const result *r, const char *key);
int result_is(const result *r, const char *kind); /* its "record" */

/* The first record of this kind with this value under this key, NULL if none. */
const result *results_find(const results *all, const char *kind, const char *key, const char *value);

#endif
