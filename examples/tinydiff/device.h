/* device.h - memory of a CUDA device, by the CUDA runtime that is installed, which is looked for when the program runs.
 * So one binary runs with and without. */
#ifndef TINYDIFF_DEVICE_H
#define TINYDIFF_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

/* cudaMalloc, cudaFree, cudaMemcpy. */
typedef struct device {
    void *library;
    int (*take)(void **memory, size_t bytes);
    int (*give)(void *memory);
    int (*copy)(void *to, const void *from, size_t bytes, int direction);
} device;

enum { TO_DEVICE = 1, FROM_DEVICE = 2 }; /* as cudaMemcpyKind has them */

/* False: why[256] says what is missing. */
bool device_open(device *d, char *why);
void device_close(device *d);

#endif
