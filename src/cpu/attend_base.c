/* attend_base.c - the tiled attend kernel in portable vector C: panels of 12 queries. */
#include "verbs_base.h"

#include "unit_f32.h"

#include "attend_tiled.h"

const ag_kernel ag_attend_f32_base = {
    .name = "attend_f32_base",
    .step = AG_STEP_ATTEND,
    .refuse = ag_refuses_nothing,
    .tasks = tasks,
    .scratch = scratch,
    .run = run,
};
