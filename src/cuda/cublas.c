/* cublas.c - finds cuBLAS, judges its version, and calls it. */
#include "cublas.h"

#include <stdio.h>

#include "../os.h"
#include "library.h"

enum { OLDEST_MAJOR = 12 };

#define COST "float32 attention then takes the any-shape kernel, which is slower"

/* As much of its API as is used. A status is 0 when all is well. */
typedef struct cublas {
    int (*create)(void **handle);
    int (*property)(int which, int *value);
    int (*set_stream)(void *handle, void *stream);
    int (*set_workspace)(void *handle, void *workspace, size_t bytes);
    int (*set_math)(void *handle, int mode);
    int (*sgemm)(void *handle, int op_a, int op_b, int m, int n, int k, const float *alpha, const float *a, int lda,
                 long long stride_a, const float *b, int ldb, long long stride_b, const float *beta, float *c, int ldc,
                 long long stride_c, int batch);
    const char *(*text)(int status);
} cublas;

static ag_once once = AG_ONCE;
static int usable;
static cublas found;
static char detail[40], reason[200];
static ag_handles handles;

static int missing(void *library)
{
    *(void **)&found.create = ag_os_symbol(library, "cublasCreate_v2");
    *(void **)&found.property = ag_os_symbol(library, "cublasGetProperty");
    *(void **)&found.set_stream = ag_os_symbol(library, "cublasSetStream_v2");
    *(void **)&found.set_workspace = ag_os_symbol(library, "cublasSetWorkspace_v2");
    *(void **)&found.set_math = ag_os_symbol(library, "cublasSetMathMode");
    *(void **)&found.sgemm = ag_os_symbol(library, "cublasSgemmStridedBatched");
    *(void **)&found.text = ag_os_symbol(library, "cublasGetStatusString");
    return !found.create || !found.property || !found.set_stream || !found.set_workspace || !found.set_math ||
           !found.sgemm || !found.text;
}

static int find(void)
{
    static const char *const names[] = { "libcublas.so.13", "libcublas.so.12", NULL };
    void *library = ag_library_open("AG_CUBLAS", names);
    if (!library) {
        snprintf(reason, sizeof reason,
                 "libcublas.so.13 or .12 was not found (AG_CUBLAS may name its absolute path): " COST);
        return 0;
    }
    int major = 0, minor = 0, patch = 0;
    if (missing(library) || found.property(AG_CUBLAS_MAJOR_VERSION, &major) ||
        found.property(AG_CUBLAS_MINOR_VERSION, &minor) || found.property(AG_CUBLAS_PATCH_LEVEL, &patch)) {
        snprintf(reason, sizeof reason, "libcublas lacks functions that cuBLAS 12 has: " COST);
        return 0;
    }
    snprintf(detail, sizeof detail, "cuBLAS %d.%d.%d", major, minor, patch);
    if (major >= OLDEST_MAJOR) return 1;
    snprintf(reason, sizeof reason, "%s is older than 12.0: " COST, detail);
    return 0;
}

static void load(void) { usable = find(); }

static int is_usable(void)
{
    ag_os_once(&once, load);
    return usable;
}

const char *ag_cublas_unavailable(void) { return is_usable() ? NULL : reason; }
const char *ag_cublas_detail(void) { return is_usable() ? detail : NULL; }

/* No tf32: the mode says that products are at least as exact as their type. */
static int create(void **handle)
{
    const int status = found.create(handle);
    return status ? status : found.set_math(*handle, AG_CUBLAS_DEFAULT_MATH);
}

ag_status ag_cublas_prepare(int device, ag_why why)
{
    const char *missing_library = ag_cublas_unavailable();
    if (missing_library) return ag_refuse(why, AG_ERR_UNAVAILABLE, "%s", missing_library);
    if (!ag_library_lock()) return ag_refuse(why, AG_ERR_MEMORY, "no memory for a lock");
    const int status = ag_handles_fill(&handles, device, create);
    ag_library_unlock();
    if (!status) return AG_OK;
    return ag_refuse(why, AG_ERR_UNAVAILABLE, "cuBLAS gives no handle: %s",
                     status < 0 ? "there are too many devices" : found.text(status));
}

ag_status ag_cublas_begin(ag_cublas_call *call, int device, void *stream, void *workspace, size_t bytes, ag_why why)
{
    call->handle = ag_handles_take(&handles, device);
    if (!call->handle) return ag_refuse(why, AG_ERR_DEVICE, "cuBLAS has no handle for device %d", device);
    int status = found.set_stream(call->handle->at, stream);
    /* second, for set_stream goes back to a workspace of the handle's own */
    if (!status) status = found.set_workspace(call->handle->at, workspace, bytes);
    if (!status) return AG_OK;
    ag_cublas_end(call);
    return ag_refuse(why, AG_ERR_DEVICE, "cuBLAS does not take the stream: %s", found.text(status));
}

ag_status ag_cublas_multiply(const ag_cublas_call *call, const ag_product *p, ag_why why)
{
    const int status = found.sgemm(call->handle->at, p->transposed ? AG_CUBLAS_OP_T : AG_CUBLAS_OP_N, AG_CUBLAS_OP_N,
                                   (int)p->m, (int)p->n, (int)p->k, &p->alpha, p->a, (int)p->lda, p->stride_a, p->b,
                                   (int)p->ldb, p->stride_b, &p->beta, p->c, (int)p->ldc, p->stride_c, (int)p->batch);
    if (!status) return AG_OK;
    return ag_refuse(why, AG_ERR_DEVICE, "cuBLAS does not multiply: %s", found.text(status));
}

void ag_cublas_end(ag_cublas_call *call)
{
    ag_handles_give(call->handle);
    call->handle = NULL;
}
