/* layers.h - what stands between the attentions: products by OpenBLAS, and a few passes over memory. */
#ifndef TINYDIFF_LAYERS_H
#define TINYDIFF_LAYERS_H

#include "network.h"

/* y [rows] of row_length elements each begins at the columns [first, first + count) of x weight^T + bias. */
void linear_columns(const linear *l, const float *x, int64_t rows, int first, int count, float *y, int64_t row_length);
void linear_run(const linear *l, const float *x, int64_t rows, float *y);

/* out = (x - mean)/sqrt(variance + 1e-5) (1 + scale) + shift over the last axis. */
void normalise(const float *x, int width, const float *shift, const float *scale, float *out);

/* x = x / sqrt(mean(x^2) + 1e-6) gain */
void unit_mean_square(float *x, int width, const float *gain);

/* x += gate y */
void add_gated(float *x, const float *gate, const float *y, int width);

void gelu(float *x, int64_t count); /* by tanh, in place */
void silu(float *x, int64_t count); /* in place */

#endif
