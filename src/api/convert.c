/* convert.c - see convert.h, and the public call that converts what models predict. */
#include "convert.h"

#include <math.h>

static ag_form divided(double x, double prediction, double by) { return (ag_form){ x / by, prediction / by, by == 0 }; }

ag_form ag_form_noise(ag_prediction from, double alpha, double sigma)
{
    switch (from) {
    case AG_EPS: return (ag_form){ 0, 1, 0 };
    case AG_X0:
    case AG_DENOISED: return divided(1, -alpha, sigma);
    case AG_V: return divided(sigma, alpha, alpha * alpha + sigma * sigma);
    case AG_SCORE: return (ag_form){ 0, -sigma, sigma == 0 };
    case AG_FLOW: return divided(1, alpha, alpha + sigma);
    }
    return (ag_form){ 0, 0, 1 };
}

ag_form ag_form_clean(ag_prediction from, double alpha, double sigma)
{
    switch (from) {
    case AG_EPS: return divided(1, -sigma, alpha);
    case AG_X0:
    case AG_DENOISED: return (ag_form){ 0, 1, 0 };
    case AG_V: return divided(alpha, -sigma, alpha * alpha + sigma * sigma);
    case AG_SCORE: return (ag_form){ 1 / alpha, sigma * sigma / alpha, alpha == 0 || sigma == 0 };
    case AG_FLOW: return divided(1, -sigma, alpha + sigma);
    }
    return (ag_form){ 0, 0, 1 };
}

/* a times the noise plus b times the clean sample. */
static ag_form mixture(ag_prediction from, double alpha, double sigma, double a, double b)
{
    const ag_form n = ag_form_noise(from, alpha, sigma), c = ag_form_clean(from, alpha, sigma);
    return (ag_form){ a * n.x + b * c.x, a * n.prediction + b * c.prediction, n.undefined || c.undefined };
}

const char *ag_prediction_name(ag_prediction prediction)
{
    static const char *const names[] = { "eps", "x0", "v", "score", "flow", "denoised" };
    return names[prediction];
}

static ag_form converted(ag_prediction from, ag_prediction to, double alpha, double sigma)
{
    switch (to) {
    case AG_EPS: return ag_form_noise(from, alpha, sigma);
    case AG_X0:
    case AG_DENOISED: return ag_form_clean(from, alpha, sigma);
    case AG_V: return mixture(from, alpha, sigma, alpha, -sigma);
    case AG_FLOW: return mixture(from, alpha, sigma, 1, -1);
    case AG_SCORE: break;
    }
    ag_form n = ag_form_noise(from, alpha, sigma);
    return (ag_form){ -n.x / sigma, -n.prediction / sigma, n.undefined || sigma == 0 };
}

ag_status ag_weights_convert(double weights[2], ag_prediction from, ag_prediction to, double alpha, double sigma,
                             char *text, size_t size)
{
    const ag_why why = { text, size };
    if (!weights) return ag_refuse(why, AG_ERR_NULL, "weights is NULL");
    if ((unsigned)from > AG_DENOISED || (unsigned)to > AG_DENOISED)
        return ag_refuse(why, AG_ERR_TYPE, "from is %d and to is %d: a prediction is AG_EPS (0) to AG_DENOISED (5)",
                         (int)from, (int)to);
    if (!isfinite(alpha) || !isfinite(sigma))
        return ag_refuse(why, AG_ERR_VALUE, "alpha is %g and sigma is %g: both must be finite", alpha, sigma);
    const int same = from == to || (from == AG_X0 && to == AG_DENOISED) || (from == AG_DENOISED && to == AG_X0);
    const ag_form f = same && from != AG_SCORE ? (ag_form){ 0, 1, 0 } : converted(from, to, alpha, sigma);
    if (f.undefined || !isfinite(f.x) || !isfinite(f.prediction))
        return ag_refuse(why, AG_ERR_VALUE, "%s from %s is undefined at alpha %g, sigma %g", ag_prediction_name(to),
                         ag_prediction_name(from), alpha, sigma);
    weights[0] = f.x;
    weights[1] = f.prediction;
    return AG_OK;
}
