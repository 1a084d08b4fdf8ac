/* oracle_fdg.h - frequency-decoupled guidance of one picture in float64, from docs/methods.md. */
#ifndef AG_ORACLE_FDG_H
#define AG_ORACLE_FDG_H

#include <stdint.h>

/* picture: channels, height, width; c, u and out hold that many elements. */
void oracle_fdg(const int64_t picture[3], int levels, const double *scales, const double *parallel, const double *c,
                const double *u, double *out);

#endif
