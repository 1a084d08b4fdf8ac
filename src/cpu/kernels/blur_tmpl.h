/* blur_tmpl.h - the blur step, each axis as a matrix that has the reflection folded in, written over the vector verbs
 * that the including file chose.
 *
 * A task is one head and up to 64 channels, axis after axis (width, height, time). A line of tokens is brought into the
 * first cache, widened, and folded where that halves its products; its rows are written where the next axis, or the
 * output, wants them. So strides never meet the products, the first axis reads the tensor and the last one writes it.
 * In between, an axis works in place: a line is read before it is written. */
#include <float.h>
#include <math.h>

#include "blur_weights_tmpl.h"
#include "../cpu.h"
#include "../verbs/rows_vector.h"

enum { BLUR_SLAB = 64 };

typedef struct blur_strip {
    const ag_blur *blur;
    const ag_bound *bound;
    int64_t h, t0, channels, width; /* first channel, how many, rounded up to LANES */
    int64_t extent[3];
    int stages, stage; /* axes that change; how many of them are done */
    int large;         /* numbers were met whose sums might overflow */
    float *grid, *line, *result, *weight;
    double *doubles;
} blur_strip;

static int64_t blur_tokens_in(const ag_blur *x) { return x->axis[0].in * x->axis[1].in * x->axis[2].in; }

/* Channels of a task: memory is read best in long rows, but few heads want more tasks. By shape alone. */
static int64_t blur_slab_width(const ag_step *s)
{
    return s->n_heads * ((s->u.blur.d + BLUR_SLAB - 1) / BLUR_SLAB) < 4 ? BLUR_SLAB / 2 : BLUR_SLAB;
}

static int64_t blur_slabs(const ag_step *s) { return (s->u.blur.d + blur_slab_width(s) - 1) / blur_slab_width(s); }

static int64_t blur_tasks(const ag_step *s) { return s->n_heads * blur_slabs(s); }

static int blur_changing(const ag_blur *x) { return x->axis[0].changes + x->axis[1].changes + x->axis[2].changes; }

/* What the longest axis wants: tokens of a line, weights, doubles. */
typedef struct blur_room {
    int64_t line, weights, doubles;
} blur_room;

static blur_room blur_room_of(const ag_blur *x)
{
    blur_room room = { 0, 0, 0 };
    for (int a = 0; a < 3; a++) {
        const blur_matrix m = blur_matrix_of(&x->axis[a]);
        if (!x->axis[a].changes) continue;
        if (x->axis[a].in + 1 > room.line) room.line = x->axis[a].in + 1;
        if (blur_matrix_weights(&m) > room.weights) room.weights = blur_matrix_weights(&m);
        if (blur_matrix_doubles(&m) > room.doubles) room.doubles = blur_matrix_doubles(&m);
    }
    return room;
}

static size_t blur_scratch(const ag_step *s)
{
    const blur_room room = blur_room_of(&s->u.blur);
    const int64_t grid = blur_changing(&s->u.blur) > 1 ? blur_tokens_in(&s->u.blur) : 0;
    const int64_t floats = (grid + 2 * room.line) * blur_slab_width(s) + (room.weights + LANES - 1) / LANES * LANES;
    return (size_t)floats * sizeof(float) + (size_t)room.doubles * sizeof(double);
}

/* ---- from the tensor or the grid into the line ---- */

/* Rows of tokens, `stride` bytes apart. */
typedef struct blur_row_set {
    char *first;
    int64_t stride;
    ag_dtype type;
} blur_row_set;

static blur_row_set blur_rows_of_tensor(const blur_strip *s, const ag_ref *r, int64_t o)
{
    const int64_t size = (int64_t)ag_size_of(r->dtype);
    return (blur_row_set){ (char *)ag_at(s->bound, r, s->h, o) + s->t0 * size, r->stride_i * size, r->dtype };
}

static blur_row_set blur_rows_of_grid(const blur_strip *s)
{
    return (blur_row_set){ (char *)s->grid, s->width * (int64_t)sizeof(float), AG_F32 };
}

ROW_INLINE void blur_fold_row(const void *a, const void *b, const ag_dtype type, float *sums, float *differences,
                              const int64_t width)
{
    for (int64_t t = 0; t < width; t += LANES) {
        const vec x = row_vec(a, type, t), y = row_vec(b, type, t);
        *(vec *)(sums + t) = x + y;
        *(vec *)(differences + t) = x - y;
    }
}

/* A line of n tokens that begins at `from`; differences: where those go if it is folded, else NULL. The token in the
 * middle of an odd line is alone. `type` and often `width` are constants where this is called. */
ROW_INLINE void blur_take_line_as(const ag_dtype type, const int64_t width, const blur_row_set *from, int64_t n,
                                  float *to, float *differences)
{
    const char *a = from->first, *b = a + (n - 1) * from->stride;
    const int64_t pairs = differences ? n / 2 : 0, alone = differences ? n % 2 : n;
    for (int64_t j = 0; j < pairs; j++, a += from->stride, b -= from->stride)
        blur_fold_row(a, b, type, to + j * width, differences + j * width, width);
    for (int64_t j = pairs; j < pairs + alone; j++, a += from->stride)
        row_turn(to + j * width, AG_F32, a, type, width, 0);
    if (differences && alone) memset(differences + pairs * width, 0, (size_t)width * sizeof *differences);
}

ROW_INLINE void blur_take_line_wide(const int64_t width, const blur_row_set *from, int64_t n, float *to,
                                    float *differences)
{
    if (from->type == AG_F32) blur_take_line_as(AG_F32, width, from, n, to, differences);
    else if (from->type == AG_F16) blur_take_line_as(AG_F16, width, from, n, to, differences);
    else blur_take_line_as(AG_BF16, width, from, n, to, differences);
}

/* Rows that are no whole vectors are filled up with zeros first, in `result`. */
static void blur_take_line(const blur_strip *s, blur_row_set from, int64_t n, int folded)
{
    float *differences = folded ? s->line + (n + 1) / 2 * s->width : NULL;
    if (s->stage == 0 && s->channels < s->width) {
        for (int64_t j = 0; j < n; j++, from.first += from.stride) {
            float *row = s->result + j * s->width;
            row_load(row, from.first, from.type, s->channels);
            for (int64_t t = s->channels; t < s->width; t++) row[t] = 0;
        }
        from = (blur_row_set){ (char *)s->result, s->width * (int64_t)sizeof(float), AG_F32 };
    }
    if (s->width == BLUR_SLAB) blur_take_line_wide(BLUR_SLAB, &from, n, s->line, differences);
    else blur_take_line_wide(s->width, &from, n, s->line, differences);
}

/* ---- from the line into the grid or the tensor ---- */

static int blur_is_last(const blur_strip *s) { return s->stage == s->stages - 1; }

/* Rows of the result may be written where they belong. */
static int blur_writes_through(const blur_strip *s)
{
    const ag_blur *x = s->blur;
    return !blur_is_last(s) || (x->dst.dtype == AG_F32 && !x->accumulate && s->channels == s->width);
}

static void blur_put_row(const blur_strip *s, void *dst, float *row)
{
    const ag_dtype type = s->blur->dst.dtype;
    float old[BLUR_SLAB];
    if (s->blur->accumulate) {
        row_load(old, dst, type, s->channels);
        for (int64_t t = 0; t < s->channels; t++) row[t] += old[t];
    }
    row_store(dst, row, type, s->channels);
}

/* ---- one axis ---- */

static void blur_line(const blur_strip *s, const blur_matrix *m, float *y, int64_t stride)
{
    const int64_t last = (m->axis->in - 1) * stride;
    for (int64_t block = 0; block < m->blocks; block++) {
        const int64_t first = block * m->rows, left = (m->folded ? m->half : m->axis->in) - first;
        const blur_block b = { .weight = blur_matrix_block(m, block),
                               .line = s->line + blur_block_low(m, block) * s->width,
                               .mirrored = s->line + m->half * s->width,
                               .length = blur_block_length(m, block),
                               .width = s->width,
                               .y = y + first * stride,
                               .stride = stride,
                               .rows = left < m->rows ? left : m->rows };
        const int64_t mirror = last - 2 * first * stride;
        int64_t at = 0;
        for (; at + BLUR_ACROSS * LANES <= s->width; at += BLUR_ACROSS * LANES) {
            if (m->folded) blur_pairs(BLUR_ACROSS, &b, at, mirror);
            else blur_band(BLUR_ACROSS, &b, at);
        }
        if (at == s->width) continue;
        if (m->folded) blur_pairs(1, &b, at, mirror);
        else blur_band(1, &b, at);
    }
}

/* Every row is the mean; partial sums of 64 tokens round less. */
static void blur_mean_line(const blur_strip *s, const ag_axis *axis, float *y, int64_t stride)
{
    float mean[BLUR_SLAB] = { 0 }, part[BLUR_SLAB];
    for (int64_t j = 0; j < axis->in;) {
        const int64_t end = j + 64 < axis->in ? j + 64 : axis->in;
        memset(part, 0, sizeof part);
        for (; j < end; j++)
            for (int64_t t = 0; t < s->width; t++) part[t] += s->line[j * s->width + t];
        for (int64_t t = 0; t < s->width; t++) mean[t] += part[t];
    }
    for (int64_t t = 0; t < s->width; t++) mean[t] *= 1 / (float)axis->in;
    for (int64_t i = 0; i < axis->out; i++) memcpy(y + i * stride, mean, (size_t)s->width * sizeof *mean);
}

/* ---- lines of numbers so large that folding them, or rounding, might overflow, though no mean of theirs does ---- */

#define BLUR_LARGE 0x1p125f

/* The largest size of a number in whole vectors of the line, NaN left out. Four maxima wait less for one another. */
ROW_INLINE float blur_largest_of(const ag_dtype type, const blur_row_set *from, int64_t n, int64_t channels)
{
    const int64_t step = 4 * LANES;
    vec most[4] = { v_all(0), v_all(0), v_all(0), v_all(0) };
    float all = 0;
    for (int64_t j = 0; j < n; j++) {
        const char *row = from->first + j * from->stride;
        int64_t t = 0;
        for (; t + step <= channels; t += step)
            for (int c = 0; c < 4; c++) {
                const vec x = row_vec(row, type, t + c * LANES);
                most[c] = v_max(v_max(x, -x), most[c]);
            }
        for (; t + LANES <= channels; t += LANES) {
            const vec x = row_vec(row, type, t);
            most[0] = v_max(v_max(x, -x), most[0]);
        }
    }
    const vec both = v_max(v_max(most[0], most[1]), v_max(most[2], most[3]));
    for (int i = 0; i < LANES; i++) all = both[i] > all ? both[i] : all;
    return all;
}

static int blur_any_large(const blur_row_set *from, int64_t n, int64_t first, int64_t channels)
{
    for (int64_t j = 0; j < n; j++)
        for (int64_t t = first; t < channels; t++) {
            const float size = fabsf(ag_load_one(from->first + j * from->stride, from->type, t));
            if (size > BLUR_LARGE && size <= FLT_MAX) return 1;
        }
    return 0;
}

/* What is infinite or NaN already is no reason. Means are never larger than what they are of: later axes are looked
 * through only where the first met a large number. */
static int blur_line_is_large(blur_strip *s, const blur_row_set *from, int64_t n)
{
    if (from->type == AG_F16 || (s->stage > 0 && !s->large)) return 0;
    const float most = from->type == AG_F32 ? blur_largest_of(AG_F32, from, n, s->channels)
                                            : blur_largest_of(AG_BF16, from, n, s->channels);
    const int large = blur_any_large(from, n, most > BLUR_LARGE ? 0 : s->channels / LANES * LANES, s->channels);
    s->large |= large;
    return large;
}

static void blur_put_wide(const blur_strip *s, const blur_row_set *to, int64_t i, int64_t t, double x)
{
    char *at = to->first + i * to->stride + t * (int64_t)ag_size_of(to->type);
    if (blur_is_last(s) && s->blur->accumulate) x += ag_load_one(at, to->type, 0);
    const float rounded = (float)x;
    ag_store_row(at, &rounded, to->type, 1);
}

/* In float64, channel by channel: one is read before it is written. */
static void blur_do_line_wide(const blur_strip *s, const blur_matrix *m, const blur_row_set *from,
                              const blur_row_set *to)
{
    const ag_axis *axis = m->axis;
    const int64_t channels = blur_is_last(s) ? s->channels : s->width, stored = s->stage ? s->width : s->channels;
    for (int64_t t = 0; t < channels; t++) {
        double mean = 0;
        for (int64_t j = 0; j < axis->in; j++) {
            const double x = t < stored ? ag_load_one(from->first + j * from->stride, from->type, t) : 0;
            if (axis->mean) mean += x / (double)axis->in;
            else m->row[0][j] = x;
        }
        for (int64_t i = 0; i < axis->out; i++) {
            double sum = mean;
            for (int64_t j = ag_axis_low(axis, i); !axis->mean && j < ag_axis_high(axis, i, 1); j++)
                sum += ag_axis_weight(axis, i, j) * m->row[0][j];
            blur_put_wide(s, to, i, t, sum);
        }
    }
}

/* ---- */

/* A line, from rows to rows. */
static void blur_do_line(blur_strip *s, const blur_matrix *m, const blur_row_set *from, const blur_row_set *to)
{
    if (blur_line_is_large(s, from, m->axis->in)) {
        blur_do_line_wide(s, m, from, to);
        return;
    }
    const ag_axis *axis = m->axis;
    const int through = blur_writes_through(s);
    float *y = through ? (float *)to->first : s->result;
    const int64_t stride = through ? to->stride / (int64_t)sizeof *y : s->width;
    blur_take_line(s, *from, axis->in, m->folded);
    if (axis->mean) blur_mean_line(s, axis, y, stride);
    else blur_line(s, m, y, stride);
    for (int64_t i = 0; !through && i < axis->out; i++) blur_put_row(s, to->first + i * to->stride, y + i * stride);
}

/* The lines of an axis: every (outer, inner), tokens `inner` apart. */
static void blur_apply_axis(blur_strip *s, int a)
{
    const ag_blur *x = s->blur;
    const ag_axis *axis = &x->axis[a];
    const int64_t outer = a == 0 ? 1 : a == 1 ? s->extent[0] : s->extent[0] * s->extent[1];
    const int64_t inner = a == 2 ? 1 : a == 1 ? s->extent[2] : s->extent[1] * s->extent[2];
    const blur_row_set source = s->stage ? blur_rows_of_grid(s) : blur_rows_of_tensor(s, &x->src, x->o);
    const blur_row_set target = blur_is_last(s) ? blur_rows_of_tensor(s, &x->dst, x->dst_o) : blur_rows_of_grid(s);
    blur_matrix m = blur_matrix_of(axis);
    blur_matrix_make(&m, s->doubles, s->weight);
    for (int64_t p = 0; p < outer; p++)
        for (int64_t r = 0; r < inner; r++) {
            const blur_row_set from = { source.first + (p * axis->in * inner + r) * source.stride,
                                        inner * source.stride, source.type };
            const blur_row_set to = { target.first + (p * axis->out * inner + r) * target.stride, inner * target.stride,
                                      target.type };
            blur_do_line(s, &m, &from, &to);
        }
    s->extent[a] = axis->out;
    s->stage++;
}

static const char *blur_refuse(const ag_step *s) { return blur_changing(&s->u.blur) ? NULL : "no axis is blurred"; }

static void blur_run(const ag_step *step, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_blur *x = &step->u.blur;
    const blur_room room = blur_room_of(x);
    const int64_t slab = blur_slab_width(step), t0 = task % blur_slabs(step) * slab, left = x->d - t0;
    blur_strip s = { .blur = x,
                     .bound = bound,
                     .h = step->heads[task / blur_slabs(step)],
                     .t0 = t0,
                     .channels = left < slab ? left : slab,
                     .stages = blur_changing(x),
                     .line = memory };
    s.width = (s.channels + LANES - 1) / LANES * LANES;
    s.result = s.line + room.line * slab;
    s.grid = s.result + room.line * slab;
    s.doubles = (double *)(s.grid + (s.stages > 1 ? blur_tokens_in(x) * slab : 0));
    s.weight = (float *)(s.doubles + room.doubles);
    for (int a = 0; a < 3; a++) s.extent[a] = x->axis[a].in;
    for (int a = 2; a >= 0; a--)
        if (x->axis[a].changes) blur_apply_axis(&s, a);
}
