/* random.h - random numbers that are the same on every machine: xoshiro256** (Blackman and Vigna, 2018), seeded by
 * splitmix64 from a seed and a stream, so that picture number i of a seed never depends on the others. */
#ifndef TINYDIFF_RANDOM_H
#define TINYDIFF_RANDOM_H

#include <stdint.h>

typedef struct generator {
    uint64_t state[4];
} generator;

void generator_seed(generator *g, uint64_t seed, uint64_t stream);
uint64_t generator_next(generator *g);

/* 0 .. n-1, each as likely. */
int generator_below(generator *g, int n);

/* Standard normal numbers, by pairs (Box and Muller). */
void generator_normals(generator *g, float *out, int count);

#endif
