/* tensors.c - the data all subjects share: random, never zeros, in every storage type. */
#include <stdlib.h>

#include "../src/os.h"
#include "../tools/half.h"
#include "bench.h"

enum { ELEMENTS = 3 * 10 * 4096 * 64 }; /* of the largest subject */

static float *wide[3], *result;
static uint16_t *half[3], *bfloat[3];

/* Sums of three uniform numbers: logits spread as trained models' do, within [-3, 3]. */
static float next(uint32_t *state)
{
    float sum = -1.5f;
    for (int i = 0; i < 3; i++) {
        *state = *state * 1664525u + 1013904223u;
        sum += (float)(*state >> 8) / 16777216.0f;
    }
    return 2 * sum;
}

bool tensors_make(void)
{
    result = ag_os_alloc(ELEMENTS * sizeof *result);
    for (int t = 0; t < 3; t++) {
        wide[t] = ag_os_alloc(ELEMENTS * sizeof(float));
        half[t] = ag_os_alloc(ELEMENTS * sizeof(uint16_t));
        bfloat[t] = ag_os_alloc(ELEMENTS * sizeof(uint16_t));
        if (!result || !wide[t] || !half[t] || !bfloat[t]) return false;
        uint32_t state = (uint32_t)t + 1;
        for (int i = 0; i < ELEMENTS; i++) {
            wide[t][i] = next(&state);
            half[t][i] = half_from_float(wide[t][i]);
            bfloat[t][i] = bfloat_from_float(wide[t][i]);
        }
    }
    return true;
}

void tensors_free(void)
{
    ag_os_free(result);
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
int64_t tensor_elements(void) { return ELEMENTS; }

const char *dtype_name(ag_dtype dtype) { return dtype == AG_F32 ? "f32" : dtype == AG_F16 ? "f16" : "bf16"; }
