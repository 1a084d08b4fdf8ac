/* oracle_head.h - one output row and head of a problem, in float64. Private to the oracle. */
#ifndef AG_TEST_ORACLE_HEAD_H
#define AG_TEST_ORACLE_HEAD_H

#include "attnguide.h"

typedef struct head {
    const ag_problem *p;
    const ag_args *a;
    const ag_row *row;
    const ag_row_args *run;
    int64_t b, h;
    int64_t first, count;  /* image tokens [first, first + count) of the whole sequence */
    int64_t visible_image; /* image keys that are not masked */
    int chosen;            /* the perturbation acts on this head */
    int naive;
    double mu;       /* gather: the mean over every drawn value of the row */
    double *q;       /* [N, d]; rows that are not read are NaN, here and below */
    double *changed; /* [N, d]: queries of smoothed and orthogonal, blurred q of blur */
    double *k, *v;   /* [M + 1, d], [M + 1, d_v]; the last is the mean of the visible image keys */
    double *moved;   /* [M + 1, d_v]: values of permute */
    double *weight;  /* [M + 1] */
    double *hard;    /* [M + 1]: those of entmax */
} head;

/* Memory for any head of the problem. Nonzero: none. */
int head_open(head *t, const ag_problem *p, const ag_args *a);
void head_close(head *t);

/* Go to output row b: its method, image, random numbers. */
void head_row(head *t, int64_t b);

/* Read head h of that row and prepare its queries, values and means. Nonzero: no memory. */
int head_load(head *t, int64_t h);

/* Its row's method, and the image. */
void head_find_image(head *t);

/* Token `token` of the whole sequence is one of the image. */
int head_is_image(const head *t, int64_t token);

/* The token of query i. Queries are numbered from 0 here and below, keys as well. */
int64_t head_token(const head *t, int64_t i);

/* The kind changes row i of this head. */
int head_changes(const head *t, int64_t i);

/* Softmax weights of row i into t->weight; returns the lse. */
double head_weigh(head *t, int64_t i, int perturbed);

/* Row i of the attention, [d_v]; returns the lse. */
double head_attend(head *t, int64_t i, int perturbed, double *out);

int head_scrambles(const head *t, ag_kind kind);

/* The random stream of the row. */
uint32_t head_stream(const head *t);

/* The image-local token that image-local token i reads: draw `draw` of gather, pi(i) of permute and tokens. */
int64_t head_source(const head *t, int64_t i, int64_t draw);

/* Channel c of the mean of image-local token i's draws. */
double head_drawn(const head *t, int64_t i, int64_t c);

/* Key j is neither masked nor beyond the row's length. */
int head_visible(const head *t, int64_t j);

#endif
