/* device_cudart.c - device.h over the CUDA runtime, linked statically: the only file of gpu-check with its headers. */
#include "device.h"

#include <cuda_runtime_api.h>
#include <stdio.h>
#include <string.h>

static char fault[256];

static int failed(cudaError_t error, const char *call)
{
    if (error == cudaSuccess) return 0;
    snprintf(fault, sizeof fault, "%s: %s", call, cudaGetErrorString(error));
    return 1;
}

const char *device_fault(void) { return fault; }
void device_forget(void) { *fault = 0; }

const char *device_open(void)
{
    int count = 0;
    const cudaError_t error = cudaGetDeviceCount(&count);
    if (error == cudaErrorInsufficientDriver || error == cudaErrorNoDevice || (error == cudaSuccess && !count)) {
        const int driver = error == cudaErrorInsufficientDriver;
        snprintf(fault, sizeof fault, "no %s (%s)", driver ? "driver" : "device", cudaGetErrorString(error));
        return fault;
    }
    if (failed(error, "cudaGetDeviceCount") || failed(cudaSetDevice(0), "cudaSetDevice")) return fault;
    return failed(cudaFree(NULL), "cudaFree") ? fault : NULL;
}

/* ---- memory ---- */

void *device_take(size_t size)
{
    void *memory = NULL;
    if (failed(cudaMalloc(&memory, size ? size : 1), "cudaMalloc")) {
        cudaGetLastError();
        return NULL;
    }
    return device_poison(memory, size) ? NULL : memory;
}

void device_give(void *memory)
{
    if (memory) failed(cudaFree(memory), "cudaFree");
}

/* A copy from memory that is not pinned may return before the device has it, and streams here wait for nobody. */
int device_write(void *to, const void *from, size_t size)
{
    if (!size) return 0;
    return failed(cudaMemcpy(to, from, size, cudaMemcpyHostToDevice), "cudaMemcpy to the device") ||
           failed(cudaStreamSynchronize(NULL), "the default stream");
}

int device_read(void *to, const void *from, size_t size)
{
    return size && failed(cudaMemcpy(to, from, size, cudaMemcpyDeviceToHost), "cudaMemcpy from the device");
}

/* The fill runs on the default stream, which other streams here do not wait for. */
int device_poison(void *memory, size_t size)
{
    if (!size) return 0;
    return failed(cudaMemset(memory, 0xff, size), "cudaMemset") || failed(cudaDeviceSynchronize(), "synchronisation");
}

int device_copy(void *to, const void *from, size_t size, void *stream)
{
    return failed(cudaMemcpyAsync(to, from, size, cudaMemcpyDeviceToDevice, stream), "cudaMemcpyAsync");
}

size_t device_memory_left(void)
{
    size_t left = 0, all = 0;
    return failed(cudaMemGetInfo(&left, &all), "cudaMemGetInfo") ? 0 : left;
}

/* ---- streams and graphs ---- */

void *device_stream(void)
{
    cudaStream_t stream = NULL;
    return failed(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate") ? NULL : stream;
}

void device_stream_end(void *stream)
{
    if (stream) failed(cudaStreamDestroy(stream), "cudaStreamDestroy");
}

int device_wait(void *stream) { return failed(cudaStreamSynchronize(stream), "the work on the stream"); }

static int count_nodes(device_graph *g)
{
    cudaGraphNode_t nodes[4096];
    size_t n = sizeof nodes / sizeof *nodes;
    g->kernels = g->others = 0;
    if (failed(cudaGraphGetNodes(g->graph, nodes, &n), "cudaGraphGetNodes")) return 1;
    for (size_t i = 0; i < n && i < sizeof nodes / sizeof *nodes; i++) {
        enum cudaGraphNodeType type;
        if (failed(cudaGraphNodeGetType(nodes[i], &type), "cudaGraphNodeGetType")) return 1;
        if (type == cudaGraphNodeTypeKernel) g->kernels++;
        else g->others++;
    }
    return 0;
}

int device_record(device_graph *g, int (*body)(void *arg, void *stream), void *arg, void *stream)
{
    *g = (device_graph){ .body = body, .arg = arg };
    if (failed(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), "cudaStreamBeginCapture")) return 1;
    const int refused = body(arg, stream);
    cudaGraph_t graph = NULL;
    const int broken = failed(cudaStreamEndCapture(stream, &graph), "cudaStreamEndCapture");
    g->graph = graph;
    if (refused || broken) {
        if (refused && !broken) snprintf(fault, sizeof fault, "the call was refused while it was captured");
        cudaGetLastError();
        return 1;
    }
    cudaGraphExec_t ready = NULL;
    const int unmade = failed(cudaGraphInstantiate(&ready, graph, 0), "cudaGraphInstantiate");
    g->ready = ready;
    return unmade || count_nodes(g);
}

int device_replay(const device_graph *g, void *stream)
{
    return failed(cudaGraphLaunch(g->ready, stream), "cudaGraphLaunch");
}

void device_graph_end(device_graph *g)
{
    if (g->ready) failed(cudaGraphExecDestroy(g->ready), "cudaGraphExecDestroy");
    if (g->graph) failed(cudaGraphDestroy(g->graph), "cudaGraphDestroy");
    *g = (device_graph){ .kernels = 0 };
}

double device_time(const device_graph *g, void *stream)
{
    cudaEvent_t from = NULL, to = NULL;
    float ms = -1;
    int bad = failed(cudaEventCreate(&from), "cudaEventCreate") || failed(cudaEventCreate(&to), "cudaEventCreate");
    bad = bad || failed(cudaEventRecord(from, stream), "cudaEventRecord") || device_replay(g, stream);
    bad = bad || failed(cudaEventRecord(to, stream), "cudaEventRecord") || device_wait(stream);
    bad = bad || failed(cudaEventElapsedTime(&ms, from, to), "cudaEventElapsedTime");
    if (from) cudaEventDestroy(from);
    if (to) cudaEventDestroy(to);
    return bad ? -1 : ms * 1e-3;
}

/* ---- what a host expects to find again ---- */

int device_current(void)
{
    int device = -1;
    return failed(cudaGetDevice(&device), "cudaGetDevice") ? -1 : device;
}

const char *device_error_left(void)
{
    const cudaError_t error = cudaPeekAtLastError();
    return error == cudaSuccess ? "" : cudaGetErrorName(error);
}

void device_leave_error(void) { cudaSetDevice(-1); }
void device_fetch_error(void) { cudaGetLastError(); }

/* ---- properties ---- */

static int attribute(enum cudaDeviceAttr which)
{
    int value = 0;
    return failed(cudaDeviceGetAttribute(&value, which, 0), "cudaDeviceGetAttribute") ? 0 : value;
}

int device_architecture(void)
{
    return 10 * attribute(cudaDevAttrComputeCapabilityMajor) + attribute(cudaDevAttrComputeCapabilityMinor);
}

size_t device_l2(void) { return (size_t)attribute(cudaDevAttrL2CacheSize); }

/* 128 lanes per multiprocessor, but 64 on sm_80. */
double device_fma_peak(void)
{
    const double lanes = device_architecture() == 80 ? 64 : 128;
    return 2 * lanes * attribute(cudaDevAttrMultiProcessorCount) * 1e3 * attribute(cudaDevAttrClockRate);
}

static void say_number(void (*say)(const char *, const char *), const char *key, double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.10g", value);
    say(key, text);
}

static void say_version(void (*say)(const char *, const char *), const char *key, int version)
{
    char text[32];
    snprintf(text, sizeof text, "%d.%d", version / 1000, version % 1000 / 10);
    say(key, text);
}

void device_describe(void (*say)(const char *key, const char *value))
{
    struct cudaDeviceProp properties;
    int driver = 0, runtime = 0;
    if (failed(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties")) return;
    say("name", properties.name);
    say_number(say, "architecture", device_architecture());
    say_number(say, "multiprocessors", properties.multiProcessorCount);
    say_number(say, "memory MiB", (double)(properties.totalGlobalMem >> 20));
    say_number(say, "L2 KiB", (double)(device_l2() >> 10));
    say_number(say, "highest SM clock MHz", attribute(cudaDevAttrClockRate) / 1e3);
    say_number(say, "memory clock MHz", attribute(cudaDevAttrMemoryClockRate) / 1e3);
    say_number(say, "memory bus bits", attribute(cudaDevAttrGlobalMemoryBusWidth));
    say_number(say, "shared memory per block KiB", attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin) / 1024.0);
    say_number(say, "error correction", attribute(cudaDevAttrEccEnabled));
    if (!failed(cudaDriverGetVersion(&driver), "cudaDriverGetVersion"))
        say_version(say, "driver supports CUDA", driver);
    if (!failed(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion")) say_version(say, "CUDA runtime", runtime);
}
