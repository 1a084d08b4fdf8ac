/* fdg.h - frequency-decoupled guidance: pictures are guided level by level of their Laplacian pyramids. */
#ifndef AG_RULE_FDG_H
#define AG_RULE_FDG_H

#include "rule.h"

/* x is C - U, y is C. */
AG_FN void ag_fdg_forms(const ag_sample *s, ag_forms *f)
{
    (void)s;
    f->x[0] = 1;
    f->x[1] = -1;
    f->y[0] = 1;
    f->base[1] = 1;
}

/* Those of level l, counted from 0: V_l = U_l + g D + g (p-1) <D,C_l>/<C_l,C_l> C_l. */
AG_FN ag_factors ag_fdg_level(const ag_sample *s, int l, double products, double squares)
{
    const double g = s->run->parameter[AG_FDG_SCALES + l], p = s->run->parameter[AG_FDG_PARALLEL + l];
    const ag_factors f = { g, p == 1 ? 0 : g * (p - 1) * ag_ratio(products, squares, 0), 0 };
    return f;
}

/* A level at a time, never all at once. */
AG_FN ag_factors ag_fdg_factors(const ag_sample *s, const double *sums) { return ag_no_factors(s, sums); }

#ifdef AG_RULE_ROOMS
static unsigned ag_fdg_sums_of(const double *p)
{
    for (int l = 0; l < AG_MOST_LEVELS; l++)
        if (p[AG_FDG_PARALLEL + l] != 1) return 1 << AG_SUM_XY | 1 << AG_SUM_YY;
    return 0;
}

#define AG_FDG_SCALE(L, INITIAL)                                                                                       \
    [AG_FDG_SCALES + (L)] = { .name = "scales",                                                                        \
                              .meaning = "g_l, how far to go in each level, the finest first",                         \
                              .initial = INITIAL,                                                                      \
                              .least = -AG_LARGEST,                                                                    \
                              .most = AG_LARGEST,                                                                      \
                              .neutral = 1,                                                                            \
                              .usual = INITIAL }
#define AG_FDG_PART(L)                                                                                                 \
    [AG_FDG_PARALLEL + (L)] = { .name = "parallel",                                                                    \
                                .meaning = "p_l, the weight of the part along C in each level",                        \
                                .initial = 1,                                                                          \
                                .least = -AG_LARGEST,                                                                  \
                                .most = AG_LARGEST,                                                                    \
                                .neutral = 1,                                                                          \
                                .usual = 1 }

static const ag_parameter_info ag_fdg_parameters[] = {
    AG_FDG_SCALE(0, 10), AG_FDG_SCALE(1, 5), AG_FDG_SCALE(2, 5), AG_FDG_SCALE(3, 5),
    AG_FDG_SCALE(4, 5),  AG_FDG_SCALE(5, 5), AG_FDG_SCALE(6, 5), AG_FDG_SCALE(7, 5),
    AG_FDG_PART(0),      AG_FDG_PART(1),     AG_FDG_PART(2),     AG_FDG_PART(3),
    AG_FDG_PART(4),      AG_FDG_PART(5),     AG_FDG_PART(6),     AG_FDG_PART(7),
};

/* Only levels that are there have numbers of their own. */
static ag_status ag_fdg_check(const ag_guidance *g, const ag_guidance_args *args, const double *p, ag_why why)
{
    for (int i = 0; i < args->parameter_count; i++) {
        const int l = i % AG_MOST_LEVELS;
        if (l < g->levels || p[i] == ag_fdg_parameters[i].initial) continue;
        return ag_refuse(why, AG_ERR_COMBINATION, "%s of level %d is %g, but guidance.levels is %d: parameters[%d]",
                         i < AG_FDG_PARALLEL ? "scales" : "parallel", l + 1, p[i], (int)g->levels, i);
    }
    return AG_OK;
}

static const ag_rule_room ag_fdg_room = {
    .info = { .rule = AG_FDG,
              .name = "fdg",
              .formula = "levels V_l = U_l + g_l (D - D_par + p_l D_par), D = C_l - U_l, of Laplacian pyramids",
              .source = "arXiv 2506.19713",
              .inputs = "cond uncond",
              .uses = AG_USES_STATISTICS | AG_USES_PICTURE,
              .least_inputs = 2,
              .most_inputs = 2,
              .parameter_count = AG_ENTRIES(ag_fdg_parameters) },
    .parameters = ag_fdg_parameters,
    .sums = 1 << AG_SUM_XY | 1 << AG_SUM_YY,
    .sums_of = ag_fdg_sums_of,
    .check = ag_fdg_check,
};
#endif

#endif
