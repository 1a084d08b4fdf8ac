/* combine_neon.c - statistics and combine with NEON. */
#include "verbs_neon.h"

#include "combine_rows.h"

const ag_kernel ag_statistics_f64_neon = {
    .name = "statistics_f64_neon",
    .step = AG_STEP_STATISTICS,
    .refuse = ag_refuses_nothing,
    .tasks = tasks,
    .run = run_statistics,
};
const ag_kernel ag_combine_f32_neon = {
    .name = "combine_f32_neon",
    .step = AG_STEP_COMBINE,
    .refuse = ag_refuses_nothing,
    .tasks = tasks,
    .run = run_combine,
};
