/* sampler.c - the public calls for steps of a sampler: weights of x, of the prediction and of fresh noise. */
#include <math.h>

#include "convert.h"

typedef struct level {
    double alpha, sigma;
} level;

/* ---- what is validated ---- */

static int is_size(double x) { return isfinite(x) && x >= 0; }

/* to: what is added to the names of a level that is gone to. */
static ag_status check_level(level l, const char *to, ag_why why)
{
    if (!is_size(l.alpha) || !is_size(l.sigma))
        return ag_refuse(why, AG_ERR_VALUE, "alpha%s is %g and sigma%s is %g: both must be finite and not negative", to,
                         l.alpha, to, l.sigma);
    if (l.alpha == 0 && l.sigma == 0)
        return ag_refuse(why, AG_ERR_VALUE, "alpha%s and sigma%s are both 0: one of them must be above 0", to, to);
    return AG_OK;
}

static ag_status check_levels(level at, level to, ag_why why)
{
    const ag_status s = check_level(at, "", why);
    return s ? s : check_level(to, "_to", why);
}

static ag_status check_prediction(ag_prediction from, ag_why why)
{
    if ((unsigned)from <= AG_DENOISED) return AG_OK;
    return ag_refuse(why, AG_ERR_TYPE, "from is %d: a prediction is AG_EPS (0) to AG_DENOISED (5)", (int)from);
}

static ag_status check_form(const ag_form *f, ag_prediction to, ag_prediction from, level at, ag_why why)
{
    if (!f->undefined) return AG_OK;
    return ag_refuse(why, AG_ERR_VALUE, "%s from %s is undefined at alpha %g, sigma %g", ag_prediction_name(to),
                     ag_prediction_name(from), at.alpha, at.sigma);
}

/* Nothing is written but weights that all can be used. */
static ag_status hand_out(double *weights, const double *mine, int count, ag_why why)
{
    for (int i = 0; i < count; i++)
        if (!isfinite(mine[i]))
            return ag_refuse(why, AG_ERR_VALUE, "weight %d is %g: the levels lie too far apart for float64", i,
                             mine[i]);
    for (int i = 0; i < count; i++) weights[i] = mine[i];
    return AG_OK;
}

/* ---- the noise between two levels ---- */

/* What the noise of a sample at `from` becomes when the sample is scaled to the signal at `to`. */
static double carried(level from, level to) { return from.sigma > 0 ? to.alpha / from.alpha * from.sigma : 0; }

static int is_noisier(level from, level to)
{
    const double beyond = carried(from, to) - to.sigma;
    return !(beyond <= 1e-12 * to.sigma);
}

/* The same over what there is at `to`, 0 .. 1. With it V is to.sigma * spread(share): V^2 = (s' - as/a)(s' + as/a) with
 * s'^2 taken out, so that no square overflows and V is at most s'. 1 to the same level, as both quotients are exact. */
static double share_of(level from, level to)
{
    const double noise = carried(from, to);
    return noise < to.sigma ? noise / to.sigma : 1;
}

static double spread(double share) { return sqrt((1 - share) * (1 + share)); }

/* There is a V from `to` back to `at`. */
static ag_status check_back(level at, level to, ag_why why)
{
    if (at.sigma == 0) return ag_refuse(why, AG_ERR_VALUE, "sigma_to / sigma is undefined: sigma is 0");
    if (to.alpha == 0) return ag_refuse(why, AG_ERR_VALUE, "alpha / alpha_to is undefined: alpha_to is 0");
    if (!is_noisier(to, at)) return AG_OK;
    return ag_refuse(why, AG_ERR_VALUE,
                     "the noise that is taken away is undefined: alpha_to %g, sigma_to %g is noisier than alpha %g, "
                     "sigma %g",
                     to.alpha, to.sigma, at.alpha, at.sigma);
}

/* ---- the steps ---- */

ag_status ag_weights_noise(double weights[2], double alpha, double sigma, double alpha_to, double sigma_to, char *text,
                           size_t size)
{
    const ag_why why = { text, size };
    const level at = { alpha, sigma }, to = { alpha_to, sigma_to };
    if (!weights) return ag_refuse(why, AG_ERR_NULL, "weights is NULL");
    const ag_status s = check_levels(at, to, why);
    if (s) return s;
    if (alpha == 0) return ag_refuse(why, AG_ERR_VALUE, "alpha_to / alpha is undefined: alpha is 0");
    if (is_noisier(at, to))
        return ag_refuse(why, AG_ERR_VALUE,
                         "the noise that is added is undefined: alpha_to %g, sigma_to %g is less noisy than alpha %g, "
                         "sigma %g",
                         alpha_to, sigma_to, alpha, sigma);
    return hand_out(weights, (double[]){ alpha_to / alpha, sigma_to * spread(share_of(at, to)) }, 2, why);
}

ag_status ag_weights_ddpm(double weights[3], ag_prediction from, double alpha, double sigma, double alpha_to,
                          double sigma_to, ag_variance variance, char *text, size_t size)
{
    const ag_why why = { text, size };
    const level at = { alpha, sigma }, to = { alpha_to, sigma_to };
    if (!weights) return ag_refuse(why, AG_ERR_NULL, "weights is NULL");
    if ((unsigned)variance > AG_VARIANCE_LARGE)
        return ag_refuse(why, AG_ERR_TYPE, "variance is %d, not AG_VARIANCE_SMALL (0) or AG_VARIANCE_LARGE (1)",
                         (int)variance);
    ag_status s = check_prediction(from, why);
    if (!s) s = check_levels(at, to, why);
    if (!s) s = check_back(at, to, why);
    if (s) return s;
    const ag_form x0 = ag_form_clean(from, alpha, sigma);
    if ((s = check_form(&x0, AG_X0, from, at, why))) return s;

    const double share = share_of(to, at), by = sigma_to / sigma;
    const double of_x = alpha / alpha_to * by * by, of_x0 = alpha_to * (1 - share) * (1 + share);
    const double scale = variance == AG_VARIANCE_SMALL || sigma_to == 0 ? sigma_to : sigma;
    const double mine[3] = { of_x + of_x0 * x0.x, of_x0 * x0.prediction, scale * spread(share) };
    return hand_out(weights, mine, 3, why);
}

/* alpha' x0 + w eps; the noise is not looked at where w is 0, and may be undefined. */
static ag_status renoise(double mine[2], ag_prediction from, level at, level to, double w, ag_why why)
{
    const ag_form x0 = ag_form_clean(from, at.alpha, at.sigma), none = { 0, 0, 0 };
    const ag_form eps = w != 0 ? ag_form_noise(from, at.alpha, at.sigma) : none;
    ag_status s = check_form(&x0, AG_X0, from, at, why);
    if (!s) s = check_form(&eps, AG_EPS, from, at, why);
    mine[0] = to.alpha * x0.x + w * eps.x;
    mine[1] = to.alpha * x0.prediction + w * eps.prediction;
    return s;
}

/* c = eta s' spread(share), and (s' - c)(s' + c) = s'^2 (1 - eta^2 + (eta share)^2) without the difference, which has
 * no digits left where c is next to s'. */
ag_status ag_weights_ddim(double weights[3], ag_prediction from, double alpha, double sigma, double alpha_to,
                          double sigma_to, double eta, char *text, size_t size)
{
    const ag_why why = { text, size };
    const level at = { alpha, sigma }, to = { alpha_to, sigma_to };
    if (!weights) return ag_refuse(why, AG_ERR_NULL, "weights is NULL");
    if (!(eta >= 0 && eta <= 1)) return ag_refuse(why, AG_ERR_VALUE, "eta is %g, not in 0 .. 1", eta);
    ag_status s = check_prediction(from, why);
    if (!s) s = check_levels(at, to, why);
    if (!s && eta > 0) s = check_back(at, to, why);
    if (s) return s;

    const double share = eta > 0 ? share_of(to, at) : 1;
    const double kept = sigma_to * hypot(sqrt((1 - eta) * (1 + eta)), eta * share);
    double mine[3] = { 0, 0, eta * sigma_to * spread(share) };
    if ((s = renoise(mine, from, at, to, kept, why))) return s;
    /* There the way through x0 and eps and back would round. */
    if (alpha == alpha_to && sigma == sigma_to) mine[0] = 1, mine[1] = mine[2] = 0;
    return hand_out(weights, mine, 3, why);
}

ag_status ag_weights_euler(double weights[2], double sigma, double sigma_to, char *text, size_t size)
{
    const ag_why why = { text, size };
    if (!weights) return ag_refuse(why, AG_ERR_NULL, "weights is NULL");
    if (!is_size(sigma) || !is_size(sigma_to))
        return ag_refuse(why, AG_ERR_VALUE, "sigma is %g and sigma_to is %g: both must be finite and not negative",
                         sigma, sigma_to);
    weights[0] = 1;
    weights[1] = sigma_to - sigma;
    return AG_OK;
}

/* An snr of infinity and one of 0 give the limits by themselves. */
ag_status ag_weight_min_snr(double *weight, ag_prediction from, double alpha, double sigma, double gamma, char *text,
                            size_t size)
{
    const ag_why why = { text, size };
    if (!weight) return ag_refuse(why, AG_ERR_NULL, "weight is NULL");
    ag_status s = check_prediction(from, why);
    if (!s) s = check_level((level){ alpha, sigma }, "", why);
    if (s) return s;
    if (!(gamma > 0) || !isfinite(gamma))
        return ag_refuse(why, AG_ERR_VALUE, "gamma is %g: it must be finite and above 0", gamma);
    if (from == AG_SCORE || from == AG_FLOW)
        return ag_refuse(why, AG_ERR_TYPE, "the min-SNR weight of %s is undefined: from must be eps, x0 or v",
                         ag_prediction_name(from));
    const double snr = sigma > 0 ? alpha / sigma * (alpha / sigma) : INFINITY;
    if (from == AG_EPS) *weight = snr <= gamma ? 1 : gamma / snr;
    else *weight = fmin(snr, gamma) / (from == AG_V ? snr + 1 : 1);
    return AG_OK;
}
