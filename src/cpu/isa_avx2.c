/* isa_avx2.c - the kernels for AVX2 with FMA and F16C: panels of 24 queries, 12 accumulators. */
#include "verbs/verbs_avx2.h"

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
    &(const ag_kernel){ .name = "attend_f32_avx2", .step = AG_STEP_ATTEND, .needs = AG_CPU_AVX2,
        .refuse = ag_refuses_nothing, .tasks = attend_tasks, .scratch = attend_scratch, .run = attend_run },
    &(const ag_kernel){ .name = "blur_f32_avx2", .step = AG_STEP_BLUR, .needs = AG_CPU_AVX2,
        .refuse = blur_refuse, .tasks = blur_tasks, .scratch = blur_scratch, .run = blur_run },
    &(const ag_kernel){ .name = "mean_f64_avx2", .step = AG_STEP_MEAN, .needs = AG_CPU_AVX2,
        .refuse = ag_refuses_nothing, .tasks = mean_tasks, .scratch = mean_scratch, .run = mean_run },
    &(const ag_kernel){ .name = "split_f64_avx2", .step = AG_STEP_SPLIT, .needs = AG_CPU_AVX2,
        .refuse = ag_refuses_nothing, .tasks = split_tasks, .scratch = split_scratch, .run = split_run },
    &(const ag_kernel){ .name = "copy_avx2", .step = AG_STEP_COPY, .needs = AG_CPU_AVX2,
        .refuse = ag_refuses_nothing, .tasks = copy_tasks, .scratch = copy_scratch, .run = copy_run },
    &(const ag_kernel){ .name = "draw_avx2", .step = AG_STEP_DRAW, .needs = AG_CPU_AVX2,
        .refuse = ag_refuses_nothing, .tasks = draw_tasks, .run = draw_run },
    &(const ag_kernel){ .name = "permute_avx2", .step = AG_STEP_PERMUTE, .needs = AG_CPU_AVX2,
        .refuse = ag_refuses_nothing, .tasks = permute_tasks, .scratch = ag_permute_scratch, .run = permute_run },
    &(const ag_kernel){ .name = "tally_f64_avx2", .step = AG_STEP_TALLY, .needs = AG_CPU_AVX2,
        .refuse = ag_refuses_nothing, .tasks = ag_tally_tasks, .scratch = ag_gather_scratch, .run = tally_run },
    &(const ag_kernel){ .name = "gather_f32_avx2", .step = AG_STEP_GATHER, .needs = AG_CPU_AVX2,
        .refuse = ag_refuses_nothing, .tasks = gather_tasks, .scratch = ag_gather_scratch, .run = gather_run },
    &(const ag_kernel){ .name = "received_f32_avx2", .step = AG_STEP_RECEIVED, .needs = AG_CPU_AVX2,
        .refuse = ag_refuses_nothing, .tasks = received_tasks, .scratch = received_scratch, .run = received_run },
    &(const ag_kernel){ .name = "energy_f32_avx2", .step = AG_STEP_ENERGY, .needs = AG_CPU_AVX2,
        .refuse = ag_refuses_nothing, .tasks = energy_tasks, .scratch = energy_scratch, .run = energy_run },
    &(const ag_kernel){ .name = "statistics_f64_avx2", .step = AG_STEP_STATISTICS, .needs = AG_CPU_AVX2,
        .refuse = ag_refuses_nothing, .tasks = combine_tasks, .run = statistics_run },
    &(const ag_kernel){ .name = "combine_f32_avx2", .step = AG_STEP_COMBINE, .needs = AG_CPU_AVX2,
        .refuse = ag_refuses_nothing, .tasks = combine_tasks, .run = combine_run },
    &(const ag_kernel){ .name = "reduce_f32_avx2", .step = AG_STEP_REDUCE, .needs = AG_CPU_AVX2,
        .refuse = ag_refuses_nothing, .tasks = pyramid_tasks, .scratch = pyramid_scratch, .run = pyramid_reduce_run },
    &(const ag_kernel){ .name = "levels_f32_avx2", .step = AG_STEP_LEVELS, .needs = AG_CPU_AVX2,
        .refuse = ag_refuses_nothing, .tasks = pyramid_tasks, .scratch = pyramid_scratch, .run = pyramid_levels_run },
    &(const ag_kernel){ .name = "expand_f32_avx2", .step = AG_STEP_EXPAND, .needs = AG_CPU_AVX2,
        .refuse = ag_refuses_nothing, .tasks = pyramid_tasks, .scratch = pyramid_scratch, .run = pyramid_expand_run },
    NULL,
};
/* clang-format on */

const ag_kernel_set ag_isa_avx2 = {
    .name = "avx2",
    .needs = AG_CPU_AVX2,
    .kernels = kernels,
    .softmax = { softmax_max, softmax_exp2 },
};
