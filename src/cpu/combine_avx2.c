/* combine_avx2.c - statistics and combine with AVX2. */
#include "verbs_avx2.h"

#include "combine_rows.h"

const ag_kernel ag_statistics_f64_avx2 = {
    .name = "statistics_f64_avx2",
    .step = AG_STEP_STATISTICS,
    .needs = AG_CPU_AVX2,
    .refuse = ag_refuses_nothing,
    .tasks = tasks,
    .run = run_statistics,
};
const ag_kernel ag_combine_f32_avx2 = {
    .name = "combine_f32_avx2",
    .step = AG_STEP_COMBINE,
    .needs = AG_CPU_AVX2,
    .refuse = ag_refuses_nothing,
    .tasks = tasks,
    .run = run_combine,
};
