/* guidance.c - the public calls that combine predictions, and the plain functions beside them: weights of the linear
 * rules, conversions between what models predict, schedules. */
#include <math.h>
#include <string.h>

#include "context.h"
#include "step.h"

void ag_guidance_init(ag_guidance *g, ag_rule rule, int inputs, int64_t samples, int64_t count)
{
    memset(g, 0, sizeof *g);
    g->size = sizeof *g;
    g->rule = rule;
    g->inputs = inputs;
    g->samples = samples;
    g->count = count;
    g->norm = 1;
    g->out_dtype = AG_F32;
    g->out_stride = count;
    for (int k = 0; k < AG_MOST_INPUTS; k++) {
        g->dtype[k] = AG_F32;
        g->stride[k] = count;
    }
}

void ag_guidance_args_init(ag_guidance_args *a)
{
    *a = (ag_guidance_args){ .size = sizeof *a, .scale = 1, .eta = 1, .tau = 2.5, .alpha = 0.25 };
}

ag_status ag_guidance_plan(ag_context *context, const ag_guidance *g, ag_plan **plan, char *text, size_t size)
{
    const ag_why why = { text, size };
    if (!plan) return ag_refuse(why, AG_ERR_NULL, "plan is NULL: there is nowhere to put it");
    *plan = NULL;
    if (!context) return ag_refuse(why, AG_ERR_NULL, "context is NULL");
    ag_checked checked;
    const ag_status s = ag_check_guidance(g, &checked, why);
    return s ? s : ag_plan_make(context, &checked, plan, why);
}

ag_status ag_guidance_combine(ag_context *context, const ag_guidance *g, const ag_guidance_args *args, char *text,
                              size_t size)
{
    const ag_why why = { text, size };
    if (!context) return ag_refuse(why, AG_ERR_NULL, "context is NULL");
    ag_checked checked;
    ag_args all;
    const ag_status s = ag_check_guidance(g, &checked, why);
    if (s) return s;
    ag_args_init(&all, NULL, NULL, NULL, NULL);
    all.guidance = args;
    return ag_context_run_once(context, &checked, &all, why);
}

/* ---- weights ---- */

void ag_weights_cfg(double weights[2], double g)
{
    weights[0] = g;
    weights[1] = 1 - g;
}

void ag_weights_perturbed(double weights[2], double w)
{
    weights[0] = 1 + w;
    weights[1] = -w;
}

void ag_weights_cfg_perturbed(double weights[3], double g, double w)
{
    weights[0] = g + w;
    weights[1] = 1 - g;
    weights[2] = -w;
}

void ag_weights_oseg(double weights[3], double g, double w)
{
    weights[0] = g + w;
    weights[1] = 1 - g;
    weights[2] = -w;
}

void ag_weights_classifier(double weights[2], double w, double sigma)
{
    weights[0] = 1;
    weights[1] = -w * sigma;
}

void ag_weights_add(double *weights, int plus, int minus, double w)
{
    weights[plus] += w;
    weights[minus] -= w;
}

/* ---- conversions ---- */

/* A quantity as weights of x and of what was predicted; undefined: a division by zero was met on the way. */
typedef struct form {
    double x, prediction;
    int undefined;
} form;

static form divided(double x, double prediction, double by) { return (form){ x / by, prediction / by, by == 0 }; }

static form noise(ag_prediction from, double alpha, double sigma)
{
    switch (from) {
    case AG_EPS: return (form){ 0, 1, 0 };
    case AG_X0:
    case AG_DENOISED: return divided(1, -alpha, sigma);
    case AG_V: return divided(sigma, alpha, alpha * alpha + sigma * sigma);
    case AG_SCORE: return (form){ 0, -sigma, sigma == 0 };
    case AG_FLOW: return divided(1, alpha, alpha + sigma);
    }
    return (form){ 0, 0, 1 };
}

static form clean(ag_prediction from, double alpha, double sigma)
{
    switch (from) {
    case AG_EPS: return divided(1, -sigma, alpha);
    case AG_X0:
    case AG_DENOISED: return (form){ 0, 1, 0 };
    case AG_V: return divided(alpha, -sigma, alpha * alpha + sigma * sigma);
    case AG_SCORE: return (form){ 1 / alpha, sigma * sigma / alpha, alpha == 0 || sigma == 0 };
    case AG_FLOW: return divided(1, -sigma, alpha + sigma);
    }
    return (form){ 0, 0, 1 };
}

/* a times the noise plus b times the clean sample. */
static form mixture(ag_prediction from, double alpha, double sigma, double a, double b)
{
    const form n = noise(from, alpha, sigma), c = clean(from, alpha, sigma);
    return (form){ a * n.x + b * c.x, a * n.prediction + b * c.prediction, n.undefined || c.undefined };
}

static form converted(ag_prediction from, ag_prediction to, double alpha, double sigma)
{
    switch (to) {
    case AG_EPS: return noise(from, alpha, sigma);
    case AG_X0:
    case AG_DENOISED: return clean(from, alpha, sigma);
    case AG_V: return mixture(from, alpha, sigma, alpha, -sigma);
    case AG_FLOW: return mixture(from, alpha, sigma, 1, -1);
    case AG_SCORE: break;
    }
    form n = noise(from, alpha, sigma);
    return (form){ -n.x / sigma, -n.prediction / sigma, n.undefined || sigma == 0 };
}

ag_status ag_weights_convert(double weights[2], ag_prediction from, ag_prediction to, double alpha, double sigma,
                             char *text, size_t size)
{
    const ag_why why = { text, size };
    static const char *const names[] = { "eps", "x0", "v", "score", "flow", "denoised" };
    if (!weights) return ag_refuse(why, AG_ERR_NULL, "weights is NULL");
    if ((unsigned)from > AG_DENOISED || (unsigned)to > AG_DENOISED)
        return ag_refuse(why, AG_ERR_TYPE, "from is %d and to %d: predictions are 0 to 5", (int)from, (int)to);
    if (!isfinite(alpha) || !isfinite(sigma))
        return ag_refuse(why, AG_ERR_VALUE, "alpha is %g and sigma %g: both must be finite", alpha, sigma);
    const int same = from == to || (from == AG_X0 && to == AG_DENOISED) || (from == AG_DENOISED && to == AG_X0);
    const form f = same && from != AG_SCORE ? (form){ 0, 1, 0 } : converted(from, to, alpha, sigma);
    if (f.undefined || !isfinite(f.x) || !isfinite(f.prediction))
        return ag_refuse(why, AG_ERR_VALUE, "%s from %s is undefined at alpha %g, sigma %g", names[to], names[from],
                         alpha, sigma);
    weights[0] = f.x;
    weights[1] = f.prediction;
    return AG_OK;
}

/* ---- schedules ---- */

double ag_schedule_adaptive(double w, double a, double t)
{
    const double faded = w - a * (1000 - t);
    return faded > 0 ? faded : 0;
}

double ag_schedule_interval(double w, double sigma, double low, double high)
{
    return low < sigma && sigma <= high ? w : 0;
}
