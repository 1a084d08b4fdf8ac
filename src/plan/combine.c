/* combine.c - a combination of predictions becomes steps: one pass where no statistic is needed or a group is small
 * enough to be gone over twice in the cache, otherwise statistics, then the pass. */
#include "../rules/rule.h"
#include "../program/lower.h"

/* Elements: of a chunk and of a task; that kernels take at once; of columns that caches hold. Chunks of a group. */
enum { CHUNK = 16384, BLOCK = 512, COLUMNS = 256, HELD = 65536, MOST_CHUNKS = 64 };

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* Every task adds up the sums of all of a group's chunks: there are never many. */
static int64_t chunk_of(int64_t count)
{
    const int64_t chunk = ((count - 1) / MOST_CHUNKS / BLOCK + 1) * BLOCK;
    return chunk > CHUNK ? chunk : CHUNK;
}

/* Contiguous groups. */
static void lay_groups(ag_combine *c, int whole)
{
    c->lines = c->folding == AG_FOLD_PARTS ? c->samples : 1;
    c->width = c->samples * c->outer / c->lines;
    c->chunk = whole ? c->reduced : chunk_of(c->reduced);
    c->run = c->chunk < c->reduced ? 1 : least(c->width, most(1, CHUNK / c->reduced));
}

/* Columns, whose sums are many: few chunks. */
static void lay_columns(ag_combine *c, int whole)
{
    c->lines = c->samples * c->outer;
    c->width = c->inner;
    c->run = least(c->inner, most(1, CHUNK / c->reduced / BLOCK) * BLOCK);
    const int held = whole || c->reduced <= HELD / least(c->inner, COLUMNS);
    c->chunk = held ? c->reduced : most(CHUNK / c->run, (c->reduced - 1) / MOST_CHUNKS + 1);
}

/* `folded`: a task's groups become one number, for which they must be whole. */
static ag_combine laid_out(const ag_guidance *g, const int64_t group[3], int whole, ag_folding folding)
{
    ag_combine c = { .samples = g->samples, .count = g->count, .outer = group[0], .reduced = group[1] };
    c.inner = group[2];
    c.folding = folding;
    if (c.inner == 1) lay_groups(&c, whole);
    else lay_columns(&c, whole);
    c.chunks = (c.reduced + c.chunk - 1) / c.chunk;
    return c;
}

static void emit(lower *l, ag_step_kind kind, int phase, const ag_combine *c)
{
    if (c->chunks > INT32_MAX / c->lines / ag_combine_blocks(c, c->run)) l->status = AG_ERR_SHAPE;
    ag_lower_emit(l, kind, phase, (head_list){ NULL, 0 })->u.combine = *c;
}

/* Statistics of every group, folded by task, then a pass that knows one factor for each sample. */
static void lower_folded(lower *l, const ag_guidance *g)
{
    ag_combine c = laid_out(g, g->group, 1, AG_FOLD_PARTS);
    const int64_t all[3] = { 1, g->count, 1 }, parts = c.lines / c.samples * ag_combine_blocks(&c, c.run);
    ag_combine pass = laid_out(g, all, 0, AG_FOLD_PARTS);
    c.statistics = pass.statistics = 1;
    c.sums = pass.sums = ag_lower_take(l, 8 * ag_lower_product(l, c.samples, parts, 1));
    pass.parts = parts;
    pass.groups = c.outer * c.inner;
    emit(l, AG_STEP_STATISTICS, 0, &c);
    emit(l, AG_STEP_COMBINE, 1, &pass);
}

void ag_lower_combine(lower *l)
{
    const ag_guidance *g = &l->c->g;
    const ag_rule_room *room = ag_rule_find(g->rule);
    if (room->info.uses & AG_USES_PICTURE) {
        ag_lower_pyramid(l);
        return;
    }
    if (room->folds && g->group[0] * g->group[2] > 1) {
        lower_folded(l, g);
        return;
    }
    ag_combine c = laid_out(g, g->group, room->whole, room->folds ? AG_FOLD_SUMS : AG_FOLD_NOT);
    c.statistics = room->sums != 0;
    c.local = c.statistics && c.chunks == 1;
    c.gives_lse = (room->info.uses & AG_USES_LSE) != 0;
    int phase = 0;
    if (c.statistics && !c.local) {
        c.sums = ag_lower_take(l, 8 * ag_lower_product(l, c.lines * c.width, c.chunks, AG_SUMS));
        emit(l, AG_STEP_STATISTICS, phase++, &c);
    }
    emit(l, AG_STEP_COMBINE, phase, &c);
}
