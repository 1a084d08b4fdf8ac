/* scrambled.c - values drawn (draw -> tally -> gather), values permuted (draw -> permute -> attend), outputs permuted
 * (draw -> permute queries -> attend). */
#include <float.h>
#include <math.h>

#include "method.h"

static int several_tokens(const lower *l) { return l->r->n > 1; }
static int always(const lower *l) { return (void)l, 1; }

/* The row's index array: the caller's, or drawn. *phase moves on where it is drawn. */
static ag_index emit_index(lower *l, int permutation, int *phase)
{
    const ag_row_checked *r = l->r;
    const int64_t draws = r->ask.draws; /* 1 for permutations */
    if (r->ask.indexed) return (ag_index){ 1, 0 };
    const int64_t at = ag_lower_take(l, 4 * ag_lower_product(l, r->n, draws, 1));
    ag_lower_emit(l, AG_STEP_DRAW, (*phase)++, (head_list){ NULL, 0 })->u.draw =
        (ag_draw){ permutation, r->n, draws, at };
    return (ag_index){ 0, at };
}

static int64_t gather_bytes(lower *l)
{
    return l->r->ask.blend ? 4 * ag_lower_product(l, l->group, l->image.count, l->p->d_v) : 0;
}

static void lower_gather(lower *l, head_list heads)
{
    const ag_row_checked *r = l->r;
    int phase = l->base;
    const int64_t chunks = (r->n + AG_CHUNK - 1) / AG_CHUNK;
    ag_gather g = { .src = ag_ref_v(l),
                    .o = r->o,
                    .n = r->n,
                    .d = l->p->d_v,
                    .draws = r->ask.draws,
                    .rows = l->image,
                    .kv_heads = l->p->kv_heads,
                    .chunks = chunks };
    g.index = emit_index(l, 0, &phase);
    g.sums = ag_lower_take(l, 8 * ag_lower_product(l, l->p->kv_heads, chunks, 1));
    g.dst = r->ask.blend ? ag_ref_work(l, ag_image_rows(l, l->p->d_v)) : ag_ref_out(l);

    int32_t *every = ag_lower_reserve(l, (size_t)l->p->kv_heads * sizeof *every);
    for (int64_t kv = 0; every && kv < l->p->kv_heads; kv++) every[kv] = (int32_t)(kv * l->group);
    ag_lower_emit(l, AG_STEP_TALLY, phase, (head_list){ every, l->p->kv_heads })->u.gather = g;
    ag_lower_emit(l, AG_STEP_GATHER, phase + 1, heads)->u.gather = g;
    if (r->ask.blend) {
        ag_pass *pass = ag_lower_image(l, phase + 2, heads, g.dst);
        pass->ready = 1;
        pass->map = (ag_map){ l->image.first, 1, l->image.count, l->image.first };
    }
    ag_standard_context(l, heads);
}

static int64_t permute_bytes(lower *l) { return ag_kept_bytes(l, 1, l->r->n, l->p->d_v); }

static void lower_permute(lower *l, head_list heads)
{
    const ag_row_checked *r = l->r;
    const int64_t end = r->o + r->n;
    int phase = l->base;
    ag_permute permute = { .src = ag_ref_v(l), .o = r->o, .n = r->n, .d = l->p->d_v, .use_mix = 1 };
    permute.index = emit_index(l, 1, &phase);
    permute.dst = ag_ref_work(l, ag_image_keys(l, l->p->d_v));
    ag_lower_emit(l, AG_STEP_PERMUTE, phase, ag_lower_chosen_groups(l))->u.permute = permute;

    ag_attend *a = ag_lower_attend(l, phase + 1, heads);
    ag_add_queries(l, a, 0, INT64_MAX, ag_ref_q(l));
    ag_add_keys(&a->pass[0], 0, r->o, ag_ref_k(l), ag_ref_v(l));
    ag_add_keys(&a->pass[0], r->o, r->n, ag_ref_k(l), permute.dst);
    ag_add_keys(&a->pass[0], end, l->p->n_k - end, ag_ref_k(l), ag_ref_v(l));
}

static int64_t token_bytes(lower *l) { return ag_kept_bytes(l, l->group, l->image.count, l->p->d); }

static void lower_tokens(lower *l, head_list heads)
{
    const ag_row_checked *r = l->r;
    int phase = l->base;
    ag_permute permute = { .src = ag_ref_q(l), .o = r->o, .n = r->n, .d = l->p->d };
    permute.index = emit_index(l, 1, &phase);
    permute.dst = ag_ref_work(l, ag_kept_rows(l, l->p->d));
    ag_lower_emit(l, AG_STEP_PERMUTE, phase, heads)->u.permute = permute;

    ag_pass *pass = ag_lower_image(l, phase + 1, heads, permute.dst);
    ag_all_keys(l, pass);
    pass->permuted = l->p->causal || l->p->bias_dtype != AG_NONE;
    pass->index = permute.index;
    pass->o = r->o;
    ag_standard_context(l, heads);
}

static const ag_parameter_info of_gather[] = {
    { AG_OF_ROW(draws), .whole = 1, .meaning = "values drawn per token", .initial = 1, .least = 1, .most = INT32_MAX,
      .neutral = NAN, .usual = 1 },
    { AG_OF_RUN(gain), .meaning = "factor on the deviation from the mean", .initial = 1, .least = -DBL_MAX,
      .most = DBL_MAX, .neutral = NAN, .usual = 1 },
};

static const ag_parameter_info of_permute[] = {
    { AG_OF_RUN(mix), .meaning = "share of the permuted values", .initial = 1, .least = -DBL_MAX, .most = DBL_MAX,
      .usual = 1 },
};

const ag_method_room ag_method_gather = {
    .info = { .method = AG_SCRAMBLED,
              .kind = AG_GATHER,
              .name = "scrambled",
              .variant = "gather",
              .formula = "m_i the mean of values drawn with replacement: O_i = (m_i - mu) sqrt(draws) gain + mu",
              .source = "scrambled attention",
              .takes = AG_TAKES_IMAGE | AG_TAKES_BLEND | AG_TAKES_SEED | AG_TAKES_INDEX,
              .reads = AG_NEEDS_V,
              .parameter_count = AG_ENTRIES(of_gather) },
    .parameters = of_gather,
    .changes = always,
    .bytes_per_kv_head = gather_bytes,
    .lower = lower_gather,
};

const ag_method_room ag_method_permute = {
    .info = { .method = AG_SCRAMBLED,
              .kind = AG_PERMUTE,
              .name = "scrambled",
              .variant = "permute",
              .formula = "image values are v'_i = mix v_pi(i) + (1 - mix) v_i, then standard",
              .source = "scrambled attention",
              .takes = AG_TAKES_IMAGE | AG_TAKES_BLEND | AG_TAKES_BIAS | AG_TAKES_CAUSAL | AG_TAKES_LSE |
                       AG_TAKES_SEED | AG_TAKES_INDEX,
              .reads = AG_NEEDS_Q | AG_NEEDS_K | AG_NEEDS_V,
              .parameter_count = AG_ENTRIES(of_permute) },
    .parameters = of_permute,
    .of_keys = 1,
    .changes = several_tokens,
    .bytes_per_kv_head = permute_bytes,
    .lower = lower_permute,
};

const ag_method_room ag_method_tokens = {
    .info = { .method = AG_SCRAMBLED,
              .kind = AG_TOKENS,
              .name = "scrambled",
              .variant = "tokens",
              .formula = "image outputs are permuted: O_i = O_standard at pi(i)",
              .source = "TPG, arXiv 2506.10036, on one layer",
              .takes = AG_TAKES_IMAGE | AG_TAKES_BLEND | AG_TAKES_BIAS | AG_TAKES_CAUSAL | AG_TAKES_LSE |
                       AG_TAKES_SEED | AG_TAKES_INDEX,
              .reads = AG_NEEDS_Q | AG_NEEDS_K | AG_NEEDS_V },
    .changes = several_tokens,
    .bytes_per_kv_head = token_bytes,
    .lower = lower_tokens,
};
