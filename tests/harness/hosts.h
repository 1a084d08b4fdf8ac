/* hosts.h - other people's threads: engines as they call the library. */
#ifndef AG_TEST_HOSTS_H
#define AG_TEST_HOSTS_H

#include "problem.h"

/** A built problem with its plan, its workspace, and outputs of its own. */
typedef struct job {
    const problem *x;
    ag_plan *plan;
    ag_args args;
    buffer workspace, out, lse;
} job;

/* 0, or a plan that cannot be; the sentence is in why. */
int job_open(job *j, const problem *x, ag_context *context, int workers, char why[AG_MESSAGE_SIZE]);
void job_close(job *j);

/* The outputs hold the same bytes. */
int job_equal(const job *a, const job *b);

/* Each returns 0, or nonzero where the library refused. */
int host_plain(job *j);                 /* ag_plan_run on the context's threads */
int host_threads(job *j, int threads);  /* (ith, nth): every thread takes its share of each phase, then a barrier */
int host_single_tasks(job *j);          /* one task at a time, from the last to the first, workers in turn */
int host_executor(job *j, int threads); /* parallel_for without worker numbers; 0 threads: backwards in the caller */
int host_openmp(job *j, int threads);   /* ag_parallel_openmp on a runtime of at most so many threads; 0: on none */

#endif
