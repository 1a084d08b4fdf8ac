/* merge.h - attention over two sets of keys becomes attention over both. */
#ifndef AG_RULE_MERGE_H
#define AG_RULE_MERGE_H

#include <float.h>

#include "rule.h"

/* A shard's lse: of an empty one some engines write +inf. */
AG_FN double ag_merge_lse_of(const ag_sample *s, int shard)
{
    const float lse = s->run->lse[shard][s->number];
    return lse == INFINITY ? -INFINITY : lse;
}

/* Only an empty shard has weight 0, by which it is not read: of any other a NaN must show, however little it weighs. */
AG_FN void ag_merge_forms(const ag_sample *s, ag_forms *f)
{
    double *const w = f->base;
    const double x = ag_merge_lse_of(s, 0), y = ag_merge_lse_of(s, 1), m = x > y ? x : y;
    w[0] = w[1] = isnan(x) || isnan(y) ? NAN : 0;
    if (isnan(w[0]) || m == -INFINITY) return;
    const double of_x = exp(x - m), of_y = exp(y - m);
    if (x > -INFINITY) w[0] = fmax(of_x / (of_x + of_y), DBL_MIN);
    if (y > -INFINITY) w[1] = fmax(of_y / (of_x + of_y), DBL_MIN);
}

AG_FN ag_factors ag_merge_factors(const ag_sample *s, const double *sums) { return ag_no_factors(s, sums); }

AG_FN float ag_merge_lse(const ag_sample *s)
{
    const double x = ag_merge_lse_of(s, 0), y = ag_merge_lse_of(s, 1), m = x > y ? x : y;
    if (isnan(x) || isnan(y)) return NAN;
    return m == -INFINITY ? -INFINITY : (float)(m + log(exp(x - m) + exp(y - m)));
}

#ifdef AG_RULE_ROOMS
static const ag_rule_room ag_merge_room = {
    .info = { .rule = AG_MERGE,
              .name = "merge",
              .formula = "(w_0 a_0 + w_1 a_1)/(w_0 + w_1), w = exp(lse - max); lse = max + log(w_0 + w_1)",
              .inputs = "out_a out_b",
              .uses = AG_USES_LSE,
              .least_inputs = 2,
              .most_inputs = 2,
              .by_rows = 1 },
    .whole = 1,
};
#endif

#endif
