/* attempt.h - one problem on the device, by the library's choice and by every kernel that has a step in it, judged by
 * the oracle; and what came of it, kernel by kernel. */
#ifndef AG_GPU_ATTEMPT_H
#define AG_GPU_ATTEMPT_H

#include <stdatomic.h>

#include "../harness/combination.h"
#include "../harness/problem.h"

enum { MOST_KERNELS = 128, CHOICE = MOST_KERNELS, TALLIES, FIRST_SIZE = PROBLEM_TEXT };

/* Of one kernel; of the library's choice at CHOICE. Plain memory, so that it can be shared between processes. */
typedef struct tally {
    long judged, refused, wrong;
    double error[3];        /* norm against norm, the largest: float32, float16, bfloat16 problems */
    double share;           /* the largest part of what is allowed */
    char first[FIRST_SIZE]; /* the first that was wrong */
} tally;

/* What the processes of one run share. */
typedef struct shared {
    atomic_int next, plans_of_libraries; /* item to be taken next; plans that NVIDIA's library may still be asked for */
    atomic_int items, left_out;          /* judged; left out because no such plan was left */
} shared;

typedef struct attempts {
    ag_context *context;
    void *stream;
    tally *tallies; /* [TALLIES] */
    shared *all;
    volatile int *trying; /* the kernel that is being tried, for whoever finds this process dead */
} attempts;

/* Number of kernels of the cuda backend; then the name, step and state of one. */
int kernels_on_device(void);
ag_kernel_info kernel_on_device(int number);

/* Nonzero: the device failed, and this process can do no more. */
int attempt_problem(attempts *t, problem *x);
int attempt_combination(attempts *t, combination *x);

void tally_wrong(tally *t, const char *text);

#endif
