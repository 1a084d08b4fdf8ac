/* linear.h - out = sum_k weight_k a_k: CFG, perturbed guidance, conversions, and all else that is linear. */
#ifndef AG_RULE_LINEAR_H
#define AG_RULE_LINEAR_H

#include "rule.h"

AG_FN void ag_linear_forms(const ag_sample *s, ag_forms *f) { ag_given_form(s, 1, f->base); }

AG_FN ag_factors ag_linear_factors(const ag_sample *s, const double *sums) { return ag_no_factors(s, sums); }

#ifdef AG_RULE_ROOMS
static const ag_rule_room ag_linear_room = {
    .info = { .rule = AG_LINEAR,
              .name = "linear",
              .formula = "sum_k weight_k a_k",
              .uses = AG_USES_WEIGHTS,
              .least_inputs = 1,
              .most_inputs = AG_MOST_INPUTS },
};
#endif

#endif
