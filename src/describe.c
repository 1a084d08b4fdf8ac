/* describe.c - how a problem is described: defaults, layouts, names. Nothing here is judged; check.c does that. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "step.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

/* Saturates, so that check.c can name the extent instead of meeting a wrapped stride. */
static int64_t times(int64_t a, int64_t b)
{
    int64_t product;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

ag_layout ag_layout_bhnd(ag_dtype dtype, int64_t heads, int64_t tokens, int64_t width)
{
    return (ag_layout){ .dtype = dtype, .stride = { times(heads, times(tokens, width)), times(tokens, width), width } };
}

ag_layout ag_layout_bnhd(ag_dtype dtype, int64_t heads, int64_t tokens, int64_t width)
{
    return (ag_layout){ .dtype = dtype, .stride = { times(tokens, times(heads, width)), width, times(heads, width) } };
}

ag_layout ag_layout_fused(ag_dtype dtype, int64_t tokens, int64_t fused_width, int64_t head_stride)
{
    return (ag_layout){ .dtype = dtype, .stride = { times(tokens, fused_width), head_stride, fused_width } };
}

size_t ag_dtype_size(ag_dtype dtype)
{
    switch (dtype) {
    case AG_F32: return 4;
    case AG_F16:
    case AG_BF16: return 2;
    case AG_U8: return 1;
    case AG_NONE: break;
    }
    return 0;
}

void ag_row_init(ag_row *row, ag_method method)
{
    *row = (ag_row){
        .size = sizeof *row,
        .q_row = AG_ROW_SAME,
        .kv_row = AG_ROW_SAME,
        .method = method,
        .keep_parallel = 1,
        .draws = 1,
        .image_length = AG_ALL_TOKENS,
    };
}

void ag_problem_init(ag_problem *p, int64_t batch, int64_t heads, int64_t n_q, int64_t n_k, int64_t d)
{
    *p = (ag_problem){
        .size = sizeof *p,
        .batch = batch,
        .q_batch = batch,
        .kv_batch = batch,
        .heads = heads,
        .kv_heads = heads,
        .n_q = n_q,
        .n_k = n_k,
        .d = d,
        .d_v = d,
        .scale = 1 / sqrt((double)d),
        .q = ag_layout_bhnd(AG_F32, heads, n_q, d),
        .out = ag_layout_bhnd(AG_F32, heads, n_q, d),
        .k = ag_layout_bhnd(AG_F32, heads, n_k, d),
        .v = ag_layout_bhnd(AG_F32, heads, n_k, d),
        .key_mask_stride = { n_k, 1 },
        .bias_stride = { times(heads, times(n_q, n_k)), times(n_q, n_k), n_k, 1 },
        .global_n_q = n_q,
        .global_n_k = n_k,
        .wave_bytes = (size_t)64 << 20,
    };
}

void ag_image_init(ag_image *image, int64_t frames, int64_t height, int64_t width)
{
    *image = (ag_image){ .size = sizeof *image, .length = AG_ALL_TOKENS, .grid = { frames, height, width } };
}

void ag_row_args_init(ag_row_args *args)
{
    *args = (ag_row_args){ .size = sizeof *args, .strength = 1, .gain = 1, .mix = 1, .stream = AG_STREAM_DEFAULT };
}

void ag_args_init(ag_args *args, const void *q, const void *k, const void *v, void *out)
{
    *args = (ag_args){ .size = sizeof *args, .q = q, .k = k, .v = v, .out = out };
}

uint32_t ag_version(void) { return AG_VERSION_MAJOR << 16 | AG_VERSION_MINOR << 8 | AG_VERSION_PATCH; }

const char *ag_version_string(void)
{
    return TEXT(AG_VERSION_MAJOR) "." TEXT(AG_VERSION_MINOR) "." TEXT(AG_VERSION_PATCH);
}

const char *ag_status_string(ag_status status)
{
    switch (status) {
    case AG_OK: return "ok";
    case AG_ERR_NULL: return "a pointer that is needed is NULL";
    case AG_ERR_STRUCT: return "a struct has a size or fields this library does not know";
    case AG_ERR_TYPE: return "an enum value or element type is not allowed there";
    case AG_ERR_SHAPE: return "extents, ranges or grids do not fit";
    case AG_ERR_STRIDE: return "a stride is negative, overflows, or makes outputs overlap";
    case AG_ERR_VALUE: return "a number is out of its range";
    case AG_ERR_COMBINATION: return "the parts are valid, but not together";
    case AG_ERR_INDEX: return "an entry of an index or length array is out of range";
    case AG_ERR_WORKSPACE: return "the workspace is too small";
    case AG_ERR_ALIAS: return "out is an input or overlaps the workspace where that is not allowed";
    case AG_ERR_KERNEL: return "the kernel asked for does not exist or refuses the problem";
    case AG_ERR_UNAVAILABLE: return "the backend is not in this build or not usable on this machine";
    case AG_ERR_MEMORY: return "out of memory";
    case AG_ERR_DEVICE: return "the device failed";
    }
    return "unknown status";
}

ag_status ag_refuse(ag_why why, ag_status status, const char *format, ...)
{
    if (!why.text || !why.size) return status;
    va_list values;
    va_start(values, format);
    vsnprintf(why.text, why.size, format, values);
    va_end(values);
    return status;
}

ag_status ag_take_struct(void *mine, size_t my_size, const void *theirs, const char *name, ag_why why)
{
    if (!theirs) return ag_refuse(why, AG_ERR_NULL, "%s is NULL", name);
    size_t size;
    memcpy(&size, theirs, sizeof size);
    if (size < my_size)
        return ag_refuse(why, AG_ERR_STRUCT, "%s has size %zu, less than %zu: was its init function called?", name,
                         size, my_size);
    if (size > my_size + 4096)
        return ag_refuse(why, AG_ERR_STRUCT, "%s has size %zu, which no version has", name, size);
    for (size_t i = my_size; i < size; i++)
        if (((const unsigned char *)theirs)[i])
            return ag_refuse(why, AG_ERR_STRUCT, "%s uses fields this library, version %s, does not know", name,
                             ag_version_string());
    memcpy(mine, theirs, my_size);
    memcpy(mine, &my_size, sizeof my_size);
    return AG_OK;
}

ag_status ag_take_entry(void *mine, size_t my_size, const void *array, int64_t i, const char *name, ag_why why)
{
    size_t first, size;
    memcpy(&first, array, sizeof first);
    if (first < my_size) return ag_take_struct(mine, my_size, array, name, why);
    if (first % sizeof(int64_t)) /* the entries that follow would not be aligned */
        return ag_refuse(why, AG_ERR_STRUCT, "%s has size %zu, no multiple of %zu", name, first, sizeof(int64_t));
    const char *entry = (const char *)array + (size_t)i * first;
    memcpy(&size, entry, sizeof size);
    if (size == first) return ag_take_struct(mine, my_size, entry, name, why);
    return ag_refuse(why, AG_ERR_STRUCT, "%s has size %zu, but the first has %zu", name, size, first);
}
