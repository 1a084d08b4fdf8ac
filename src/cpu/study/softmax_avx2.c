/* softmax_avx2.c - rows of logits to weights with AVX2. */
#include "../verbs/verbs_avx2.h"

#include "softmax_rows.h"

const ag_softmax ag_softmax_avx2 = { .needs = AG_CPU_AVX2, .max = row_max, .exp2 = row_exp2 };
