/* copy_tmpl.h - the copy step, written over the vector verbs that the including file chose: rows that lie one behind
 * the other go as one, and past the caches where the step writes more than they hold. */
#include "../cpu.h"
#include "../verbs/rows_vector.h"

static int64_t copy_tasks(const ag_step *s) { return row_tasks(s, s->u.copy.count); }

/* Rows are taken in order, none is left out, and source and destination have no gaps. */
static int copy_is_one_block(const ag_copy *c, const ag_visible *v)
{
    const int in_order = c->map.div == 1 && c->map.mod >= c->count && c->map.o == c->first;
    const int all = !c->own_key || (!v->mask && v->hidden >= v->shown);
    return in_order && all && c->src.stride_i == c->d && c->dst.stride_i == c->d;
}

static void copy_lse(const ag_copy *c, const ag_bound *bound, const ag_part *part)
{
    for (int64_t i = c->first + part->first; i < c->first + part->last; i++)
        *(float *)ag_at(bound, &c->lse_dst, part->h, i) =
            *(const float *)ag_at(bound, &c->lse_src, part->h, ag_mapped(&c->map, i));
}

static void copy_each(const ag_step *s, const ag_bound *bound, const ag_part *part, const ag_visible *visible,
                      int stream)
{
    const ag_copy *c = &s->u.copy;
    for (int64_t i = c->first + part->first; i < c->first + part->last; i++) {
        void *dst = ag_at(bound, &c->dst, part->h, i);
        const void *src = ag_at(bound, &c->src, part->h, ag_mapped(&c->map, i));
        if (c->own_key && !ag_key_visible(visible, i)) memset(dst, 0, (size_t)c->d * ag_size_of(c->dst.dtype));
        else if (dst != src) row_move(dst, c->dst.dtype, src, c->src.dtype, c->d, stream);
    }
}

/* Rows that are written at once where one row goes to all. */
static int64_t copy_rows_at_once(const ag_copy *c)
{
    const int64_t n = 2048 / c->d;
    return c->dst.stride_i == c->d && n > 1 ? n : 1;
}

/* One row for all: rounded once, repeated, written many at once. */
static void copy_one_to_all(const ag_step *s, const ag_bound *bound, const ag_part *part, char *row, int stream)
{
    const ag_copy *c = &s->u.copy;
    const int64_t bytes = c->d * (int64_t)ag_size_of(c->dst.dtype), most = copy_rows_at_once(c);
    row_move(row, c->dst.dtype, ag_at(bound, &c->src, part->h, c->map.base), c->src.dtype, c->d, 0);
    for (int64_t r = 1; r < most; r++) memcpy(row + r * bytes, row, (size_t)bytes);
    for (int64_t i = part->first; i < part->last; i += most) {
        const int64_t n = part->last - i < most ? part->last - i : most;
        row_move(ag_at(bound, &c->dst, part->h, c->first + i), c->dst.dtype, row, c->dst.dtype, n * c->d, stream);
    }
}

static size_t copy_scratch(const ag_step *s)
{
    return (size_t)(copy_rows_at_once(&s->u.copy) * s->u.copy.d) * sizeof(float);
}

static void copy_run(const ag_step *s, const ag_bound *bound, int64_t task, void *row)
{
    const ag_copy *c = &s->u.copy;
    const ag_part part = ag_part_in(s, task, c->count, row_chunk(s, c->count));
    const ag_visible visible = ag_visible_of(bound, s->b);
    const int64_t first = c->first + part.first;
    const int stream = row_streams(s, c->count, c->d, c->dst.dtype);
    if (c->lse_dst.source != AG_SOURCES) copy_lse(c, bound, &part);
    if (copy_is_one_block(c, &visible)) {
        void *dst = ag_at(bound, &c->dst, part.h, first);
        const void *src = ag_at(bound, &c->src, part.h, ag_mapped(&c->map, first));
        if (dst != src) row_move(dst, c->dst.dtype, src, c->src.dtype, (part.last - part.first) * c->d, stream);
    } else if (c->map.mod == 1 && !c->own_key) {
        copy_one_to_all(s, bound, &part, row, stream);
    } else {
        copy_each(s, bound, &part, &visible, stream);
    }
    if (stream) v_fence();
}
