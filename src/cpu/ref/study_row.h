/* study_row.h - one query's row of the attention map in float64: what the reference kernels are made of, and how the
 * others take a row again whose logits float32 cannot hold. Written once, in study.c: energy and received have to come
 * to the very same logits. */
#ifndef AG_STUDY_ROW_H
#define AG_STUDY_ROW_H

#include <float.h>

#include "../cpu.h"
#include "logits.h"

/* Sums of float32 products below this stay finite, and so do biases added to them that are no greater. */
#define AG_LOGIT_LIMIT 0x1p125

/* Float32 rounds a sum of such products by about 1, and greatest logits beyond the second, in units of log 2, are 1/128
 * apart: weights want more. */
#define AG_PRODUCT_FINE 0x1p24
#define AG_TOP_FINE 0x1p16

typedef struct ag_study_row {
    const ag_study *what;
    ag_logit_row at;
    double *weight; /* [n_k]; NULL: none are wanted */
    float *q, *k;   /* [d] */
} ag_study_row;

/* Memory of a row, with or without weights: whole doubles. */
size_t ag_study_row_bytes(const ag_study *s, int weights);
ag_study_row ag_study_row_in(const ag_step *s, const ag_bound *run, int weights, double *memory);

/* Query i of head h from now on. */
void ag_study_row_begin(ag_study_row *r, int64_t h, int64_t i);

/* Whether logits of a row may be more than float32 holds or resolves on their way, by the largest |q| and |k|:
 * products, scaled queries, or queries and scales that become denormal and lose their digits beside large keys. `by`:
 * the scale in units of log 2. */
static inline int ag_logits_overflow(double q, double k, double d, double by)
{
    const double most = d * q * k;
    if (by == 0 || q == 0 || k == 0) return 0;
    if (!(most * fabs(by) < AG_PRODUCT_FINE && q * fabs(by) < AG_LOGIT_LIMIT)) return 1;
    return d * k * 0x1p-150 > 0x1p-22 || (fabs(by) < FLT_MIN && most * 0x1p-150 > 0x1p-24);
}

/* The same of the finite numbers that this row sees, so that what is hidden from it changes nothing. */
int ag_study_row_overflows(ag_study_row *r);

/* Whether the row's biases can be why float32 left the sum l: the row is NaN for a large bias, or l is 0 though keys
 * are visible. */
int ag_study_biases_overflow(const ag_study_row *r, float l);

/* All that energy and map write for the row. */
void ag_study_energy_row(ag_study_row *r);
void ag_study_map_row(ag_study_row *r);

/* What energy leaves of a row that float32 does not hold: -l, and in place of m the number of the greatest key. */
static inline int ag_study_row_marked(float l) { return l < 0; }

/* The greatest logit of a marked row. */
double ag_study_row_top(ag_study_row *r, float m);

/* A weight of the row: its greatest logit and what energy left as l; l NaN: NaN where the key is seen. */
double ag_study_row_weight(ag_study_row *r, int64_t j, double top, float l);

#endif
