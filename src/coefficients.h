/* coefficients.h - what a guidance rule is, once its statistics are known: a weight for each input. Written once for
 * C and CUDA. Every rule is out = sum_k weight_k a_k, where the weights may depend on sums over the sample of two
 * linear forms x and y of the inputs. */
#ifndef AG_COEFFICIENTS_H
#define AG_COEFFICIENTS_H

#include <math.h>

#include "attnguide.h"
#include "semantics.h"

/* Sums over a sample, in float64. */
enum { AG_SUM_X, AG_SUM_Y, AG_SUM_XX, AG_SUM_YY, AG_SUM_XY, AG_SUM_ABS_X, AG_SUM_ABS_Y, AG_SUMS };

AG_FN int ag_rule_has_statistics(ag_rule rule) { return rule != AG_LINEAR && rule != AG_MERGE; }

AG_FN const double *ag_rule_weights(const ag_guidance *g, const ag_guidance_args *a, int64_t sample)
{
    return a->weights + (g->weights_per_sample ? sample * g->inputs : 0);
}

/* The two forms the statistics are of. RESCALE: C and the combination; APG: m and C; CFG_ZERO: C and U; NAG: Z+, Z~. */
AG_FN void ag_rule_forms(const ag_guidance *g, const ag_guidance_args *a, int64_t sample, double *x, double *y)
{
    for (int k = 0; k < AG_MOST_INPUTS; k++) x[k] = y[k] = 0;
    x[0] = 1;
    switch (g->rule) {
    case AG_RESCALE:
        for (int k = 0; k < g->inputs; k++) y[k] = ag_rule_weights(g, a, sample)[k];
        return;
    case AG_APG:
        x[1] = -1;
        if (g->inputs == 3) x[2] = a->momentum;
        y[0] = 1;
        return;
    case AG_CFG_ZERO: y[1] = 1; return;
    case AG_NAG:
        y[0] = 1 + a->scale;
        y[1] = -a->scale;
        return;
    case AG_LINEAR:
    case AG_MERGE: return;
    }
}

AG_FN double ag_rule_deviation(double sum, double squares, double n)
{
    const double variance = squares / n - sum / n * (sum / n);
    return variance > 0 ? sqrt(variance) : 0;
}

/* out (phi f + 1 - phi); unchanged where the combination is constant. */
AG_FN double ag_rule_rescale(double phi, const double *sums, double n)
{
    const double of_y = n > 1 ? ag_rule_deviation(sums[AG_SUM_Y], sums[AG_SUM_YY], n) : 0;
    if (of_y == 0) return 1;
    return phi * (ag_rule_deviation(sums[AG_SUM_X], sums[AG_SUM_XX], n) / of_y) + 1 - phi;
}

/* out = base + s (D + (eta-1) D_par), D = f m, D_par = f <m,C>/<C,C> C, m = C - U + beta m_prev. */
AG_FN void ag_rule_apg(const ag_guidance *g, const ag_guidance_args *a, const double *sums, double *w)
{
    const double norm = sqrt(sums[AG_SUM_XX]), s = g->from_uncond ? a->scale : a->scale - 1;
    const double f = a->radius > 0 && norm > a->radius ? a->radius / norm : 1;
    const double along = sums[AG_SUM_YY] > 0 ? sums[AG_SUM_XY] / sums[AG_SUM_YY] : 0;
    w[0] = (g->from_uncond ? 0 : 1) + s * f * (1 + (a->eta - 1) * along);
    w[1] = (g->from_uncond ? 1 : 0) - s * f;
    if (g->inputs == 3) w[2] = s * f * a->momentum;
}

AG_FN void ag_rule_nag(const ag_guidance *g, const ag_guidance_args *a, const double *sums, double *w)
{
    const double of_x = g->norm == 1 ? sums[AG_SUM_ABS_X] : sqrt(sums[AG_SUM_XX]);
    const double of_y = g->norm == 1 ? sums[AG_SUM_ABS_Y] : sqrt(sums[AG_SUM_YY]);
    const double f = of_y > 0 && a->tau * of_x < of_y ? a->tau * of_x / of_y : 1;
    w[0] = a->alpha * f * (1 + a->scale) + 1 - a->alpha;
    w[1] = -a->alpha * f * a->scale;
}

AG_FN void ag_rule_merge(const ag_guidance_args *a, int64_t sample, double *w)
{
    const double x = a->lse[0][sample], y = a->lse[1][sample], m = x > y ? x : y;
    w[0] = w[1] = 0;
    if (m == -INFINITY) return;
    const double of_x = exp(x - m), of_y = exp(y - m);
    w[0] = of_x / (of_x + of_y);
    w[1] = of_y / (of_x + of_y);
}

AG_FN float ag_rule_merged_lse(const ag_guidance_args *a, int64_t sample)
{
    const double x = a->lse[0][sample], y = a->lse[1][sample], m = x > y ? x : y;
    return m == -INFINITY ? -INFINITY : (float)(m + log(exp(x - m) + exp(y - m)));
}

/* The weights of one sample. */
AG_FN void ag_rule_coefficients(const ag_guidance *g, const ag_guidance_args *a, int64_t sample, const double *sums,
                                double *w)
{
    double by;
    switch (g->rule) {
    case AG_LINEAR:
    case AG_RESCALE:
        by = g->rule == AG_RESCALE ? ag_rule_rescale(a->rescale, sums, (double)g->count) : 1;
        for (int k = 0; k < g->inputs; k++) w[k] = by * ag_rule_weights(g, a, sample)[k];
        return;
    case AG_APG: ag_rule_apg(g, a, sums, w); return;
    case AG_CFG_ZERO:
        w[0] = a->scale;
        w[1] = (1 - a->scale) * (sums[AG_SUM_XY] / (sums[AG_SUM_YY] + 1e-8));
        return;
    case AG_NAG: ag_rule_nag(g, a, sums, w); return;
    case AG_MERGE: ag_rule_merge(a, sample, w); return;
    }
}

#endif
