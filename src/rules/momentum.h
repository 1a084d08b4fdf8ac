/* momentum.h - a linear combination, pushed away from the mean of those of the steps before. */
#ifndef AG_RULE_MOMENTUM_H
#define AG_RULE_MOMENTUM_H

#include "rule.h"

/* The first step's m is o. */
AG_FN void ag_momentum_forms(const ag_sample *s, ag_forms *f)
{
    const double a = s->run->parameter[AG_MOMENTUM_SCALE], b = s->run->parameter[AG_MOMENTUM_DECAY];
    const int m = ag_state_term(s);
    ag_given_form(s, m < 0 ? 1 : 1 + a, f->base);
    ag_given_form(s, m < 0 ? 1 : 1 - b, f->kept);
    if (m < 0) return;
    f->base[m] = -a;
    f->kept[m] = b;
}

AG_FN ag_factors ag_momentum_factors(const ag_sample *s, const double *sums) { return ag_no_factors(s, sums); }

#ifdef AG_RULE_ROOMS
static const ag_parameter_info ag_momentum_parameters[] = {
    [AG_MOMENTUM_SCALE] = { .name = "momentum_scale",
                            .meaning = "a, how far from the mean",
                            .initial = 0.5,
                            .least = -AG_LARGEST,
                            .most = AG_LARGEST,
                            .neutral = 0,
                            .usual = 0.5 },
    [AG_MOMENTUM_DECAY] = { .name = "decay",
                            .meaning = "b, the share of the mean that stays",
                            .initial = 0.6,
                            .least = 0,
                            .most = 1,
                            .neutral = AG_NOT_SET,
                            .usual = 0.6 },
};

static const ag_rule_room ag_momentum_room = {
    .info = { .rule = AG_MOMENTUM_GUIDANCE,
              .name = "momentum_guidance",
              .formula = "o + a (o - m), o = sum_k weight_k a_k; m <- (1-b) o + b m",
              .source = "arXiv 2602.20360",
              .uses = AG_USES_WEIGHTS | AG_USES_STATE | AG_NEEDS_STATE,
              .least_inputs = 1,
              .most_inputs = AG_MOST_INPUTS,
              .parameter_count = AG_ENTRIES(ag_momentum_parameters) },
    .parameters = ag_momentum_parameters,
};
#endif

#endif
