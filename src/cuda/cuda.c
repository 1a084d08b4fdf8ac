/* cuda.c - the CUDA backend's place: a memory place and a stream in the API, no kernels in this version. */
#include "../step.h"

static const ag_kernel *const kernels[] = { NULL };

static const char *unavailable(void) { return "this version computes on the CPU only"; }
static uint32_t features(void) { return 0; }
static const char *lacking(uint32_t missing)
{
    (void)missing;
    return unavailable();
}

const ag_backend ag_cuda = {
    .name = "cuda",
    .place = AG_CUDA,
    .unavailable = unavailable,
    .features = features,
    .lacking = lacking,
    .kernels = kernels,
};
