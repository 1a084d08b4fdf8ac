/* mirror.h - host buffers with a twin on the device, the poison around the data included, so that the judges of
 * tests/ see a run on the device as if it had been one on the host. */
#ifndef AG_GPU_MIRROR_H
#define AG_GPU_MIRROR_H

#include "../harness/combination.h"
#include "../harness/problem.h"

enum { MIRROR_MOST = 24 };

typedef struct mirror {
    int n;
    unsigned char *device[MIRROR_MOST];
    void *work;
    size_t work_size;
    ag_args args;
    ag_row_args rows[PROBLEM_ROWS];
    ag_guidance_args guidance;
} mirror;

/* Twins for everything x has. Nonzero: no device memory. */
int mirror_problem(mirror *m, const problem *x);
int mirror_combination(mirror *m, const combination *x);
void mirror_close(mirror *m);

/* A workspace for this plan, poison; replaces the one before. */
int mirror_workspace(mirror *m, const ag_plan *plan);

/* Host to device: every buffer of `x`, which has the shapes the mirror was made for. */
int mirror_send_problem(mirror *m, const problem *x);
int mirror_send_combination(mirror *m, const combination *x);

/* Device to host: what the run may have written. */
int mirror_fetch_problem(const mirror *m, problem *x);
int mirror_fetch_combination(const mirror *m, combination *x);

#endif
