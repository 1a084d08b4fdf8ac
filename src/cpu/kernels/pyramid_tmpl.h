/* pyramid_tmpl.h - the reduce, levels and expand steps, row by row of a plane, written over the vector verbs that the
 * including file chose. */
#include "pyramid_finest_tmpl.h"

static size_t pyramid_scratch(const ag_step *s)
{
    const ag_pyramid *y = &s->u.pyramid;
    const size_t room = PYRAMID_ROOM * (size_t)pyramid_stride(&y->fine);
    return sizeof(float) * (s->kind == AG_STEP_REDUCE && !y->level ? pyramid_window_rows(y) : room);
}

/* ---- reduce ---- */

static void pyramid_reduce(const pyramid_part *t, int which, pyramid_room *r)
{
    for (int i = 0; i < PYRAMID_RING; i++) r->held[i] = -1;
    for (int64_t y = t->first; y < t->last; y++)
        pyramid_reduce_row(t, which, y, r, pyramid_stored(t, &t->of->coarse, which, y));
}

static void pyramid_reduce_run(const ag_step *s, const ag_bound *bound, int64_t task, void *scratch)
{
    ag_forms forms;
    const pyramid_part t = pyramid_part_of(s, bound, task, &forms);
    if (!t.of->level && bound->combining.sums) {
        pyramid_reduce_finest(&t, scratch);
        return;
    }
    pyramid_room r = pyramid_room_in(t.of, scratch);
    pyramid_reduce(&t, PYRAMID_X, &r);
    if (bound->combining.sums) pyramid_reduce(&t, PYRAMID_Y, &r);
}

/* ---- sums over a level ---- */

/* Row y of the level: of the scale, less what the next expands to. */
static void pyramid_level_row(const pyramid_part *t, int which, int64_t y, pyramid_room *r, float *to)
{
    const ag_factors one = { which == PYRAMID_X, which == PYRAMID_Y, 0 };
    const float *row = pyramid_row(t, which, y, r);
    const int last = t->of->level + 1 == t->of->levels;
    const float *less = last ? NULL : pyramid_expanded(t, &one, y, r);
    for (int64_t x = 0; x < t->of->fine.width; x++) to[x] = last ? row[x] : row[x] - less[x];
}

/* sums: of xy and of yy. What fills the last vector is 0. */
static void pyramid_add_products(float *x, float *y, int64_t n, double *sums)
{
    wvec products = w_all(0), squares = w_all(0);
    for (int64_t i = n; i % LANES; i++) x[i] = y[i] = 0;
    for (int64_t i = 0; i < n; i += LANES) {
        const vec a = *(const vec_unaligned *)(x + i), b = *(const vec_unaligned *)(y + i);
        products += w_low(a) * w_low(b) + w_high(a) * w_high(b);
        squares += w_low(b) * w_low(b) + w_high(b) * w_high(b);
    }
    for (int lane = 0; lane < LANES / 2; lane++) {
        sums[0] += products[lane];
        sums[1] += squares[lane];
    }
}

/* The ring's rows are of one form at a time; two of its rows are free then. */
static void pyramid_levels_run(const ag_step *s, const ag_bound *bound, int64_t task, void *scratch)
{
    if (!bound->combining.sums || s->u.pyramid.level < pyramid_summed(&s->u.pyramid)) return; /* reduce has made them */
    ag_forms forms;
    const pyramid_part t = pyramid_part_of(s, bound, task, &forms);
    pyramid_room r = pyramid_room_in(t.of, scratch);
    double *sums = (double *)(t.work + t.of->sums[t.of->level]) + 2 * task;
    sums[0] = sums[1] = 0;
    for (int64_t y = t.first; y < t.last; y++) {
        const int free = (int)((y + 1) % PYRAMID_RING);
        for (int i = 0; i < PYRAMID_RING; i++) r.held[i] = -1;
        pyramid_level_row(&t, PYRAMID_X, y, &r, r.ring[free]);
        r.held[y % PYRAMID_RING] = -1;
        pyramid_level_row(&t, PYRAMID_Y, y, &r, r.ring[(free + 1) % PYRAMID_RING]);
        pyramid_add_products(r.ring[free], r.ring[(free + 1) % PYRAMID_RING], t.of->fine.width, sums);
    }
}

/* ---- the way back ---- */

static ag_factors pyramid_factors(const pyramid_part *t, int level)
{
    double products = 0, squares = 0;
    const double *sums = (const double *)(t->work + t->of->sums[level]) + 2 * t->p.s.number * t->of->parts[level];
    for (int64_t i = 0; t->p.s.run->sums && i < t->of->parts[level]; i++) {
        products += sums[2 * i];
        squares += sums[2 * i + 1];
    }
    return ag_rule_level(&t->p.s, level, products, squares);
}

/* Of scale `level`: its factors, less those of the level above, whose share of it is taken back. */
static ag_factors pyramid_steps(const pyramid_part *t, int level)
{
    ag_factors f = pyramid_factors(t, level);
    if (!level) return f;
    const ag_factors above = pyramid_factors(t, level - 1);
    f.x -= above.x;
    f.y -= above.y;
    return f;
}

/* x of the scale becomes f->x x + f->y y, and `up`, which NULL adds nothing. */
static void pyramid_expand_scale(const pyramid_part *t, const ag_factors *f, int64_t row, const float *up)
{
    const float of_x = (float)f->x, of_y = (float)f->y;
    float *x = pyramid_stored(t, &t->of->fine, PYRAMID_X, row);
    const float *y = pyramid_stored(t, &t->of->fine, PYRAMID_Y, row);
    for (int64_t i = 0; i < t->of->fine.width; i++) x[i] = of_x * x[i] + (up ? up[i] : 0);
    if (of_y == 0) return; /* y may not be there */
    for (int64_t i = 0; i < t->of->fine.width; i++) x[i] += of_y * y[i];
}

/* Elements [i, i + n) of the output: of inputs, and `up`, which NULL adds nothing. */
static void pyramid_expand_block(const pyramid_part *t, const double *weight, int64_t i, int n, const float *up,
                                 int stream)
{
    const ag_dtype type = t->p.s.g->out_dtype;
    void *to = combine_output_at(&t->p, i);
    combine_blend b = { .n = 0 };
    combine_block room;
    for (int k = 0; k < ag_terms(&t->p.s); k++)
        if (weight[k] != 0) combine_blend_add(&b, weight[k], combine_widened(&t->p, k, i, n, 0, room.rows.row[k]));
    if (up) combine_blend_add(&b, 1, up);
    if (n % LANES) {
        combine_blend_as(&b, AG_F32, room.out, AG_F32, n, 0);
        row_move(to, type, room.out, AG_F32, n, stream);
    } else if (stream && row_may_stream(to)) combine_blend_from(&b, AG_F32, to, type, n, 1);
    else combine_blend_from(&b, AG_F32, to, type, n, 0);
}

static void pyramid_expand_out(const pyramid_part *t, const double *weight, int64_t row, const float *up, int stream)
{
    const int64_t width = t->of->fine.width;
    pyramid_fetch_next(t, weight, row);
    for (int64_t x = 0; x < width; x += COMBINE_BLOCK_SIZE) {
        const int n = (int)(width - x < COMBINE_BLOCK_SIZE ? width - x : COMBINE_BLOCK_SIZE);
        pyramid_expand_block(t, weight, row * width + x, n, up ? up + x : NULL, stream);
    }
}

static int pyramid_streams(const pyramid_part *t)
{
    const ag_guidance *g = t->p.s.g;
    return (double)g->samples * (double)g->count * (double)ag_size_of(g->out_dtype) >= STREAM_FROM;
}

static void pyramid_expand_run(const ag_step *s, const ag_bound *bound, int64_t task, void *scratch)
{
    ag_forms forms;
    const pyramid_part t = pyramid_part_of(s, bound, task, &forms);
    const int level = t.of->level, next = level + 1;
    pyramid_room r = pyramid_room_in(t.of, scratch);
    const ag_factors f = pyramid_steps(&t, level), done = { 1, 0, 0 };
    const ag_factors below = next == t.of->levels - 1 ? pyramid_steps(&t, next) : done;
    const int adds = next < t.of->levels && (below.x != 0 || below.y != 0); /* what adds nothing may be NaN */
    const int stream = !level && pyramid_streams(&t);
    double weight[AG_MOST_TERMS];
    for (int k = 0; k < ag_terms(&t.p.s); k++) weight[k] = ag_weight(&forms, &f, k);
    for (int64_t y = t.first; y < t.last; y++) {
        const float *up = adds ? pyramid_expanded(&t, &below, y, &r) : NULL;
        if (level) pyramid_expand_scale(&t, &f, y, up);
        else pyramid_expand_out(&t, weight, y, up, stream);
    }
    if (stream) v_fence();
}
