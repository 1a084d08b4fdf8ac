/* run.c - phases of independent tasks with a barrier between them, on the context's threads, the host's executor, or
 * the host's own calls. Nothing here allocates, locks for long or prints. */
#include <stdatomic.h>

#include "context.h"
#include "step.h"

static void run_task(const ag_plan *p, const ag_bound *run, const ag_task *task, int worker)
{
    char *scratch = p->scratch ? run->base[AG_WORK] + p->program.work_size + (size_t)worker * p->scratch : NULL;
    p->kernels[task->step]->run(&p->program.steps[task->step], run, task->at, scratch);
}

/* ---- the context's threads: every worker takes the next task until none is left, then waits for the others ---- */

typedef struct team {
    const ag_plan *plan;
    ag_bound run;
    int size;
    atomic_llong next;
    atomic_int arrived, phase;
} team;

static void wait_for_all(team *t, int phase)
{
    if (atomic_fetch_add(&t->arrived, 1) + 1 == t->size) {
        atomic_store(&t->arrived, 0);
        atomic_store(&t->next, 0);
        atomic_store(&t->phase, phase + 1);
        return;
    }
    for (int spins = 0; atomic_load(&t->phase) == phase; spins++)
        if (spins > 1000) ag_os_yield();
}

static void work(void *arg, int worker)
{
    team *t = arg;
    for (int i = 0; i < t->plan->n_phases; i++) {
        const ag_phase *phase = &t->plan->phases[i];
        for (int64_t at; (at = atomic_fetch_add(&t->next, 1)) < phase->n_tasks;)
            run_task(t->plan, &t->run, &phase->tasks[at], worker);
        wait_for_all(t, i);
    }
}

static void run_on_context(const ag_plan *p, const ag_bound *run)
{
    const int threads = ag_context_threads(p->context);
    int64_t most = 0;
    for (int i = 0; i < p->n_phases; i++)
        if (p->phases[i].n_tasks > most) most = p->phases[i].n_tasks;
    team t = { .plan = p, .run = *run, .size = p->workers < threads ? p->workers : threads };
    if (t.size > most) t.size = (int)most;
    if (p->own_threads) t.size = 1;
    if (t.size > 1 && ag_pool_run(p->context->pool, t.size, work, &t)) return;
    t.size = 1; /* nothing to share, or the threads are busy with another call */
    work(&t, 0);
}

/* ---- the host's executor: task i of the loop is worker i with its share ---- */

typedef struct share {
    const ag_plan *plan;
    const ag_bound *run;
    const ag_phase *phase;
} share;

/* Tasks [first, last) of worker i of n. */
static void share_of(int64_t tasks, int64_t i, int64_t n, int64_t *first, int64_t *last)
{
    *first = tasks * i / n;
    *last = tasks * (i + 1) / n;
}

static void run_share(void *arg, int64_t i)
{
    const share *s = arg;
    int64_t first, last;
    share_of(s->phase->n_tasks, i, s->plan->workers, &first, &last);
    for (int64_t at = first; at < last; at++) run_task(s->plan, s->run, &s->phase->tasks[at], (int)i);
}

static void run_on_executor(const ag_plan *p, const ag_bound *run)
{
    const ag_executor *e = run->args->executor;
    for (int i = 0; i < p->n_phases; i++) {
        share s = { p, run, &p->phases[i] };
        e->parallel_for(e->host, p->workers, run_share, &s);
    }
}

ag_status ag_run_phases(const ag_plan *plan, const ag_args *args, ag_why why)
{
    if (plan->backend->run) return plan->backend->run(plan, args, why);
    ag_bound run;
    ag_run_bind(plan, args, &run);
    if (args->executor && !plan->own_threads) run_on_executor(plan, &run);
    else run_on_context(plan, &run);
    return AG_OK;
}

/* ---- public ---- */

ag_status ag_plan_check(const ag_plan *plan, const ag_args *args, char *text, size_t size)
{
    ag_args taken;
    return ag_check_args(plan, args, &taken, (ag_why){ text, size });
}

ag_status ag_plan_check_values(const ag_plan *plan, const ag_args *args, char *text, size_t size)
{
    ag_args taken;
    return ag_check_arg_values(plan, args, &taken, (ag_why){ text, size });
}

ag_status ag_plan_run(const ag_plan *plan, const ag_args *args, char *text, size_t size)
{
    ag_args taken;
    const ag_status s = ag_check_args(plan, args, &taken, (ag_why){ text, size });
    return s ? s : ag_run_phases(plan, &taken, (ag_why){ text, size });
}

ag_status ag_plan_run_part(const ag_plan *plan, const ag_args *args, int phase, int64_t first, int64_t last, int worker)
{
    if (!plan || !args) return AG_ERR_NULL;
    if (plan->own_threads || plan->backend->run) return AG_ERR_KERNEL;
    if (phase < 0 || phase >= plan->n_phases || worker < 0 || worker >= plan->workers) return AG_ERR_VALUE;
    if (first < 0 || last < first || last > plan->phases[phase].n_tasks) return AG_ERR_VALUE;
    ag_bound run;
    ag_run_bind(plan, args, &run);
    for (int64_t at = first; at < last; at++) run_task(plan, &run, &plan->phases[phase].tasks[at], worker);
    return AG_OK;
}

ag_status ag_plan_run_share(const ag_plan *plan, const ag_args *args, int phase, int worker, int of)
{
    int64_t first = 0, last = 0;
    if (!plan || !args) return AG_ERR_NULL;
    if (worker < 0 || worker >= of) return AG_ERR_VALUE;
    const int n = of < plan->workers ? of : plan->workers;
    if (worker >= n) return AG_OK;
    share_of(ag_plan_tasks(plan, phase), worker, n, &first, &last);
    return ag_plan_run_part(plan, args, phase, first, last, worker);
}
