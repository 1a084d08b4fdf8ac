/* copy.c - rows copied or broadcast: identity, uniform, distinct rows of an infinite blur. A floor: one read, one
 * write. */
#include <math.h>

#include "../cpu.h"
#include "../rows.h"

static int64_t tasks(const ag_step *s) { return s->n_heads * ag_chunks(s->u.copy.count); }

static size_t scratch(const ag_step *s) { return (size_t)s->u.copy.d * sizeof(float); }

static void copy_row(const ag_copy *c, void *dst, const void *src, float *row)
{
    if (dst == src) return; /* out is v: nothing to do */
    if (c->src.dtype == c->dst.dtype) {
        memcpy(dst, src, (size_t)c->d * ag_size_of(c->src.dtype));
        return;
    }
    ag_load_row(row, src, c->src.dtype, c->d);
    ag_store_row(dst, row, c->dst.dtype, c->d);
}

static void run(const ag_step *s, const ag_bound *bound, int64_t task, void *row)
{
    const ag_copy *c = &s->u.copy;
    const ag_part part = ag_part_of(s, task, c->count);
    const ag_visible visible = ag_visible_of(bound, s->b);
    for (int64_t i = c->first + part.first; i < c->first + part.last; i++) {
        void *dst = ag_at(bound, &c->dst, part.h, i);
        const int64_t from = ag_mapped(&c->map, i);
        if (c->own_key && !ag_key_visible(&visible, i)) memset(dst, 0, (size_t)c->d * ag_size_of(c->dst.dtype));
        else copy_row(c, dst, ag_at(bound, &c->src, part.h, from), row);
        if (c->lse_dst.source != AG_SOURCES)
            *(float *)ag_at(bound, &c->lse_dst, part.h, i) = *(const float *)ag_at(bound, &c->lse_src, part.h, from);
    }
}

const ag_kernel ag_copy_ref = {
    .name = "copy_ref",
    .step = AG_STEP_COPY,
    .refuse = ag_refuses_nothing,
    .tasks = tasks,
    .scratch = scratch,
    .run = run,
};
