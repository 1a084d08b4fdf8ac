/* isa_base.c - the kernels in portable vector C, which every machine runs: panels of 12 queries. Steps that only
 * move rows have none here: the references do as well. */
#include "verbs/verbs_base.h"

#include "verbs/unit_f32.h"

#include "kernels/attend_tmpl.h"
#include "kernels/blur_tmpl.h"
#include "kernels/combine_tmpl.h"
#include "kernels/energy_tmpl.h"
#include "kernels/pyramid_tmpl.h"
#include "kernels/received_tmpl.h"
#include "kernels/softmax_tmpl.h"

/* clang-format off */
static const ag_kernel *const kernels[] = {
    &(const ag_kernel){ .name = "attend_f32_base", .step = AG_STEP_ATTEND,
        .refuse = ag_refuses_nothing, .tasks = attend_tasks, .scratch = attend_scratch, .run = attend_run },
    &(const ag_kernel){ .name = "blur_f32_base", .step = AG_STEP_BLUR,
        .refuse = blur_refuse, .tasks = blur_tasks, .scratch = blur_scratch, .run = blur_run },
    &(const ag_kernel){ .name = "received_f32_base", .step = AG_STEP_RECEIVED,
        .refuse = ag_refuses_nothing, .tasks = received_tasks, .scratch = received_scratch, .run = received_run },
    &(const ag_kernel){ .name = "energy_f32_base", .step = AG_STEP_ENERGY,
        .refuse = ag_refuses_nothing, .tasks = energy_tasks, .scratch = energy_scratch, .run = energy_run },
    &(const ag_kernel){ .name = "statistics_f64_base", .step = AG_STEP_STATISTICS,
        .refuse = ag_refuses_nothing, .tasks = combine_tasks, .run = statistics_run },
    &(const ag_kernel){ .name = "combine_f32_base", .step = AG_STEP_COMBINE,
        .refuse = ag_refuses_nothing, .tasks = combine_tasks, .run = combine_run },
    &(const ag_kernel){ .name = "reduce_f32_base", .step = AG_STEP_REDUCE,
        .refuse = ag_refuses_nothing, .tasks = pyramid_tasks, .scratch = pyramid_scratch, .run = pyramid_reduce_run },
    &(const ag_kernel){ .name = "levels_f32_base", .step = AG_STEP_LEVELS,
        .refuse = ag_refuses_nothing, .tasks = pyramid_tasks, .scratch = pyramid_scratch, .run = pyramid_levels_run },
    &(const ag_kernel){ .name = "expand_f32_base", .step = AG_STEP_EXPAND,
        .refuse = ag_refuses_nothing, .tasks = pyramid_tasks, .scratch = pyramid_scratch, .run = pyramid_expand_run },
    NULL,
};
/* clang-format on */

const ag_kernel_set ag_isa_base = {
    .name = "base",
    .kernels = kernels,
    .softmax = { softmax_max, softmax_exp2 },
};
