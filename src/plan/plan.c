/* plan.c - steps and kernels become phases of independent tasks; a plan never changes after this. */
#include <stdlib.h>
#include <string.h>

#include "plan.h"

void ag_plan_free(ag_plan *p)
{
    if (!p) return;
    if (p->backend) p->backend->end(p);
    for (int64_t i = 0; p->phases && i < p->n_phases; i++) free(p->phases[i].tasks);
    free(p->phases);
    free((void *)p->kernels);
    ag_program_free(&p->program);
    ag_checked_free(&p->c);
    free(p);
}

/* ---- tasks ---- */

typedef struct place {
    double at; /* where in the phase, 0 .. 1 */
    ag_task task;
} place;

static int by_place(const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return x->task.step != y->task.step ? (x->task.step < y->task.step ? -1 : 1) : 0;
}

/* Steps of one phase are mixed evenly, so that every share of the tasks is nearly the same mixture. */
static int mix_tasks(const ag_plan *p, int phase, ag_phase *out)
{
    int64_t total = 0, n = 0;
    for (int64_t s = 0; s < p->program.n_steps; s++)
        if (p->program.steps[s].phase == phase) total += p->kernels[s]->tasks(&p->program.steps[s]);
    if (total > INT32_MAX) return 0; /* more than a task's number holds */
    place *places = malloc((size_t)total * sizeof *places + 1);
    out->tasks = malloc((size_t)total * sizeof *out->tasks + 1);
    if (!places || !out->tasks) {
        free(places);
        return 0;
    }
    for (int64_t s = 0; s < p->program.n_steps; s++) {
        if (p->program.steps[s].phase != phase) continue;
        const int64_t tasks = p->kernels[s]->tasks(&p->program.steps[s]);
        for (int64_t t = 0; t < tasks; t++)
            places[n++] = (place){ ((double)t + 0.5) / (double)tasks, { (int32_t)s, (int32_t)t } };
    }
    qsort(places, (size_t)n, sizeof *places, by_place);
    for (int64_t i = 0; i < n; i++) out->tasks[i] = places[i].task;
    out->n_tasks = n;
    free(places);
    return 1;
}

static ag_status make_phases(ag_plan *p, ag_why why)
{
    p->n_phases = p->program.n_phases;
    p->phases = calloc((size_t)p->n_phases + 1, sizeof *p->phases);
    for (int i = 0; p->phases && i < p->n_phases; i++)
        if (!mix_tasks(p, i, &p->phases[i])) return ag_refuse(why, AG_ERR_MEMORY, "no memory for the plan's tasks");
    return p->phases ? AG_OK : ag_refuse(why, AG_ERR_MEMORY, "no memory for the plan's phases");
}

/* ---- kernels ---- */

/* A library makes its plan for the step; where it declines, the next kernel gets it. */
static ag_status build_step(ag_plan *p, int64_t step, ag_why why)
{
    for (;;) {
        const ag_status s = p->backend->build(p, step, why);
        if (s != AG_ERR_KERNEL && s != AG_ERR_UNAVAILABLE) return s;
        if (ag_pick_kernel(p, step, p->kernels[step], (ag_why){ NULL, 0 })) return s;
    }
}

static ag_status choose_kernels(ag_plan *p, ag_why why)
{
    ag_status s = ag_pick_forced(p->backend, p->c.kernel, why);
    p->kernels = calloc((size_t)p->program.n_steps + 1, sizeof *p->kernels);
    if (!s && !p->kernels) s = ag_refuse(why, AG_ERR_MEMORY, "no memory for the plan's kernels");
    for (int64_t i = 0; i < p->program.n_steps && !s; i++) s = ag_pick_kernel(p, i, NULL, why);
    for (int64_t i = 0; i < p->program.n_steps && !s; i++) s = build_step(p, i, why);
    return s;
}

static ag_status ask_kernels(ag_plan *p, ag_why why)
{
    for (int64_t i = 0; i < p->program.n_steps; i++) {
        const ag_step *step = &p->program.steps[i];
        const ag_kernel *k = p->kernels[i];
        if (k->scratch) ag_want_scratch(p, k->scratch(step));
        p->needs |= ag_step_needs(step);
        p->own_threads |= k->own_threads;
        if (k->own_threads && p->c.workers)
            return ag_refuse(why, AG_ERR_KERNEL,
                             "kernel %s uses threads of its own and cannot run in parts: workers must be 0", k->name);
    }
    return AG_OK;
}

ag_status ag_plan_make(const ag_maker *by, ag_checked *checked, ag_plan **plan, ag_why why)
{
    ag_plan *p = calloc(1, sizeof *p);
    if (!p) {
        ag_checked_free(checked);
        return ag_refuse(why, AG_ERR_MEMORY, "no memory for a plan");
    }
    p->c = *checked;
    p->pool = by->pool;
    p->workers = p->c.workers ? p->c.workers : by->threads;
    if (p->workers > by->backend->most_workers) p->workers = by->backend->most_workers;
    ag_status s = ag_lower(&p->c, by->backend->keep_types, &p->program, why);
    if (!s) s = ag_check_queries(&p->c, &p->program, why);
    if (!s) s = ag_check_row_map(&p->c, &p->program, why);
    if (!s) p->backend = by->backend; /* begun: from here on it has an end */
    if (!s) s = p->backend->begin(p, why);
    if (!s) s = choose_kernels(p, why);
    if (!s) s = ask_kernels(p, why);
    if (!s) s = make_phases(p, why);
    if (!s) s = p->backend->prepare(p, why);
    if (s) {
        ag_plan_free(p);
        return s;
    }
    *plan = p;
    return AG_OK;
}

/* ---- public ---- */

/* With room to round the address up. */
size_t ag_plan_workspace(const ag_plan *p)
{
    const size_t bytes = p ? p->program.work_size + p->scratch * (size_t)p->workers : 0;
    return bytes ? bytes + p->backend->alignment - 1 : 0;
}

int ag_plan_phases(const ag_plan *p) { return p ? (int)p->n_phases : 0; }
int ag_plan_workers(const ag_plan *p) { return p ? p->workers : 0; }

int64_t ag_plan_tasks(const ag_plan *p, int phase)
{
    return p && phase >= 0 && phase < p->n_phases ? p->phases[phase].n_tasks : 0;
}
