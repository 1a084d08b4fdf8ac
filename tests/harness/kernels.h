/* kernels.h - the walk over the library's tables that every suite shares. */
#ifndef AG_TEST_KERNELS_H
#define AG_TEST_KERNELS_H

#include "combination.h"
#include "problem.h"

/* The backend of problem_where. */
const char *kernels_backend(void);

/* That backend has a kernel of each step. */
int kernels_complete(void);

int kernels_count(void);
ag_kernel_info kernels_info(int number);

/* A plan of this problem, or combination, with the kernel forced really uses it. */
int kernels_serve(problem *x, ag_context *context, const char *name);
int kernels_combine(const combination *x, ag_context *context, const char *name);

/* Prints the kernels that cannot run here, with the reason, and returns their number. */
int kernels_skipped(void);

/* One byte per kernel, shared with forked tests: nonzero once an answer of it was right. From kernels_skipped(). */
extern unsigned char *kernels_reached;

/* Run a built problem, or combination, with every usable kernel of `step` forced (NULL: of any step), then with none. A
 * wrong answer fails the Check test that is running. */
void kernels_try(problem *x, ag_context *context, const char *step);
void kernels_try_combination(combination *x, ag_context *context);

/* The forced kernel takes this problem and promises the same bytes every time. One with threads of its own does not:
 * it refuses parts, and is judged by tolerance alone. */
int kernels_exact(const problem *x, ag_context *context, const char *name);

/* A context of the default number of threads, or of `threads`; fails the test that is running if there is none. */
ag_context *kernels_context(int threads);

#endif
