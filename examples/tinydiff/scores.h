/* scores.h - what is measured of many pictures. */
#ifndef TINYDIFF_SCORES_H
#define TINYDIFF_SCORES_H

#include "pictures.h"

typedef struct scores {
    int64_t count, valid_count;
    double valid, low, high; /* share of valid pictures, and its 95 % interval (Wilson, 1927) */
    double well_formed;      /* share of pictures whose four objects are all legal */
    double agree;            /* share in which the types agree, legal objects or not */
    double label;            /* share in which two quadrants or more wear the label's colour */
    double coverage;         /* different pairs of types in valid pictures, over what so many drawn pairs would show */
    double entropy;          /* of the types of all quadrants, over that of 24 equally frequent ones */
    double out_of_range;     /* share of numbers outside [-1,1] */
    double pixels, features; /* sliced Wasserstein distances to data: distance.h */
    uint8_t *verdicts;       /* [count]: 1 = valid; the caller's */
} scores;

/* pictures [count][PICTURE], the label of picture i being i % COLOURS. verdicts [count] is written and kept. */
void scores_make(scores *s, const float *pictures, int64_t count, uint8_t *verdicts);

/* (b - c)/sqrt(b + c), b the pictures that are valid in a alone, c in b alone (McNemar, 1947); 0 where none differs. */
double scores_paired_z(const uint8_t *a, const uint8_t *b, int64_t count);

#endif
