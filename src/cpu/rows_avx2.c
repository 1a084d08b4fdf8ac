/* rows_avx2.c - the steps that move rows, with AVX2 and FMA. */
#include "verbs_avx2.h"

#include "copy_rows.h"
#include "draw_rows.h"
#include "mean_rows.h"
#include "scramble_rows.h"
#include "split_rows.h"

const ag_kernel ag_copy_avx2 = {
    .name = "copy_avx2",
    .step = AG_STEP_COPY,
    .needs = AG_CPU_AVX2,
    .refuse = ag_refuses_nothing,
    .tasks = copy_tasks,
    .scratch = copy_scratch,
    .run = copy_run,
};
const ag_kernel ag_mean_f64_avx2 = {
    .name = "mean_f64_avx2",
    .step = AG_STEP_MEAN,
    .needs = AG_CPU_AVX2,
    .refuse = ag_refuses_nothing,
    .tasks = mean_tasks,
    .scratch = mean_scratch,
    .run = mean_run,
};
const ag_kernel ag_split_f64_avx2 = {
    .name = "split_f64_avx2",
    .step = AG_STEP_SPLIT,
    .needs = AG_CPU_AVX2,
    .refuse = ag_refuses_nothing,
    .tasks = split_tasks,
    .scratch = split_scratch,
    .run = split_run,
};
const ag_kernel ag_draw_avx2 = {
    .name = "draw_avx2",
    .step = AG_STEP_DRAW,
    .needs = AG_CPU_AVX2,
    .refuse = ag_refuses_nothing,
    .tasks = draw_tasks,
    .run = draw_run,
};
const ag_kernel ag_permute_avx2 = {
    .name = "permute_avx2",
    .step = AG_STEP_PERMUTE,
    .needs = AG_CPU_AVX2,
    .refuse = ag_refuses_nothing,
    .tasks = permute_tasks,
    .scratch = ag_permute_scratch,
    .run = permute_run,
};
const ag_kernel ag_tally_f64_avx2 = {
    .name = "tally_f64_avx2",
    .step = AG_STEP_TALLY,
    .needs = AG_CPU_AVX2,
    .refuse = ag_refuses_nothing,
    .tasks = ag_gather_tasks,
    .scratch = ag_gather_scratch,
    .run = tally_run,
};
const ag_kernel ag_gather_f32_avx2 = {
    .name = "gather_f32_avx2",
    .step = AG_STEP_GATHER,
    .needs = AG_CPU_AVX2,
    .refuse = ag_refuses_nothing,
    .tasks = gather_tasks,
    .scratch = ag_gather_scratch,
    .run = gather_run,
};
