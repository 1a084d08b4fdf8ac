/* oracle_guidance.c - see oracle_guidance.h. Written from methods.md, one group of a sample at a time. */
#include "oracle_guidance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "oracle_fdg.h"

/* One group, or all of a sample: its inputs, the state before (NULL: not read), where its results go; [n] each. */
typedef struct sample {
    const ag_guidance *g;
    const ag_guidance_args *a;
    int64_t number, n;
    double *in[AG_MOST_INPUTS], *before, *out, *state, *lse;
    double mean_cosine; /* of the sample's groups */
} sample;

/* Parameter `place` of the run, `initial` where it is NaN or absent. */
static double given(const sample *s, int place, double initial)
{
    const double value = place < s->a->parameter_count ? s->a->parameters[place] : NAN;
    return isnan(value) ? initial : value;
}

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
    const double of_out = deviation(s->out, s->n), phi = given(s, AG_RESCALE_PHI, 0);
    if (of_out == 0 || phi == 0) return;
    const double f = deviation(s->in[0], s->n) / of_out;
    for (int64_t i = 0; i < s->n; i++) s->out[i] *= phi * f + 1 - phi;
}

/* What is left of a length y, as a factor on it. */
static double smooth_clamp(double y, double q)
{
    if (q <= 0) return y > 1 ? 1 / y : 1;
    return y <= 1 ? pow(1 + pow(y, 1 / q), -q) : 1 / y * pow(1 + pow(y, -1 / q), -q);
}

static void apg(const sample *s)
{
    const double *c = s->in[0], *u = s->in[1];
    const double *before = s->before;
    const double g = given(s, AG_APG_SCALE, 1), eta = given(s, AG_APG_ETA, 1), r = given(s, AG_APG_RADIUS, 0);
    const double beta = given(s, AG_APG_MOMENTUM, 0);
    double *m = s->state;
    for (int64_t i = 0; i < s->n; i++) m[i] = c[i] - u[i] + (before ? beta * before[i] : 0);
    const double norm = norm2(m, s->n), of_c = dot(c, c, s->n);
    const double clamp = r > 0 && norm != 0 ? smooth_clamp(norm / r, given(s, AG_APG_SMOOTH, 0)) : 1;
    const double along = of_c != 0 ? clamp * dot(m, c, s->n) / of_c : 0;
    for (int64_t i = 0; i < s->n; i++) {
        const double parallel = along * c[i], orthogonal = clamp * m[i] - parallel;
        const double update = orthogonal + eta * parallel;
        s->out[i] = given(s, AG_APG_BASE, 0) != 0 ? u[i] + g * update : c[i] + (g - 1) * update;
    }
}

static void cfg_zero(const sample *s)
{
    const double *c = s->in[0], *u = s->in[1], by = dot(c, u, s->n) / (dot(u, u, s->n) + 1e-8);
    const double g = given(s, AG_CFG_ZERO_SCALE, 1);
    for (int64_t i = 0; i < s->n; i++) s->out[i] = by * u[i] + g * (c[i] - by * u[i]);
}

static void nag(const sample *s)
{
    const double *plus = s->in[0], *minus = s->in[1];
    const double scale = given(s, AG_NAG_SCALE, 1), tau = given(s, AG_NAG_TAU, 2.5);
    const double alpha = given(s, AG_NAG_ALPHA, 0.25), norm = given(s, AG_NAG_NORM, 1);
    for (int64_t i = 0; i < s->n; i++) s->out[i] = plus[i] + scale * (plus[i] - minus[i]);
    const double before = norm == 1 ? norm1(plus, s->n) : norm2(plus, s->n);
    const double after = norm == 1 ? norm1(s->out, s->n) : norm2(s->out, s->n);
    const double ratio = tau * before / after, f = after == 0 || ratio >= 1 ? 1 : ratio;
    for (int64_t i = 0; i < s->n; i++) s->out[i] = alpha * f * s->out[i] + (1 - alpha) * plus[i];
}

/* Parts that saw something: any lse that is no infinity. */
static void merge(const sample *s)
{
    double total = 0, most = -INFINITY;
    int broken = 0;
    for (int part = 0; part < 2; part++) {
        const double lse = s->a->lse[part][s->number];
        if (isnan(lse)) broken = 1;
        if (isfinite(lse) && lse > most) most = lse;
    }
    for (int64_t i = 0; i < s->n; i++) s->out[i] = broken ? NAN : 0;
    *s->lse = broken ? NAN : -INFINITY;
    if (broken || most == -INFINITY) return;
    for (int part = 0; part < 2; part++)
        if (isfinite(s->a->lse[part][s->number])) total += exp(s->a->lse[part][s->number] - most);
    for (int part = 0; part < 2; part++) {
        const double lse = s->a->lse[part][s->number];
        for (int64_t i = 0; i < s->n && isfinite(lse); i++) s->out[i] += exp(lse - most) / total * s->in[part][i];
    }
    *s->lse = most + log(total);
}

static void renorm(const sample *s)
{
    linear(s);
    const double k = given(s, AG_RENORM_RATIO, 1), low = given(s, AG_RENORM_MIN, 0);
    const double high = given(s, AG_RENORM_MAX, INFINITY), norm = norm2(s->out, s->n);
    const double f = norm == 0 ? 0 : fmin(fmax(k * norm2(s->in[0], s->n) / norm, low), high);
    for (int64_t i = 0; i < s->n; i++) s->out[i] *= f;
}

/* The projection of U onto the first right singular vector, by power iteration's limit: the eigenvector of a symmetric
 * matrix of two rows, by its angle. */
static void tcfg(const sample *s)
{
    const double *c = s->in[0], *u = s->in[1], g = given(s, AG_TCFG_SCALE, 1);
    const double cc = dot(c, c, s->n), uu = dot(u, u, s->n), cu = dot(c, u, s->n);
    const double angle = atan2(2 * cu, cc - uu) / 2;
    const int any = cu == 0 && cc == uu;
    const double of_c = any ? 0 : sin(angle) * cos(angle), of_u = any ? 1 : sin(angle) * sin(angle);
    for (int64_t i = 0; i < s->n; i++) {
        const double projected = of_c * c[i] + of_u * u[i];
        s->out[i] = g == 1 ? c[i] : projected + g * (c[i] - projected);
    }
}

static double distance(const double *x, const double *y, int64_t n)
{
    long double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += ((long double)x[i] - y[i]) * ((long double)x[i] - y[i]);
    return (double)sqrtl(sum);
}

static void mambo(const sample *s)
{
    const double *c = s->in[0], *u = s->in[1], of_u = norm2(u, s->n), apart = distance(c, u, s->n);
    const double g = given(s, AG_MAMBO_SCALE, 10), a = given(s, AG_MAMBO_DAMPING, 8);
    const double damping = a == 0 ? 1 : of_u == 0 ? 0 : exp(-a * apart / of_u);
    for (int64_t i = 0; i < s->n; i++) s->out[i] = u[i] + (1 + (g - 1) * damping) * (c[i] - u[i]);
}

static void tag(const sample *s)
{
    const double *d = s->in[0], *x = s->in[1], of_x = dot(x, x, s->n), of_d = dot(d, x, s->n) - of_x;
    const double t = given(s, AG_TAG_TANGENTIAL, 1), r = given(s, AG_TAG_RADIAL, 1);
    for (int64_t i = 0; i < s->n; i++) {
        const double along = of_x != 0 ? of_d / of_x * x[i] : 0;
        s->out[i] = x[i] + t * (d[i] - x[i] - along) + r * along;
    }
}

static void perp_neg(const sample *s)
{
    const double *c = s->in[0], *n = s->in[1], *e = s->in[2];
    const double g = given(s, AG_PERP_NEG_SCALE, 1), w = given(s, AG_PERP_NEG_NEGATIVE, 1);
    long double products = 0, squares = 0;
    for (int64_t i = 0; i < s->n; i++) {
        products += ((long double)n[i] - e[i]) * ((long double)c[i] - e[i]);
        squares += ((long double)c[i] - e[i]) * ((long double)c[i] - e[i]);
    }
    for (int64_t i = 0; i < s->n; i++) {
        const double p = c[i] - e[i], across = n[i] - e[i] - (squares != 0 ? (double)(products / squares) * p : 0);
        s->out[i] = e[i] + g * (p - w * across);
    }
}

static void momentum_guidance(const sample *s)
{
    const double a = given(s, AG_MOMENTUM_SCALE, 0.5), b = given(s, AG_MOMENTUM_DECAY, 0.6);
    linear(s);
    for (int64_t i = 0; i < s->n; i++) {
        const double o = s->out[i], m = s->before ? s->before[i] : o;
        s->out[i] = o + a * (o - m);
        s->state[i] = (1 - b) * o + b * m;
    }
}

static void smc(const sample *s)
{
    const double *c = s->in[0], *u = s->in[1], g = given(s, AG_SMC_SCALE, 1), l = given(s, AG_SMC_SURFACE, 5);
    const double force = given(s, AG_SMC_FORCE, 0.2), unit = given(s, AG_SMC_SWITCH, 0);
    double *surface = s->out;
    for (int64_t i = 0; i < s->n; i++) {
        const double e = c[i] - u[i], before = s->before ? s->before[i] : e;
        surface[i] = e - before + l * before;
    }
    const double norm = norm2(surface, s->n);
    for (int64_t i = 0; i < s->n; i++) {
        const double sign = surface[i] > 0 ? 1 : surface[i] < 0 ? -1 : 0;
        const double turned = unit == 0 ? sign : norm == 0 ? 0 : surface[i] / norm;
        s->state[i] = c[i] - u[i] - force * turned;
        s->out[i] = u[i] + g * s->state[i];
    }
}

static double signed_root(double y) { return y < 0 ? -sqrt(-y) : sqrt(y); }

/* cos(R(gU), R((gC + o)/2)) of one group. */
static double mahiro_cosine(const sample *s)
{
    const double *c = s->in[0], *u = s->in[1], g = given(s, AG_MAHIRO_SCALE, 1);
    long double ab = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < s->n; i++) {
        const double o = u[i] + g * (c[i] - u[i]), a = signed_root(g * u[i]), b = signed_root((g * c[i] + o) / 2);
        ab += (long double)a * b;
        aa += (long double)a * a;
        bb += (long double)b * b;
    }
    return aa == 0 || bb == 0 ? 0 : (double)(ab / sqrtl(aa * bb));
}

static void mahiro(const sample *s)
{
    const double *c = s->in[0], *u = s->in[1], g = given(s, AG_MAHIRO_SCALE, 1), k = 2 * (s->mean_cosine + 1);
    for (int64_t i = 0; i < s->n; i++) s->out[i] = (k * (u[i] + g * (c[i] - u[i])) + (4 - k) * g * c[i]) / 4;
}

static void fdg(const sample *s)
{
    double scales[8], parallel[8];
    const int levels = s->g->levels ? s->g->levels : 2;
    for (int l = 0; l < levels; l++) {
        scales[l] = given(s, AG_FDG_SCALES + l, l == 0 ? 10 : 5);
        parallel[l] = given(s, AG_FDG_PARALLEL + l, 1);
    }
    oracle_fdg(s->g->picture, levels, scales, parallel, s->in[0], s->in[1], s->out);
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
    case AG_RENORM: renorm(s); return;
    case AG_TCFG: tcfg(s); return;
    case AG_MAMBO: mambo(s); return;
    case AG_TAG: tag(s); return;
    case AG_PERP_NEG: perp_neg(s); return;
    case AG_MOMENTUM_GUIDANCE: momentum_guidance(s); return;
    case AG_SMC: smc(s); return;
    case AG_MAHIRO: mahiro(s); return;
    case AG_FDG: fdg(s); return;
    }
}

/* ---- groups: element (o, r, i) of a sample lies at (o reduced + r) inner + i, a group is one o and one i ---- */

enum { BEFORE = AG_MOST_INPUTS, OUT, STATE, ARRAYS };

/* Between a sample's array and that of group (o, i), of n elements. */
static void gather(const sample *s, const double *all, int64_t o, int64_t i, int64_t inner, double *group)
{
    for (int64_t r = 0; r < s->n; r++) group[r] = all[(o * s->n + r) * inner + i];
}

static void scatter(const sample *s, const double *group, int64_t o, int64_t i, int64_t inner, double *all)
{
    for (int64_t r = 0; r < s->n; r++) all[(o * s->n + r) * inner + i] = group[r];
}

static void take_group(const sample *all, sample *one, int64_t o, int64_t i, int64_t inner)
{
    for (int k = 0; k < all->g->inputs; k++) gather(one, all->in[k], o, i, inner, one->in[k]);
    if (one->before) gather(one, all->before, o, i, inner, one->before);
}

static void every_group(const sample *all, sample *one)
{
    const int64_t *group = all->g->group, outer = group[0] ? group[0] : 1, inner = group[0] ? group[2] : 1;
    one->n = group[0] ? group[1] : all->n;
    one->mean_cosine = 0;
    for (int64_t at = 0; all->g->rule == AG_MAHIRO && at < outer * inner; at++) {
        take_group(all, one, at / inner, at % inner, inner);
        one->mean_cosine += mahiro_cosine(one) / (double)(outer * inner);
    }
    for (int64_t at = 0; at < outer * inner; at++) {
        take_group(all, one, at / inner, at % inner, inner);
        answer(one);
        scatter(one, one->out, at / inner, at % inner, inner, all->out);
        scatter(one, one->state, at / inner, at % inner, inner, all->state);
    }
}

void oracle_guidance(const ag_guidance *g, const ag_guidance_args *a, double *out, double *state, double *lse)
{
    const int64_t n = g->count;
    double *data = malloc((size_t)(2 * n * ARRAYS) * sizeof *data), *of_group = data + n * ARRAYS;
    const int reads_state = a->state && !a->first_step;
    for (int64_t b = 0; b < g->samples; b++) {
        sample s = { .g = g, .a = a, .number = b, .n = n, .out = out + b * n, .lse = lse ? lse + b : NULL };
        s.state = state ? state + b * n : data + n * STATE;
        s.before = reads_state ? data + n * BEFORE : NULL;
        for (int k = 0; k < g->inputs; k++) {
            s.in[k] = data + n * k;
            for (int64_t i = 0; i < n; i++) s.in[k][i] = number_read(g->dtype[k], a->input[k], b * g->stride[k] + i);
        }
        for (int64_t i = 0; reads_state && i < n; i++) s.before[i] = a->state[b * n + i];
        sample one = s;
        for (int k = 0; k < g->inputs; k++) one.in[k] = of_group + n * k;
        one.before = reads_state ? of_group + n * BEFORE : NULL;
        one.out = of_group + n * OUT;
        one.state = of_group + n * STATE;
        every_group(&s, &one);
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
