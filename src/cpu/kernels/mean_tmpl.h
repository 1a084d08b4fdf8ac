/* mean_tmpl.h - the mean step, written over the vector verbs that the including file chose. A channel is summed in
 * float64, four tokens at a time (four halves, which are short, in float32 first, but for bfloat16 that overflows
 * there), by one task: few heads are cut into channels, never into tokens, and the sum is the same however they are
 * cut. */
#include <math.h>

#include "../cpu.h"
#include "../verbs/rows_vector.h"

enum { MEAN_TASKS = 4, MEAN_SLAB = 32 };

/* Channels of one task. */
static int64_t mean_slab(const ag_step *s)
{
    const int64_t d = s->u.mean.d, parts = s->n_heads < MEAN_TASKS ? (MEAN_TASKS + s->n_heads - 1) / s->n_heads : 1;
    return ((d + parts - 1) / parts + MEAN_SLAB - 1) / MEAN_SLAB * MEAN_SLAB;
}

static int64_t mean_slabs(const ag_step *s) { return (s->u.mean.d + mean_slab(s) - 1) / mean_slab(s); }

static int64_t mean_tasks(const ag_step *s) { return s->n_heads * mean_slabs(s); }

static size_t mean_scratch(const ag_step *s) { return (size_t)mean_slab(s) * sizeof(double); }

/* Sums of a slab's channels. */
typedef struct mean_sum {
    double *sum;
    int64_t n;
    ag_dtype type;
    int wide; /* bfloat16: no sums in float32 */
} mean_sum;

ROW_INLINE void mean_add_wide(double *sum, wvec low, wvec high)
{
    *(wvec *)sum += low;
    *(wvec *)(sum + LANES / 2) += high;
}

ROW_INLINE void mean_add_four_of(const ag_dtype type, const int wide, const mean_sum *m, const char *const row[4])
{
    for (int64_t t = 0; t + LANES <= m->n; t += LANES) {
        const vec a = row_vec(row[0], type, t), b = row_vec(row[1], type, t);
        const vec c = row_vec(row[2], type, t), d = row_vec(row[3], type, t);
        if (wide)
            mean_add_wide(m->sum + t, (w_low(a) + w_low(b)) + (w_low(c) + w_low(d)),
                          (w_high(a) + w_high(b)) + (w_high(c) + w_high(d)));
        else mean_add_wide(m->sum + t, w_low((a + b) + (c + d)), w_high((a + b) + (c + d)));
    }
    for (int64_t t = m->n / LANES * LANES; t < m->n; t++)
        m->sum[t] += ((double)ag_load_one(row[0], type, t) + ag_load_one(row[1], type, t)) +
                     ((double)ag_load_one(row[2], type, t) + ag_load_one(row[3], type, t));
}

static void mean_add_four(const mean_sum *m, const char *const row[4])
{
    if (m->type == AG_F32) mean_add_four_of(AG_F32, 1, m, row);
    else if (m->type == AG_F16) mean_add_four_of(AG_F16, 0, m, row);
    else if (m->wide) mean_add_four_of(AG_BF16, 1, m, row);
    else mean_add_four_of(AG_BF16, 0, m, row);
}

/* Sums of the visible rows from channel t0 on; how many they are. */
static int64_t mean_add_rows(const ag_step *s, const ag_bound *bound, int64_t h, int64_t t0, const mean_sum *part)
{
    const ag_mean *m = &s->u.mean;
    const ag_visible visible = ag_visible_of(bound, s->b);
    const char *row[4];
    int64_t n = 0;
    memset(part->sum, 0, (size_t)part->n * sizeof *part->sum);
    for (int64_t j = m->o; j < m->o + m->n; j++) {
        if (!ag_key_visible(&visible, j)) continue;
        row[n % 4] = (const char *)ag_at(bound, &m->src, h, j) + t0 * (int64_t)ag_size_of(m->src.dtype);
        if (++n % 4 == 0) mean_add_four(part, row);
    }
    for (int64_t t = 0; t < part->n; t++)
        for (int64_t r = 0; r < n % 4; r++) part->sum[t] += ag_load_one(row[r], part->type, t);
    return n;
}

static int mean_sums_are_finite(const mean_sum *part)
{
    int finite = 1;
    for (int64_t t = 0; t < part->n; t++) finite &= isfinite(part->sum[t]) != 0;
    return finite;
}

static void mean_run(const ag_step *s, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_mean *m = &s->u.mean;
    const int64_t h = s->heads[task / mean_slabs(s)], t0 = task % mean_slabs(s) * mean_slab(s), left = m->d - t0;
    mean_sum part = { memory, left < mean_slab(s) ? left : mean_slab(s), m->src.dtype, 0 };
    float *dst = (float *)ag_at(bound, &m->dst, h, 0) + t0;
    int64_t n = mean_add_rows(s, bound, h, t0, &part);
    if (part.type == AG_BF16 && !mean_sums_are_finite(&part)) {
        part.wide = 1;
        n = mean_add_rows(s, bound, h, t0, &part);
    }
    for (int64_t t = 0; t < part.n; t++) dst[t] = n ? (float)(part.sum[t] / (double)n) : 0;
    if (t0 == 0 && m->count.source != AG_SOURCES) *(float *)ag_at(bound, &m->count, h, 0) = (float)n;
}
