/* files.h - files of weights for the tests. */
#ifndef TESTS_TINYDIFF_FILES_H
#define TESTS_TINYDIFF_FILES_H

#include <stddef.h>

/* Bytes of a .safetensors file with that header and so many bytes of data, from malloc. */
unsigned char *file_of(const char *header, size_t data, size_t *size);

/* Writes a network with random weights: patch 4 or 2, so many context tokens, 3 layers, width 32, 2 heads. */
void write_network(const char *path, int patch, int context);

#endif
