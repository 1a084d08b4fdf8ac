/* oracle_guidance.h - every rule and conversion of methods.md sections 4 and 5 in float64. Shares no code with the
 * library. */
#ifndef AG_TEST_ORACLE_GUIDANCE_H
#define AG_TEST_ORACLE_GUIDANCE_H

#include "attnguide.h"

/* out [samples, count]; state [samples, count] and lse [samples] where the rule has them, else NULL. The inputs are
 * read through a, its outputs are not touched. */
void oracle_guidance(const ag_guidance *g, const ag_guidance_args *a, double *out, double *state, double *lse);

/* One element: x and what was predicted into what is wanted. NAN: undefined. */
double oracle_convert(ag_prediction from, ag_prediction to, double alpha, double sigma, double x, double prediction);

#endif
