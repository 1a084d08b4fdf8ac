/* half.h - arrays of float32 as arrays of the two 16-bit formats. */
#ifndef TOOLS_HALF_H
#define TOOLS_HALF_H

#include <stddef.h>

#include "attnguide.h"

/* `count` elements of float32 become 16-bit ones in place; AG_F32 leaves them. */
void half_convert(void *data, size_t count, ag_dtype dtype);

#endif
