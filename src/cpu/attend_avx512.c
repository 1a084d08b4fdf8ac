/* attend_avx512.c - the tiled attend kernel for AVX-512: panels of 48 queries, 24 accumulators. */
#include "verbs_avx512.h"

#include "unit_f32.h"

#include "attend_tiled.h"

const ag_kernel ag_attend_f32_avx512 = {
    .name = "attend_f32_avx512",
    .step = AG_STEP_ATTEND,
    .needs = AG_CPU_AVX512,
    .refuse = ag_refuses_nothing,
    .tasks = tasks,
    .scratch = scratch,
    .run = run,
};
