/* blur_base.c - the tiled blur kernel in portable vector C. */
#include "verbs_base.h"

#include "blur_tiled.h"

const ag_kernel ag_blur_f32_base = {
    .name = "blur_f32_base",
    .step = AG_STEP_BLUR,
    .refuse = refuse,
    .tasks = tasks,
    .scratch = scratch,
    .run = run,
};
