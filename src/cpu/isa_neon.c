/* isa_neon.c - the kernels for NEON, which every aarch64 has: panels of 12 queries, 24 accumulators. */
#include "verbs/verbs_neon.h"

#include "verbs/unit_f32.h"

#include "kernels/attend_tmpl.h"
#include "kernels/blur_tmpl.h"
#include "kernels/combine_tmpl.h"
#include "kernels/copy_tmpl.h"
#include "kernels/draw_tmpl.h"
#include "kernels/energy_tmpl.h"
#include "kernels/mean_tmpl.h"
#include "kernels/pyramid_tmpl.h"
#include "kernels/received_tmpl.h"
#include "kernels/scramble_tmpl.h"
#include "kernels/softmax_tmpl.h"
#include "kernels/split_tmpl.h"

/* clang-format off */
static const ag_kernel *const kernels[] = {
    &(const ag_kernel){ .name = "attend_f32_neon", .step = AG_STEP_ATTEND,
        .refuse = ag_refuses_nothing, .tasks = attend_tasks, .scratch = attend_scratch, .run = attend_run },
    &(const ag_kernel){ .name = "blur_f32_neon", .step = AG_STEP_BLUR,
        .refuse = blur_refuse, .tasks = blur_tasks, .scratch = blur_scratch, .run = blur_run },
    &(const ag_kernel){ .name = "mean_f64_neon", .step = AG_STEP_MEAN,
        .refuse = ag_refuses_nothing, .tasks = mean_tasks, .scratch = mean_scratch, .run = mean_run },
    &(const ag_kernel){ .name = "split_f64_neon", .step = AG_STEP_SPLIT,
        .refuse = ag_refuses_nothing, .tasks = split_tasks, .scratch = split_scratch, .run = split_run },
    &(const ag_kernel){ .name = "copy_neon", .step = AG_STEP_COPY,
        .refuse = ag_refuses_nothing, .tasks = copy_tasks, .scratch = copy_scratch, .run = copy_run },
    &(const ag_kernel){ .name = "draw_neon", .step = AG_STEP_DRAW,
        .refuse = ag_refuses_nothing, .tasks = draw_tasks, .run = draw_run },
    &(const ag_kernel){ .name = "permute_neon", .step = AG_STEP_PERMUTE,
        .refuse = ag_refuses_nothing, .tasks = permute_tasks, .scratch = ag_permute_scratch, .run = permute_run },
    &(const ag_kernel){ .name = "tally_f64_neon", .step = AG_STEP_TALLY,
        .refuse = ag_refuses_nothing, .tasks = ag_tally_tasks, .scratch = ag_gather_scratch, .run = tally_run },
    &(const ag_kernel){ .name = "gather_f32_neon", .step = AG_STEP_GATHER,
        .refuse = ag_refuses_nothing, .tasks = gather_tasks, .scratch = ag_gather_scratch, .run = gather_run },
    &(const ag_kernel){ .name = "received_f32_neon", .step = AG_STEP_RECEIVED,
        .refuse = ag_refuses_nothing, .tasks = received_tasks, .scratch = received_scratch, .run = received_run },
    &(const ag_kernel){ .name = "energy_f32_neon", .step = AG_STEP_ENERGY,
        .refuse = ag_refuses_nothing, .tasks = energy_tasks, .scratch = energy_scratch, .run = energy_run },
    &(const ag_kernel){ .name = "statistics_f64_neon", .step = AG_STEP_STATISTICS,
        .refuse = ag_refuses_nothing, .tasks = combine_tasks, .run = statistics_run },
    &(const ag_kernel){ .name = "combine_f32_neon", .step = AG_STEP_COMBINE,
        .refuse = ag_refuses_nothing, .tasks = combine_tasks, .run = combine_run },
    &(const ag_kernel){ .name = "reduce_f32_neon", .step = AG_STEP_REDUCE,
        .refuse = ag_refuses_nothing, .tasks = pyramid_tasks, .scratch = pyramid_scratch, .run = pyramid_reduce_run },
    &(const ag_kernel){ .name = "levels_f32_neon", .step = AG_STEP_LEVELS,
        .refuse = ag_refuses_nothing, .tasks = pyramid_tasks, .scratch = pyramid_scratch, .run = pyramid_levels_run },
    &(const ag_kernel){ .name = "expand_f32_neon", .step = AG_STEP_EXPAND,
        .refuse = ag_refuses_nothing, .tasks = pyramid_tasks, .scratch = pyramid_scratch, .run = pyramid_expand_run },
    NULL,
};
/* clang-format on */

const ag_kernel_set ag_isa_neon = {
    .name = "neon",
    .kernels = kernels,
    .softmax = { softmax_max, softmax_exp2 },
};
