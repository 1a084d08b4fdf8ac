/* apg.h - adaptive projected guidance: of C - U less of the part along C, clamped, with momentum. */
#ifndef AG_RULE_APG_H
#define AG_RULE_APG_H

#include "rule.h"

/* x is m = C - U + beta m_prev, which is what the state becomes; y is C. */
AG_FN void ag_apg_forms(const ag_sample *s, ag_forms *f)
{
    const int before = ag_state_term(s);
    f->x[0] = f->kept[0] = 1;
    f->x[1] = f->kept[1] = -1;
    if (before >= 0) f->x[before] = f->kept[before] = s->run->parameter[AG_APG_MOMENTUM];
    f->y[0] = 1;
    f->base[s->run->parameter[AG_APG_BASE] != 0] = 1;
}

/* S of y = |m|/r with a smooth knee: both halves are one curve. */
AG_FN double ag_apg_knee(double y, double smooth)
{
    if (y <= 1) return pow(1 + pow(y, 1 / smooth), -smooth);
    return pow(1 + pow(y, -1 / smooth), -smooth) / y;
}

AG_FN int ag_apg_bends(const ag_sample *s)
{
    return s->run->parameter[AG_APG_SMOOTH] > 0 && s->run->parameter[AG_APG_RADIUS] > 0;
}

/* A smooth clamp is the hard one of a larger |m|: its square. */
AG_FN double ag_apg_bent(const ag_sample *s, double squares)
{
    const double *p = s->run->parameter, radius = p[AG_APG_RADIUS];
    const double bent = radius / ag_apg_knee(sqrt(squares) / radius, p[AG_APG_SMOOTH]);
    return bent * bent;
}

/* out = base + by (D + (eta-1) D_par), D = S m, D_par = S <m,C>/<C,C> C, S the hard clamp. */
AG_FN ag_factors ag_apg_factors(const ag_sample *s, const double *sums)
{
    const double *p = s->run->parameter, norm = sqrt(sums[AG_SUM_XX]), radius = p[AG_APG_RADIUS];
    const double by = p[AG_APG_BASE] != 0 ? p[AG_APG_SCALE] : p[AG_APG_SCALE] - 1;
    const double ratio = radius / norm, clamp = ((radius > 0) & !(norm <= radius)) ? ratio : 1;
    const double along = p[AG_APG_ETA] == 1 ? 0 : ag_ratio(sums[AG_SUM_XY], sums[AG_SUM_YY], 0);
    const ag_factors f = { by * clamp, by * clamp * (p[AG_APG_ETA] - 1) * along, 0 };
    return f;
}

#ifdef AG_RULE_ROOMS
static unsigned ag_apg_sums_of(const double *p)
{
    return p[AG_APG_ETA] == 1 && p[AG_APG_RADIUS] <= 0 ? 0 : AG_SUMS_OF_PRODUCTS;
}

static ag_status ag_apg_check(const ag_guidance *g, const ag_guidance_args *args, const double *p, ag_why why)
{
    (void)g;
    if (p[AG_APG_MOMENTUM] == 0 || args->state) return AG_OK;
    return ag_refuse(why, AG_ERR_NULL, "momentum is %g, but state, the array that keeps it, is NULL",
                     p[AG_APG_MOMENTUM]);
}

static const ag_parameter_info ag_apg_parameters[] = {
    [AG_APG_SCALE] = AG_CFG_SCALE(1, 4.5),
    [AG_APG_ETA] = { .name = "eta",
                     .meaning = "share of the part along C",
                     .initial = 1,
                     .least = -AG_LARGEST,
                     .most = AG_LARGEST,
                     .neutral = 1,
                     .usual = 0.5 },
    [AG_APG_RADIUS] = { .name = "radius",
                        .meaning = "r, the clamp of |m|; 0 and below: none",
                        .initial = 0,
                        .least = -AG_LARGEST,
                        .most = AG_LARGEST,
                        .neutral = 0,
                        .usual = 10 },
    [AG_APG_MOMENTUM] = { .name = "momentum",
                          .meaning = "beta, the factor on the step before, which a state keeps",
                          .initial = 0,
                          .least = -AG_LARGEST,
                          .most = AG_LARGEST,
                          .neutral = 0,
                          .usual = 0 },
    [AG_APG_BASE] = { .name = "base",
                      .meaning = "0 (cond): C + (g-1) upd, the default; 1 (uncond): U + g upd",
                      .whole = 1,
                      .initial = 0,
                      .least = 0,
                      .most = 1,
                      .neutral = 0,
                      .words = "cond uncond",
                      .usual = 0 },
    [AG_APG_SMOOTH] = { .name = "smooth",
                        .meaning = "q, the width of the clamp's knee; 0 and below: a hard clamp",
                        .initial = 0,
                        .least = -AG_LARGEST,
                        .most = AG_LARGEST,
                        .neutral = 0,
                        .usual = 0 },
};

static const ag_rule_room ag_apg_room = {
    .info = { .rule = AG_APG,
              .name = "apg",
              .formula = "C + (g-1) (D - (1-eta) D_par), D = S(|m|) m, m = C - U + beta m_prev",
              .source = "arXiv 2410.02416",
              .inputs = "cond uncond",
              .uses = AG_USES_STATE | AG_USES_STATISTICS | AG_USES_GROUPS,
              .least_inputs = 2,
              .most_inputs = 2,
              .parameter_count = AG_ENTRIES(ag_apg_parameters) },
    .parameters = ag_apg_parameters,
    .sums = AG_SUMS_OF_PRODUCTS,
    .sums_of = ag_apg_sums_of,
    .check = ag_apg_check,
};
#endif

#endif
