/* half.h - float32 to and from the two 16-bit formats. */
#ifndef TOOLS_HALF_H
#define TOOLS_HALF_H

#include <stddef.h>
#include <stdint.h>

#include "attnguide.h"

/* To the nearest, ties to even; beyond the range to infinity; a NaN stays a quiet NaN. */
uint16_t half_from_float(float value);
uint16_t bfloat_from_float(float value);

float half_to_float(uint16_t bits);
float bfloat_to_float(uint16_t bits);

/* `count` elements of float32 become 16-bit ones in place; AG_F32 leaves them. */
void half_convert(void *data, size_t count, ag_dtype dtype);

#endif
