/* plan.c - steps and kernels become phases of independent tasks; a plan never changes after this. */
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "step.h"

void ag_plan_free(ag_plan *p)
{
    if (!p) return;
    if (p->device) p->backend->release(p);
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

static int wanted_workers(const ag_checked *c) { return c->combines ? c->g.workers : c->p.workers; }

static ag_status pick_kernels(ag_plan *p, ag_why why)
{
    ag_status s = ag_pick_forced(p->backend, p->c.kernel, why);
    if (s) return s;
    p->kernels = calloc((size_t)p->program.n_steps + 1, sizeof *p->kernels);
    if (!p->kernels) return ag_refuse(why, AG_ERR_MEMORY, "no memory for the plan's kernels");
    for (int64_t i = 0; i < p->program.n_steps; i++) {
        const ag_step *step = &p->program.steps[i];
        if ((s = ag_pick_kernel(p->backend, step, p->c.kernel, &p->kernels[i], why))) return s;
        const size_t scratch = p->kernels[i]->scratch ? p->kernels[i]->scratch(step) : 0;
        if (scratch > p->scratch) p->scratch = scratch;
        p->needs |= ag_step_needs(step);
        p->own_threads |= p->kernels[i]->own_threads;
        if (p->own_threads && wanted_workers(&p->c))
            return ag_refuse(why, AG_ERR_KERNEL,
                             "kernel %s has threads of its own and cannot run in parts: workers must be 0",
                             p->kernels[i]->name);
    }
    p->scratch = (p->scratch + AG_ALIGNMENT - 1) / AG_ALIGNMENT * AG_ALIGNMENT;
    return AG_OK;
}

ag_status ag_plan_make(ag_context *context, ag_checked *checked, ag_plan **plan, ag_why why)
{
    ag_plan *p = calloc(1, sizeof *p);
    if (!p) {
        ag_checked_free(checked);
        return ag_refuse(why, AG_ERR_MEMORY, "no memory for a plan");
    }
    p->c = *checked;
    p->context = context;
    const int workers = wanted_workers(&p->c);
    p->workers = workers ? workers : ag_context_threads(context);
    ag_status s = ag_pick_backend(p->c.combines ? p->c.g.place : p->c.p.place, &p->backend, why);
    if (!s && p->backend->run) p->workers = 1; /* scratch is used in the order of the stream */
    if (!s) s = ag_lower(&p->c, p->backend->keep_types, &p->program, why);
    if (!s) s = ag_check_row_map(&p->c, &p->program, why);
    if (!s) s = pick_kernels(p, why);
    if (!s && p->backend->settle) s = p->backend->settle(p, why);
    if (!s) s = make_phases(p, why);
    if (!s && p->backend->prepare) s = p->backend->prepare(p, why);
    if (s) {
        ag_plan_free(p);
        return s;
    }
    *plan = p;
    return AG_OK;
}

/* ---- public ---- */

ag_status ag_plan_create(ag_context *context, const ag_problem *problem, ag_plan **plan, char *text, size_t size)
{
    const ag_why why = { text, size };
    if (!plan) return ag_refuse(why, AG_ERR_NULL, "plan is NULL: there is nowhere to put it");
    *plan = NULL;
    if (!context) return ag_refuse(why, AG_ERR_NULL, "context is NULL");
    ag_checked checked;
    const ag_status s = ag_check_problem(problem, &checked, why);
    return s ? s : ag_plan_make(context, &checked, plan, why);
}

ag_status ag_problem_needs(const ag_problem *problem, int64_t row, unsigned *needs, char *text, size_t size)
{
    const ag_why why = { text, size };
    ag_checked checked;
    ag_program program;
    ag_status s = ag_check_problem(problem, &checked, why);
    if (s) return s;
    if (!needs) s = ag_refuse(why, AG_ERR_NULL, "needs is NULL: there is nowhere to put them");
    else if (row < 0 || row >= checked.p.batch)
        s = ag_refuse(why, AG_ERR_VALUE, "row is %lld, but there are %lld rows", (long long)row,
                      (long long)checked.p.batch);
    else s = ag_lower(&checked, 0, &program, why);
    if (!s) {
        *needs = ag_program_needs(&program, row);
        ag_program_free(&program);
    }
    ag_checked_free(&checked);
    return s;
}

/* With room to round the address up. */
size_t ag_plan_workspace(const ag_plan *p)
{
    const size_t bytes = p ? p->program.work_size + p->scratch * (size_t)p->workers : 0;
    return bytes ? bytes + ag_work_alignment(p) - 1 : 0;
}

int ag_plan_phases(const ag_plan *p) { return p ? (int)p->n_phases : 0; }
int ag_plan_workers(const ag_plan *p) { return p ? p->workers : 0; }

int64_t ag_plan_tasks(const ag_plan *p, int phase)
{
    return p && phase >= 0 && phase < p->n_phases ? p->phases[phase].n_tasks : 0;
}
