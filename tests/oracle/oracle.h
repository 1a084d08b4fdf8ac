/* oracle.h - what methods.md says every operation gives, in float64. Shares no code with src/. */
#ifndef AG_TEST_ORACLE_H
#define AG_TEST_ORACLE_H

#include "attnguide.h"

/* Elements of out for this operation, packed as ag_operation says. */
int64_t oracle_count(const ag_problem *p);

/* Write out, and lse [B,H,N] and curvature [B,H,N] where not NULL, all packed. Reads of q, k and v exactly what
 * methods.md reads: the rest may hold NaN. Nonzero: no memory, or an operation of a method it does not define. */
int oracle(const ag_problem *p, const ag_args *a, double *out, double *lse, double *curvature);

/* The same as a plain computation in the problem's own types gives it: weights rounded to k's type and the result
 * to out's. Its distance from oracle() is what rounding alone costs. */
int oracle_naive(const ag_problem *p, const ag_args *a, double *out);

/* AG_NEEDS_ bits of token `i`, in the whole sequence of queries or of keys, in output row b: none that is not here. */
unsigned oracle_reads(const ag_problem *p, const ag_args *a, int64_t b, int64_t i);

#endif
