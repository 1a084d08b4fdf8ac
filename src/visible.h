/* visible.h - which keys a query sees, and what a bias makes of that: the meaning that kernels share, written once for
 * C and CUDA. */
#ifndef AG_VISIBLE_H
#define AG_VISIBLE_H

#include "attnguide.h"
#include "semantics.h"

/* The keys of an output row that masks and lengths leave. */
typedef struct ag_visible {
    const uint8_t *mask; /* NULL: all */
    int64_t stride;
    int64_t hidden, shown; /* a length hides keys [hidden, shown) */
} ag_visible;

/* `mask` and `lengths` are those of the run; what the problem has none of is not read. */
AG_FN ag_visible ag_visible_by(const ag_problem *p, const uint8_t *mask, const int32_t *lengths, int64_t b)
{
    ag_visible v = { NULL, p->key_mask_stride[1], 0, 0 };
    if (p->has_key_mask) v.mask = mask + b * p->key_mask_stride[0];
    if (p->has_key_lengths) {
        v.hidden = p->length_first + lengths[b];
        v.shown = p->length_end;
    }
    return v;
}

AG_FN int ag_key_visible(const ag_visible *v, int64_t j)
{
    return (j < v->hidden || j >= v->shown) && (!v->mask || v->mask[j * v->stride]);
}

/* Keys below this are all that causality leaves query i. */
AG_FN int64_t ag_causal_end(int causal, int64_t shift, int64_t i) { return causal ? i + shift + 1 : INT64_MAX; }

/* Where the bias of logit (h, i, j) of output row b lies. */
AG_FN int64_t ag_bias_element(const ag_problem *p, int64_t b, int64_t h, int64_t i, int64_t j)
{
    const int64_t *s = p->bias_stride;
    return b * s[0] + h * s[1] + i * s[2] + j * s[3];
}

/* What a bias of uint8 adds: it hides the key where it is 0. */
AG_FN float ag_bias_of_byte(uint8_t shown) { return shown ? 0.0f : -INFINITY; }

#endif
