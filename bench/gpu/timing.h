/* timing.h - what is timed on the device, and how: graphs of many runs over rotated inputs, replayed. */
#ifndef AG_GPU_TIMING_H
#define AG_GPU_TIMING_H

#include <stddef.h>

#include "attnguide.h"

/* Every subject, beside the ceilings of the same run. A record for each; nonzero: something was wrong. `small`: shapes
 * of a few tokens, to try the program where there is no GPU. No subject is begun after `seconds`. */
int timing(double seconds, int small);

/* ---- measure.c ---- */

/* Enqueues one run on set number `set` of its inputs. Nonzero: it was refused. */
typedef struct work {
    int (*run)(void *arg, int set, void *stream);
    void *arg;
    int sets;
} work;

/* Of one run: the median over replays, (third - first quartile) / median, graph nodes. */
typedef struct figure {
    double seconds, spread;
    int kernels, others, runs, replays;
} figure;

int measure(const work *w, void *stream, figure *f);

/* Sets of `bytes` each that together are several times the second-level cache, within reason. */
int sets_for(double bytes);

/* ---- pool.c: random numbers, never zeros ---- */

int pool_make(int small);
void pool_free(void);

/* Device memory for `count` numbers from the pool, other ones for every `seed`. NULL: none left. */
void *pool_tensor(ag_dtype type, size_t count, int seed);

/* ---- ceilings.c ---- */

/* Seconds of a copy on the device that reads and writes `bytes` in all, its memory rotated; negative: failed. */
double ceiling_copy(double bytes, void *stream);

/* Seconds per flop of a large product, 0: no cuBLAS. */
double ceiling_product(ag_dtype type, int small, void *stream);

/* Seconds of Q K^T and P V alone, float32, [batch, n, d]; 0: no cuBLAS. */
double ceiling_two_products(int batch, int n, int d, void *stream);

#endif
