/* study_neon.c - the tiled energy and received kernels for NEON. */
#include "verbs_neon.h"

#include "energy_tiled.h"
#include "received_tiled.h"

const ag_kernel ag_energy_f32_neon = {
    .name = "energy_f32_neon",
    .step = AG_STEP_ENERGY,
    .refuse = ag_refuses_nothing,
    .tasks = energy_tasks,
    .scratch = energy_scratch,
    .run = energy_run,
};
const ag_kernel ag_received_f32_neon = {
    .name = "received_f32_neon",
    .step = AG_STEP_RECEIVED,
    .refuse = ag_refuses_nothing,
    .tasks = received_tasks,
    .scratch = received_scratch,
    .run = received_run,
};
