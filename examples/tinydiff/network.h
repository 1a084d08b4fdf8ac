/* network.h - the weights of the model in float32, as the engine multiplies them: model.py is the same in PyTorch. */
#ifndef TINYDIFF_NETWORK_H
#define TINYDIFF_NETWORK_H

#include "pictures.h"
#include "weights.h"

enum { LABELS = COLOURS + 1, NO_LABEL = COLOURS, FREQUENCIES = 64 };

/* y = x weight^T + bias, weight [to][from]. */
typedef struct linear {
    float *weight, *bias;
    int from, to;
} linear;

typedef struct block {
    linear qkv, out, up, down, condition;
    float *q_gain, *k_gain; /* [width/heads] */
} block;

typedef struct network {
    int patch, context, width, heads, layers, side; /* side x side picture tokens, after `context` others */
    linear input, time1, time2, last_condition, output;
    float *position; /* [side side][width] */
    float *label;    /* [LABELS][max(1, context)][width] */
    block *blocks;   /* [layers] */
    float *memory;   /* all of the numbers */
} network;

/* False: why[WHY] says what is wrong with the file. */
bool network_read(network *n, const char *path, char *why);
void network_free(network *n);

static inline int network_tokens(const network *n) { return n->context + n->side * n->side; }
static inline int network_patch_size(const network *n) { return CHANNELS * n->patch * n->patch; }

#endif
