/* softmax_base.c - rows of logits to weights in portable vector C. */
#include "../verbs/verbs_base.h"

#include "softmax_rows.h"

const ag_softmax ag_softmax_base = { .needs = 0, .max = row_max, .exp2 = row_exp2 };
