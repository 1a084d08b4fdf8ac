/* plan_threads.c - a plan run by threads that are not the library's.
 *
 * Within a phase every thread takes its share; all meet before the next phase begins. */
#define _POSIX_C_SOURCE 200112L /* pthread_barrier_t */
#include <attnguide.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 3, HEADS = 4, HIGH = 8, WIDE = 12, TOKENS = HIGH * WIDE, WIDTH = 32, SIZE = HEADS * TOKENS * WIDTH };
static float q[SIZE], k[SIZE], v[SIZE], out[SIZE], alone[SIZE];
static ag_plan *plan;
static ag_args args;
static pthread_barrier_t meet;

static void *work(void *number)
{
    for (int phase = 0; phase < ag_plan_phases(plan); phase++) {
        ag_plan_run_share(plan, &args, phase, *(int *)number, THREADS); /* never allocates, never waits */
        pthread_barrier_wait(&meet);
    }
    return NULL;
}

int main(void)
{
    char why[AG_MESSAGE_SIZE];
    ag_context *context;
    ag_context_options options;
    ag_problem problem;
    ag_row row;
    pthread_t thread[THREADS];
    int number[THREADS];
    for (int i = 0; i < SIZE; i++) q[i] = sinf(i), k[i] = cosf(3 * i), v[i] = sinf(5 * i);

    ag_context_options_init(&options);
    options.threads = 1; /* the caller: the library makes no threads of its own */
    ag_row_init(&row, AG_SMOOTHED);
    row.sigma = 2, ag_row_picture(&row, 0, 1, HIGH, WIDE);
    ag_problem_init(&problem, 1, HEADS, TOKENS, TOKENS, WIDTH);
    problem.rows = &row, problem.row_count = 1;
    problem.workers = THREADS; /* how many may run parts at once */
    ag_args_init(&args, q, k, v, out);
    if (ag_context_create(&options, &context, why, sizeof why) ||
        ag_plan_create(context, &problem, &plan, why, sizeof why))
        return puts(why), 1;
    args.workspace = malloc(args.workspace_size = ag_plan_workspace(plan));
    if (ag_plan_check(plan, &args, why, sizeof why))
        return puts(why), 1; /* all refusals come here, before any thread */
    pthread_barrier_init(&meet, NULL, THREADS);
    for (int i = 0; i < THREADS; i++) number[i] = i, pthread_create(&thread[i], NULL, work, &number[i]);
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    args.out = alone;
    if (ag_plan_run(plan, &args, why, sizeof why)) return puts(why), 1; /* the caller alone */
    const int differ = memcmp(out, alone, sizeof out) != 0;
    printf("%d phases, %d threads: %s bytes\n", ag_plan_phases(plan), THREADS, differ ? "other" : "the same");
    ag_plan_free(plan);
    ag_context_free(context);
    free(args.workspace);
    return differ;
}
