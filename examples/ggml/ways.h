/* ways.h - one request computed in two ways: by the library's nodes, and by ggml's own attention. */
#ifndef WAYS_H
#define WAYS_H

#include "graph.h"

enum { MOST_ROWS = 3, MOST_THREADS = 4 };

/** STANDARD: all rows; SMOOTHED: all rows, sigma 2; GUIDED: the last row smoothed infinitely, the others standard. */
typedef enum request { STANDARD, SMOOTHED, GUIDED } request;

typedef struct setup {
    ggml_backend_t backend;
    ag_context *context;
} setup;
extern setup machine;

/** Print why, count a failure, and leave. */
void stop(const char *why);

/** The problem of a shape's inputs, without rows. */
ag_problem pose(const shape *s, const ag_ggml_inputs *in, int threads);
void set_rows(const shape *s, request asked, ag_row rows[MOST_ROWS]);

typedef struct outcome {
    float *values; /**< to free() */
    int phases;
    int copies;   /**< nodes that only move data */
    int in_place; /**< the result lies where the custom nodes wrote */
} outcome;

/** By the library, with a plan for `planned` workers, on `threads` threads. */
outcome run_guided(const shape *s, const inputs *x, request asked, int planned, int threads);

/** By ggml_flash_attn_ext(), of queries that were blurred beforehand where the request says so. To free(). */
float *run_flash(const shape *s, const inputs *x, request asked);

#endif
