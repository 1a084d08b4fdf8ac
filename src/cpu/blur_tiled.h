/* blur_tiled.h - the blur step, each axis as a matrix that has the reflection folded in, written over the vector verbs
 * that the including file chose.
 *
 * A task is one head and up to 64 channels, axis after axis (width, height, time). A line of tokens is brought into the
 * first cache, widened, and folded where that halves its products; its rows are written where the next axis, or the
 * output, wants them. So strides never meet the products, the first axis reads the tensor and the last one writes it.
 * In between, an axis works in place: a line is read before it is written. */
#include "blur_weights.h"
#include "cpu.h"
#include "rows_vector.h"

enum { SLAB = 64 };

typedef struct strip {
    const ag_blur *blur;
    const ag_bound *bound;
    int64_t h, t0, channels, width; /* first channel, how many, rounded up to LANES */
    int64_t extent[3];
    int stages, stage; /* axes that change; how many of them are done */
    float *grid, *line, *result, *weight;
    double *doubles;
} strip;

static int64_t tokens_in(const ag_blur *x) { return x->axis[0].in * x->axis[1].in * x->axis[2].in; }

/* Channels of a task: memory is read best in long rows, but few heads want more tasks. By shape alone. */
static int64_t slab_width(const ag_step *s)
{
    return s->n_heads * ((s->u.blur.d + SLAB - 1) / SLAB) < 4 ? SLAB / 2 : SLAB;
}

static int64_t slabs(const ag_step *s) { return (s->u.blur.d + slab_width(s) - 1) / slab_width(s); }

static int64_t tasks(const ag_step *s) { return s->n_heads * slabs(s); }

static int changing(const ag_blur *x) { return x->axis[0].changes + x->axis[1].changes + x->axis[2].changes; }

/* What the longest axis wants: tokens of a line, weights, doubles. */
typedef struct blur_room {
    int64_t line, weights, doubles;
} blur_room;

static blur_room room_of(const ag_blur *x)
{
    blur_room room = { 0, 0, 0 };
    for (int a = 0; a < 3; a++) {
        const blur_matrix m = matrix_of(&x->axis[a]);
        if (!x->axis[a].changes) continue;
        if (x->axis[a].in + 1 > room.line) room.line = x->axis[a].in + 1;
        if (matrix_weights(&m) > room.weights) room.weights = matrix_weights(&m);
        if (matrix_doubles(&m) > room.doubles) room.doubles = matrix_doubles(&m);
    }
    return room;
}

static size_t scratch(const ag_step *s)
{
    const blur_room room = room_of(&s->u.blur);
    const int64_t grid = changing(&s->u.blur) > 1 ? tokens_in(&s->u.blur) : 0;
    const int64_t floats = (grid + 2 * room.line) * slab_width(s) + (room.weights + LANES - 1) / LANES * LANES;
    return (size_t)floats * sizeof(float) + (size_t)room.doubles * sizeof(double);
}

/* ---- from the tensor or the grid into the line ---- */

/* Rows of tokens, `stride` bytes apart. */
typedef struct row_set {
    char *first;
    int64_t stride;
    ag_dtype type;
} row_set;

static row_set rows_of_tensor(const strip *s, const ag_ref *r, int64_t o)
{
    const int64_t size = (int64_t)ag_size_of(r->dtype);
    return (row_set){ (char *)ag_at(s->bound, r, s->h, o) + s->t0 * size, r->stride_i * size, r->dtype };
}

static row_set rows_of_grid(const strip *s)
{
    return (row_set){ (char *)s->grid, s->width * (int64_t)sizeof(float), AG_F32 };
}

ROW_INLINE void fold_row(const void *a, const void *b, const ag_dtype type, float *sums, float *differences,
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
ROW_INLINE void take_line_as(const ag_dtype type, const int64_t width, const row_set *from, int64_t n, float *to,
                             float *differences)
{
    const char *a = from->first, *b = a + (n - 1) * from->stride;
    const int64_t pairs = differences ? n / 2 : 0, alone = differences ? n % 2 : n;
    for (int64_t j = 0; j < pairs; j++, a += from->stride, b -= from->stride)
        fold_row(a, b, type, to + j * width, differences + j * width, width);
    for (int64_t j = pairs; j < pairs + alone; j++, a += from->stride)
        row_turn(to + j * width, AG_F32, a, type, width, 0);
    if (differences && alone) memset(differences + pairs * width, 0, (size_t)width * sizeof *differences);
}

ROW_INLINE void take_line_wide(const int64_t width, const row_set *from, int64_t n, float *to, float *differences)
{
    if (from->type == AG_F32) take_line_as(AG_F32, width, from, n, to, differences);
    else if (from->type == AG_F16) take_line_as(AG_F16, width, from, n, to, differences);
    else take_line_as(AG_BF16, width, from, n, to, differences);
}

/* Rows that are no whole vectors are filled up with zeros first, in `result`. */
static void take_line(const strip *s, row_set from, int64_t n, int folded)
{
    float *differences = folded ? s->line + (n + 1) / 2 * s->width : NULL;
    if (s->stage == 0 && s->channels < s->width) {
        for (int64_t j = 0; j < n; j++, from.first += from.stride) {
            float *row = s->result + j * s->width;
            row_load(row, from.first, from.type, s->channels);
            for (int64_t t = s->channels; t < s->width; t++) row[t] = 0;
        }
        from = (row_set){ (char *)s->result, s->width * (int64_t)sizeof(float), AG_F32 };
    }
    if (s->width == SLAB) take_line_wide(SLAB, &from, n, s->line, differences);
    else take_line_wide(s->width, &from, n, s->line, differences);
}

/* ---- from the line into the grid or the tensor ---- */

static int is_last(const strip *s) { return s->stage == s->stages - 1; }

/* Rows of the result may be written where they belong. */
static int writes_through(const strip *s)
{
    const ag_blur *x = s->blur;
    return !is_last(s) || (x->dst.dtype == AG_F32 && !x->accumulate && s->channels == s->width);
}

static void put_row(const strip *s, void *dst, float *row)
{
    const ag_dtype type = s->blur->dst.dtype;
    float old[SLAB];
    if (s->blur->accumulate) {
        row_load(old, dst, type, s->channels);
        for (int64_t t = 0; t < s->channels; t++) row[t] += old[t];
    }
    row_store(dst, row, type, s->channels);
}

/* ---- one axis ---- */

static void blur_line(const strip *s, const blur_matrix *m, float *y, int64_t stride)
{
    const int64_t last = (m->axis->in - 1) * stride;
    for (int64_t block = 0; block < m->blocks; block++) {
        const int64_t first = block * m->rows, left = (m->folded ? m->half : m->axis->in) - first;
        const blur_block b = { .weight = matrix_block(m, block),
                               .line = s->line + block_low(m, block) * s->width,
                               .mirrored = s->line + m->half * s->width,
                               .length = block_length(m, block),
                               .width = s->width,
                               .y = y + first * stride,
                               .stride = stride,
                               .rows = left < m->rows ? left : m->rows };
        const int64_t mirror = last - 2 * first * stride;
        int64_t at = 0;
        for (; at + ACROSS * LANES <= s->width; at += ACROSS * LANES) {
            if (m->folded) blur_pairs(ACROSS, &b, at, mirror);
            else blur_band(ACROSS, &b, at);
        }
        if (at == s->width) continue;
        if (m->folded) blur_pairs(1, &b, at, mirror);
        else blur_band(1, &b, at);
    }
}

/* Every row is the mean; partial sums of 64 tokens round less. */
static void mean_line(const strip *s, const ag_axis *axis, float *y, int64_t stride)
{
    float mean[SLAB] = { 0 }, part[SLAB];
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

/* A line, from rows to rows. */
static void do_line(const strip *s, const blur_matrix *m, const row_set *from, const row_set *to)
{
    const ag_axis *axis = m->axis;
    const int through = writes_through(s);
    float *y = through ? (float *)to->first : s->result;
    const int64_t stride = through ? to->stride / (int64_t)sizeof *y : s->width;
    take_line(s, *from, axis->in, m->folded);
    if (axis->mean) mean_line(s, axis, y, stride);
    else blur_line(s, m, y, stride);
    for (int64_t i = 0; !through && i < axis->out; i++) put_row(s, to->first + i * to->stride, y + i * stride);
}

/* The lines of an axis: every (outer, inner), tokens `inner` apart. */
static void apply_axis(strip *s, int a)
{
    const ag_blur *x = s->blur;
    const ag_axis *axis = &x->axis[a];
    const int64_t outer = a == 0 ? 1 : a == 1 ? s->extent[0] : s->extent[0] * s->extent[1];
    const int64_t inner = a == 2 ? 1 : a == 1 ? s->extent[2] : s->extent[1] * s->extent[2];
    const row_set source = s->stage ? rows_of_grid(s) : rows_of_tensor(s, &x->src, x->o);
    const row_set target = is_last(s) ? rows_of_tensor(s, &x->dst, x->dst_o) : rows_of_grid(s);
    blur_matrix m = matrix_of(axis);
    matrix_make(&m, s->doubles, s->weight);
    for (int64_t p = 0; p < outer; p++)
        for (int64_t r = 0; r < inner; r++) {
            const row_set from = { source.first + (p * axis->in * inner + r) * source.stride, inner * source.stride,
                                   source.type };
            const row_set to = { target.first + (p * axis->out * inner + r) * target.stride, inner * target.stride,
                                 target.type };
            do_line(s, &m, &from, &to);
        }
    s->extent[a] = axis->out;
    s->stage++;
}

static const char *refuse(const ag_step *s) { return changing(&s->u.blur) ? NULL : "no axis is blurred"; }

static void run(const ag_step *step, const ag_bound *bound, int64_t task, void *memory)
{
    const ag_blur *x = &step->u.blur;
    const blur_room room = room_of(x);
    const int64_t slab = slab_width(step), t0 = task % slabs(step) * slab, left = x->d - t0;
    strip s = { .blur = x,
                .bound = bound,
                .h = step->heads[task / slabs(step)],
                .t0 = t0,
                .channels = left < slab ? left : slab,
                .stages = changing(x),
                .line = memory };
    s.width = (s.channels + LANES - 1) / LANES * LANES;
    s.result = s.line + room.line * slab;
    s.grid = s.result + room.line * slab;
    s.doubles = (double *)(s.grid + (s.stages > 1 ? tokens_in(x) * slab : 0));
    s.weight = (float *)(s.doubles + room.doubles);
    for (int a = 0; a < 3; a++) s.extent[a] = x->axis[a].in;
    for (int a = 2; a >= 0; a--)
        if (x->axis[a].changes) apply_axis(&s, a);
}
