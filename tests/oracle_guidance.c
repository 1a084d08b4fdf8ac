/* oracle_guidance.c - see oracle_guidance.h. Written from methods.md, one sample at a time. */
#include "oracle_guidance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

/* One sample: its inputs and where its results go, [n] each. */
typedef struct sample {
    const ag_guidance *g;
    const ag_guidance_args *a;
    int64_t number, n;
    double *in[AG_MOST_INPUTS], *out, *momentum, *lse;
} sample;

static double dot(const double *x, const double *y, int64_t n)
{
    long double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (long double)x[i] * y[i];
    return (double)sum;
}

static double norm1(const double *x, int64_t n)
{
    long double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += fabs(x[i]);
    return (double)sum;
}

static double norm2(const double *x, int64_t n) { return sqrt(dot(x, x, n)); }

/* Exactly 0 for equal numbers. */
static double deviation(const double *x, int64_t n)
{
    long double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] - x[0];
    for (int64_t i = 0; i < n; i++) squares += (x[i] - x[0] - sum / n) * (x[i] - x[0] - sum / n);
    return (double)sqrtl(squares / n);
}

static void linear(const sample *s)
{
    const double *w = s->a->weights + (s->g->weights_per_sample ? s->number * s->g->inputs : 0);
    for (int64_t i = 0; i < s->n; i++) {
        s->out[i] = 0;
        for (int k = 0; k < s->g->inputs; k++)
            if (w[k] != 0) s->out[i] += w[k] * s->in[k][i];
    }
}

static void rescale(const sample *s)
{
    linear(s);
    const double of_out = deviation(s->out, s->n), phi = s->a->rescale;
    if (of_out == 0) return;
    const double f = deviation(s->in[0], s->n) / of_out;
    for (int64_t i = 0; i < s->n; i++) s->out[i] *= phi * f + 1 - phi;
}

static void apg(const sample *s)
{
    const double *c = s->in[0], *u = s->in[1];
    double *m = s->momentum;
    for (int64_t i = 0; i < s->n; i++) m[i] = c[i] - u[i] + (s->g->inputs == 3 ? s->a->momentum * s->in[2][i] : 0);
    const double norm = norm2(m, s->n), of_c = dot(c, c, s->n), r = s->a->radius;
    const double clamp = r > 0 && norm > r ? r / norm : 1;
    const double along = of_c > 0 ? clamp * dot(m, c, s->n) / of_c : 0;
    for (int64_t i = 0; i < s->n; i++) {
        const double parallel = along * c[i], orthogonal = clamp * m[i] - parallel;
        const double update = orthogonal + s->a->eta * parallel;
        s->out[i] = s->g->from_uncond ? u[i] + s->a->scale * update : c[i] + (s->a->scale - 1) * update;
    }
}

static void cfg_zero(const sample *s)
{
    const double *c = s->in[0], *u = s->in[1], by = dot(c, u, s->n) / (dot(u, u, s->n) + 1e-8);
    for (int64_t i = 0; i < s->n; i++) s->out[i] = by * u[i] + s->a->scale * (c[i] - by * u[i]);
}

static void nag(const sample *s)
{
    const double *plus = s->in[0], *minus = s->in[1];
    for (int64_t i = 0; i < s->n; i++) s->out[i] = plus[i] + s->a->scale * (plus[i] - minus[i]);
    const double before = s->g->norm == 1 ? norm1(plus, s->n) : norm2(plus, s->n);
    const double after = s->g->norm == 1 ? norm1(s->out, s->n) : norm2(s->out, s->n);
    const double f = after == 0 ? 1 : fmin(1, s->a->tau * before / after);
    for (int64_t i = 0; i < s->n; i++) s->out[i] = s->a->alpha * f * s->out[i] + (1 - s->a->alpha) * plus[i];
}

static void merge(const sample *s)
{
    const double x = s->a->lse[0][s->number], y = s->a->lse[1][s->number], m = fmax(x, y);
    const double of_x = isinf(m) ? 0 : exp(x - m), of_y = isinf(m) ? 0 : exp(y - m);
    for (int64_t i = 0; i < s->n; i++) {
        s->out[i] = 0;
        if (of_x > 0) s->out[i] += of_x / (of_x + of_y) * s->in[0][i];
        if (of_y > 0) s->out[i] += of_y / (of_x + of_y) * s->in[1][i];
    }
    *s->lse = isinf(m) ? -INFINITY : m + log(of_x + of_y);
}

static void answer(const sample *s)
{
    switch (s->g->rule) {
    case AG_LINEAR: linear(s); return;
    case AG_RESCALE: rescale(s); return;
    case AG_APG: apg(s); return;
    case AG_CFG_ZERO: cfg_zero(s); return;
    case AG_NAG: nag(s); return;
    case AG_MERGE: merge(s); return;
    }
}

void oracle_guidance(const ag_guidance *g, const ag_guidance_args *a, double *out, double *momentum, double *lse)
{
    const int64_t n = g->count;
    double *data = malloc((size_t)(n * (AG_MOST_INPUTS + 1)) * sizeof *data);
    for (int64_t b = 0; b < g->samples; b++) {
        sample s = { .g = g, .a = a, .number = b, .n = n, .out = out + b * n, .lse = lse ? lse + b : NULL };
        s.momentum = momentum ? momentum + b * n : data + n * AG_MOST_INPUTS;
        for (int k = 0; k < g->inputs; k++) {
            s.in[k] = data + n * k;
            for (int64_t i = 0; i < n; i++) s.in[k][i] = number_read(g->dtype[k], a->input[k], b * g->stride[k] + i);
        }
        answer(&s);
    }
    free(data);
}

/* ---- conversions: first x0 and eps, which x = alpha x0 + sigma eps ties together ------------------------------ */

static double noise(ag_prediction from, double alpha, double sigma, double x, double p)
{
    switch (from) {
    case AG_EPS: return p;
    case AG_X0:
    case AG_DENOISED: return sigma != 0 ? (x - alpha * p) / sigma : NAN;
    case AG_V: return alpha != 0 || sigma != 0 ? (sigma * x + alpha * p) / (alpha * alpha + sigma * sigma) : NAN;
    case AG_SCORE: return sigma != 0 ? -sigma * p : NAN;
    case AG_FLOW: return alpha + sigma != 0 ? (x + alpha * p) / (alpha + sigma) : NAN;
    }
    return NAN;
}

static double clean(ag_prediction from, double alpha, double sigma, double x, double p)
{
    switch (from) {
    case AG_X0:
    case AG_DENOISED: return p;
    case AG_V: return alpha != 0 || sigma != 0 ? (alpha * x - sigma * p) / (alpha * alpha + sigma * sigma) : NAN;
    case AG_FLOW: return alpha + sigma != 0 ? (x - sigma * p) / (alpha + sigma) : NAN;
    case AG_EPS:
    case AG_SCORE: return alpha != 0 ? (x - sigma * noise(from, alpha, sigma, x, p)) / alpha : NAN;
    }
    return NAN;
}

static int says_the_same(ag_prediction a, ag_prediction b)
{
    return a == b || ((a == AG_X0 || a == AG_DENOISED) && (b == AG_X0 || b == AG_DENOISED));
}

double oracle_convert(ag_prediction from, ag_prediction to, double alpha, double sigma, double x, double prediction)
{
    const double e = noise(from, alpha, sigma, x, prediction), c = clean(from, alpha, sigma, x, prediction);
    if (from == AG_SCORE && sigma == 0) return NAN;
    if (says_the_same(from, to)) return prediction;
    switch (to) {
    case AG_EPS: return e;
    case AG_X0:
    case AG_DENOISED: return c;
    case AG_V: return alpha * e - sigma * c;
    case AG_SCORE: return sigma != 0 ? -e / sigma : NAN;
    case AG_FLOW: return e - c;
    }
    return NAN;
}
