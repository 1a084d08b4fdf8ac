/* oracle_sampler.c - see oracle_sampler.h. Written from methods.md, in long double: differences of levels cancel. */
#include "oracle_sampler.h"

#include <math.h>

#include "oracle_guidance.h"

typedef long double real;

static int is_level(double alpha, double sigma)
{
    return isfinite(alpha) && isfinite(sigma) && alpha >= 0 && sigma >= 0 && (alpha > 0 || sigma > 0);
}

static int has_levels(const oracle_step *s)
{
    return is_level(s->alpha, s->sigma) && is_level(s->alpha_to, s->sigma_to);
}

/* V between a, s and b, t, the noisier. NAN: undefined. */
static real between(real a, real s, real b, real t)
{
    if (a == 0) return NAN;
    const real kept = b * s / a;
    if (kept > t) return kept - t <= 1e-12L * t ? 0 : NAN;
    return sqrtl((t - kept) * (t + kept));
}

double oracle_noise(const oracle_step *s, double x, double z)
{
    if (!has_levels(s) || s->alpha == 0) return NAN;
    return (double)((real)s->alpha_to / s->alpha * x + between(s->alpha, s->sigma, s->alpha_to, s->sigma_to) * z);
}

static real back(const oracle_step *s)
{
    return s->sigma == 0 ? NAN : between(s->alpha_to, s->sigma_to, s->alpha, s->sigma);
}

static double clean(const oracle_step *s, double x, double prediction)
{
    return oracle_convert(s->from, AG_X0, s->alpha, s->sigma, x, prediction);
}

double oracle_ddpm(const oracle_step *s, double x, double prediction, double z)
{
    const real v = back(s), a = s->alpha, b = s->alpha_to, t = s->sigma_to, sigma = s->sigma;
    if (!has_levels(s)) return NAN;
    const real large = t == 0 ? 0 : v, d = s->variance == AG_VARIANCE_LARGE ? large : t * v / sigma;
    return (double)(a / b * (t / sigma) * (t / sigma) * x + b * (v / sigma) * (v / sigma) * clean(s, x, prediction) +
                    d * z);
}

double oracle_ddim(const oracle_step *s, double x, double prediction, double z)
{
    const real t = s->sigma_to;
    if (!has_levels(s) || !(s->eta >= 0 && s->eta <= 1)) return NAN;
    real c = s->eta > 0 ? s->eta * (t / s->sigma) * back(s) : 0;
    if (c > t) c = t;
    const real w = sqrtl((t - c) * (t + c));
    const double x0 = clean(s, x, prediction);
    if (s->alpha == s->alpha_to && s->sigma == s->sigma_to) return isnan(x0 + c) ? NAN : x;
    if (w == 0) return (double)(s->alpha_to * (real)x0 + c * z);
    return (double)(s->alpha_to * (real)x0 + w * oracle_convert(s->from, AG_EPS, s->alpha, s->sigma, x, prediction) +
                    c * z);
}

double oracle_euler(const oracle_step *s, double x, double slope)
{
    if (!isfinite(s->sigma) || !isfinite(s->sigma_to) || s->sigma < 0 || s->sigma_to < 0) return NAN;
    return (double)(x + ((real)s->sigma_to - s->sigma) * slope);
}

double oracle_min_snr(ag_prediction from, double alpha, double sigma, double gamma)
{
    if (!is_level(alpha, sigma) || !isfinite(gamma) || gamma <= 0) return NAN;
    if (sigma == 0) return from == AG_X0 || from == AG_DENOISED ? gamma : from == AG_EPS || from == AG_V ? 0 : NAN;
    const real snr = (real)alpha * alpha / ((real)sigma * sigma), least = snr < gamma ? snr : gamma;
    switch (from) {
    case AG_X0:
    case AG_DENOISED: return (double)least;
    case AG_EPS: return alpha == 0 ? 1 : (double)(least / snr);
    case AG_V: return (double)(least / (snr + 1));
    case AG_SCORE:
    case AG_FLOW: return NAN;
    }
    return NAN;
}
