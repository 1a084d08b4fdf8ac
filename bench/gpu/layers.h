/* layers.h - what of the library is timed: attention layers as engines call them, and combinations. */
#ifndef AG_GPU_LAYERS_H
#define AG_GPU_LAYERS_H

#include "attnguide.h"

enum { LAYER_ROWS = 3, LAYER_SETS = 96 };

/* Which ceiling stands beside it. */
typedef enum beside { BESIDE_NOTHING, BESIDE_COPY, BESIDE_BLUR, BESIDE_PRODUCTS, BESIDE_MATRIX } beside;

typedef struct layer {
    char name[64];
    beside beside;
    double flop, bytes; /* the fewest: every input read once, every output written once */
    int sampled;        /* its outputs are compared with exact ones at some places */
    ag_problem p;
    ag_row rows[LAYER_ROWS];
    ag_guidance g;
    double weights[3];
    double tap_flop; /* of a blur, direct or as products, whichever is fewer */
} layer;

int layers_count(void);
void layer_set(int number, int small, layer *x);

/* A layer with its plan and rotated sets of tensors on the device. */
typedef struct placed {
    layer x;
    ag_context *context;
    ag_plan *plan;
    int sets;
    void *q[LAYER_SETS], *k[LAYER_SETS], *v[LAYER_SETS], *out[LAYER_SETS], *work;
    char why[AG_MESSAGE_SIZE];
} placed;

/* Nonzero: placed.why or the device says why. */
int layer_place(placed *l, ag_context *context, int sets);
int layer_run(void *l, int set, void *stream);
void layer_remove(placed *l);

/* NULL: set 0 was run, and every element of its output was written; where the layer is sampled, the samples are right.
 * Else what is wrong. */
const char *layer_wrong(placed *l);

#endif
