/* oracle_blur.h - methods.md section 2 in float64. */
#ifndef AG_TEST_ORACLE_BLUR_H
#define AG_TEST_ORACLE_BLUR_H

#include <stdint.h>

/* Blur x [T Hg Wg, d] in place over grid {T, Hg, Wg}. Nonzero: no memory. */
int oracle_blur(double *x, const int64_t grid[3], int64_t d, double sigma, double sigma_t);

#endif
