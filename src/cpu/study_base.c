/* study_base.c - the tiled energy and received kernels in portable vector C. */
#include "verbs_base.h"

#include "energy_tiled.h"
#include "received_tiled.h"

const ag_kernel ag_energy_f32_base = {
    .name = "energy_f32_base",
    .step = AG_STEP_ENERGY,
    .refuse = ag_refuses_nothing,
    .tasks = energy_tasks,
    .scratch = energy_scratch,
    .run = energy_run,
};
const ag_kernel ag_received_f32_base = {
    .name = "received_f32_base",
    .step = AG_STEP_RECEIVED,
    .refuse = ag_refuses_nothing,
    .tasks = received_tasks,
    .scratch = received_scratch,
    .run = received_run,
};
