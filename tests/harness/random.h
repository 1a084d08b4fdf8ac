/* random.h - the tests' own random numbers (splitmix64); nothing to do with what the library draws. */
#ifndef AG_TEST_RANDOM_H
#define AG_TEST_RANDOM_H

#include <stdint.h>

typedef struct random_state {
    uint64_t at;
} random_state;

uint64_t random_word(random_state *r);
int64_t random_below(random_state *r, int64_t n); /* 0 .. n-1 */
int random_chance(random_state *r, int one_in);
double random_between(random_state *r, double low, double high);

#endif
