/* attend_neon.c - the tiled attend kernel for NEON: panels of 12 queries, 24 accumulators. */
#include "verbs_neon.h"

#include "unit_f32.h"

#include "attend_tiled.h"

const ag_kernel ag_attend_f32_neon = {
    .name = "attend_f32_neon",
    .step = AG_STEP_ATTEND,
    .refuse = ag_refuses_nothing,
    .tasks = tasks,
    .scratch = scratch,
    .run = run,
};
