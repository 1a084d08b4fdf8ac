/* runtime.h - memory, launches, devices: the few verbs of the CUDA runtime that the plugin's host side uses.
 * gpu/runtime.c is the real one, emulated/runtime.cpp that of the tests.
 *
 * Errors are the runtime's numbers, 0 for none. No verb leaves an error of its own behind for the host to find, nor
 * takes away one that the host has not seen yet. */
#ifndef AG_RUNTIME_H
#define AG_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is known of a device. */
typedef struct ag_rt_device {
    char name[64];
    int major, minor; /* compute capability */
    int driver;       /* CUDA version the driver is for, 1000 major + 10 minor */
} ag_rt_device;

/* Any time. */
int ag_rt_count(int *devices);
int ag_rt_current(int *device);
int ag_rt_use(int device);
const char *ag_rt_text(int error);
int ag_rt_is_memory(int error); /* an allocation failed, and nothing else did */

/* While planning: these may synchronise. */
int ag_rt_describe(int device, ag_rt_device *is);
int ag_rt_alloc(void **memory, size_t bytes);
int ag_rt_free(void *memory);
int ag_rt_upload(void *to, const void *from, size_t bytes); /* done when it returns */
int ag_rt_preload(const void *entry); /* on the current device, with as much shared memory as it has */

/* One launch: an entry that is preloaded, blocks and threads in one dimension, the kernel's one parameter. */
typedef struct ag_rt_call {
    const void *entry;
    int64_t blocks;
    int threads;
    size_t shared; /* bytes */
    const void *parameter;
    size_t size; /* of the parameter */
    void *stream;
} ag_rt_call;

/* In a run: enqueues, and nothing else. */
int ag_rt_launch(const ag_rt_call *call);

#ifdef __cplusplus
}
#endif
#endif
