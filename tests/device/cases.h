/* cases.h - problems as engines pose them, and hostile ones of their size, for every method, operation and mix of
 * types; what small random problems never fill. */
#ifndef AG_GPU_CASES_H
#define AG_GPU_CASES_H

#include "../harness/problem.h"

int cases_large(void); /* the first so many take the oracle seconds each */
int cases_count(void);

/* Case `number` described, not yet built. The order is shuffled, so that any part of it holds some of everything. */
void case_set(int number, problem *x);

/* What can be asked, each of one small shape with text before its picture, in bfloat16 or float32. */
int cases_asks(void);
void case_ask(int number, int float32, problem *x);

#endif
