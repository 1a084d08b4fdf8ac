/* softmax_neon.c - rows of logits to weights with NEON. */
#include "verbs_neon.h"

#include "softmax_rows.h"

const ag_softmax ag_softmax_neon = { .needs = 0, .max = row_max, .exp2 = row_exp2 };
