/* blur_avx2.c - the tiled blur kernel for AVX2 with FMA. */
#include "verbs_avx2.h"

#include "blur_tiled.h"

const ag_kernel ag_blur_f32_avx2 = {
    .name = "blur_f32_avx2",
    .step = AG_STEP_BLUR,
    .needs = AG_CPU_AVX2,
    .refuse = refuse,
    .tasks = tasks,
    .scratch = scratch,
    .run = run,
};
