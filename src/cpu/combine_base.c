/* combine_base.c - statistics and combine in portable vector C. */
#include "verbs_base.h"

#include "combine_rows.h"

const ag_kernel ag_statistics_f64_base = {
    .name = "statistics_f64_base",
    .step = AG_STEP_STATISTICS,
    .refuse = ag_refuses_nothing,
    .tasks = tasks,
    .run = run_statistics,
};
const ag_kernel ag_combine_f32_base = {
    .name = "combine_f32_base",
    .step = AG_STEP_COMBINE,
    .refuse = ag_refuses_nothing,
    .tasks = tasks,
    .run = run_combine,
};
