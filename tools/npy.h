/* npy.h - NumPy's array files, read strictly and written.
 *
 * Read: format versions 1 to 3, C order, little-endian float32, float16 and float64 (converted to float32), int32 and
 * int64 (converted to int32), uint8 and bool (alike), up to NPY_AXES axes. A value that does not fit is refused. The
 * size of the file must be exactly what its header says. A file that is anything else gives one sentence; no file,
 * however made, is trusted with an allocation larger than twice itself.
 */
#ifndef TOOLS_NPY_H
#define TOOLS_NPY_H

#include <stddef.h>
#include <stdint.h>

#include "fault.h"

#define NPY_AXES 8

typedef enum npy_type { NPY_F32, NPY_I32, NPY_U8 } npy_type;

typedef struct npy_array {
    npy_type type;
    int axes;
    int64_t extent[NPY_AXES];
    size_t count; /* elements: the product of the extents */
    void *data;   /* NULL: no array */
} npy_array;

/* False: why says what is wrong, beginning with the path, and array is empty. */
bool npy_read(const char *path, npy_array *array, fault *why);

/* The same, and false where the elements are of another type; array then holds them. */
bool npy_read_as(const char *path, npy_type type, npy_array *array, fault *why);

/* The extents as NumPy writes them: (2, 3). */
typedef struct npy_shape {
    char text[NPY_AXES * 22]; /* of 19 digits each */
} npy_shape;
npy_shape npy_shape_of(const npy_array *array);

/* Frees the data and empties the array. */
void npy_free(npy_array *array);

/* data float32, extent[axes]. */
bool npy_write(const char *path, const float *data, int axes, const int64_t *extent, fault *why);

#endif
