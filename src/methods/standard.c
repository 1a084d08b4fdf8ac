/* standard.c - softmax(s Q K^T + bias) V. It has no chain of its own: lower.c makes standard steps for whatever a
 * method leaves alone. */
#include "method.h"

const ag_method_room ag_method_standard = {
    .info = { .method = AG_STANDARD,
              .name = "standard",
              .formula = "softmax(s Q K^T + bias) V",
              .takes = AG_TAKES_CROSS | AG_TAKES_BIAS | AG_TAKES_CAUSAL | AG_TAKES_LSE | AG_TAKES_BLUR,
              .reads = AG_NEEDS_Q | AG_NEEDS_K | AG_NEEDS_V },
};
