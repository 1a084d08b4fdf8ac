/* device_emulated.c - device.h over the host's own memory, for the emulated plugin that AG_CUDA_PLUGIN names: the
 * programs of gpu-check run from end to end without a GPU. A graph is its body, which every replay calls again. */
#include "device.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../emulated/emulation.h"

static ag_emulation *emulated;
enum { CAPACITY = 128 << 20 }; /* bytes: what takes all memory of a device must not take the host's */

static size_t taken;

const char *device_open(void)
{
    const char *path = getenv("AG_CUDA_PLUGIN");
    void *plugin = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    ag_emulation *(*entry)(void) = NULL;
    if (plugin) *(void **)&entry = dlsym(plugin, "ag_emulated");
    if (entry) emulated = entry();
    return entry ? NULL : "AG_CUDA_PLUGIN names no emulated device";
}

const char *device_fault(void) { return ""; }
void device_forget(void) {}

/* The size stands in front of the memory, at an address that begins a line as the device's own do. */
enum { FRONT = 256 };

void *device_take(size_t size)
{
    unsigned char *whole = NULL;
    if (size <= CAPACITY - taken) whole = aligned_alloc(FRONT, (size + 2 * FRONT) / FRONT * FRONT);
    if (!whole) return NULL;
    memcpy(whole, &size, sizeof size);
    memset(whole + FRONT, 0xff, size);
    taken += size;
    emulated->adopt(whole + FRONT, size);
    return whole + FRONT;
}

void device_give(void *memory)
{
    size_t size;
    if (!memory) return;
    memcpy(&size, (unsigned char *)memory - FRONT, sizeof size);
    taken -= size;
    emulated->forget(memory);
    free((unsigned char *)memory - FRONT);
}

int device_write(void *to, const void *from, size_t size)
{
    memcpy(to, from, size);
    return 0;
}

int device_read(void *to, const void *from, size_t size) { return device_write(to, from, size); }

int device_poison(void *memory, size_t size)
{
    memset(memory, 0xff, size);
    return 0;
}

int device_copy(void *to, const void *from, size_t size, void *stream)
{
    (void)stream;
    return device_write(to, from, size);
}

size_t device_memory_left(void) { return CAPACITY - taken; }

void *device_stream(void) { return device_take(1); }
void device_stream_end(void *stream) { device_give(stream); }

int device_wait(void *stream)
{
    (void)stream;
    return 0;
}

int device_record(device_graph *g, int (*body)(void *arg, void *stream), void *arg, void *stream)
{
    const int before = emulated->launches;
    *g = (device_graph){ .body = body, .arg = arg };
    emulated->capturing = 1;
    const int refused = body(arg, stream);
    emulated->capturing = 0;
    g->kernels = emulated->launches - before;
    return refused;
}

int device_replay(const device_graph *g, void *stream) { return g->body(g->arg, stream); }
void device_graph_end(device_graph *g) { *g = (device_graph){ .kernels = 0 }; }

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double device_time(const device_graph *g, void *stream)
{
    const double from = now();
    return device_replay(g, stream) ? -1 : now() - from;
}

int device_current(void) { return emulated->current; }
const char *device_error_left(void) { return ""; }
void device_leave_error(void) {}
void device_fetch_error(void) {}

void device_describe(void (*say)(const char *key, const char *value)) { say("name", "emulated on the host"); }
int device_architecture(void) { return 0; }
size_t device_l2(void) { return 0; }
double device_fma_peak(void) { return 0; }
