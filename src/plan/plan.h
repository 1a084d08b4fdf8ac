/* plan.h - a plan: what runs, and in which order. */
/* clang-format off */
#ifndef AG_PLAN_H
#define AG_PLAN_H

#include "../program/backend.h"

/* Task `at` of step `step`. */
typedef struct ag_task {
    int32_t step;
    int32_t at;
} ag_task;

typedef struct ag_phase {
    ag_task *tasks;
    int64_t  n_tasks;
} ag_phase;

/* The threads of a context, which its plans run on; cpu/pool.h. */
struct ag_pool;

struct ag_plan {
    ag_checked         c;
    ag_program         program;
    const ag_kernel  **kernels;       /* one per step */
    ag_phase          *phases;
    int64_t            n_phases;
    unsigned           needs;         /* of any row */
    int                workers;       /* most that run at once */
    int                own_threads;   /* some kernel has threads of its own: never in parts */
    size_t             scratch;       /* bytes per worker, behind the program's workspace */
    struct ag_pool    *pool;          /* NULL: the calling thread alone */
    const ag_backend  *backend;
    void              *device;        /* the backend's own part, from begin to end */
};

/* Room for a worker's scratch, behind the program's workspace. */
static inline void ag_want_scratch(ag_plan *p, size_t bytes)
{
    bytes = (bytes + AG_ALIGNMENT - 1) / AG_ALIGNMENT * AG_ALIGNMENT;
    if (bytes > p->scratch) p->scratch = bytes;
}

/* Tasks [first, last) of share i of n. */
static inline void ag_share_of(int64_t tasks, int64_t i, int64_t n, int64_t *first, int64_t *last)
{
    *first = tasks * i / n;
    *last = tasks * (i + 1) / n;
}

/* The workspace of a run, from which the backend's alignment is counted. */
static inline char *ag_aligned_workspace(const ag_plan *p, void *workspace)
{
    const uintptr_t alignment = p->backend->alignment, work = (uintptr_t)workspace + alignment - 1;
    return (char *)(work - work % alignment);
}

/* check */
ag_status ag_check_problem(const ag_problem *problem, ag_checked *checked, ag_why why);
ag_status ag_check_guidance(const ag_guidance *guidance, ag_checked *checked, ag_why why);
void      ag_checked_free(ag_checked *checked);

/* lower. What a method makes of queries and values is kept in the tensors' type where keep_types is set and they are
 * all of one half type, else in float32. */
ag_status ag_lower(const ag_checked *checked, int keep_types, ag_program *program, ag_why why);
void      ag_program_free(ag_program *program);

/* Steps of output row b, which follow each other; looked for from step `from` on. */
typedef struct ag_row_steps {
    const ag_step *at;
    int64_t        n, behind; /* behind: the number of the first step behind them */
} ag_row_steps;

ag_row_steps ag_steps_of(const ag_program *program, int64_t b, int64_t from);

/* needs, as AG_NEEDS_ bits */
unsigned  ag_step_needs(const ag_step *step);
unsigned  ag_program_needs(const ag_program *program, int64_t b);

/* The tokens of one tensor (an AG_NEEDS_ bit) that the steps read: their first range that does not end before `from`
 * or there. 0: there is none. What a mask or causality may hide counts as read. */
int       ag_next_read(const ag_row_steps *row, unsigned bit, int64_t from, ag_range *range);

/* What only the lowered steps tell: no row reads a query that is not here; a row map leads to what is read. */
ag_status ag_check_queries(const ag_checked *c, const ag_program *program, ag_why why);
ag_status ag_check_row_map(const ag_checked *c, const ag_program *program, ag_why why);

/* Who makes and runs a plan. */
typedef struct ag_maker {
    const ag_backend *backend;
    struct ag_pool   *pool;
    int               threads;        /* of the pool, the caller counted */
} ag_maker;

/* Takes over `checked`. */
ag_status ag_plan_make(const ag_maker *by, ag_checked *checked, ag_plan **plan, ag_why why);

/* The step's kernel becomes the first behind `after` (NULL: of all) that takes it, or the forced one. */
ag_status   ag_pick_kernel(const ag_plan *plan, int64_t step, const ag_kernel *after, ag_why why);
ag_status   ag_pick_forced(const ag_backend *backend, const char *forced, ag_why why);
const char *ag_pick_refusal(const ag_backend *backend, const ag_kernel *kernel, const ag_step *step, int forced);
const char *ag_pick_unavailable(const ag_backend *backend, const ag_kernel *kernel);

/* The arguments of a run, of plans that attend and of those that combine. */
ag_status ag_check_arg_values(const ag_plan *plan, const ag_args *args, ag_args *taken, ag_why why);
ag_status ag_check_args(const ag_plan *plan, const ag_args *args, ag_args *taken, ag_why why);
void      ag_run_bind(const ag_plan *plan, const ag_args *args, ag_bound *run);

ag_status ag_check_guidance_args(const ag_plan *plan, const ag_guidance_args *args, ag_guidance_args *taken,
                                 ag_why why);
void      ag_guidance_bind(const ag_plan *plan, const ag_guidance_args *args, ag_bound *run);

#endif
