/* table.c - the CUDA backend: which kernels there are, what the machine has. The plugin's one entry. */
#include <stdio.h>

#include "../os.h"
#include "device.h"
#include "runtime.h"

/* For each step fastest first. The last of each step refuses nothing. */
/* clang-format off */
static const ag_kernel *const table[] = {
    &ag_attend_cudnn.kernel,
    &ag_attend_cublas.kernel,
    &ag_blur_mean_simt.kernel,
    &ag_blur_simt.kernel,
    &ag_mean_simt.kernel,
    &ag_split_simt.kernel,
    &ag_attend_f32_simt.kernel,
    &ag_copy_simt.kernel,
    &ag_draw_simt.kernel,
    &ag_permute_simt.kernel,
    &ag_tally_simt.kernel,
    &ag_gather_simt.kernel,
    &ag_received_simt.kernel,
    &ag_energy_simt.kernel,
    &ag_map_simt.kernel,
    &ag_statistics_simt.kernel,
    &ag_combine_simt.kernel,
    &ag_reduce_simt.kernel,
    &ag_levels_simt.kernel,
    &ag_expand_simt.kernel,
    NULL,
};
/* clang-format on */

static const ag_kernel *const *kernels(void) { return table; }

/* ---- what the machine has: found out once ---- */

static ag_once looked = AG_ONCE;
static char trouble[256]; /* "": none */

static void look(void)
{
    int devices = 0;
    const int error = ag_rt_count(&devices);
    if (error) snprintf(trouble, sizeof trouble, "%s (CUDA error %d)", ag_rt_text(error), error);
    else if (!devices) snprintf(trouble, sizeof trouble, "this machine has no CUDA device");
}

static const char *unavailable(void)
{
    ag_os_once(&looked, look);
    return *trouble ? trouble : NULL;
}

static uint32_t features(void) { return 0; }

static const char *lacking(uint32_t missing)
{
    (void)missing;
    return "no device has what this kernel needs";
}

/* ---- memory for one-shot calls ---- */

static void *allocate(int device, size_t bytes)
{
    int before;
    void *memory = NULL;
    if (ag_rt_current(&before)) return NULL;
    if (!ag_rt_use(device) && ag_rt_alloc(&memory, bytes)) memory = NULL;
    ag_rt_use(before);
    return memory;
}

static void release(int device, void *memory)
{
    int before;
    if (ag_rt_current(&before)) return;
    if (!ag_rt_use(device)) ag_rt_free(memory);
    ag_rt_use(before);
}

static const ag_backend backend = {
    .name = "cuda",
    .place = AG_CUDA,
    .unavailable = unavailable,
    .features = features,
    .lacking = lacking,
    .remark = ag_cuda_remark,
    .kernels = kernels,
    .keep_types = 1,
    .alignment = 256,
    .most_workers = 1, /* scratch is used in the order of the stream */
    .has_streams = 1,
    .alloc = allocate,
    .free = release,
    .begin = ag_cuda_begin,
    .build = ag_cuda_build,
    .prepare = ag_cuda_prepare,
    .end = ag_cuda_end,
    .run = ag_cuda_run,
};

const ag_backend *ag_cuda_backend(uint32_t version) { return version == ag_version() ? &backend : NULL; }
