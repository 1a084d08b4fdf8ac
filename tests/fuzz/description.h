/* description.h - a fuzzer's bytes as a description: a plausible one with a few fields overwritten by anything, in
 * memory that ends where each struct says it ends. */
#ifndef AG_TEST_DESCRIPTION_H
#define AG_TEST_DESCRIPTION_H

#include "attnguide.h"
#include "bytes.h"

enum { DESCRIPTION_ROWS = 8, DESCRIPTION_MEMORY = 128 };

typedef struct description {
    ag_problem p;                      /* as the library is to see it; the library gets a copy, `problem` */
    ag_row rows[DESCRIPTION_ROWS];     /* what the entries of p.rows say */
    ag_row_args run[DESCRIPTION_ROWS]; /* likewise, of args.rows */
    const ag_problem *problem;
    ag_args args;
    void *memory[DESCRIPTION_MEMORY];
    int pieces;
} description;

/* `size` bytes that end where the address sanitizer looks; NULL beyond what this fuzzer gives. */
void *description_memory(description *x, size_t size);
void description_free(description *x);

/* Problem and rows from the bytes; args are empty. */
void description_read(description *x, bytes *b);

/* The args of a problem that a plan was made of; 0 where its tensors are larger than this fuzzer gives. */
int description_arguments(description *x, bytes *b, size_t workspace);

/* Upper bounds from the extents alone: list entries, steps and tasks a plan has; multiplications a run does. */
double description_plan_size(const ag_problem *p);
double description_work(const ag_problem *p);

#endif
