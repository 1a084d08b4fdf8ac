/* sampler.h - pictures out of noise by a guided velocity, batch by batch on several threads. */
#ifndef TINYDIFF_SAMPLER_H
#define TINYDIFF_SAMPLER_H

#include "guide.h"

typedef struct sampling {
    const network *n, *early; /* early: NULL where the setting has no input A */
    const setting *s;
    const device *device; /* of the attention; NULL: the host */
    uint64_t seed;        /* of the noise: picture i begins from the same noise in every setting */
    int64_t first, count; /* pictures first .. first + count - 1 */
    int64_t batch;        /* pictures of one batch */
    int threads;
    bool no_fork;
    void (*progress)(void *arg, int64_t done); /* from any thread, one at a time; NULL: none */
    void *arg;
} sampling;

/* The label of picture i: each colour in turn. */
static inline int label_of(int64_t i) { return (int)(i % COLOURS); }

/* Time after step i of `steps`, 1 at 0 and 0 at the last: more steps where there is noise. */
double step_time(int i, int steps);

/* pictures [count][PICTURE]. False: why[AG_MESSAGE_SIZE] says what is wrong. */
bool sample(const sampling *what, float *pictures, char *why);

#endif
