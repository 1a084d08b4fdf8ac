/* device.c - see device.h. */
#include "device.h"
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static bool find(device *d)
{
    /* What dlsym() gives may be a function only by way of memory: ISO C has no such conversion. */
    const struct {
        const char *name;
        void *to;
    } calls[] = { { "cudaMalloc", &d->take }, { "cudaFree", &d->give }, { "cudaMemcpy", &d->copy } };
    for (int i = 0; i < 3; i++) {
        void *call = dlsym(d->library, calls[i].name);
        if (!call) return false;
        memcpy(calls[i].to, &call, sizeof call);
    }
    return true;
}

bool device_open(device *d, char *why)
{
    static const char *const names[] = { "libcudart.so.13", "libcudart.so.12", "libcudart.so" };
    void *memory = NULL;
    memset(d, 0, sizeof *d);
    for (int i = 0; !d->library && i < 3; i++) d->library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (d->library && find(d) && d->take(&memory, 1) == 0) return d->give(memory) == 0;
    snprintf(why, 256, "%s", d->library ? "the CUDA runtime finds no device" : "libcudart.so is not installed");
    device_close(d);
    return false;
}

void device_close(device *d)
{
    if (d->library) dlclose(d->library);
    memset(d, 0, sizeof *d);
}
