/* weights.h - logits of a block of queries and keys become weights, in place: what attend_cublas.c has done between its
 * two products. */
/* clang-format off */
#ifndef AG_WEIGHTS_H
#define AG_WEIGHTS_H

#include "../step.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { AG_WEIGHTS_THREADS = 256, AG_WEIGHTS_KEYS = 8192 };

/* Rows are queries [i, i + queries) of head h, then of head h + 1, and so on. Logits come in units of log 2. */
typedef struct ag_weights {
    const ag_step *step;             /* the device's */
    float   *logits;                 /* [rows, stride], keys of them filled */
    float   *top, *sum;              /* [rows]: running maximum and sum */
    float   *result;                 /* [rows, d_v]: what the blocks before gave; NULL where there is one block */
    int64_t  rows, queries, h, i;
    int64_t  key, keys, stride;      /* number of the first key */
    int      first, last;            /* block of keys of these rows */
} ag_weights;

/* Kernels: a launch of ag_weights_blocks() blocks; a block for each row. */
extern const void *const ag_weights_entry, *const ag_results_entry;

int64_t ag_weights_blocks(const ag_weights *w);
size_t  ag_weights_shared(const ag_weights *w);

#ifdef __cplusplus
}
#endif
#endif
