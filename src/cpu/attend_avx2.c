/* attend_avx2.c - the tiled attend kernel for AVX2 with FMA: panels of 24 queries, 12 accumulators. */
#include "verbs_avx2.h"

#include "unit_f32.h"

#include "attend_tiled.h"

const ag_kernel ag_attend_f32_avx2 = {
    .name = "attend_f32_avx2",
    .step = AG_STEP_ATTEND,
    .needs = AG_CPU_AVX2,
    .refuse = ag_refuses_nothing,
    .tasks = tasks,
    .scratch = scratch,
    .run = run,
};
