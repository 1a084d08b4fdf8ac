/* test_runtime.c - src/cuda/gpu/runtime.c over a CUDA runtime made here, every call of which can be made to fail: an
 * error of the host's that it has not seen yet stays, none of ours is left behind, nothing made is forgotten. */
#include <cuda_runtime_api.h>
#include <stdio.h>
#include <string.h>

#include "../../../src/cuda/runtime.h"

enum { HOSTS = 700, OURS = 2 };

static cudaError_t left; /* what cudaGetLastError() will say */
static int calls, failing, streams;

static cudaError_t called(void)
{
    if (++calls != failing) return cudaSuccess;
    left = (cudaError_t)OURS;
    return left;
}

/* ---- the runtime ---- */

cudaError_t cudaPeekAtLastError(void) { return left; }
cudaError_t cudaGetLastError(void)
{
    const cudaError_t was = left;
    left = cudaSuccess;
    return was;
}
const char *cudaGetErrorString(cudaError_t error) { return error ? "an error" : "none"; }
cudaError_t cudaGetDeviceCount(int *n) { return *n = 1, called(); }
cudaError_t cudaGetDevice(int *device) { return *device = 0, called(); }
cudaError_t cudaSetDevice(int device) { return (void)device, called(); }
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int device)
{
    memset(p, 0, sizeof *p);
    p->major = 9;
    return (void)device, called();
}
cudaError_t cudaDriverGetVersion(int *version) { return *version = 13000, called(); }
cudaError_t cudaMalloc(void **p, size_t bytes) { return *p = &left, (void)bytes, called(); }
cudaError_t cudaFree(void *p) { return (void)p, called(); }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned flags)
{
    const cudaError_t error = flags == cudaStreamNonBlocking ? called() : cudaErrorInvalidValue;
    *s = NULL;
    streams += !error;
    return error;
}
cudaError_t cudaStreamDestroy(cudaStream_t s) { return (void)s, streams--, cudaSuccess; }
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t n, enum cudaMemcpyKind kind, cudaStream_t s)
{
    return (void)to, (void)from, (void)n, (void)kind, (void)s, called();
}
cudaError_t cudaStreamSynchronize(cudaStream_t s) { return (void)s, called(); }
cudaError_t cudaFuncGetAttributes(struct cudaFuncAttributes *a, const void *entry)
{
    memset(a, 0, sizeof *a);
    return (void)entry, called();
}
cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr which, int device)
{
    return *value = 1 << 16, (void)which, (void)device, called();
}
cudaError_t cudaFuncSetAttribute(const void *entry, enum cudaFuncAttribute which, int value)
{
    return (void)entry, (void)which, (void)value, called();
}
cudaError_t cudaLaunchKernel(const void *entry, dim3 grid, dim3 block, void **args, size_t shared, cudaStream_t s)
{
    return (void)entry, (void)grid, (void)block, (void)args, (void)shared, (void)s, called();
}

/* ---- the verbs ---- */

static int use_count(void) { return ag_rt_count(&(int){ 0 }); }
static int use_current(void) { return ag_rt_current(&(int){ 0 }); }
static int use_use(void) { return ag_rt_use(0); }
static int use_describe(void) { return ag_rt_describe(0, &(ag_rt_device){ .major = 0 }); }
static int use_alloc(void) { return ag_rt_alloc(&(void *){ NULL }, 1); }
static int use_free(void) { return ag_rt_free(NULL); }
static int use_upload(void) { return ag_rt_upload(NULL, NULL, 0); }
static int use_preload(void) { return ag_rt_preload("entry"); }
static int use_launch(void) { return ag_rt_launch(&(ag_rt_call){ .entry = "entry", .blocks = 1, .threads = 32 }); }

static int (*const verbs[])(void) = {
    use_count, use_current, use_use, use_describe, use_alloc, use_free, use_upload, use_preload, use_launch,
};
static const int inside[] = { 1, 1, 1, 2, 1, 1, 3, 4, 1 }; /* calls that can fail */

/* 1 if verb `v` with its n-th call failing (0: none) keeps the rules. */
static int keeps(int v, int n, int before)
{
    left = (cudaError_t)before;
    calls = streams = 0;
    failing = n;
    const int error = verbs[v](), expected = n ? OURS : 0;
    return error == expected && streams == 0 && (before ? left != cudaSuccess : left == cudaSuccess) &&
           (n || calls == inside[v]);
}

int main(void)
{
    int passed = 0, failed = 0;
    for (int v = 0; v < (int)(sizeof verbs / sizeof *verbs); v++)
        for (int n = 0; n <= inside[v]; n++)
            for (int before = 0; before <= HOSTS; before += HOSTS) {
                if (keeps(v, n, before)) passed++;
                else printf("FAILED: verb %d, call %d failing, error %d before\n", v, n, before), failed++;
            }
    passed += ag_rt_is_memory(cudaErrorMemoryAllocation) && !ag_rt_is_memory(cudaErrorLaunchFailure);
    printf("%d passed, %d failed, 0 skipped\n", passed, failed);
    return failed != 0;
}
