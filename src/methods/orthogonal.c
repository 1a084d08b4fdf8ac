/* orthogonal.c - of image queries only what is orthogonal to the own key is blurred: split -> blur -> attend; without
 * the parallel part an infinite blur goes the way of smoothed.c. */
#include "blurred.h"

static int changes(const lower *l) { return ag_blur_changes(l) || !l->r->ask.keep_parallel; }

/* The parallel part tells equal blurred queries apart again. */
static int collapses(const lower *l) { return !l->r->ask.keep_parallel && ag_blur_collapses(l); }

static int64_t bytes(lower *l)
{
    return ag_blur_bytes(l, collapses(l)) + 4 * ag_lower_product(l, l->group, l->image.count, l->p->d);
}

/* A blur wants the whole image: where some of its queries are not here, that is refused by what the split reads. */
static ag_span wanted(const lower *l) { return ag_blur_changes(l) ? (ag_span){ l->r->o, l->r->n } : l->image; }

/* perp into the workspace, and the parallel part beside it where the blur is to be added to it. */
static ag_ref emit_split(lower *l, head_list heads, ag_ref par)
{
    const ag_ref perp = ag_ref_work(l, ag_blur_changes(l) ? ag_image_rows(l, l->p->d) : ag_kept_rows(l, l->p->d));
    const ag_span of = wanted(l);
    ag_split *s = &ag_lower_emit(l, AG_STEP_SPLIT, l->base, heads)->u.split;
    *s = (ag_split){
        .q = ag_ref_q(l), .k = ag_ref_k(l), .perp = perp, .par = par, .o = of.first, .n = of.count, .d = l->p->d
    };
    return perp;
}

static void lower_orthogonal(lower *l, head_list heads)
{
    ag_ref parallel = ag_ref_none();
    if (l->r->ask.keep_parallel) parallel = ag_ref_work(l, ag_kept_rows(l, l->p->d));
    const ag_ref perp = emit_split(l, heads, parallel);
    if (ag_blur_changes(l)) ag_lower_blurred(l, l->base + 1, heads, (blurred){ perp, parallel, collapses(l) });
    else ag_lower_replaced(l, l->base + 1, heads, perp); /* G is the identity: what remains is q_perp */
}

static const ag_parameter_info parameters[] = {
    AG_SIGMA,
    AG_SIGMA_T,
    { AG_OF_ROW(keep_parallel), .whole = 1, .meaning = "1: q_par + G * q_perp; 0: G * q_perp alone", .initial = 1,
      .most = 1, .neutral = 1, .usual = 1 },
};

const ag_method_room ag_method_orthogonal = {
    .info = { .method = AG_ORTHOGONAL,
              .name = "orthogonal",
              .formula = "of image queries what is orthogonal to the own key is blurred: q~ = q_par + G * q_perp",
              .source = "OSEG",
              .takes = AG_TAKES_IMAGE | AG_TAKES_GRID | AG_TAKES_BLEND | AG_TAKES_BIAS | AG_TAKES_CAUSAL | AG_TAKES_LSE,
              .reads = AG_NEEDS_Q | AG_NEEDS_K | AG_NEEDS_V,
              .parameter_count = AG_ENTRIES(parameters) },
    .parameters = parameters,
    .changes = changes,
    .bytes_per_kv_head = bytes,
    .lower = lower_orthogonal,
};
