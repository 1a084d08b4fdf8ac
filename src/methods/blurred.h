/* blurred.h - what smoothed and orthogonal share: blurred image queries, attended. */
#ifndef AG_BLURRED_H
#define AG_BLURRED_H

#include <math.h>

#include "method.h"

/* What is blurred, and the rows it is added to; those with source AG_SOURCES: the blur alone, in rows of its own. */
typedef struct blurred {
    ag_ref src, onto;
    int collapse;
} blurred;

/* Infinite blurs leave fewer distinct queries than image tokens, and nothing tells equal ones apart. */
int ag_blur_collapses(const lower *l);

/* Workspace per key/value head. */
int64_t ag_blur_bytes(lower *l, int collapse);

/* From phase on: blur, then attend; where it collapses the distinct rows alone, then a copy of them. */
void ag_lower_blurred(lower *l, int phase, head_list heads, blurred b);

/* Attend with q in the place of the image's queries. */
void ag_lower_replaced(lower *l, int phase, head_list heads, ag_ref q);

/* Parameters of both. */
/* clang-format off */
#define AG_SIGMA                                                                                                      \
    { AG_OF_ROW(sigma), .meaning = "blur over height and width, in tokens", .initial = AG_NOT_SET, .most = INFINITY, \
      .usual = 10 }
#define AG_SIGMA_T { AG_OF_ROW(sigma_t), .meaning = "blur over time, in frames", .most = INFINITY }
/* clang-format on */

#endif
