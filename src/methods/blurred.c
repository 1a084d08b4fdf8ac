/* blurred.c - see blurred.h. */
#include "blurred.h"

#include "../program/axis.h"

static double axis_sigma(const lower *l, int axis) { return axis == 0 ? l->r->ask.sigma_t : l->r->ask.sigma; }

int ag_blur_changes(const lower *l)
{
    int changes = 0;
    for (int i = 0; i < 3; i++) changes |= ag_axis_changes(l->r->ask.grid[i], axis_sigma(l, i));
    return changes;
}

/* Extent of an axis after infinite blurs have been collapsed to one distinct row. */
static int64_t distinct_extent(const lower *l, int axis)
{
    return axis_sigma(l, axis) > AG_SIGMA_INFINITE ? 1 : l->r->ask.grid[axis];
}

static int64_t distinct_rows(const lower *l)
{
    return distinct_extent(l, 0) * distinct_extent(l, 1) * distinct_extent(l, 2);
}

/* Bias and causal make equal queries see different logits. */
int ag_blur_collapses(const lower *l)
{
    return l->p->bias_dtype == AG_NONE && !l->p->causal && distinct_rows(l) < l->r->n;
}

void ag_blur_emit(lower *l, int phase, head_list heads, blur_refs refs)
{
    ag_blur blur = {
        .src = refs.src, .dst = refs.dst, .o = l->r->o, .dst_o = refs.dst_o, .d = l->p->d, .accumulate = refs.accumulate
    };
    for (int i = 0; i < 3; i++) {
        void *memory;
        if (ag_axis_make(l->r->ask.grid[i], axis_sigma(l, i), refs.collapse, &blur.axis[i], &memory))
            l->status = AG_ERR_MEMORY;
        ag_lower_keep(l, memory);
    }
    ag_lower_emit(l, AG_STEP_BLUR, phase, heads)->u.blur = blur;
}

int64_t ag_blur_bytes(lower *l, int collapse)
{
    const int64_t d = l->p->d, rows = collapse ? distinct_rows(l) : l->image.count;
    return (int64_t)ag_size_of(l->kept) * ag_lower_product(l, l->group, rows, collapse ? d + l->p->d_v + 1 : d);
}

/* T, Hg Wg or 1 distinct rows: attend those, then broadcast. */
static void lower_distinct(lower *l, int phase, head_list heads, ag_ref q)
{
    const ag_row_checked *r = l->r;
    const int64_t rows = distinct_rows(l), frame = r->ask.grid[1] * r->ask.grid[2];
    const int per_frame = distinct_extent(l, 1) * distinct_extent(l, 2) == 1;
    const ag_map map = { r->o, per_frame ? frame : 1, rows, 0 };
    work_shape shape = ag_kept_rows(l, l->p->d_v);
    shape.first = 0;
    shape.rows = rows;
    const ag_ref result = ag_ref_work(l, shape);
    shape.width = 1;
    shape.type = AG_F32;
    const ag_ref lse = l->p->want_lse ? ag_ref_work(l, shape) : ag_ref_none();

    ag_attend *a = ag_lower_attend(l, phase, heads);
    a->out = result;
    a->lse = lse;
    ag_add_span(a, 0, rows, q);
    ag_all_keys(l, &a->pass[0]);
    if (r->ask.blend) {
        ag_pass *pass = ag_lower_image(l, phase + 1, heads, result);
        pass->ready = 1;
        pass->map = map;
    } else {
        ag_copy *c = &ag_lower_emit(l, AG_STEP_COPY, phase + 1, heads)->u.copy;
        *c = (ag_copy){ .src = result,
                        .dst = ag_ref_out(l),
                        .lse_src = lse,
                        .lse_dst = ag_ref_lse(l),
                        .first = l->image.first,
                        .count = l->image.count,
                        .d = l->p->d_v,
                        .map = map };
    }
    ag_standard_context(l, heads);
}

void ag_lower_replaced(lower *l, int phase, head_list heads, ag_ref q)
{
    if (l->r->ask.blend) {
        ag_all_keys(l, ag_lower_image(l, phase, heads, q));
        ag_standard_context(l, heads);
        return;
    }
    ag_attend *a = ag_lower_attend(l, phase, heads);
    ag_add_queries(l, a, 0, l->r->o, ag_ref_q(l));
    ag_add_span(a, l->image.first, l->image.count, q);
    ag_add_queries(l, a, l->r->o + l->r->n, INT64_MAX, ag_ref_q(l));
    ag_all_keys(l, &a->pass[0]);
}

void ag_lower_blurred(lower *l, int phase, head_list heads, blurred b)
{
    const int adds = b.onto.source != AG_SOURCES;
    work_shape shape = ag_kept_rows(l, l->p->d);
    if (b.collapse) {
        shape.first = 0;
        shape.rows = distinct_rows(l);
    }
    const ag_ref dst = adds ? b.onto : ag_ref_work(l, shape);
    ag_blur_emit(l, phase, heads, (blur_refs){ b.src, dst, shape.first, b.collapse, adds });
    if (b.collapse) lower_distinct(l, phase + 1, heads, dst);
    else ag_lower_replaced(l, phase + 1, heads, dst);
}
