/* log2.h - logits in units of log 2, as the tiled kernels hold them: weights are powers of 2. */
#ifndef AG_LOG2_H
#define AG_LOG2_H

#include <float.h>
#include <math.h>

#include "../rows.h"

#define LOG2E 1.4426950408889634
#define LN2 0.6931471805599453

/* Keys [first, first + count) that query i of output row b, head h sees: visible ones below `seen`. */
typedef struct ag_seen {
    const ag_bound *run;
    const ag_visible *visible;
    int64_t b, h, i, seen, first, count;
} ag_seen;

/* The greatest bias among them; -inf for none. It is the lse of a row whose biases all lie below what units of log 2
 * can hold, so far down that the products do not show. */
static inline float ag_greatest_bias(const ag_seen *x)
{
    float most = -INFINITY;
    for (int64_t j = x->first; j < x->first + x->count && j < x->seen; j++) {
        if (!ag_key_visible(x->visible, j)) continue;
        const float bias = ag_bias_at(x->run, x->b, x->h, x->i, j);
        if (bias > most) most = bias;
    }
    return most;
}

#endif
