/* qualified.h - the list of kernels that passed, src/cuda/qualified.h, renewed from the records. */
#ifndef AG_GPU_QUALIFIED_H
#define AG_GPU_QUALIFIED_H

#include "results.h"

/* Writes `to`: the rows of `from` (NULL: none) for other architectures, and of this one every kernel that passed.
 * Nonzero: it could not be read or written. */
int qualified_write(const results *all, const char *from, const char *to);

#endif
