/* case_files.c - the arrays of a case. Only what the library cannot see is validated here: that files fit together. */
#include "case_files.h"

#include <inttypes.h>
#include <string.h>

#include "half.h"

static bool read_tensor(const char *path, ag_dtype dtype, npy_array *array, fault *why)
{
    if (path == NULL) return true;
    if (!npy_read_as(path, NPY_F32, array, why)) return false;
    if (array->axes != 4)
        return fault_set(why, "%s: it has %d dimensions, not 4: batch, heads, tokens, width", path, array->axes);
    if (array->count == 0) /* below, every product of extents is bounded by the file's size */
        return fault_set(why, "%s: it has no elements", path);
    half_convert(array->data, array->count, dtype);
    return true;
}

static bool fits(const npy_array *a, const npy_array *b, int axis, const char *names, fault *why)
{
    static const char *const axes[] = { "batch rows", "heads", "tokens", "channels" };
    if (a->extent[axis] == b->extent[axis]) return true;
    return fault_set(why, "%s do not fit: %" PRId64 " and %" PRId64 " %s", names, a->extent[axis], b->extent[axis],
                     axes[axis]);
}

static bool tensors_fit(const case_files *files, fault *why)
{
    if (files->k.data == NULL) return true;
    if (!fits(&files->q, &files->k, 0, "q and k", why) || !fits(&files->q, &files->k, 3, "q and k", why)) return false;
    for (int axis = 0; files->v.data != NULL && axis < 3; axis++)
        if (!fits(&files->k, &files->v, axis, "k and v", why)) return false;
    return true;
}

static bool mask_fits(const case_files *files, fault *why)
{
    const npy_array *mask = &files->mask, *keys = files->k.data != NULL ? &files->k : &files->q;
    if (mask->data == NULL) return true;
    if (mask->axes == 2 && mask->extent[1] == keys->extent[2] &&
        (mask->extent[0] == 1 || mask->extent[0] == files->q.extent[0]))
        return true;
    return fault_set(why, "the mask is %s, not (%" PRId64 ", %" PRId64 "): batch rows, keys", npy_shape_of(mask).text,
                     files->q.extent[0], keys->extent[2]);
}

static bool bias_fits(const case_files *files, fault *why)
{
    const npy_array *bias = &files->bias, *q = &files->q, *k = files->k.data != NULL ? &files->k : &files->q;
    const int64_t whole[4] = { q->extent[0], q->extent[1], q->extent[2], k->extent[2] };
    bool good = bias->data == NULL || bias->axes == 4;
    for (int axis = 0; good && bias->data != NULL && axis < 4; axis++)
        good = bias->extent[axis] == 1 || bias->extent[axis] == whole[axis];
    if (good) return true;
    return fault_set(why,
                     "the bias is %s, not (%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 ") or 1 in place of any",
                     npy_shape_of(bias).text, whole[0], whole[1], whole[2], whole[3]);
}

/* Where values are drawn, [batch rows, image tokens, draws]; a permutation is [image tokens]. */
static bool index_fits(const options *o, const case_files *files, fault *why)
{
    ag_method_info method;
    ag_parameter_info draws;
    const int number = method_number(o->op->method, o->row.kind);
    const npy_array *index = &files->index;
    int64_t n = o->image_length == AG_ALL_TOKENS ? files->q.extent[2] - o->image_offset : o->image_length;
    if (index->data == NULL) return true;
    if (!method_at(number, &method) || !(method.takes & AG_TAKES_INDEX))
        return fault_set(why, "%s takes no index", o->op->name);
    if (!parameter_find(number, "draws", &draws))
        return index->axes == 1 && index->extent[0] == n
                   ? true
                   : fault_set(why, "the index is %s, not (%" PRId64 ",): image tokens", npy_shape_of(index).text, n);
    if (index->axes != 3 || index->extent[0] != files->q.extent[0] || index->extent[1] != n)
        return fault_set(why, "the index is %s, not (%" PRId64 ", %" PRId64 ", draws): batch rows, image tokens, draws",
                         npy_shape_of(index).text, files->q.extent[0], n);
    if (index->extent[2] > INT32_MAX || (o->row.draws != DRAWS_UNTOLD && index->extent[2] != o->row.draws))
        return fault_set(why, "the index has %" PRId64 " draws, but draws is %" PRId32, index->extent[2], o->row.draws);
    return true;
}

static bool read_optional(const char *path, npy_type type, npy_array *array, fault *why)
{
    return path == NULL || npy_read_as(path, type, array, why);
}

/* A bias of uint8 hides where it is 0, one of float32 is added. */
static bool read_bias(const char *path, npy_array *bias, fault *why)
{
    if (path == NULL) return true;
    if (!npy_read(path, bias, why)) return false;
    return bias->type != NPY_I32 ? true : fault_set(why, "%s: its elements are not float32, uint8 or bool", path);
}

bool case_files_read(const options *o, case_files *files, fault *why)
{
    unsigned needs = o->op->needs;
    *files = (case_files){ 0 };
    return read_tensor(o->q, o->dtype, &files->q, why) &&
           read_tensor(needs & AG_NEEDS_K ? o->k : NULL, o->dtype, &files->k, why) &&
           read_tensor(needs & AG_NEEDS_V ? o->v : NULL, o->dtype, &files->v, why) &&
           read_bias(o->bias, &files->bias, why) && read_optional(o->mask, NPY_U8, &files->mask, why) &&
           read_optional(o->index, NPY_I32, &files->index, why) && tensors_fit(files, why) && mask_fits(files, why) &&
           bias_fits(files, why) && index_fits(o, files, why);
}

void case_files_free(case_files *files)
{
    npy_array *arrays[] = { &files->q, &files->k, &files->v, &files->bias, &files->mask, &files->index };
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) npy_free(arrays[i]);
}
