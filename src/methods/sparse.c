/* sparse.c - weights moved from softmax towards entmax: an attend step for image queries with a power of entmax. */
#include <float.h>
#include <math.h>

#include "method.h"

/* The tau of a query is of all its keys, and results over shards of them have no lse to be merged by. */
static ag_status check(const ag_problem *p, const ag_row *row, int64_t b, ag_why why)
{
    if (row->power != 1.5 && row->power != 2)
        return ag_refuse(why, AG_ERR_VALUE, "row %lld: power is %g, neither 1.5 nor 2", (long long)b, row->power);
    if (p->global_n_k == p->n_k) return AG_OK;
    return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: sparse needs every key, but here are n_k = %lld of %lld",
                     (long long)b, (long long)p->n_k, (long long)p->global_n_k);
}

static int changes(const lower *l) { return (void)l, 1; }

static void lower_sparse(lower *l, head_list heads)
{
    ag_pass *pass = ag_lower_image(l, 0, heads, ag_ref_q(l));
    ag_all_keys(l, pass);
    pass->power = l->r->ask.power;
    ag_standard_context(l, heads);
}

static const ag_parameter_info parameters[] = {
    { AG_OF_ROW(power), .meaning = "of entmax: 1.5, or 2 (sparsemax)", .initial = 1.5, .least = 1.5, .most = 2,
      .neutral = NAN, .usual = 1.5 },
    { AG_OF_RUN(lambda), .meaning = "factor on what entmax is away from softmax; 1: entmax alone", .initial = 2,
      .most = DBL_MAX, .usual = 2 },
};

const ag_method_room ag_method_sparse = {
    .info = { .method = AG_SPARSE,
              .name = "sparse",
              .formula = "O_i = S_i + lambda (E_i - S_i) for image queries: S standard, E = entmax(L) V",
              .source = "PLADIS, arXiv 2503.07677",
              .takes = AG_TAKES_IMAGE | AG_TAKES_CROSS | AG_TAKES_BIAS | AG_TAKES_CAUSAL,
              .reads = AG_NEEDS_Q | AG_NEEDS_K | AG_NEEDS_V,
              .parameter_count = AG_ENTRIES(parameters) },
    .parameters = parameters,
    .check = check,
    .changes = changes,
    .lower = lower_sparse,
};
