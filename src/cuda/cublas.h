/* cublas.h - cuBLAS: full float32 products on the caller's stream and in the caller's workspace. */
/* clang-format off */
#ifndef AG_CUBLAS_H
#define AG_CUBLAS_H

#include "../plan/plan.h"

enum { AG_CUBLAS_OP_N = 0, AG_CUBLAS_OP_T = 1, AG_CUBLAS_DEFAULT_MATH = 0, AG_CUBLAS_POINTER_MODE_HOST = 0 };
enum { AG_CUBLAS_MAJOR_VERSION = 0, AG_CUBLAS_MINOR_VERSION = 1, AG_CUBLAS_PATCH_LEVEL = 2 };

/* NULL or the reason why it cannot be had; which one it is. */
const char *ag_cublas_unavailable(void);
const char *ag_cublas_detail(void);

/* Column by column, as cuBLAS counts: c = alpha op(a) b + beta c, with op(a) [m, k], b [k, n], c [m, n], `batch` times
 * at the strides. beta 0: c is not read. */
typedef struct ag_product {
    int          transposed;              /* op(a) is the transpose of a */
    int64_t      m, n, k, batch;
    float        alpha, beta;
    const float *a, *b;
    float       *c;
    int64_t      lda, ldb, ldc;           /* elements from column to column */
    int64_t      stride_a, stride_b, stride_c;
} ag_product;

/* While a plan is made, with its device current: handles for it. */
ag_status ag_cublas_prepare(int device, ag_why why);

/* In a run: a handle that is this call's alone until it is given back. */
typedef struct ag_cublas_call {
    struct ag_handle *handle;
} ag_cublas_call;

ag_status ag_cublas_begin(ag_cublas_call *call, int device, void *stream, void *workspace, size_t bytes, ag_why why);
ag_status ag_cublas_multiply(const ag_cublas_call *call, const ag_product *product, ag_why why);
void      ag_cublas_end(ag_cublas_call *call);

#endif
