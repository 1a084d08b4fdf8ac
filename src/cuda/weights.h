/* weights.h - logits of a block of queries and keys become weights, in place: what attend_cublas.c has done between its
 * two products. */
/* clang-format off */
#ifndef AG_WEIGHTS_H
#define AG_WEIGHTS_H

#include "../plan/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { AG_WEIGHTS_THREADS = 256, AG_WEIGHTS_KEYS = 8192 };

/* Rows are `queries` queries of one head, then those of the next, and so on. Logits come in units of log 2. */
typedef struct ag_weights {
    float   *logits;                 /* [rows, stride], keys of them filled */
    float   *top, *sum;              /* [rows]: running maximum and sum */
    float   *result;                 /* [rows, d_v]: what the blocks before gave; NULL where there is one block */
    int64_t  rows, queries, d_v;
    int64_t  key, keys, stride;      /* number of the first key */
    int      first, last;            /* block of keys of these rows */

    int64_t  seen;                   /* causal: query i sees key j < i + seen, from i = 0 on; else no limit */
    const char *bias;                /* of the first row and key number 0, in bias_type; NULL: none */
    ag_dtype bias_type;
    int64_t  bias_stride[3];         /* head, query, key */
    float   *lse, *out;              /* of the first row; lse NULL: not wanted */
    int64_t  lse_stride, out_stride[2]; /* head; head, query */
} ag_weights;

/* Kernels, whose parameter is an ag_weights. The first is launched with ag_weights_blocks() blocks, the second, for
 * results that gathered, with a block for each row. */
extern const void *const ag_weights_entry, *const ag_results_entry;

int64_t ag_weights_blocks(const ag_weights *w);
size_t  ag_weights_shared(const ag_weights *w);

#ifdef __cplusplus
}
#endif
#endif
