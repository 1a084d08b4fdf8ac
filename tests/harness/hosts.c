/* hosts.c - see hosts.h. */
#include "hosts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { MOST_THREADS = 16 };

int job_open(job *j, const problem *x, ag_context *context, int workers, char why[AG_MESSAGE_SIZE])
{
    ag_problem p = x->p;
    memset(j, 0, sizeof *j);
    p.workers = workers;
    j->x = x;
    j->args = x->a;
    if (ag_plan_create(context, &p, &j->plan, why, AG_MESSAGE_SIZE)) return 1;
    if (buffer_open(&j->workspace, ag_plan_workspace(j->plan), AG_ALIGNMENT)) return 1;
    if (buffer_open(&j->out, x->out.size, AG_ALIGNMENT)) return 1;
    if (x->lse.size && buffer_open(&j->lse, x->lse.size, sizeof(float))) return 1;
    j->args.out = j->out.data;
    j->args.lse = (float *)j->lse.data;
    j->args.workspace = j->workspace.data;
    j->args.workspace_size = j->workspace.size;
    return 0;
}

void job_close(job *j)
{
    ag_plan_free(j->plan);
    buffer_close(&j->workspace);
    buffer_close(&j->out);
    buffer_close(&j->lse);
}

int job_equal(const job *a, const job *b)
{
    return !memcmp(a->out.pages, b->out.pages, a->out.pages_size) &&
           (!a->lse.pages || !memcmp(a->lse.pages, b->lse.pages, a->lse.pages_size));
}

int host_plain(job *j) { return ag_plan_run(j->plan, &j->args, NULL, 0) != AG_OK; }

/* ---- ggml's way --------------------------------------------------------------------------------------------- */

typedef struct crew {
    job *j;
    int size;
    pthread_barrier_t barrier;
    atomic_int next, failed;
} crew;

static void *crew_member(void *arg)
{
    crew *c = arg;
    const int ith = atomic_fetch_add(&c->next, 1);
    const ag_plan *plan = c->j->plan;
    for (int phase = 0; phase < ag_plan_phases(plan); phase++) {
        const int64_t tasks = ag_plan_tasks(plan, phase);
        const int64_t first = tasks * ith / c->size, last = tasks * (ith + 1) / c->size;
        if (ag_plan_run_part(plan, &c->j->args, phase, first, last, ith)) atomic_store(&c->failed, 1);
        pthread_barrier_wait(&c->barrier);
    }
    return NULL;
}

int host_threads(job *j, int threads)
{
    pthread_t thread[MOST_THREADS];
    crew c = { .j = j, .size = threads };
    if (ag_plan_check(j->plan, &j->args, NULL, 0)) return 1;
    pthread_barrier_init(&c.barrier, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++) pthread_create(&thread[i], NULL, crew_member, &c);
    for (int i = 0; i < threads; i++) pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&c.barrier);
    return atomic_load(&c.failed);
}

int host_single_tasks(job *j)
{
    const int workers = ag_plan_workers(j->plan);
    int failed = ag_plan_check(j->plan, &j->args, NULL, 0) != AG_OK;
    for (int phase = 0; phase < ag_plan_phases(j->plan); phase++)
        for (int64_t at = ag_plan_tasks(j->plan, phase) - 1; at >= 0; at--)
            failed |= ag_plan_run_part(j->plan, &j->args, phase, at, at + 1, (int)(at % workers)) != AG_OK;
    return failed;
}

/* ---- ONNX Runtime's way ------------------------------------------------------------------------------------- */

typedef struct loop {
    void (*task)(void *arg, int64_t i);
    void *arg;
    int64_t count;
    atomic_llong next;
} loop;

static void *loop_member(void *arg)
{
    loop *l = arg;
    for (int64_t i; (i = atomic_fetch_add(&l->next, 1)) < l->count;) l->task(l->arg, i);
    return NULL;
}

static void parallel_for(void *host, int64_t count, void (*task)(void *arg, int64_t i), void *arg)
{
    const int threads = *(const int *)host;
    pthread_t thread[MOST_THREADS];
    loop l = { .task = task, .arg = arg, .count = count };
    for (int64_t i = count - 1; i >= 0 && !threads; i--) task(arg, i);
    for (int i = 0; i < threads; i++) pthread_create(&thread[i], NULL, loop_member, &l);
    for (int i = 0; i < threads; i++) pthread_join(thread[i], NULL);
}

int host_executor(job *j, int threads)
{
    const ag_executor executor = { .size = sizeof executor, .host = &threads, .parallel_for = parallel_for };
    j->args.executor = &executor;
    const ag_status status = ag_plan_run(j->plan, &j->args, NULL, 0);
    j->args.executor = NULL;
    return status != AG_OK;
}

/* ---- an OpenMP runtime ---- */

enum { MOST_TEAM = 8 };
static _Thread_local int team = 1;

typedef struct region {
    void (*body)(void *);
    void *data;
} region;

static void *join_region(void *at)
{
    const region *r = at;
    r->body(r->data);
    return NULL;
}

/* As a GOMP_parallel: the caller is of the team, which may be smaller than was asked for. */
static void open_region(void (*body)(void *), void *data, unsigned threads, unsigned flags)
{
    region r = { body, data };
    pthread_t thread[MOST_TEAM];
    int others = 0;
    (void)flags;
    while (others + 1 < team && others + 1 < (int)threads && others < MOST_TEAM &&
           !pthread_create(&thread[others], NULL, join_region, &r))
        others++;
    body(data);
    while (others > 0) pthread_join(thread[--others], NULL);
}

int host_openmp(job *j, int threads)
{
    void (*runtime)(void (*)(void *), void *, unsigned, unsigned) = open_region;
    ag_executor executor;
    void *at = NULL;
    if (threads) memcpy(&at, &runtime, sizeof at);
    team = threads;
    ag_executor_init(&executor, at, ag_parallel_openmp);
    j->args.executor = &executor;
    const ag_status status = ag_plan_run(j->plan, &j->args, NULL, 0);
    j->args.executor = NULL;
    return status != AG_OK;
}
