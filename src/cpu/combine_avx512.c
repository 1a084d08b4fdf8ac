/* combine_avx512.c - statistics and combine with AVX-512. */
#include "verbs_avx512.h"

#include "combine_rows.h"

const ag_kernel ag_statistics_f64_avx512 = {
    .name = "statistics_f64_avx512",
    .step = AG_STEP_STATISTICS,
    .needs = AG_CPU_AVX512,
    .refuse = ag_refuses_nothing,
    .tasks = tasks,
    .run = run_statistics,
};
const ag_kernel ag_combine_f32_avx512 = {
    .name = "combine_f32_avx512",
    .step = AG_STEP_COMBINE,
    .needs = AG_CPU_AVX512,
    .refuse = ag_refuses_nothing,
    .tasks = tasks,
    .run = run_combine,
};
