/* npy.c - NumPy's array files, read strictly and written. Both platforms of this project are little-endian. */
#include "npy.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../src/halves.h"
#include "npy_header.h"

#define LONGEST_HEADER 65536 /* NumPy's own headers of simple arrays take 118 bytes */

/* Conversions in place. Narrowing, element i is written where elements <= i were read; widening begins at the end. */

static bool narrow_reals(npy_array *array, fault *why)
{
    unsigned char *bytes = array->data;
    for (size_t i = 0; i < array->count; i++) {
        double wide;
        memcpy(&wide, bytes + 8 * i, sizeof wide);
        if (isfinite(wide) && fabs(wide) > (double)FLT_MAX)
            return fault_set(why, "its value %g does not fit float32", wide);
        float value = (float)wide;
        memcpy(bytes + 4 * i, &value, sizeof value);
    }
    return true;
}

static bool narrow_integers(npy_array *array, fault *why)
{
    unsigned char *bytes = array->data;
    for (size_t i = 0; i < array->count; i++) {
        int64_t wide;
        memcpy(&wide, bytes + 8 * i, sizeof wide);
        if (wide < INT32_MIN || wide > INT32_MAX)
            return fault_set(why, "its value %" PRId64 " does not fit int32", wide);
        int32_t value = (int32_t)wide;
        memcpy(bytes + 4 * i, &value, sizeof value);
    }
    return true;
}

static bool widen_halves(npy_array *array, fault *why)
{
    (void)why; /* every half has its float32 */
    unsigned char *bytes = array->data;
    for (size_t i = array->count; i-- > 0;) {
        uint16_t half;
        memcpy(&half, bytes + 2 * i, sizeof half);
        float value = ag_from_half(half);
        memcpy(bytes + 4 * i, &value, sizeof value);
    }
    return true;
}

typedef struct npy_kind {
    const char *descr;
    npy_type type;
    size_t size;                                   /* bytes of an element in the file */
    bool (*convert)(npy_array *array, fault *why); /* to its type; NULL: it is of that */
} npy_kind;

static const npy_kind kinds[] = {
    { "<f4", NPY_F32, 4, NULL }, { "<f8", NPY_F32, 8, narrow_reals },    { "<f2", NPY_F32, 2, widen_halves },
    { "<i4", NPY_I32, 4, NULL }, { "<i8", NPY_I32, 8, narrow_integers }, { "|u1", NPY_U8, 1, NULL },
    { "|b1", NPY_U8, 1, NULL },
};

static const npy_kind *kind_find(const char *descr)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (!strcmp(descr, kinds[i].descr)) return &kinds[i];
    return NULL;
}

/* Magic, version, length of the header, header. */
static bool read_header(FILE *file, npy_header *header, fault *why)
{
    unsigned char start[12];
    const size_t found = fread(start, 1, 10, file);
    if (found == 10 && memcmp(start, "PK\3\4", 4) == 0)
        return fault_set(why, "it is an .npz archive, not an .npy file: unzip it, or save the array by itself");
    if (found != 10 || memcmp(start, "\x93NUMPY", 6) != 0) return fault_set(why, "it is not an .npy file");
    if (start[6] < 1 || start[6] > 3 || start[7] != 0)
        return fault_set(why, "its format version %d.%d is not 1.0, 2.0 or 3.0", start[6], start[7]);
    if (start[6] > 1 && fread(start + 10, 1, 2, file) != 2) return fault_set(why, "it ends within its header");

    uint32_t length = start[8] | (uint32_t)start[9] << 8;
    if (start[6] > 1) length |= (uint32_t)start[10] << 16 | (uint32_t)start[11] << 24;
    if (length > LONGEST_HEADER) return fault_set(why, "its header of %" PRIu32 " bytes is too long", length);

    char *text = malloc(LONGEST_HEADER);
    if (text == NULL) return fault_set(why, "there is no memory for its header");
    bool good = fread(text, 1, length, file) == length;
    good = good ? npy_header_parse(text, length, header, why) : fault_set(why, "it ends within its header");
    free(text);
    return good;
}

static bool count_elements(const npy_header *header, size_t *count)
{
    *count = 1;
    for (int axis = 0; axis < header->axes; axis++)
        if (__builtin_mul_overflow(*count, (size_t)header->extent[axis], count)) return false;
    return true;
}

/* The bytes of data, judged before anything of that size is allocated. */
static bool measure(FILE *file, const npy_header *header, const npy_kind *kind, npy_array *array, fault *why)
{
    size_t bytes;
    if (!count_elements(header, &array->count) || __builtin_mul_overflow(array->count, kind->size, &bytes))
        return fault_set(why, "its shape is too large");

    struct stat status;
    long here = ftell(file);
    if (here < 0 || fstat(fileno(file), &status) != 0)
        return fault_set(why, "it cannot be measured: %s", strerror(errno));
    size_t present = status.st_size > here ? (size_t)(status.st_size - here) : 0;
    if (present < bytes)
        return fault_set(why, "it is truncated: %zu bytes of data where its shape needs %zu", present, bytes);
    if (present > bytes) return fault_set(why, "it has %zu bytes after its data", present - bytes);
    return true;
}

/* What NumPy calls the types that are read. */
#define TYPES "float16, float32, float64, int32, int64, uint8 or bool"

static bool refuse_type(const char *descr, fault *why)
{
    if (descr[0] == '>') return fault_set(why, "its elements '%s' are big-endian, not little-endian", descr);
    return fault_set(why, "its element type '%s' is none of " TYPES, descr);
}

/* Bytes in memory: those of the file while they are read, those of the type afterwards. */
static size_t element_size(const npy_kind *kind)
{
    const size_t after = kind->type == NPY_U8 ? 1 : 4;
    return kind->size > after ? kind->size : after;
}

static bool read_open(FILE *file, npy_array *array, fault *why)
{
    npy_header header = { 0 };
    if (!read_header(file, &header, why)) return false;
    if (header.fortran_order)
        return fault_set(why, "it is in Fortran order, not C order: save numpy.ascontiguousarray(a)");
    const npy_kind *kind = kind_find(header.descr);
    if (kind == NULL) return refuse_type(header.descr, why);
    if (!measure(file, &header, kind, array, why)) return false;

    array->type = kind->type;
    array->axes = header.axes;
    memcpy(array->extent, header.extent, sizeof array->extent);
    size_t bytes;
    if (__builtin_mul_overflow(array->count, element_size(kind), &bytes))
        return fault_set(why, "its shape is too large");
    array->data = malloc(bytes + 1); /* + 1: an empty array has data, too */
    if (array->data == NULL) return fault_set(why, "there is no memory for its %zu elements", array->count);
    if (fread(array->data, kind->size, array->count, file) != array->count)
        return fault_set(why, "it cannot be read: %s", ferror(file) ? strerror(errno) : "it shrank meanwhile");
    return kind->convert != NULL ? kind->convert(array, why) : true;
}

static FILE *open_regular(const char *path, fault *why)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        fault_set(why, "%s", strerror(errno));
        return NULL;
    }
    if (!S_ISREG(status.st_mode)) { /* a pipe would block, a device might never end */
        fault_set(why, "it is not a regular file");
        return NULL;
    }
    FILE *file = fopen(path, "rb");
    if (file == NULL) fault_set(why, "%s", strerror(errno));
    return file;
}

bool npy_read(const char *path, npy_array *array, fault *why)
{
    fault reason;
    *array = (npy_array){ 0 };
    FILE *file = open_regular(path, &reason);
    bool good = file != NULL && read_open(file, array, &reason);
    if (file != NULL) fclose(file);
    if (good) return true;
    npy_free(array);
    return fault_set(why, "%s: %s", path, reason.text);
}

bool npy_read_as(const char *path, npy_type type, npy_array *array, fault *why)
{
    static const char *const names[] = {
        [NPY_F32] = "float32, float16 or float64", [NPY_I32] = "int32 or int64", [NPY_U8] = "uint8 or bool"
    };
    if (!npy_read(path, array, why)) return false;
    return array->type == type ? true : fault_set(why, "%s: its elements are not %s", path, names[type]);
}

/* (2, 3), and of one axis (2,), as Python writes them. Returns the length. */
static size_t format_shape(char *text, size_t size, int axes, const int64_t *extent)
{
    size_t length = (size_t)snprintf(text, size, "(");
    for (int axis = 0; axis < axes; axis++) {
        const char *after = axis + 1 < axes ? ", " : axes == 1 ? "," : "";
        length += (size_t)snprintf(text + length, size - length, "%" PRId64 "%s", extent[axis], after);
    }
    return length + (size_t)snprintf(text + length, size - length, ")");
}

npy_shape npy_shape_of(const npy_array *array)
{
    npy_shape shape;
    format_shape(shape.text, sizeof shape.text, array->axes, array->extent);
    return shape;
}

void npy_free(npy_array *array)
{
    free(array->data);
    *array = (npy_array){ 0 };
}

/* Version 1 header, padded so that the data begins on a multiple of 64 bytes, as NumPy does. Returns its length. */
static size_t format_header(char *text, size_t size, int axes, const int64_t *extent)
{
    size_t length = (size_t)snprintf(text, size, "{'descr': '<f4', 'fortran_order': False, 'shape': ");
    length += format_shape(text + length, size - length, axes, extent);
    length += (size_t)snprintf(text + length, size - length, ", }");
    while ((10 + length + 1) % 64 != 0) text[length++] = ' ';
    text[length++] = '\n';
    return length;
}

bool npy_write(const char *path, const float *data, int axes, const int64_t *extent, fault *why)
{
    char header[512]; /* 8 axes of at most 19 digits, the words around them, the padding */
    size_t length = format_header(header, sizeof header, axes, extent), count = 1;
    for (int axis = 0; axis < axes; axis++) count *= (size_t)extent[axis];

    FILE *file = fopen(path, "wb");
    if (file == NULL) return fault_set(why, "%s cannot be written: %s", path, strerror(errno));
    unsigned char start[10] = { 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, length & 255, (unsigned char)(length >> 8) };
    bool good = fwrite(start, 1, sizeof start, file) == sizeof start && fwrite(header, 1, length, file) == length &&
                fwrite(data, sizeof *data, count, file) == count;
    good = fclose(file) == 0 && good;
    return good ? true : fault_set(why, "%s cannot be written: %s", path, strerror(errno));
}
