/* golden.h - the cases of tests/golden/attention and their arrays; names as in methods.md section 6. */
#ifndef AG_TEST_GOLDEN_H
#define AG_TEST_GOLDEN_H

#include "array.h"
#include "problem.h"

typedef struct golden {
    char line[512]; /* of cases.txt */
    char name[64], operation[32];
} golden;

/* Where cases.txt is; "tests/golden/attention" unless main.c was told otherwise. */
extern const char *golden_folder;

int golden_count(void);
int golden_case(int number, golden *g);                     /* nonzero: no such case */
const char *golden_value(const golden *g, const char *key); /* NULL: absent */
double golden_number(const golden *g, const char *key, double absent);
ag_prediction golden_prediction(const golden *g, const char *key);
array golden_array(const golden *g, const char *name); /* of the case, or of its inputs */

/* The case as a problem in one type, its data in place and converted; not yet answered. Nonzero: it cannot be. */
int golden_problem(const golden *g, ag_dtype type, problem *x);

/* The answer it is judged by: in float32 the golden arrays, else the oracle's. Nonzero: there is none. */
int golden_answer(const golden *g, ag_dtype type, problem *x);

#endif
