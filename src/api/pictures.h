/* pictures.h - the arrays of the functions of pictures, and how they are validated. */
#ifndef AG_PICTURES_H
#define AG_PICTURES_H

#include "../program/problem.h"

enum { AG_SAG_REACH = 4 }; /* taps on either side of the middle one */

typedef struct ag_sag_arrays {
    const float *x0, *received;
    float *out;
} ag_sag_arrays;

typedef struct ag_crops_arrays {
    const float *crops, *cond;
    float *out;
} ag_crops_arrays;

ag_status ag_check_sag(const ag_sag *theirs, const ag_sag_arrays *a, ag_sag *taken, ag_why why);
ag_status ag_check_crops(const ag_crops *theirs, const ag_crops_arrays *a, ag_crops *taken, ag_why why);

#endif
