/* softmax.h - rows of logits to weights, per instruction set. */
#ifndef AG_SOFTMAX_H
#define AG_SOFTMAX_H

#include "cpu.h"

typedef struct ag_softmax {
    uint32_t needs;
    float (*max)(const float *x, int64_t n);     /* -FLT_MAX for n = 0 */
    float (*exp2)(float *x, int64_t n, float m); /* x = 2^(x - m) in place; returns the sum */
} ag_softmax;

extern const ag_softmax ag_softmax_base, ag_softmax_avx2, ag_softmax_avx512, ag_softmax_neon;

/* The best of them for this machine. */
const ag_softmax *ag_softmax_here(void);

#endif
