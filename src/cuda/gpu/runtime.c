/* runtime.c - runtime.h over the CUDA runtime, which is linked statically; the driver is found at run time. */
#include "../runtime.h"

#include <cuda_runtime_api.h>
#include <stdio.h>

/* An error that this call made is not left for the host; one that was there before is. */
static int settled(cudaError_t before, cudaError_t error)
{
    if (error != cudaSuccess && before == cudaSuccess) cudaGetLastError();
    return (int)error;
}

int ag_rt_count(int *devices)
{
    *devices = 0;
    const cudaError_t before = cudaPeekAtLastError();
    return settled(before, cudaGetDeviceCount(devices));
}

int ag_rt_current(int *device)
{
    const cudaError_t before = cudaPeekAtLastError();
    return settled(before, cudaGetDevice(device));
}

int ag_rt_use(int device)
{
    const cudaError_t before = cudaPeekAtLastError();
    return settled(before, cudaSetDevice(device));
}

const char *ag_rt_text(int error) { return cudaGetErrorString((cudaError_t)error); }
int ag_rt_is_memory(int error) { return error == cudaErrorMemoryAllocation; }

int ag_rt_describe(int device, ag_rt_device *is)
{
    const cudaError_t before = cudaPeekAtLastError();
    struct cudaDeviceProp all;
    cudaError_t error = cudaGetDeviceProperties(&all, device);
    if (!error) error = cudaDriverGetVersion(&is->driver);
    if (error) return settled(before, error);
    snprintf(is->name, sizeof is->name, "%.63s", all.name);
    is->major = all.major;
    is->minor = all.minor;
    return 0;
}

int ag_rt_alloc(void **memory, size_t bytes)
{
    const cudaError_t before = cudaPeekAtLastError();
    return settled(before, cudaMalloc(memory, bytes));
}

int ag_rt_free(void *memory)
{
    const cudaError_t before = cudaPeekAtLastError();
    return settled(before, cudaFree(memory));
}

/* A copy from pageable memory may still be on its way when cudaMemcpy returns; a stream of its own says when it is
 * not, without waiting for the host's streams. */
int ag_rt_upload(void *to, const void *from, size_t bytes)
{
    const cudaError_t before = cudaPeekAtLastError();
    cudaStream_t stream;
    cudaError_t error = cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    if (error) return settled(before, error);
    error = cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream);
    const cudaError_t later = cudaStreamSynchronize(stream);
    cudaStreamDestroy(stream);
    return settled(before, error ? error : later);
}

int ag_rt_preload(const void *entry)
{
    const cudaError_t before = cudaPeekAtLastError();
    struct cudaFuncAttributes is;
    int device, most;
    cudaError_t error = cudaFuncGetAttributes(&is, entry); /* loads the module */
    if (!error) error = cudaGetDevice(&device);
    if (!error) error = cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
    if (!error)
        error =
            cudaFuncSetAttribute(entry, cudaFuncAttributeMaxDynamicSharedMemorySize, most - (int)is.sharedSizeBytes);
    return settled(before, error);
}

int ag_rt_launch(const ag_rt_call *c)
{
    const cudaError_t before = cudaPeekAtLastError();
    void *parameters[] = { (void *)(uintptr_t)c->parameter };
    const dim3 grid = { (unsigned)c->blocks, 1, 1 }, block = { (unsigned)c->threads, 1, 1 };
    return settled(before, cudaLaunchKernel(c->entry, grid, block, parameters, c->shared, (cudaStream_t)c->stream));
}
