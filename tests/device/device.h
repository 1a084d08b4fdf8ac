/* device.h - the device as the programs of gpu-check see it: memory, streams, graphs. It has two sides: device_cudart.c
 * is the CUDA runtime; device_emulated.c is the host's own memory, for the emulated plugin.
 *
 * Calls that can fail return nonzero and leave the reason in device_fault(). A device that failed once stays failed. */
#ifndef AG_GPU_DEVICE_H
#define AG_GPU_DEVICE_H

#include <stddef.h>

/* NULL: there is a device and it is open, as device 0. Else one sentence why not. */
const char *device_open(void);

/* The last reason, "" before any. */
const char *device_fault(void);
void device_forget(void); /* a failure that was expected */

/* Memory is filled with poison (all ones, NaN in every type), so that reading what nobody wrote shows. NULL: none is
 * left. */
void *device_take(size_t size);
void device_give(void *memory);
int device_write(void *to, const void *from, size_t size);
int device_read(void *to, const void *from, size_t size);
int device_poison(void *memory, size_t size);
size_t device_memory_left(void);

/* A copy on the device, enqueued. */
int device_copy(void *to, const void *from, size_t size, void *stream);

void *device_stream(void); /* NULL: none could be made */
void device_stream_end(void *stream);
int device_wait(void *stream); /* until everything on it is done: 0, or what went wrong on the device */

/* What `body` enqueues, recorded once in global capture mode and replayed as often as wanted. It is not to enqueue on
 * any other stream. Its own failure (nonzero) ends the recording. */
typedef struct device_graph {
    void *graph, *ready;
    int kernels, others; /* nodes: kernel launches; copies, fills and the rest */
    int (*body)(void *arg, void *stream);
    void *arg;
} device_graph;

int device_record(device_graph *g, int (*body)(void *arg, void *stream), void *arg, void *stream);
int device_replay(const device_graph *g, void *stream);
void device_graph_end(device_graph *g);

/* Seconds on the device from before to after one replay; negative: it failed. */
double device_time(const device_graph *g, void *stream);

/* What a host expects to find as it left it. */
int device_current(void);
const char *device_error_left(void); /* the name of the error a host has not fetched yet, "" if none */
void device_leave_error(void);       /* makes such an error, one that does not stop the device */
void device_fetch_error(void);

/* What is known about the device, as records: name, architecture, clocks, versions. */
void device_describe(void (*say)(const char *key, const char *value));
int device_architecture(void); /* 90 for 9.0 */
size_t device_l2(void);        /* bytes */
double device_fma_peak(void);  /* float32 multiply-adds as flop per second at the highest clock; 0: not known */

#endif
