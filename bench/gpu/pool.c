/* pool.c - random tensors on the device: pieces of one pool, each tensor beginning elsewhere in it. */
#include <stdint.h>
#include <stdlib.h>

#include "../../tests/device/device.h"
#include "../../tests/oracle/number.h"
#include "timing.h"

static unsigned char *pool[3];
static size_t pool_count;

static int slot(ag_dtype type) { return type == AG_F32 ? 0 : type == AG_F16 ? 1 : 2; }

/* Sums of three uniform numbers in about [-3, 3], as trained models' queries and keys spread. */
static double next(uint64_t *state)
{
    double sum = -1.5;
    for (int i = 0; i < 3; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        sum += (double)(*state >> 40) * 0x1p-24;
    }
    return 2 * sum;
}

int pool_make(int small)
{
    static const ag_dtype types[3] = { AG_F32, AG_F16, AG_BF16 };
    uint64_t state = 1;
    pool_count = small ? 10007 : 4000037; /* primes: no two tensors hold the same rows */
    for (int t = 0; t < 3; t++)
        if (!(pool[t] = malloc(pool_count * number_size(types[t])))) return 1;
    for (size_t i = 0; i < pool_count; i++) {
        const double x = next(&state);
        for (int t = 0; t < 3; t++) number_write(types[t], pool[t], (int64_t)i, x);
    }
    return 0;
}

void pool_free(void)
{
    for (int t = 0; t < 3; t++) free(pool[t]);
}

void *pool_tensor(ag_dtype type, size_t count, int seed)
{
    const size_t size = number_size(type);
    unsigned char *memory = device_take(count * size);
    size_t from = (size_t)seed * 104729 % pool_count;
    for (size_t at = 0; memory && at < count;) {
        const size_t here = count - at < pool_count - from ? count - at : pool_count - from;
        if (device_write(memory + at * size, pool[slot(type)] + from * size, here * size)) return NULL;
        at += here;
        from = 0;
    }
    return memory;
}
