/* executor.c - a host's own parallel_for runs a plan; the same plan by ag_plan_run_share().
 * With an executor the library calls the host once for each phase; with shares the host calls the library. */
#include <attnguide.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 3, HEADS = 4, HIGH = 8, WIDE = 12, TOKENS = HIGH * WIDE, WIDTH = 32, SIZE = HEADS * TOKENS * WIDTH };
static float q[SIZE], k[SIZE], v[SIZE], by_executor[SIZE], by_shares[SIZE];
static ag_plan *plan;
static ag_args args;

typedef struct job {
    void (*task)(void *arg, int64_t i);
    void *arg;
    int64_t i;
} job;

static void *run_job(void *j) { return ((job *)j)->task(((job *)j)->arg, ((job *)j)->i), NULL; }

/* In an engine: its thread pool. count is problem.workers, and every task is done when this returns. */
static void parallel_for(void *host, int64_t count, void (*task)(void *arg, int64_t i), void *arg)
{
    pthread_t thread[THREADS];
    job j[THREADS];
    ++*(int *)host; /* what the executor was made with: here a counter of calls */
    for (int64_t i = 0; i < count; i++) j[i] = (job){ task, arg, i }, pthread_create(&thread[i], NULL, run_job, &j[i]);
    for (int64_t i = 0; i < count; i++) pthread_join(thread[i], NULL);
}

static void run_share(void *phase, int64_t i) { ag_plan_run_share(plan, &args, *(int *)phase, (int)i, THREADS); }

int main(void)
{
    char why[AG_MESSAGE_SIZE];
    int calls = 0;
    ag_context *context;
    ag_problem problem;
    ag_row row;
    ag_executor executor;
    for (int i = 0; i < SIZE; i++) q[i] = sinf(i), k[i] = cosf(3 * i), v[i] = sinf(5 * i);
    ag_row_init(&row, AG_SMOOTHED);
    row.sigma = 2, ag_row_picture(&row, 0, 1, HIGH, WIDE);
    ag_problem_init(&problem, 1, HEADS, TOKENS, TOKENS, WIDTH);
    problem.rows = &row, problem.row_count = 1, problem.workers = THREADS;
    ag_args_init(&args, q, k, v, by_executor);
    ag_executor_init(&executor, &calls, parallel_for);
    args.executor = &executor;
    if (ag_context_create(NULL, &context, why, sizeof why) || ag_plan_create(context, &problem, &plan, why, sizeof why))
        return puts(why), 1;
    args.workspace = malloc(args.workspace_size = ag_plan_workspace(plan));
    if (ag_plan_run(plan, &args, why, sizeof why)) return puts(why), 1; /* the library calls parallel_for */
    args.out = by_shares;
    if (ag_plan_check(plan, &args, why, sizeof why)) return puts(why), 1; /* before any share */
    for (int phase = 0; phase < ag_plan_phases(plan); phase++) parallel_for(&calls, THREADS, run_share, &phase);
    const int differ = memcmp(by_executor, by_shares, sizeof by_shares) != 0;
    printf("%d phases, %d loops: %s bytes\n", ag_plan_phases(plan), calls, differ ? "other" : "the same");
    ag_plan_free(plan);
    ag_context_free(context);
    free(args.workspace);
    return differ;
}
