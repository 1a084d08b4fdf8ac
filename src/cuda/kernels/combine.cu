/* combine.cu - the statistics and combine steps. Groups that are contiguous: cut into chunks, a block for each; or,
 * where a group is one chunk, a block or a warp for each, which finds its statistics first and the second time reads
 * from the cache. Groups that lie side by side: columns, a thread for each. So what needs no statistic, and small
 * groups, are one launch, the rest two. Inputs are read and out is written once, 16 bytes at a time where they lie so;
 * statistics are float64. Scales and weights are the launch's parameter. Refuse nothing. */
#include "combine_columns.h"

/* ---- statistics ---- */

/* Every thread's share of what groups fold to becomes the task's. */
DEVICE void store_fold(const ag_launch &l, const ag_combine &c, room *r, int64_t task, double mine)
{
    const double all = block_sum(mine, r->folded, WARPS);
    if (!thread()) ((double *)(l.base[AG_WORK] + c.sums))[task] = all;
}

DEVICE void statistics_columns(const ag_launch &l, const ag_combine &c, room *r, int64_t task,
                               const ag_combine_part &part)
{
    const piece line = line_of(l, c, r, part);
    double folded = 0;
    for (int64_t at = part.first + thread(); at < part.last; at += THREADS) {
        piece p = line;
        column mine;
        p.at += at;
        find_column(p, c.inner, mine);
        if (c.folding == AG_FOLD_PARTS) {
            folded += ag_rule_fold(&p.s, mine.sums);
            continue;
        }
        double *to = column_sums(l, c, part, part.chunk, at);
        UNROLL for (int n = 0; n < AG_SUMS; n++) to[n * c.width] = mine.sums[n];
    }
    if (c.folding == AG_FOLD_PARTS) store_fold(l, c, r, task, folded);
}

DEVICE piece group_of(const ag_launch &l, const ag_combine &c, room *r, const ag_combine_part &part, int64_t group,
                      board *b)
{
    const int64_t number = part.line * c.width + group;
    piece p = { { l.guidance, &r->run, number / c.outer }, b, number % c.outer * c.reduced, part.begin, part.end };
    return p;
}

/* A warp for each group. */
DEVICE void fold_groups(const ag_launch &l, const ag_combine &c, room *r, int64_t task, const ag_combine_part &part)
{
    double folded = 0;
    take_run(l, r);
    for (int64_t group = part.first + warp(); group < part.last; group += WARPS) {
        const piece p = group_of(l, c, r, part, group, &r->boards[warp()]);
        find_forms<32>(p);
        find_sums<32>(p);
        if (!lane()) folded += ag_rule_fold(&p.s, p.b->total);
        sync_warp(); /* nobody still reads the board */
    }
    store_fold(l, c, r, task, folded);
}

/* ---- kernels ---- */

/* Groups of a task: lowered where they are folded. */
AG_FN int is_small(const ag_combine *c) { return c->reduced <= WARP_ELEMENTS; }

AG_FN int64_t run_of(const ag_combine *c, int statistics)
{
    if (statistics && c->folding == AG_FOLD_PARTS) return c->run;
    if (c->inner > 1) return THREADS;
    return is_small(c) && c->chunks == 1 ? WARPS : 1;
}

KERNEL(ag_statistics_chunks, THREADS)
{
    const ag_task task = launch.tasks[block()];
    const ag_combine &c = launch.steps[task.step].u.combine;
    const ag_combine_part part = ag_combine_part_of(&c, run_of(&c, 1), task.at);
    room *r = (room *)shared_memory();
    if (!launch.u.combine.run.sums) return;
    if (c.inner > 1) {
        statistics_columns(launch, c, r, task.at, part);
    } else if (c.folding == AG_FOLD_PARTS) {
        fold_groups(launch, c, r, task.at, part);
    } else {
        take_run(launch, r);
        const piece p = group_of(launch, c, r, part, part.first, r->boards);
        find_forms<THREADS>(p);
        find_sums<THREADS>(p);
        double *sums = (double *)(launch.base[AG_WORK] + c.sums) + (int64_t)task.at * AG_SUMS;
        if (thread() < AG_SUMS) sums[thread()] = p.b->total[thread()];
    }
}

KERNEL(ag_combine_chunks, THREADS)
{
    const ag_task task = launch.tasks[block()];
    const ag_combine &c = launch.steps[task.step].u.combine;
    const ag_combine_part part = ag_combine_part_of(&c, run_of(&c, 0), task.at);
    room *r = (room *)shared_memory();
    if (c.inner > 1) {
        combine_columns(launch, c, r, part);
        return;
    }
    take_run(launch, r);
    if (run_of(&c, 0) == 1) {
        combine_piece<THREADS>(launch, c, group_of(launch, c, r, part, part.first, r->boards), part.first);
    } else if (part.first + warp() < part.last) {
        const int64_t group = part.first + warp();
        combine_piece<32>(launch, c, group_of(launch, c, r, part, group, &r->boards[warp()]), group);
    }
}

static int64_t tasks_of(const ag_combine *c, int64_t run) { return c->lines * ag_combine_blocks(c, run) * c->chunks; }
static int64_t chunk_tasks(const ag_step *s) { return tasks_of(&s->u.combine, run_of(&s->u.combine, 1)); }
static int64_t combine_tasks(const ag_step *s) { return tasks_of(&s->u.combine, run_of(&s->u.combine, 0)); }

static const char *refuse(const ag_step *) { return NULL; }
static size_t shared(const ag_step *) { return sizeof(room); }

const ag_cuda_kernel ag_statistics_simt = {
    .kernel = {
        .name = "statistics_simt",
        .step = AG_STEP_STATISTICS,
        .refuse = refuse,
        .tasks = chunk_tasks,
    },
    .entry = (const void *)ag_statistics_chunks,
    .threads = THREADS,
    .shared = shared,
};
const ag_cuda_kernel ag_combine_simt = {
    .kernel = {
        .name = "combine_simt",
        .step = AG_STEP_COMBINE,
        .refuse = refuse,
        .tasks = combine_tasks,
    },
    .entry = (const void *)ag_combine_chunks,
    .threads = THREADS,
    .shared = shared,
};
