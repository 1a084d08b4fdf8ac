/* random.c - see random.h. */
#include "random.h"

uint64_t random_word(random_state *r)
{
    uint64_t z = (r->at += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

int64_t random_below(random_state *r, int64_t n) { return (int64_t)(random_word(r) >> 1) % n; }

int random_chance(random_state *r, int one_in) { return random_below(r, one_in) == 0; }

double random_between(random_state *r, double low, double high)
{
    return low + (high - low) * (double)(random_word(r) >> 11) * 0x1p-53;
}
