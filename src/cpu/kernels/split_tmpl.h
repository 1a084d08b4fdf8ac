/* split_tmpl.h - the split step (split.c has the formula), written over the vector verbs that the including file chose,
 * in float64. */
#include <math.h>

#include "../cpu.h"
#include "../verbs/rows_vector.h"

static int64_t split_tasks(const ag_step *s) { return s->n_heads * ag_chunks(s->u.split.n); }

static int64_t split_width(const ag_split *x) { return (x->d + LANES - 1) / LANES * LANES; }

static size_t split_scratch(const ag_step *s) { return 4 * (size_t)split_width(&s->u.split) * sizeof(float); }

/* The caller's own row where it is whole vectors of float32, else `row`, filled up with zeros. */
static const float *split_row(const ag_bound *bound, const ag_ref *r, int64_t h, int64_t i, int64_t d, float *row)
{
    const void *from = ag_at(bound, r, h, i);
    if (r->dtype == AG_F32 && d % LANES == 0) return from;
    row_load(row, from, r->dtype, d);
    for (int64_t t = d; t % LANES; t++) row[t] = 0;
    return row;
}

ROW_INLINE double split_added(wvec x)
{
    double sum = 0;
    for (int i = 0; i < LANES / 2; i++) sum += x[i];
    return sum;
}

/* (q.k) / max(|k|, 1e-12)^2 */
static double split_along_key(const float *q, const float *k, int64_t width)
{
    wvec kk[2] = { w_all(0), w_all(0) }, qk[2] = { w_all(0), w_all(0) };
    for (int64_t t = 0; t < width; t += LANES) {
        const vec x = *(const vec_unaligned *)(q + t), y = *(const vec_unaligned *)(k + t);
        const wvec low = w_low(y), high = w_high(y);
        kk[0] += low * low;
        kk[1] += high * high;
        qk[0] += w_low(x) * low;
        qk[1] += w_high(x) * high;
    }
    const double norm = fmax(sqrt(split_added(kk[0] + kk[1])), 1e-12);
    return split_added(qk[0] + qk[1]) / norm / norm;
}

static void split_run(const ag_step *s, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_split *x = &s->u.split;
    const ag_part part = ag_part_of(s, task, x->n);
    const int64_t width = split_width(x);
    float *row = memory, *perp = row + 2 * width, *par = row + 3 * width;
    for (int64_t i = x->o + part.first; i < x->o + part.last; i++) {
        const float *q = split_row(bound, &x->q, part.h, i, x->d, row);
        const float *k = split_row(bound, &x->k, part.h, i, x->d, row + width);
        const wvec along = w_all(split_along_key(q, k, width));
        for (int64_t t = 0; t < width; t += LANES) {
            const vec a = *(const vec_unaligned *)(q + t), b = *(const vec_unaligned *)(k + t);
            const wvec low = along * w_low(b), high = along * w_high(b);
            *(vec_unaligned *)(par + t) = w_narrow(low, high);
            *(vec_unaligned *)(perp + t) = w_narrow(w_low(a) - low, w_high(a) - high);
        }
        memcpy(ag_at(bound, &x->perp, part.h, i), perp, (size_t)x->d * sizeof *perp);
        if (x->par.source != AG_SOURCES) memcpy(ag_at(bound, &x->par, part.h, i), par, (size_t)x->d * sizeof *par);
    }
}
