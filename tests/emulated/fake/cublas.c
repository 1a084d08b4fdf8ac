/* cublas.c - stands in for cuBLAS over the emulated device: the few calls that the plugin makes, on the host, at once.
 * Stricter than the library: a product is refused where no workspace was set since the stream was. */
#include <stddef.h>
#include <stdint.h>

enum { NOT_INITIALIZED = 1, INVALID_VALUE = 7 };

typedef struct handle {
    void *stream, *workspace;
    size_t bytes;
    int math;
} handle;

int cublasCreate_v2(handle **made);
int cublasGetProperty(int which, int *value);
int cublasSetStream_v2(handle *h, void *stream);
int cublasSetWorkspace_v2(handle *h, void *workspace, size_t bytes);
int cublasSetMathMode(handle *h, int mode);
const char *cublasGetStatusString(int status);
int cublasSgemmStridedBatched(handle *h, int op_a, int op_b, int m, int n, int k, const float *alpha, const float *a,
                              int lda, long long stride_a, const float *b, int ldb, long long stride_b,
                              const float *beta, float *c, int ldc, long long stride_c, int batch);

static handle handles[64];
static int made_handles;

int cublasCreate_v2(handle **made)
{
    if (made_handles == 64) return NOT_INITIALIZED;
    *made = &handles[made_handles++];
    (*made)->math = -1;
    return 0;
}

int cublasGetProperty(int which, int *value)
{
    *value = which == 0 ? 12 : 0;
    return 0;
}

int cublasSetStream_v2(handle *h, void *stream)
{
    h->stream = stream;
    h->workspace = NULL;
    return 0;
}

int cublasSetWorkspace_v2(handle *h, void *workspace, size_t bytes)
{
    if ((uintptr_t)workspace % 256) return INVALID_VALUE;
    h->workspace = workspace;
    h->bytes = bytes;
    return 0;
}

int cublasSetMathMode(handle *h, int mode)
{
    h->math = mode;
    return 0;
}

const char *cublasGetStatusString(int status) { return status ? "the stand-in does not like this call" : "success"; }

static float element(const float *x, int64_t ld, int transposed, int64_t row, int64_t column)
{
    return transposed ? x[column + row * ld] : x[row + column * ld];
}

int cublasSgemmStridedBatched(handle *h, int op_a, int op_b, int m, int n, int k, const float *alpha, const float *a,
                              int lda, long long stride_a, const float *b, int ldb, long long stride_b,
                              const float *beta, float *c, int ldc, long long stride_c, int batch)
{
    if (h->math != 0 || !h->workspace || h->bytes < 1 << 16) return NOT_INITIALIZED;
    if (m < 0 || n < 0 || k < 0 || batch < 0 || lda < (op_a ? k : m) || ldb < (op_b ? n : k) || ldc < m)
        return INVALID_VALUE;
    for (int64_t at = 0; at < (int64_t)m * n * batch; at++) {
        const int64_t i = at % m, j = at / m % n, x = at / m / n;
        float *to = c + x * stride_c + i + j * ldc, sum = 0;
        for (int t = 0; t < k; t++)
            sum += element(a + x * stride_a, lda, op_a, i, t) * element(b + x * stride_b, ldb, op_b, t, j);
        *to = *beta == 0 ? *alpha * sum : *alpha * sum + *beta * *to;
    }
    return 0;
}
