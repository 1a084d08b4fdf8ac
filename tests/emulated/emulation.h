/* emulation.h - what the tests see of the emulated device: the memory it may touch, what was asked of it, how to make
 * it fail. */
#ifndef AG_EMULATION_H
#define AG_EMULATION_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { AG_EMULATED_DEVICES = 2 };

typedef struct ag_emulation {
    /* Memory of the host's that counts as the device's from now on: buffers with guard pages. */
    void (*adopt)(const void *at, size_t bytes);
    void (*forget)(const void *at);

    int current; /* device of the calling thread */
    int major;   /* compute capability of both devices */
    int allocations, frees, uploads, preloads, launches;
    void *stream;      /* of the last launch */
    int launch_device; /* current at the last launch */
    int capturing;     /* as in a graph capture: everything but a launch is an error */
    int memory_left;   /* allocations that still succeed; below 0: all */
    int launches_left; /* likewise launches */
    char trouble[256]; /* of the last launch that went wrong in a way no device would tell */
} ag_emulation;

__attribute__((visibility("default"))) ag_emulation *ag_emulated(void);

#ifdef __cplusplus
}
#endif
#endif
