/* queries.c - the chains that change queries: smoothed and orthogonal attention (docs/methods.md). */
#include "axis.h"
#include "lower.h"

static double axis_sigma(const lower *l, int axis) { return axis == 0 ? l->r->sigma_t : l->r->sigma; }

int ag_blur_changes(const lower *l)
{
    int changes = 0;
    for (int i = 0; i < 3; i++) changes |= ag_axis_changes(l->r->grid[i], axis_sigma(l, i));
    return changes;
}

/* Extent of an axis after infinite blurs have been collapsed to one distinct row. */
static int64_t distinct_extent(const lower *l, int axis)
{
    return axis_sigma(l, axis) > AG_SIGMA_INFINITE ? 1 : l->r->grid[axis];
}

/* Bias and causal make equal queries see different logits; the parallel part makes them differ again. */
static int collapses(const lower *l)
{
    if (l->p->bias_dtype != AG_NONE || l->p->causal) return 0;
    if (l->r->method == AG_ORTHOGONAL && l->r->keep_parallel) return 0;
    return distinct_extent(l, 0) * distinct_extent(l, 1) * distinct_extent(l, 2) < l->r->n;
}

static int64_t distinct_rows(const lower *l)
{
    return collapses(l) ? distinct_extent(l, 0) * distinct_extent(l, 1) * distinct_extent(l, 2) : l->r->n;
}

void ag_emit_blur(lower *l, int phase, head_list heads, blur_refs refs)
{
    ag_blur blur = {
        .src = refs.src, .dst = refs.dst, .o = l->r->o, .dst_o = refs.dst_o, .d = l->p->d, .accumulate = refs.accumulate
    };
    for (int i = 0; i < 3; i++) {
        void *memory;
        if (ag_axis_make(l->r->grid[i], axis_sigma(l, i), refs.collapse, &blur.axis[i], &memory))
            l->status = AG_ERR_MEMORY;
        ag_keep(l, memory);
    }
    ag_emit(l, AG_STEP_BLUR, phase, heads)->u.blur = blur;
}

int64_t ag_query_bytes(lower *l)
{
    const int64_t d = l->p->d, row = collapses(l) ? d + l->p->d_v + 1 : d;
    const int64_t kept = (int64_t)ag_size_of(l->kept) * ag_product(l, l->group, distinct_rows(l), row);
    return l->r->method == AG_ORTHOGONAL ? kept + 4 * ag_product(l, l->group, l->r->n, d) : kept;
}

/* T, Hg Wg or 1 distinct rows: attend those, then broadcast. */
static void lower_distinct(lower *l, int phase, head_list heads, ag_ref q)
{
    const ag_row_checked *r = l->r;
    const int64_t rows = distinct_rows(l), frame = r->grid[1] * r->grid[2];
    const int per_frame = distinct_extent(l, 1) * distinct_extent(l, 2) == 1;
    const ag_map map = { r->o, per_frame ? frame : 1, rows, 0 };
    work_shape shape = ag_kept_rows(l, 1, l->p->d_v);
    shape.first = 0;
    shape.rows = rows;
    const ag_ref result = ag_ref_work(l, shape);
    shape.width = 1;
    shape.type = AG_F32;
    const ag_ref lse = l->p->want_lse ? ag_ref_work(l, shape) : ag_ref_none();

    ag_attend *a = ag_emit_attend(l, phase, heads);
    a->out = result;
    a->lse = lse;
    ag_add_span(a, 0, rows, q);
    ag_all_keys(l, &a->pass[0]);
    if (r->blend) {
        ag_pass *pass = ag_emit_image(l, phase + 1, heads, result);
        pass->ready = 1;
        pass->map = map;
    } else {
        ag_copy *c = &ag_emit(l, AG_STEP_COPY, phase + 1, heads)->u.copy;
        *c = (ag_copy){ .src = result,
                        .dst = ag_ref_out(l),
                        .lse_src = lse,
                        .lse_dst = ag_ref_lse(l),
                        .first = r->o,
                        .count = r->n,
                        .d = l->p->d_v,
                        .map = map };
    }
    ag_standard_context(l, heads);
}

static void lower_replaced(lower *l, int phase, head_list heads, ag_ref q)
{
    const int64_t end = l->r->o + l->r->n;
    if (l->r->blend) {
        ag_all_keys(l, ag_emit_image(l, phase, heads, q));
        ag_standard_context(l, heads);
        return;
    }
    ag_attend *a = ag_emit_attend(l, phase, heads);
    ag_add_span(a, 0, l->r->o, ag_ref_q(l));
    ag_add_span(a, l->r->o, l->r->n, q);
    ag_add_span(a, end, l->p->n_q - end, ag_ref_q(l));
    ag_all_keys(l, &a->pass[0]);
}

/* perp into the workspace, and the parallel part beside it where the blur is to be added to it. */
static ag_ref emit_split(lower *l, head_list heads, ag_ref par)
{
    const ag_ref perp = ag_ref_work(l, ag_blur_changes(l) ? ag_image_rows(l, 1, l->p->d) : ag_kept_rows(l, 1, l->p->d));
    ag_split *s = &ag_emit(l, AG_STEP_SPLIT, l->base, heads)->u.split;
    *s = (ag_split){
        .q = ag_ref_q(l), .k = ag_ref_k(l), .perp = perp, .par = par, .o = l->r->o, .n = l->r->n, .d = l->p->d
    };
    return perp;
}

void ag_lower_queries(lower *l, head_list heads)
{
    const ag_row_checked *r = l->r;
    const int orthogonal = r->method == AG_ORTHOGONAL, keep = orthogonal && r->keep_parallel, collapse = collapses(l);
    ag_ref src = ag_ref_q(l), dst = ag_ref_none();
    int phase = l->base;
    if (keep) dst = ag_ref_work(l, ag_kept_rows(l, 1, l->p->d));
    if (orthogonal) {
        src = emit_split(l, heads, dst);
        phase++;
    }
    if (!ag_blur_changes(l)) { /* G is the identity: what remains is q_perp */
        lower_replaced(l, phase, heads, src);
        return;
    }
    work_shape shape = ag_kept_rows(l, 1, l->p->d);
    if (collapse) shape.first = 0;
    shape.rows = distinct_rows(l);
    if (!keep) dst = ag_ref_work(l, shape);
    ag_emit_blur(l, phase, heads, (blur_refs){ src, dst, shape.first, collapse, keep });
    if (collapse) lower_distinct(l, phase + 1, heads, dst);
    else lower_replaced(l, phase + 1, heads, dst);
}
