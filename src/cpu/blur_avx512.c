/* blur_avx512.c - the tiled blur kernel for AVX-512. */
#include "verbs_avx512.h"

#include "blur_tiled.h"

const ag_kernel ag_blur_f32_avx512 = {
    .name = "blur_f32_avx512",
    .step = AG_STEP_BLUR,
    .needs = AG_CPU_AVX512,
    .refuse = refuse,
    .tasks = tasks,
    .scratch = scratch,
    .run = run,
};
