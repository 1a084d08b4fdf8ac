/* prim.h - the primitives that kernels are written in, on a GPU. emulated/prim.h is the same on the host; which of the
 * two <prim.h> is, the build's include path says. Warp collectives want all 32 lanes. */
/* clang-format off */
#ifndef AG_PRIM_H
#define AG_PRIM_H

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "../device.h"

/* A kernel's head: its name, its threads per block, its one parameter; perhaps how many blocks registers are for. */
#define KERNEL_OF(type, name, ...) \
    extern "C" __global__ void __launch_bounds__(__VA_ARGS__) name(const __grid_constant__ type launch)
#define KERNEL(name, threads) KERNEL_OF(ag_launch, name, threads)
#define DEVICE static __device__ __forceinline__
#define APART static __device__ __noinline__ /* seldom called, so that its registers are not everybody's */
#define UNROLL _Pragma("unroll")
#define ROLLED _Pragma("unroll 1")

/* ---- Where am I ---- */

DEVICE int  thread(void) { return (int)threadIdx.x; }
DEVICE int  lane(void)   { return (int)(threadIdx.x & 31); }
DEVICE int  warp(void)   { return (int)(threadIdx.x >> 5); }
DEVICE int64_t block(void) { return (int64_t)blockIdx.x; }

/* The block's shared memory: shared() bytes, aligned to 16, nothing in it. */
DEVICE char *shared_memory(void)
{
    extern __shared__ uint4 ag_shared_[];
    return (char *)ag_shared_;
}

/* ---- Together ---- */

DEVICE void   sync_block(void) { __syncthreads(); }
DEVICE void   sync_warp(void)  { __syncwarp(); }
DEVICE float  shuffle_xor(float x, int mask)    { return __shfl_xor_sync(0xffffffffu, x, mask); }
DEVICE double shuffle_xor(double x, int mask)   { return __shfl_xor_sync(0xffffffffu, x, mask); }
DEVICE int    shuffle_xor(int x, int mask)      { return __shfl_xor_sync(0xffffffffu, x, mask); }
DEVICE int    vote_any(int x)                   { return __any_sync(0xffffffffu, x); }

/* Lanes that say yes. */
DEVICE uint32_t vote_lanes(int x) { return __ballot_sync(0xffffffffu, x); }
DEVICE int count_bits(uint32_t x) { return __popc(x); }

/* ---- Numbers ---- */

DEVICE float of_half(uint16_t h)   { return __half2float(__ushort_as_half(h)); }
DEVICE float of_bfloat(uint16_t h) { return __bfloat162float(__ushort_as_bfloat16(h)); }
DEVICE uint16_t to_half(float f)   { return __half_as_ushort(__float2half_rn(f)); }
DEVICE uint16_t to_bfloat(float f) { return __bfloat16_as_ushort(__float2bfloat16_rn(f)); }

#endif
