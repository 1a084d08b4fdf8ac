/* half.h - float32 to and from the two 16-bit formats. */
#ifndef TOOLS_HALF_H
#define TOOLS_HALF_H

#include <stdint.h>

/* To the nearest, ties to even; beyond the range to infinity; a NaN stays a quiet NaN. */
uint16_t half_from_float(float value);
uint16_t bfloat_from_float(float value);

float half_to_float(uint16_t bits);
float bfloat_to_float(uint16_t bits);

#endif
