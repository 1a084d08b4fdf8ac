/* kernels_walk.h - one problem or combination with every kernel of a backend forced, and with none: the walk of the
 * suites, of machines that have no more than a C library, and of emulators. Knows no Check. */
#ifndef AG_TEST_KERNELS_WALK_H
#define AG_TEST_KERNELS_WALK_H

#include "kernels.h"

typedef struct kernels_walk kernels_walk;
struct kernels_walk {
    ag_context *context;
    const char *step;   /* kernels of this step alone; NULL: of any */
    const char *kernel; /* this kernel alone, and not the library's choice; NULL: all */
    /* Told of each run, with the kernel's number in the table; -1: the library's choice. */
    void (*judged)(kernels_walk *w, int kernel, const verdict *v);
};

/* A kernel that can run here, of the backend of problem_where, and not excluded by step or name. */
int kernels_wanted(const kernels_walk *w, const ag_kernel_info *info);

/* Those that are wanted and whose plan really uses them. */
void kernels_walk_problem(kernels_walk *w, problem *x);
void kernels_walk_combination(kernels_walk *w, combination *x);

#endif
