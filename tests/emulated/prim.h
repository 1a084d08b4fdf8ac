/* prim.h - the primitives that kernels are written in, on the host, so that the very kernels can be tested where there
 * is no GPU. Every thread of a block is a fibre; warps and lanes run in random order from one barrier or shuffle to the
 * next; shared memory begins as NaN and ends at a page nobody may touch. See fibres.h. */
/* clang-format off */
#ifndef AG_PRIM_H
#define AG_PRIM_H

#include <math.h>

#include "../../src/halves.h"
#include "../../src/cuda/device.h"
#include "fibres.h"

/* A kernel's head: its name, its threads per block, its one parameter. */
#define KERNEL_OF(type, name, ...) extern "C" void name(const type &launch)
#define KERNEL(name, threads) KERNEL_OF(ag_launch, name, threads)
#define DEVICE static inline
#define APART static
#define UNROLL
#define ROLLED

/* ---- Where am I ---- */

DEVICE int     thread(void) { return fibre_here()->thread; }
DEVICE int     lane(void)   { return fibre_here()->thread & 31; }
DEVICE int     warp(void)   { return fibre_here()->thread >> 5; }
DEVICE int64_t block(void)  { return fibre_here()->block; }
DEVICE char   *shared_memory(void) { return fibre_here()->shared; }

/* ---- Together ---- */

DEVICE void   sync_block(void) { fibre_block_barrier(); }
DEVICE void   sync_warp(void)  { fibre_exchange(0, lane()); }

template <typename T> static inline T emulated_xor(T x, int mask)
{
    uint64_t bits = 0;
    memcpy(&bits, &x, sizeof x);
    bits = fibre_exchange(bits, lane() ^ mask);
    memcpy(&x, &bits, sizeof x);
    return x;
}

DEVICE float  shuffle_xor(float x, int mask)  { return emulated_xor(x, mask); }
DEVICE double shuffle_xor(double x, int mask) { return emulated_xor(x, mask); }
DEVICE int    shuffle_xor(int x, int mask)    { return emulated_xor(x, mask); }

DEVICE uint32_t vote_lanes(int x)
{
    int mine = x ? (int)(1u << lane()) : 0;
    for (int step = 1; step < 32; step *= 2) mine |= shuffle_xor(mine, step);
    return (uint32_t)mine;
}
DEVICE int vote_any(int x) { return vote_lanes(x) != 0; }
DEVICE int count_bits(uint32_t x) { return __builtin_popcount(x); }

/* ---- Numbers ---- */

DEVICE float of_half(uint16_t h)   { return ag_from_half(h); }
DEVICE float of_bfloat(uint16_t h) { return ag_from_bfloat(h); }
DEVICE uint16_t to_half(float f)   { return ag_to_half(f); }
DEVICE uint16_t to_bfloat(float f) { return ag_to_bfloat(f); }

#endif
