/* rescale.h - a linear combination, scaled back towards the deviation of the first input. */
#ifndef AG_RULE_RESCALE_H
#define AG_RULE_RESCALE_H

#include "rule.h"

/* x is C, y the combination. */
AG_FN void ag_rescale_forms(const ag_sample *s, ag_forms *f)
{
    f->x[0] = 1;
    ag_given_form(s, 1, f->y);
}

AG_FN double ag_rescale_variance(double sum, double squares, double share)
{
    const double mean = sum * share, variance = squares * share - mean * mean;
    return variance <= 0 ? 0 : variance; /* NaN stays NaN */
}

/* phi f + 1 - phi; 1 where the combination is constant, and without phi whatever the sums are. */
AG_FN ag_factors ag_rescale_factors(const ag_sample *s, const double *sums)
{
    const double phi = s->run->parameter[AG_RESCALE_PHI], n = (double)s->g->group[1];
    const double of_x = ag_rescale_variance(sums[AG_SUM_X], sums[AG_SUM_XX], 1 / n);
    const double of_y = ag_rescale_variance(sums[AG_SUM_Y], sums[AG_SUM_YY], 1 / n);
    const double by = phi * sqrt(of_x / of_y) + 1 - phi;
    const ag_factors f = { 0, phi == 0 || n == 1 || of_y == 0 ? 1 : by, 0 };
    return f;
}

#ifdef AG_RULE_ROOMS
static unsigned ag_rescale_sums_of(const double *p) { return p[AG_RESCALE_PHI] == 0 ? 0 : AG_SUMS_OF_DEVIATIONS; }

static const ag_parameter_info ag_rescale_parameters[] = {
    [AG_RESCALE_PHI] = { .name = "rescale",
                         .meaning = "phi, the share of a result of C's standard deviation",
                         .initial = 0,
                         .least = -AG_LARGEST,
                         .most = AG_LARGEST,
                         .neutral = 0,
                         .usual = 0.7 },
};

static const ag_rule_room ag_rescale_room = {
    .info = { .rule = AG_RESCALE,
              .name = "rescale",
              .formula = "o (phi f + 1 - phi), o = sum_k weight_k a_k, f = std(a_0)/std(o)",
              .source = "arXiv 2305.08891, section 3.4",
              .uses = AG_USES_WEIGHTS | AG_USES_STATISTICS | AG_USES_GROUPS,
              .least_inputs = 1,
              .most_inputs = AG_MOST_INPUTS,
              .parameter_count = AG_ENTRIES(ag_rescale_parameters) },
    .parameters = ag_rescale_parameters,
    .sums = AG_SUMS_OF_DEVIATIONS,
    .sums_of = ag_rescale_sums_of,
};
#endif

#endif
