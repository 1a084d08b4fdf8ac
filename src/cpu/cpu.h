/* cpu.h - what the CPU backend and its kernels share: features, sets of kernels, parts of a step. */
#ifndef AG_CPU_H
#define AG_CPU_H

#include "../program/backend.h"

enum { AG_CPU_AVX2 = 1, AG_CPU_AVX512 = 2, AG_CPU_AVX512BF16 = 4 };

/* Rows of logits to weights, for the kernels that leave the products to a library. */
typedef struct ag_softmax {
    float (*max)(const float *x, int64_t n);     /* -FLT_MAX for n = 0 */
    float (*exp2)(float *x, int64_t n, float m); /* x = 2^(x - m) in place; returns the sum */
} ag_softmax;

/* Kernels that come together, as those of an instruction set do. */
typedef struct ag_kernel_set {
    const char *name;
    uint32_t needs;                  /* of the machine, for any of them */
    const ag_kernel *const *kernels; /* of a step, faster ones before slower ones; NULL-ended */
    ag_softmax softmax;              /* NULL: it has none */
} ag_kernel_set;

/* Every set of this build, faster ones before slower ones; NULL-ended. */
extern const ag_kernel_set *const ag_cpu_sets[];

/* refuse() of a kernel that takes everything. */
static inline const char *ag_refuses_nothing(const ag_step *s)
{
    (void)s;
    return NULL;
}

/* tasks() of steps that move rows: chunks of AG_CHUNK tokens for each head. */
static inline int64_t ag_chunks(int64_t tokens) { return (tokens + AG_CHUNK - 1) / AG_CHUNK; }

/* Task `task` of a step that moves rows: head number and the image-local tokens [first, last). */
typedef struct ag_part {
    int64_t h, first, last;
} ag_part;

static inline ag_part ag_part_in(const ag_step *s, int64_t task, int64_t tokens, int64_t chunk)
{
    const int64_t chunks = (tokens + chunk - 1) / chunk, first = task % chunks * chunk;
    const int64_t last = first + chunk < tokens ? first + chunk : tokens;
    return (ag_part){ s->heads[task / chunks], first, last };
}

static inline ag_part ag_part_of(const ag_step *s, int64_t task, int64_t tokens)
{
    return ag_part_in(s, task, tokens, AG_CHUNK);
}

#endif
