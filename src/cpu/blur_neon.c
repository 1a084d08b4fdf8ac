/* blur_neon.c - the tiled blur kernel for NEON. */
#include "verbs_neon.h"

#include "blur_tiled.h"

const ag_kernel ag_blur_f32_neon = {
    .name = "blur_f32_neon",
    .step = AG_STEP_BLUR,
    .refuse = refuse,
    .tasks = tasks,
    .scratch = scratch,
    .run = run,
};
