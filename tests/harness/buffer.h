/* buffer.h - memory that ends at a page nobody may touch, filled with NaN in every type. */
#ifndef AG_TEST_BUFFER_H
#define AG_TEST_BUFFER_H

#include <stddef.h>

typedef struct buffer {
    unsigned char *data; /* size bytes; less than `align` bytes behind them lies the guard page */
    size_t size;
    unsigned char *pages; /* the whole mapping between two guard pages */
    size_t pages_size;
} buffer;

/* Bytes left free before the guard page: 0, but some emulators read more than the instructions that they emulate. */
extern size_t buffer_slack;

/* Told of every buffer from now on, with its pages; NULL (to begin with): nobody. */
extern void (*buffer_opened)(const void *at, size_t bytes);
extern void (*buffer_closed)(const void *at);

/* 0, or nonzero where there is no memory. align is a power of two. */
int buffer_open(buffer *b, size_t size, size_t align);
void buffer_close(buffer *b);

/* From here on any write is a crash. */
void buffer_seal(buffer *b);

/* Every byte, those around the data too, is still poison. */
int buffer_is_poison(const buffer *b);
void buffer_poison(buffer *b);

#endif
