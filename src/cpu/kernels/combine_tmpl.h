/* combine_tmpl.h - the statistics and combine steps over blocks of elements, written over the vector verbs that the
 * including file chose: inputs are widened, combined with float32 weights, stored once. */
#ifndef AG_COMBINE_TMPL_H
#define AG_COMBINE_TMPL_H

#include "combine_groups_tmpl.h"
#include "statistics_tmpl.h"

/* ---- contiguous groups ---- */

/* The sums that the factors come from: the group's own; its chunks' in order, so that every task comes to the same
 * bits; or the parts of its sample. */
static void combine_collect(const ag_combine *c, const ag_bound *bound, const combine_piece *p, int64_t group,
                            double *sums)
{
    const double *from = (const double *)(bound->base[AG_WORK] + c->sums);
    for (int i = 0; i < AG_SUMS; i++) sums[i] = 0;
    if (c->local) statistics_of(p, sums);
    if (!p->s.run->sums || !c->statistics) return;
    if (c->folding == AG_FOLD_PARTS) {
        for (int64_t i = 0; i < c->parts; i++) sums[0] += from[p->s.number * c->parts + i];
        sums[0] /= (double)c->groups;
        return;
    }
    for (int64_t i = 0; !c->local && i < c->chunks * AG_SUMS; i++)
        sums[i % AG_SUMS] += from[group * c->chunks * AG_SUMS + i];
    if (c->folding == AG_FOLD_SUMS) sums[0] = ag_rule_fold(&p->s, sums);
}

static void combine_by(const combine_piece *p, ag_factors by, int stream)
{
    combine_weights w = { .by = by, .wide = ag_is_steep(by.x, by.y) };
    for (int k = 0; k < ag_terms(&p->s); k++) {
        w.out[k] = ag_weight(p->forms, &w.by, k);
        w.kept[k] = ag_kept_weight(p->forms, &w.by, k);
    }
    combine_elements(p, &w, stream);
}

static void combine_one(const ag_combine *c, const ag_bound *bound, const combine_piece *p, int64_t group, int stream)
{
    double sums[AG_SUMS];
    combine_collect(c, bound, p, group, sums);
    combine_by(p, ag_rule_factors(&p->s, sums), stream);
}

/* Large groups, one by one; without sums all that are adjacent are one. */
static void combine_groups(const ag_combine *c, const ag_bound *bound, const ag_combine_part *part)
{
    float *const lse = c->gives_lse ? bound->combining.lse_out : NULL;
    const int stream = combine_streams(c, bound);
    ag_forms forms;
    for (int64_t group = part->first, n = 1; group < part->last; group += n) {
        combine_piece p = combine_piece_of(c, bound, part, group, &forms);
        if (!p.s.run->sums) n = rows_left(c, part, &p, group);
        p.last += (n - 1) * c->reduced;
        combine_one(c, bound, &p, part->line * c->width + group, stream);
        if (lse) lse[p.s.number] = ag_rule_lse(&p.s); /* may be lse[0] or lse[1]: the sample's own are read before */
    }
    if (stream) v_fence();
}

/* Columns without sums are nothing but lines of elements, which are adjacent where the lines are whole. */
static void combine_lines(const ag_combine *c, const ag_bound *bound, const ag_combine_part *part)
{
    const int stream = combine_streams(c, bound);
    const int64_t n = part->last - part->first, rows = n == c->inner ? part->end - part->begin : 1;
    ag_forms forms;
    for (int64_t row = part->begin; row < part->end; row += rows) {
        combine_piece p = combine_piece_of(c, bound, part, part->first, &forms);
        p.first = row * c->inner;
        p.last = p.first + (rows - 1) * c->inner + n;
        combine_one(c, bound, &p, 0, stream);
    }
    if (stream) v_fence();
}

static void combine_run(const ag_step *s, const ag_bound *bound, int64_t task, void *unused)
{
    (void)unused;
    const ag_combine *c = &s->u.combine;
    const ag_combine_part part = ag_combine_part_of(c, c->run, task);
    const int wants_sums = bound->combining.sums != 0;
    if (c->inner > 1 && wants_sums) combine_columns(c, bound, &part);
    else if (c->inner > 1) combine_lines(c, bound, &part);
    else if (c->local && c->folding == AG_FOLD_NOT && rows_suit(c) && wants_sums) combine_rows(c, bound, &part);
    else combine_groups(c, bound, &part);
}

/* ---- statistics, of what one task cannot hold ---- */

/* The sum of what the groups fold to. */
static double combine_fold(const combine_piece *p, const groups_room *r)
{
    wvec all = w_all(0);
    double folded[GROUPS] __attribute__((aligned(64)));
    for (int t = 0; t < r->n; t++) { /* compilers make vectors of it */
        double sums[AG_SUMS];
        for (int i = 0; i < AG_SUMS; i++) sums[i] = r->sums[i][t];
        folded[t] = ag_rule_fold(&p->s, sums);
    }
    for (int t = r->n; t % LANES; t++) folded[t] = 0;
    for (int t = 0; t < r->n; t += LANES / 2) all += *groups_wide(&folded[t]);
    return w_sum(all);
}

/* Returns the sum of what the columns fold to, where they do. */
static double statistics_columns(const ag_combine *c, const ag_bound *bound, const ag_combine_part *part)
{
    double all = 0;
    groups_room r;
    held h;
    ag_forms forms;
    for (int64_t column = part->first; column < part->last; column += GROUPS) {
        const combine_piece p = columns_at(c, bound, part, column, &forms, &r);
        h.sums_only = 1;
        columns_find_sums(&p, c->inner, &h, &r);
        if (c->folding == AG_FOLD_PARTS) {
            all += combine_fold(&p, &r);
            continue;
        }
        double *to = columns_sums(c, bound, part->line, part->chunk) + column;
        for (int i = 0; i < AG_SUMS; i++)
            if (p.s.run->sums >> i & 1) memcpy(to + i * c->width, r.sums[i], (size_t)r.n * sizeof *to);
    }
    return all;
}

/* Returns what statistics_columns() does: small groups have no other sums than folded ones here. */
static double statistics_rows(const ag_combine *c, const ag_bound *bound, const ag_combine_part *part)
{
    double all = 0;
    groups_room r;
    held h;
    ag_forms forms;
    for (int64_t group = part->first; group < part->last; group += r.n) {
        const combine_piece p = rows_at(c, bound, part, group, &forms, &r);
        h.sums_only = 1;
        rows_find_sums(&p, c->reduced, &h, &r);
        all += combine_fold(&p, &r);
    }
    return all;
}

static double statistics_groups(const ag_combine *c, const ag_bound *bound, const ag_combine_part *part)
{
    double all = 0, sums[AG_SUMS];
    ag_forms forms;
    for (int64_t group = part->first; group < part->last; group++) {
        const combine_piece p = combine_piece_of(c, bound, part, group, &forms);
        statistics_of(&p, sums);
        if (c->folding == AG_FOLD_PARTS) {
            all += ag_rule_fold(&p.s, sums);
            continue;
        }
        const int64_t at = (part->line * c->width + group) * c->chunks + part->chunk;
        memcpy((double *)(bound->base[AG_WORK] + c->sums) + at * AG_SUMS, sums, sizeof sums);
    }
    return all;
}

static void statistics_run(const ag_step *s, const ag_bound *bound, int64_t task, void *unused)
{
    (void)unused;
    const ag_combine *c = &s->u.combine;
    const ag_combine_part part = ag_combine_part_of(c, c->run, task);
    if (!bound->combining.sums) return;
    const double all = c->inner > 1   ? statistics_columns(c, bound, &part)
                       : rows_suit(c) ? statistics_rows(c, bound, &part)
                                      : statistics_groups(c, bound, &part);
    if (c->folding == AG_FOLD_PARTS) ((double *)(bound->base[AG_WORK] + c->sums))[task] = all;
}

#endif
