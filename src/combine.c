/* combine.c - a combination of predictions becomes steps: one pass where no statistic is needed or a sample is small
 * enough to be gone over twice in the cache, otherwise statistics, then the pass. */
#include "coefficients.h"
#include "lower.h"

enum { CHUNK = 16384, MOST_CHUNKS = 64, BLOCK = 512 }; /* elements; per sample; elements that kernels take at once */

/* Every task adds up the sums of all of a sample's chunks: there are never many. */
static int64_t chunk_of(int64_t count)
{
    const int64_t chunk = ((count - 1) / MOST_CHUNKS / BLOCK + 1) * BLOCK;
    return chunk > CHUNK ? chunk : CHUNK;
}

void ag_lower_combine(lower *l)
{
    const ag_guidance *g = &l->c->g;
    const int statistics = ag_rule_has_statistics(g->rule);
    ag_combine c = { .samples = g->samples, .count = g->count, .chunk = chunk_of(g->count) };
    if (g->rule == AG_MERGE) c.chunk = g->count; /* lse may be written in place: one task for all of a query */
    c.chunks = (g->count + c.chunk - 1) / c.chunk;
    if (c.chunks > INT32_MAX / g->samples) l->status = AG_ERR_SHAPE; /* more tasks than a plan counts */
    c.local = statistics && c.chunks == 1;
    int phase = 0;
    if (statistics && !c.local) {
        c.sums = ag_take(l, 8 * ag_product(l, g->samples, c.chunks, AG_SUMS));
        ag_emit(l, AG_STEP_STATISTICS, phase++, (head_list){ NULL, 0 })->u.combine = c;
    }
    ag_emit(l, AG_STEP_COMBINE, phase, (head_list){ NULL, 0 })->u.combine = c;
}
