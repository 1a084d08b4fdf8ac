/* array.h - the tests' own reader of .npy files. It shares nothing with that of tools/, which what the command writes
 * is judged beside: what both misread alike would pass. */
#ifndef AG_TEST_ARRAY_H
#define AG_TEST_ARRAY_H

#include <stdint.h>

enum { ARRAY_AXES = 4 };

/* A .npy file of version 1: float32 '<f4', int32 '<i4' or bytes '|u1', in C order, of at least one axis. */
typedef struct array {
    char type; /* 'f', 'i', 'u' */
    int rank;
    int64_t shape[ARRAY_AXES];
    int64_t count;
    void *data; /* NULL: there is no such file */
} array;

/* Fills a; NULL, or what is wrong with the file, and then a has no data. */
const char *array_read(const char *path, array *a);

#endif
