/* copy_rows.h - the copy step, written over the vector verbs that the including file chose: rows that lie one behind
 * the other go as one, and past the caches where the step writes more than they hold. */
#include "cpu.h"
#include "rows_vector.h"

static int64_t copy_tasks(const ag_step *s) { return s->n_heads * ag_chunks(s->u.copy.count); }

/* Rows are taken in order, and source and destination have no gaps. */
static int is_one_block(const ag_copy *c)
{
    const int in_order = c->map.div == 1 && c->map.mod >= c->count && c->map.o == c->first;
    return in_order && !c->own_key && c->src.stride_i == c->d && c->dst.stride_i == c->d;
}

/* A row that is written again and again is in the cache: only what is read once is worth passing it by. */
static int copy_streams(const ag_step *s)
{
    const ag_copy *c = &s->u.copy;
    const double bytes = (double)s->n_heads * (double)c->count * (double)c->d * (double)ag_size_of(c->dst.dtype);
    return bytes >= STREAM_FROM && c->map.mod >= c->count && c->map.div == 1;
}

static void copy_lse(const ag_copy *c, const ag_bound *bound, const ag_part *part)
{
    for (int64_t i = c->first + part->first; i < c->first + part->last; i++)
        *(float *)ag_at(bound, &c->lse_dst, part->h, i) =
            *(const float *)ag_at(bound, &c->lse_src, part->h, ag_mapped(&c->map, i));
}

static void copy_each(const ag_step *s, const ag_bound *bound, const ag_part *part, int stream)
{
    const ag_copy *c = &s->u.copy;
    const ag_visible visible = ag_visible_of(bound, s->b);
    for (int64_t i = c->first + part->first; i < c->first + part->last; i++) {
        void *dst = ag_at(bound, &c->dst, part->h, i);
        const void *src = ag_at(bound, &c->src, part->h, ag_mapped(&c->map, i));
        if (c->own_key && !ag_key_visible(&visible, i)) memset(dst, 0, (size_t)c->d * ag_size_of(c->dst.dtype));
        else if (dst != src) row_move(dst, c->dst.dtype, src, c->src.dtype, c->d, stream);
    }
}

/* One row for all: rounded once. */
static void copy_one_to_all(const ag_step *s, const ag_bound *bound, const ag_part *part, void *row)
{
    const ag_copy *c = &s->u.copy;
    const size_t bytes = (size_t)c->d * ag_size_of(c->dst.dtype);
    row_move(row, c->dst.dtype, ag_at(bound, &c->src, part->h, c->map.base), c->src.dtype, c->d, 0);
    for (int64_t i = c->first + part->first; i < c->first + part->last; i++)
        memcpy(ag_at(bound, &c->dst, part->h, i), row, bytes);
}

static size_t copy_scratch(const ag_step *s) { return (size_t)s->u.copy.d * sizeof(float); }

static void copy_run(const ag_step *s, const ag_bound *bound, int64_t task, void *row)
{
    const ag_copy *c = &s->u.copy;
    const ag_part part = ag_part_of(s, task, c->count);
    const int64_t first = c->first + part.first;
    const int stream = copy_streams(s);
    if (c->lse_dst.source != AG_SOURCES) copy_lse(c, bound, &part);
    if (is_one_block(c)) {
        void *dst = ag_at(bound, &c->dst, part.h, first);
        const void *src = ag_at(bound, &c->src, part.h, ag_mapped(&c->map, first));
        if (dst != src) row_move(dst, c->dst.dtype, src, c->src.dtype, (part.last - part.first) * c->d, stream);
    } else if (c->map.mod == 1 && !c->own_key) {
        copy_one_to_all(s, bound, &part, row);
    } else {
        copy_each(s, bound, &part, stream);
    }
    if (stream) v_fence();
}
