/* smc.h - CFG whose difference C - U is steered towards a sliding surface of itself and the one before. */
#ifndef AG_RULE_SMC_H
#define AG_RULE_SMC_H

#include "rule.h"

/* x is s; of the first step, whose e_prev is e, in its direction alone: l e. */
AG_FN void ag_smc_forms(const ag_sample *s, ag_forms *f)
{
    const double *p = s->run->parameter, g = p[AG_SMC_SCALE], l = p[AG_SMC_SURFACE];
    const int before = ag_state_term(s);
    f->signs = p[AG_SMC_SWITCH] == 0 && p[AG_SMC_FORCE] != 0;
    f->x[0] = before >= 0 || l > 0 ? 1 : l < 0 ? -1 : 0;
    f->x[1] = -f->x[0];
    if (before >= 0) f->x[before] = l - 1;
    f->base[0] = g;
    f->base[1] = 1 - g;
    f->kept[0] = 1;
    f->kept[1] = -1;
}

AG_FN ag_factors ag_smc_factors(const ag_sample *s, const double *sums)
{
    const double *p = s->run->parameter;
    const double force = p[AG_SMC_SWITCH] == 0 ? p[AG_SMC_FORCE] : ag_ratio(p[AG_SMC_FORCE], sqrt(sums[AG_SUM_XX]), 0);
    const ag_factors f = { -p[AG_SMC_SCALE] * force, 0, -force };
    return f;
}

#ifdef AG_RULE_ROOMS
static unsigned ag_smc_sums_of(const double *p)
{
    return p[AG_SMC_SWITCH] == 0 || p[AG_SMC_FORCE] == 0 ? 0 : 1 << AG_SUM_XX;
}

static const ag_parameter_info ag_smc_parameters[] = {
    [AG_SMC_SCALE] = AG_CFG_SCALE(1, 4),
    [AG_SMC_SURFACE] = { .name = "surface",
                         .meaning = "l of s",
                         .initial = 5,
                         .least = -AG_LARGEST,
                         .most = AG_LARGEST,
                         .neutral = AG_NOT_SET,
                         .usual = 5 },
    [AG_SMC_FORCE] = { .name = "force",
                       .meaning = "K, how hard to steer",
                       .initial = 0.2,
                       .least = -AG_LARGEST,
                       .most = AG_LARGEST,
                       .neutral = 0,
                       .usual = 0.2 },
    [AG_SMC_SWITCH] = { .name = "switch",
                        .meaning = "0 (sign, the default): sw is the sign; 1 (unit): s / |s|",
                        .whole = 1,
                        .initial = 0,
                        .least = 0,
                        .most = 1,
                        .neutral = AG_NOT_SET,
                        .words = "sign unit",
                        .usual = 0 },
};

static const ag_rule_room ag_smc_room = {
    .info = { .rule = AG_SMC,
              .name = "smc",
              .formula = "U + g e', e' = e - K sw(s), s = (e - e_prev) + l e_prev, e = C - U; e_prev <- e'",
              .source = "arXiv 2603.03281",
              .inputs = "cond uncond",
              .uses = AG_USES_STATE | AG_NEEDS_STATE | AG_USES_STATISTICS | AG_USES_GROUPS,
              .least_inputs = 2,
              .most_inputs = 2,
              .parameter_count = AG_ENTRIES(ag_smc_parameters) },
    .parameters = ag_smc_parameters,
    .sums = 1 << AG_SUM_XX,
    .sums_of = ag_smc_sums_of,
};
#endif

#endif
