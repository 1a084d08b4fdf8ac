/* run.c - phases of independent tasks with a barrier between them, on the context's threads, the host's executor, or
 * the host's own calls. Nothing here allocates, locks for long or prints. */
#include "run.h"

#include <stdatomic.h>

#include "../os.h"
#include "pool.h"

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

static void run_on_pool(const ag_plan *p, const ag_bound *run)
{
    const int threads = ag_pool_threads(p->pool);
    int64_t most = 0;
    for (int i = 0; i < p->n_phases; i++)
        if (p->phases[i].n_tasks > most) most = p->phases[i].n_tasks;
    team t = { .plan = p, .run = *run, .size = p->workers < threads ? p->workers : threads };
    if (t.size > most) t.size = (int)most;
    if (p->own_threads) t.size = 1;
    if (t.size > 1 && ag_pool_run(p->pool, t.size, work, &t)) return;
    t.size = 1; /* nothing to share, or the threads are busy with another call */
    work(&t, 0);
}

/* ---- the host's executor: task i of the loop is worker i with its share ---- */

typedef struct share {
    const ag_plan *plan;
    const ag_bound *run;
    const ag_phase *phase;
} share;

static void run_share(void *arg, int64_t i)
{
    const share *s = arg;
    int64_t first, last;
    ag_share_of(s->phase->n_tasks, i, s->plan->workers, &first, &last);
    for (int64_t at = first; at < last; at++) run_task(s->plan, s->run, &s->phase->tasks[at], (int)i);
}

static void run_on_executor(const ag_plan *p, const ag_bound *run)
{
    const ag_executor *e = run->executor;
    for (int i = 0; i < p->n_phases; i++) {
        share s = { p, run, &p->phases[i] };
        e->parallel_for(e->host, p->workers, run_share, &s);
    }
}

ag_status ag_cpu_run(const ag_plan *plan, const ag_bound *run, ag_why why)
{
    (void)why;
    if (run->executor && !plan->own_threads) run_on_executor(plan, run);
    else run_on_pool(plan, run);
    return AG_OK;
}

void ag_cpu_run_part(const ag_plan *plan, const ag_bound *run, ag_part_of_phase part)
{
    const ag_task *tasks = plan->phases[part.phase].tasks;
    for (int64_t at = part.first; at < part.last; at++) run_task(plan, run, &tasks[at], part.worker);
}
