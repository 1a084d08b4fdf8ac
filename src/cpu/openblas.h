/* openblas.h - OpenBLAS, loaded when it is first wanted: nobody pays for its threads who does not ask for it by
 * name. */
#ifndef AG_OPENBLAS_H
#define AG_OPENBLAS_H

#include "cpu.h"

enum { AG_ROW_MAJOR = 101, AG_NO_TRANS = 111, AG_TRANS = 112 };

typedef struct ag_openblas {
    void (*sgemm)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float *a, int lda,
                  const float *b, int ldb, float beta, float *c, int ldc);
    char *(*config)(void);
    char *(*corename)(void);
} ag_openblas;

/* NULL if it cannot be had. */
const ag_openblas *ag_openblas_here(void);

/* float32 rows at least their width apart. */
static inline int ag_openblas_takes(const ag_ref *r, int64_t width)
{
    return r->dtype == AG_F32 && r->stride_i >= width && r->stride_i <= INT32_MAX;
}

/* The fastest rows of logits to weights for this machine. */
const ag_softmax *ag_softmax_here(void);

/* For the kernel's table. */
const char *ag_openblas_unavailable(void);
const char *ag_openblas_detail(void);

#endif
