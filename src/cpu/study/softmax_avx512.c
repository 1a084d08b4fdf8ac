/* softmax_avx512.c - rows of logits to weights with AVX-512. */
#include "../verbs/verbs_avx512.h"

#include "softmax_rows.h"

const ag_softmax ag_softmax_avx512 = { .needs = AG_CPU_AVX512, .max = row_max, .exp2 = row_exp2 };
