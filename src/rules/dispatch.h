/* dispatch.h - a combination's rule by its number, for the kernels of every backend; and for table.c the rooms. */
#ifndef AG_RULE_DISPATCH_H
#define AG_RULE_DISPATCH_H

#include "apg.h"
#include "cfg_zero.h"
#include "fdg.h"
#include "linear.h"
#include "mahiro.h"
#include "mambo.h"
#include "merge.h"
#include "momentum.h"
#include "nag.h"
#include "perp_neg.h"
#include "renorm.h"
#include "rescale.h"
#include "smc.h"
#include "tag.h"
#include "tcfg.h"

/* Every rule: its value of the public enum, and what its names begin with. */
#define AG_EVERY_RULE(DO)                                                                                              \
    DO(AG_LINEAR, linear)                                                                                              \
    DO(AG_RESCALE, rescale)                                                                                            \
    DO(AG_APG, apg)                                                                                                    \
    DO(AG_CFG_ZERO, cfg_zero)                                                                                          \
    DO(AG_NAG, nag)                                                                                                    \
    DO(AG_MERGE, merge)                                                                                                \
    DO(AG_RENORM, renorm)                                                                                              \
    DO(AG_TCFG, tcfg)                                                                                                  \
    DO(AG_MAMBO, mambo)                                                                                                \
    DO(AG_TAG, tag)                                                                                                    \
    DO(AG_PERP_NEG, perp_neg)                                                                                          \
    DO(AG_MOMENTUM_GUIDANCE, momentum)                                                                                 \
    DO(AG_SMC, smc)                                                                                                    \
    DO(AG_MAHIRO, mahiro)                                                                                              \
    DO(AG_FDG, fdg)

/* A rule fills in the forms that it has; the others are zero. */
AG_FN void ag_rule_forms(const ag_sample *s, ag_forms *f)
{
    const ag_forms none = { { 0 }, { 0 }, { 0 }, { 0 }, 0 };
    *f = none;
    switch (s->g->rule) {
#define DO(RULE, name)                                                                                                 \
    case RULE: ag_##name##_forms(s, f); return;
        AG_EVERY_RULE(DO)
#undef DO
    }
}

/* The sums of n groups, number i at sums[i stride], become those that factors are of. Apart from these, for it is what
 * compilers make no vectors of. */
AG_FN void ag_rule_bend(const ag_sample *s, int n, double *sums, int stride)
{
    if (s->g->rule != AG_APG || !ag_apg_bends(s)) return;
    for (int t = 0; t < n; t++) sums[AG_SUM_XX * stride + t] = ag_apg_bent(s, sums[AG_SUM_XX * stride + t]);
}

/* From the sums that the rule wants. */
AG_FN ag_factors ag_rule_factors(const ag_sample *s, const double *of)
{
    const ag_factors none = { 0, 0, 0 };
    double sums[AG_SUMS];
    for (int i = 0; i < AG_SUMS; i++) sums[i] = of[i];
    ag_rule_bend(s, 1, sums, 1);
    switch (s->g->rule) {
#define DO(RULE, name)                                                                                                 \
    case RULE: return ag_##name##_factors(s, sums);
        AG_EVERY_RULE(DO)
#undef DO
    }
    return none;
}

/* Of n groups, at most AG_FACTORS_AT_ONCE, whose sums, number i at sums[i stride], are used up. A loop for each rule,
 * into memory that nothing else can be: compilers make vectors of them. */
enum { AG_FACTORS_AT_ONCE = 256 };
AG_FN void ag_rule_factors_of(const ag_sample *s, int n, double *sums, int stride, ag_factors_of *to)
{
    double x[AG_FACTORS_AT_ONCE], y[AG_FACTORS_AT_ONCE], kept[AG_FACTORS_AT_ONCE];
    ag_rule_bend(s, n, sums, stride);
    switch (s->g->rule) {
#define DO(RULE, name)                                                                                                 \
    case RULE:                                                                                                         \
        for (int t = 0; t < n; t++) {                                                                                  \
            double of[AG_SUMS];                                                                                        \
            for (int i = 0; i < AG_SUMS; i++) of[i] = sums[i * stride + t];                                            \
            const ag_factors f = ag_##name##_factors(s, of);                                                           \
            x[t] = f.x;                                                                                                \
            y[t] = f.y;                                                                                                \
            kept[t] = f.kept;                                                                                          \
        }                                                                                                              \
        break;
        AG_EVERY_RULE(DO)
#undef DO
    }
    memcpy(to->x, x, (size_t)n * sizeof *x);
    memcpy(to->y, y, (size_t)n * sizeof *y);
    memcpy(to->kept, kept, (size_t)n * sizeof *kept);
}

/* The number that a group's sums become, of rules that fold. */
AG_FN double ag_rule_fold(const ag_sample *s, const double *sums)
{
    (void)s;
    return ag_mahiro_fold(sums);
}

/* The factors of level l of a pyramid, of rules that have levels. */
AG_FN ag_factors ag_rule_level(const ag_sample *s, int l, double products, double squares)
{
    return ag_fdg_level(s, l, products, squares);
}

/* What lse_out becomes, of rules that have one. */
AG_FN float ag_rule_lse(const ag_sample *s) { return s->g->rule == AG_MERGE ? ag_merge_lse(s) : NAN; }

#ifdef AG_RULE_ROOMS
static const ag_rule_room *const ag_rule_table[] = {
#define DO(RULE, name) [RULE] = &ag_##name##_room,
    AG_EVERY_RULE(DO)
#undef DO
};
#endif

#endif
