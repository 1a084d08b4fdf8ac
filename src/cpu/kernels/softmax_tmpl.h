/* softmax_tmpl.h - weights of whole rows of logits, lanes = keys, written over the vector verbs that the including file
 * chose. For the kernel that leaves its product to OpenBLAS. */
#include <float.h>
#include <math.h>

#include "../cpu.h"

static float softmax_max(const float *x, int64_t n)
{
    vec most = v_all(-FLT_MAX);
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) most = v_max(most, *(const vec_unaligned *)(x + j));
    float m = -FLT_MAX;
    for (int i = 0; i < LANES; i++) m = most[i] > m ? most[i] : m;
    for (; j < n; j++) m = x[j] > m ? x[j] : m;
    return m;
}

/* x = 2^(x - m) in place; returns the sum. */
static float softmax_exp2(float *x, int64_t n, float m)
{
    vec sum = v_all(0);
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        const vec w = v_exp2(*(const vec_unaligned *)(x + j) - m);
        *(vec_unaligned *)(x + j) = w;
        sum += w;
    }
    float all = 0;
    for (int i = 0; i < LANES; i++) all += sum[i];
    if (j == n) return all;
    vec last = v_all(-FLT_MAX);
    for (int64_t i = j; i < n; i++) last[i - j] = x[i] - m;
    last = v_exp2(last);
    for (int64_t i = j; i < n; i++) all += x[i] = last[i - j];
    return all;
}
