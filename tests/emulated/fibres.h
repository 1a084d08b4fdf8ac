/* fibres.h - one block of a kernel on the host: its threads as fibres, its barriers, its shared memory.
 *
 * A thread runs until it waits: at a block barrier for all threads of the block, at an exchange for the lanes of its
 * warp. In between, warps take turns in random order and so do the lanes of a warp: whoever reads what another thread
 * was to write without waiting for it finds NaN, or what was there before. */
#ifndef AG_FIBRES_H
#define AG_FIBRES_H

#include <stddef.h>
#include <stdint.h>

typedef struct fibre_place {
    int thread;
    int64_t block;
    char *shared;
} fibre_place;

/* Of the thread that runs now. */
const fibre_place *fibre_here(void);
void fibre_block_barrier(void);

/* Gives `mine` to the other lanes of the warp; returns what lane `from` gave. */
uint64_t fibre_exchange(uint64_t mine, int from);

typedef struct fibre_grid {
    void (*entry)(const void *parameter);
    const void *parameter;
    int64_t blocks;
    int threads;
    size_t shared;
} fibre_grid;

/* All blocks, one after the other in random order. NULL, or what went wrong. Not for two threads at once. */
const char *fibre_run(const fibre_grid *grid);

#endif
