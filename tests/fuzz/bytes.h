/* bytes.h - a fuzzer's input, taken from the front; zeros once it has run out. */
#ifndef AG_TEST_BYTES_H
#define AG_TEST_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct bytes {
    const uint8_t *at;
    size_t left;
} bytes;

static inline void bytes_copy(bytes *b, void *to, size_t n)
{
    const size_t have = n < b->left ? n : b->left;
    memset(to, 0, n);
    if (have) memcpy(to, b->at, have);
    b->at += have;
    b->left -= have;
}

static inline unsigned bytes_one(bytes *b)
{
    uint8_t x;
    bytes_copy(b, &x, 1);
    return x;
}

static inline int bytes_below(bytes *b, int n) { return (int)(bytes_one(b) % (unsigned)n); }

/* One byte for the numbers that arithmetic stumbles over, nine for any. */
static inline int64_t bytes_number(bytes *b)
{
    static const int64_t numbers[] = { 0,
                                       1,
                                       2,
                                       3,
                                       -1,
                                       -2,
                                       -3,
                                       7,
                                       16,
                                       31,
                                       255,
                                       9999,
                                       1 << 16,
                                       1 << 20,
                                       INT32_MAX,
                                       INT32_MIN,
                                       UINT32_MAX,
                                       (int64_t)1 << 32,
                                       (int64_t)1 << 60,
                                       (int64_t)1 << 61,
                                       (int64_t)1 << 62,
                                       INT64_MAX / 4,
                                       INT64_MAX / 2,
                                       INT64_MAX - 1,
                                       INT64_MAX,
                                       INT64_MIN,
                                       INT64_MIN + 1,
                                       -((int64_t)1 << 62) };
    enum { NUMBERS = sizeof numbers / sizeof *numbers };
    const unsigned which = bytes_one(b);
    int64_t any;
    if (which < 128) return numbers[which % NUMBERS];
    bytes_copy(b, &any, sizeof any);
    return any;
}

#endif
