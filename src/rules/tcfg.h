/* tcfg.h - CFG from what U has in common with C: tangential damping. */
#ifndef AG_RULE_TCFG_H
#define AG_RULE_TCFG_H

#include "rule.h"

/* x is C, y is U. */
AG_FN void ag_tcfg_forms(const ag_sample *s, ag_forms *f)
{
    (void)s;
    f->x[0] = 1;
    f->y[1] = 1;
}

/* U' = p C + q U: w_U (w_C C + w_U U), w the top unit eigenvector of the Gram matrix. q is (h - d)/2h, of which the
 * difference cancels where d > 0. One quotient is all of them: c is what |d| adds to. */
AG_FN ag_factors ag_tcfg_factors(const ag_sample *s, const double *sums)
{
    const double g = s->run->parameter[AG_TCFG_SCALE];
    const double d = sums[AG_SUM_XX] - sums[AG_SUM_YY], e = 2 * sums[AG_SUM_XY], h = sqrt(d * d + e * e);
    const double c = h + fabs(d), part = ag_ratio(0.5, h * c, 0);
    const double q = d < 0 ? c * c : e * e;
    const ag_factors f = { g + (1 - g) * e * c * part, h == 0 ? 1 - g : (1 - g) * q * part, 0 };
    const ag_factors plain = { 1, 0, 0 };
    return g == 1 ? plain : f;
}

#ifdef AG_RULE_ROOMS
static unsigned ag_tcfg_sums_of(const double *p) { return p[AG_TCFG_SCALE] == 1 ? 0 : AG_SUMS_OF_PRODUCTS; }

static const ag_parameter_info ag_tcfg_parameters[] = {
    [AG_TCFG_SCALE] = AG_CFG_SCALE(1, 4.5),
};

static const ag_rule_room ag_tcfg_room = {
    .info = { .rule = AG_TCFG,
              .name = "tcfg",
              .formula = "U' + g (C - U'), U' = <U,v> v, v the first right singular vector of [C; U]",
              .source = "arXiv 2503.18137",
              .inputs = "cond uncond",
              .uses = AG_USES_STATISTICS | AG_USES_GROUPS,
              .least_inputs = 2,
              .most_inputs = 2,
              .parameter_count = AG_ENTRIES(ag_tcfg_parameters) },
    .parameters = ag_tcfg_parameters,
    .sums = AG_SUMS_OF_PRODUCTS,
    .sums_of = ag_tcfg_sums_of,
};
#endif

#endif
