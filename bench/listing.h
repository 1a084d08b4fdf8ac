/* listing.h - the list of subjects while it is being made, by subjects.c, and by steps.c for what attention is not. */
#ifndef BENCH_LISTING_H
#define BENCH_LISTING_H

#include "bench.h"

enum {
    SECTION_SHAPES,
    SECTION_KERNELS,
    SECTION_METHODS,
    SECTION_CONTEXT,
    SECTION_BATCH,
    SECTION_BLUR,
    SECTION_STUDY,
    SECTION_STEPS,
    SECTION_COMBINE
};

typedef struct shape {
    const char *name;
    int64_t b, h, n_q, n_k, d;
} shape;

typedef struct listing {
    const plan_of_work *work;
    int threads, n, section;
    subject *list;
} listing;

/* A new subject of this shape, or one that is thrown away where the list is full or --only does not want it. */
subject *listing_add(listing *l, const char *op, const shape *s, ag_dtype dtype, const char *kernel);

/* steps.c */
void list_steps(listing *l);
void list_combinations(listing *l);

#endif
