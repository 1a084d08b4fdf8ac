/* npy_header.h - the dictionary at the head of a .npy file. */
#ifndef TOOLS_NPY_HEADER_H
#define TOOLS_NPY_HEADER_H

#include <stdint.h>

#include "npy.h"

typedef struct npy_header {
    char descr[16];
    bool fortran_order;
    int axes;
    int64_t extent[NPY_AXES];
} npy_header;

/* text [length], a Python dictionary with exactly the keys descr, fortran_order and shape, need not be ended. */
bool npy_header_parse(const char *text, size_t length, npy_header *header, fault *why);

#endif
