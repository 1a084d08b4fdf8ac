/* layers.c - see layers.h. */
#include "layers.h"
#include <cblas.h>
#include <math.h>
#include <string.h>

void linear_columns(const linear *l, const float *x, int64_t rows, int first, int count, float *y, int64_t row_length)
{
    for (int64_t i = 0; i < rows; i++) memcpy(y + i * row_length + first, l->bias + first, (size_t)count * sizeof *y);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, count, l->from, 1, x, l->from,
                l->weight + (size_t)first * (size_t)l->from, l->from, 1, y + first, (int)row_length);
}

void linear_run(const linear *l, const float *x, int64_t rows, float *y)
{
    linear_columns(l, x, rows, 0, l->to, y, l->to);
}

void normalise(const float *x, int width, const float *shift, const float *scale, float *out)
{
    float sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < width; i++) sum += x[i];
    const float mean = sum / (float)width;
#pragma omp simd reduction(+ : squares)
    for (int i = 0; i < width; i++) squares += (x[i] - mean) * (x[i] - mean);
    const float factor = 1 / sqrtf(squares / (float)width + 1e-5f);
    for (int i = 0; i < width; i++) out[i] = (x[i] - mean) * factor * (1 + scale[i]) + shift[i];
}

void unit_mean_square(float *x, int width, const float *gain)
{
    float squares = 0;
#pragma omp simd reduction(+ : squares)
    for (int i = 0; i < width; i++) squares += x[i] * x[i];
    const float factor = 1 / sqrtf(squares / (float)width + 1e-6f);
    for (int i = 0; i < width; i++) x[i] *= factor * gain[i];
}

void add_gated(float *restrict x, const float *restrict gate, const float *restrict y, int width)
{
    for (int i = 0; i < width; i++) x[i] += gate[i] * y[i];
}

/* exp without a call, so that loops over it become vectors: 2^n times a polynomial in the rest, within 2e-7. */
static inline float exp_of(float x)
{
    x = x < -87 ? -87 : x > 88 ? 88 : x;
    const float n = (x * 1.44269504f + 12582912.f) - 12582912.f; /* rounded to whole numbers */
    const float r = (x - n * .693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f, p = p * r + 8.3334519073e-3f, p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f, p = p * r + 5.0000001201e-1f, p = p * r * r + r + 1;
    union {
        int32_t bits;
        float value;
    } power = { ((int32_t)n + 127) * (1 << 23) };
    return p * power.value;
}

/* (1 + tanh(u))/2 = 1/(1 + exp(-2u)), u = sqrt(2/pi) (x + .044715 x^3) */
void gelu(float *x, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const float u = .7978845608f * (x[i] + .044715f * x[i] * x[i] * x[i]);
        x[i] = x[i] / (1 + exp_of(-2 * u));
    }
}

void silu(float *x, int64_t count)
{
    for (int64_t i = 0; i < count; i++) x[i] = x[i] / (1 + exp_of(-x[i]));
}
