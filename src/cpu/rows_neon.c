/* rows_neon.c - the steps that move rows, with NEON. */
#include "verbs_neon.h"

#include "copy_rows.h"
#include "draw_rows.h"
#include "mean_rows.h"
#include "scramble_rows.h"
#include "split_rows.h"

const ag_kernel ag_copy_neon = {
    .name = "copy_neon",
    .step = AG_STEP_COPY,
    .refuse = ag_refuses_nothing,
    .tasks = copy_tasks,
    .scratch = copy_scratch,
    .run = copy_run,
};
const ag_kernel ag_mean_f64_neon = {
    .name = "mean_f64_neon",
    .step = AG_STEP_MEAN,
    .refuse = ag_refuses_nothing,
    .tasks = mean_tasks,
    .scratch = mean_scratch,
    .run = mean_run,
};
const ag_kernel ag_split_f64_neon = {
    .name = "split_f64_neon",
    .step = AG_STEP_SPLIT,
    .refuse = ag_refuses_nothing,
    .tasks = split_tasks,
    .scratch = split_scratch,
    .run = split_run,
};
const ag_kernel ag_draw_neon = {
    .name = "draw_neon",
    .step = AG_STEP_DRAW,
    .refuse = ag_refuses_nothing,
    .tasks = draw_tasks,
    .run = draw_run,
};
const ag_kernel ag_permute_neon = {
    .name = "permute_neon",
    .step = AG_STEP_PERMUTE,
    .refuse = ag_refuses_nothing,
    .tasks = permute_tasks,
    .scratch = ag_permute_scratch,
    .run = permute_run,
};
const ag_kernel ag_tally_f64_neon = {
    .name = "tally_f64_neon",
    .step = AG_STEP_TALLY,
    .refuse = ag_refuses_nothing,
    .tasks = ag_gather_tasks,
    .scratch = ag_gather_scratch,
    .run = tally_run,
};
const ag_kernel ag_gather_f32_neon = {
    .name = "gather_f32_neon",
    .step = AG_STEP_GATHER,
    .refuse = ag_refuses_nothing,
    .tasks = gather_tasks,
    .scratch = ag_gather_scratch,
    .run = gather_run,
};
