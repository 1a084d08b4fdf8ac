/* tensors.c - the data all subjects share: random, never zeros, in every storage type. */
#include <stdlib.h>

#include "../src/halves.h"
#include "../src/os.h"
#include "bench.h"

enum { ELEMENTS = 3 * 10 * 4096 * 64 }; /* of the largest subject */

static float *wide[3], *result, *state;
static uint16_t *half[3], *bfloat[3];

/* Sums of three uniform numbers: logits spread as trained models' do, within [-3, 3]. */
static float next(uint32_t *seed)
{
    float sum = -1.5f;
    for (int i = 0; i < 3; i++) {
        *seed = *seed * 1664525u + 1013904223u;
        sum += (float)(*seed >> 8) / 16777216.0f;
    }
    return 2 * sum;
}

bool tensors_make(void)
{
    result = ag_os_alloc(ELEMENTS * sizeof *result);
    state = ag_os_alloc(ELEMENTS * sizeof *state);
    for (int t = 0; t < 3; t++) {
        wide[t] = ag_os_alloc(ELEMENTS * sizeof(float));
        half[t] = ag_os_alloc(ELEMENTS * sizeof(uint16_t));
        bfloat[t] = ag_os_alloc(ELEMENTS * sizeof(uint16_t));
        if (!result || !state || !wide[t] || !half[t] || !bfloat[t]) return false;
        uint32_t seed = (uint32_t)t + 1;
        for (int i = 0; i < ELEMENTS; i++) {
            wide[t][i] = next(&seed);
            half[t][i] = ag_to_half(wide[t][i]);
            bfloat[t][i] = ag_to_bfloat(wide[t][i]);
        }
    }
    uint32_t seed = 4;
    for (int i = 0; i < ELEMENTS; i++) state[i] = next(&seed);
    return true;
}

void tensors_free(void)
{
    ag_os_free(result);
    ag_os_free(state);
    for (int t = 0; t < 3; t++) {
        ag_os_free(wide[t]);
        ag_os_free(half[t]);
        ag_os_free(bfloat[t]);
    }
}

const void *tensor_of(ag_dtype dtype, int which)
{
    return dtype == AG_F32 ? (const void *)wide[which] : dtype == AG_F16 ? half[which] : bfloat[which];
}

float *tensor_out(void) { return result; }
float *tensor_state(void) { return state; }
int64_t tensor_elements(void) { return ELEMENTS; }

const char *dtype_name(ag_dtype dtype) { return dtype == AG_F32 ? "f32" : dtype == AG_F16 ? "f16" : "bf16"; }
