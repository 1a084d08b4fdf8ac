/* study_avx2.c - the tiled energy and received kernels for AVX2 with FMA. */
#include "verbs_avx2.h"

#include "energy_tiled.h"
#include "received_tiled.h"

const ag_kernel ag_energy_f32_avx2 = {
    .name = "energy_f32_avx2",
    .step = AG_STEP_ENERGY,
    .needs = AG_CPU_AVX2,
    .refuse = ag_refuses_nothing,
    .tasks = energy_tasks,
    .scratch = energy_scratch,
    .run = energy_run,
};
const ag_kernel ag_received_f32_avx2 = {
    .name = "received_f32_avx2",
    .step = AG_STEP_RECEIVED,
    .needs = AG_CPU_AVX2,
    .refuse = ag_refuses_nothing,
    .tasks = received_tasks,
    .scratch = received_scratch,
    .run = received_run,
};
