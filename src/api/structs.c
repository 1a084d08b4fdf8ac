/* structs.c - how a problem is described: defaults, layouts, names. Nothing here is validated; check.c does that. */
#include <math.h>
#include <string.h>

#include "../program/problem.h"

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

/* ---- defaults ---- */

void ag_parameter_info_init_sized(void *info, size_t size)
{
    const ag_parameter_info mine = { .size = 0 };
    ag_struct_hand_out(info, size, &mine, sizeof mine);
}

void ag_row_init_sized(void *row, size_t size, ag_method method)
{
    const ag_row mine = {
        .q_row = AG_ROW_SAME,
        .kv_row = AG_ROW_SAME,
        .method = method,
        .keep_parallel = 1,
        .draws = 1,
        .image_length = AG_ALL_TOKENS,
        .sigma = AG_NOT_SET,
        .inverse_temperature = AG_NOT_SET,
        .probability = AG_NOT_SET,
        .amplitude = AG_NOT_SET,
        .power = 1.5,
    };
    ag_struct_hand_out(row, size, &mine, sizeof mine);
}

void ag_problem_init_sized(void *problem, size_t size, int64_t batch, int64_t heads, int64_t n_q, int64_t n_k,
                           int64_t d)
{
    const ag_problem mine = {
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
    ag_struct_hand_out(problem, size, &mine, sizeof mine);
}

void ag_image_init_sized(void *image, size_t size, int64_t frames, int64_t height, int64_t width)
{
    const ag_image mine = { .image_length = AG_ALL_TOKENS, .grid = { frames, height, width } };
    ag_struct_hand_out(image, size, &mine, sizeof mine);
}

/* More tokens than an int64 counts are refused like any grid that does not fit. */
void ag_row_picture(ag_row *row, int64_t offset, int64_t frames, int64_t height, int64_t width)
{
    row->image_offset = offset;
    row->image_length = times(frames, times(height, width));
    row->grid[0] = frames;
    row->grid[1] = height;
    row->grid[2] = width;
}

void ag_image_picture(ag_image *image, int64_t offset, int64_t frames, int64_t height, int64_t width)
{
    ag_row row;
    ag_row_picture(&row, offset, frames, height, width);
    image->image_offset = row.image_offset;
    image->image_length = row.image_length;
    memcpy(image->grid, row.grid, sizeof image->grid);
}

void ag_row_args_init_sized(void *args, size_t size)
{
    const ag_row_args mine = { .strength = 1, .gain = 1, .mix = 1, .random_stream = AG_STREAM_DEFAULT, .lambda = 2 };
    ag_struct_hand_out(args, size, &mine, sizeof mine);
}

void ag_args_init_sized(void *args, size_t size, const void *q, const void *k, const void *v, void *out)
{
    const ag_args mine = { .q = q, .k = k, .v = v, .out = out };
    ag_struct_hand_out(args, size, &mine, sizeof mine);
}

void ag_executor_init_sized(void *executor, size_t size, void *host, ag_parallel_for parallel_for)
{
    const ag_executor mine = { .host = host, .parallel_for = parallel_for };
    ag_struct_hand_out(executor, size, &mine, sizeof mine);
}

void ag_kernel_info_init_sized(void *info, size_t size)
{
    const ag_kernel_info mine = { .size = 0 };
    ag_struct_hand_out(info, size, &mine, sizeof mine);
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
    case AG_ERR_NULL: return "a required pointer is NULL";
    case AG_ERR_STRUCT: return "a struct has a size or fields this library does not know";
    case AG_ERR_TYPE: return "an enum value or element type is not allowed there";
    case AG_ERR_SHAPE: return "extents, ranges or grids do not fit";
    case AG_ERR_STRIDE: return "a stride or an address does not fit the elements";
    case AG_ERR_VALUE: return "a number is out of its range";
    case AG_ERR_COMBINATION: return "the parts are valid, but not together, or one is not used";
    case AG_ERR_INDEX: return "an entry of an index or length array is out of range";
    case AG_ERR_WORKSPACE: return "the workspace is too small";
    case AG_ERR_ALIAS: return "what is written overlaps something else where that is not allowed";
    case AG_ERR_KERNEL: return "the requested kernel does not exist or refuses the problem";
    case AG_ERR_UNAVAILABLE: return "the backend is not in this build or not usable on this machine";
    case AG_ERR_MEMORY: return "out of memory";
    case AG_ERR_DEVICE: return "the device failed";
    }
    return "unknown status";
}
