/* combine_columns.h - groups that lie side by side: columns, a thread for each, which reads its column twice. */
#ifndef AG_CUDA_COMBINE_COLUMNS_H
#define AG_CUDA_COMBINE_COLUMNS_H

#include "combine.h"

/* What a thread knows of its column, whose first element is where its piece begins. */
struct column {
    double sums[AG_SUMS];
    ag_factors by;
};

DEVICE float element_of(const piece &p, int k, int64_t i) { return load_one(input_at(p, k), ag_term_type(&p.s, k), i); }

DEVICE void find_column(const piece &p, int64_t inner, column &c)
{
    const ag_forms &f = p.b->f;
    double pivot_x, pivot_y;
    UNROLL for (int n = 0; n < AG_SUMS; n++) c.sums[n] = 0;
    find_pivots(p, f, &pivot_x, &pivot_y);
    for (int64_t r = p.first; p.s.run->sums && r < p.last; r++) {
        double x = -pivot_x, y = -pivot_y;
        for (int k = 0; k < ag_terms(&p.s); k++) {
            if (!is_of_sums(f, k)) continue;
            const double a = element_of(p, k, r * inner);
            x += f.x[k] * a;
            y += f.y[k] * a;
        }
        add_element(p.s.run->sums, x, y, c.sums);
    }
}

/* One element of what a column is, or with KEPT of what its state becomes. Where a weight is 0 nothing is read. */
template <int KEPT> DEVICE float column_sum(const piece &p, const column &c, int64_t i)
{
    float sum = 0;
    double exact = 0;
    int wide = ag_is_steep(c.by.x, c.by.y);
    for (int k = 0; k < ag_terms(&p.s); k++) {
        const double weight = KEPT ? ag_kept_weight(&p.b->f, &c.by, k) : ag_weight(&p.b->f, &c.by, k);
        if (weight == 0) continue;
        const float a = element_of(p, k, i);
        wide |= is_odd(weight);
        sum += (float)weight * a;
        exact += weight * a;
    }
    return wide || !is_finite(sum) ? (float)exact : sum;
}

DEVICE float column_sign(const piece &p, int64_t i)
{
    double x = 0;
    for (int k = 0; k < ag_terms(&p.s); k++)
        if (p.b->f.x[k] != 0) x += p.b->f.x[k] * element_of(p, k, i);
    return sign_of(x);
}

DEVICE void write_column(const piece &p, int64_t inner, const column &c)
{
    char *to = out_at(p);
    float *state = state_at(p);
    for (int64_t r = p.first; r < p.last; r++) {
        const int64_t i = r * inner;
        float out = column_sum<0>(p, c, i), kept = 0;
        if (state) kept = column_sum<1>(p, c, i);
        if (state && p.b->f.signs) {
            const float sign = column_sign(p, i);
            out += (float)c.by.x * sign;
            kept += (float)c.by.kept * sign;
        }
        if (state) state[i] = kept;
        store_one(to, p.s.g->out_dtype, i, out);
    }
}

/* Sum number n of a column's chunk lies at (n width). */
DEVICE double *column_sums(const ag_launch &l, const ag_combine &c, const ag_combine_part &part, int64_t chunk,
                           int64_t at)
{
    return (double *)(l.base[AG_WORK] + c.sums) + (part.line * c.chunks + chunk) * AG_SUMS * c.width + at;
}

DEVICE void collect_column(const ag_launch &l, const ag_combine &c, const ag_combine_part &part, int64_t at, column &to)
{
    UNROLL for (int n = 0; n < AG_SUMS; n++)
    {
        to.sums[n] = 0;
        for (int64_t chunk = 0; chunk < c.chunks; chunk++)
            to.sums[n] += column_sums(l, c, part, chunk, at)[n * c.width];
    }
}

DEVICE piece line_of(const ag_launch &l, const ag_combine &c, room *r, const ag_combine_part &part)
{
    piece p = { { l.guidance, take_run(l, r), part.line / c.outer }, r->boards, 0, part.begin, part.end };
    p.at = part.line % c.outer * c.reduced * c.inner;
    find_forms<THREADS>(p);
    return p;
}

DEVICE void combine_columns(const ag_launch &l, const ag_combine &c, room *r, const ag_combine_part &part)
{
    const piece line = line_of(l, c, r, part);
    for (int64_t at = part.first + thread(); at < part.last; at += THREADS) {
        piece p = line;
        column mine;
        p.at += at;
        if (c.local || !p.s.run->sums) find_column(p, c.inner, mine);
        else collect_column(l, c, part, at, mine);
        mine.by = ag_rule_factors(&p.s, mine.sums);
        write_column(p, c.inner, mine);
    }
}

#endif
