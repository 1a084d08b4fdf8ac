/* take.c - structs of callers, whatever version of the header they were built with: taken in, and given back. Also a
 * part of the CUDA plugin. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "backend.h"

ag_status ag_refuse(ag_why why, ag_status status, const char *format, ...)
{
    if (!why.text || !why.size) return status;
    va_list values;
    va_start(values, format);
    vsnprintf(why.text, why.size, format, values);
    va_end(values);
    return status;
}

/* ---- given back ---- */

void ag_struct_hand_out(void *theirs, size_t size, const void *mine, size_t my_size)
{
    memset(theirs, 0, size);
    memcpy(theirs, mine, size < my_size ? size : my_size);
    memcpy(theirs, &size, sizeof size);
}

ag_status ag_struct_tell(void *theirs, const void *mine, size_t my_size)
{
    size_t size;
    memcpy(&size, theirs, sizeof size);
    if (size < 2 * sizeof size) return AG_ERR_STRUCT;
    ag_struct_hand_out(theirs, size, mine, my_size);
    return AG_OK;
}

/* ---- taken in ---- */

/* Of a struct that was filled in by hand or not at all, and not by its init function. None ends within a pointer. */
static int is_no_size(size_t size, size_t my_size)
{
    return size < 2 * sizeof size || size > my_size + 4096 || size % sizeof(void *);
}

/* What an older header does not have stays at the default. */
static void lay_over(void *mine, size_t my_size, const void *theirs, size_t size)
{
    memcpy(mine, theirs, size < my_size ? size : my_size);
    memcpy(mine, &my_size, sizeof my_size);
}

ag_status ag_struct_take(void *mine, size_t my_size, const void *theirs, ag_struct is, ag_why why)
{
    if (!theirs) return ag_refuse(why, AG_ERR_NULL, "%s is NULL", is.name);
    size_t size;
    memcpy(&size, theirs, sizeof size);
    if (is_no_size(size, my_size))
        return ag_refuse(why, AG_ERR_STRUCT,
                         "%s.size is %zu, but an %s has %zu bytes: %s_init() has to be called first", is.name, size,
                         is.type, my_size, is.type);
    for (size_t i = my_size; i < size; i++)
        if (((const unsigned char *)theirs)[i])
            return ag_refuse(why, AG_ERR_STRUCT,
                             "%s uses fields of a newer %s than this library, version %d.%d.%d, knows", is.name,
                             is.type, AG_VERSION_MAJOR, AG_VERSION_MINOR, AG_VERSION_PATCH);
    lay_over(mine, my_size, theirs, size);
    return AG_OK;
}

ag_status ag_struct_entry(void *mine, size_t my_size, const void *array, int64_t i, ag_struct is, ag_why why)
{
    size_t first, size;
    char name[48];
    memcpy(&first, array, sizeof first);
    const char *entry = (const char *)array + (size_t)i * first;
    if (first == my_size && !memcmp(entry, &my_size, sizeof my_size)) {
        memcpy(mine, entry, my_size); /* as good as always, and in every run: no sentence is made ready */
        return AG_OK;
    }
    snprintf(name, sizeof name, "%s[%lld]", is.name, (long long)i);
    is.name = name;
    if (is_no_size(first, my_size)) return ag_struct_take(mine, my_size, array, is, why);
    if (first % sizeof(int64_t)) /* the entries that follow would not be aligned */
        return ag_refuse(why, AG_ERR_STRUCT, "%s.size is %zu, no multiple of %zu", name, first, sizeof(int64_t));
    memcpy(&size, entry, sizeof size);
    if (size == first) return ag_struct_take(mine, my_size, entry, is, why);
    return ag_refuse(why, AG_ERR_STRUCT, "%s.size is %zu, but that of entry 0 is %zu: all entries must have one size",
                     name, size, first);
}

void ag_struct_read_entry(void *mine, size_t my_size, const void *array, int64_t i)
{
    size_t size;
    memcpy(&size, array, sizeof size);
    lay_over(mine, my_size, (const char *)array + (size_t)i * size, size);
}

ag_status ag_take_problem(ag_problem *mine, const ag_problem *theirs, ag_why why)
{
    const ag_struct is = { "problem", "ag_problem" };
    ag_problem_init(mine, 1, 1, 1, 1, 1);
    const ag_status s = ag_struct_take(mine, sizeof *mine, theirs, is, why);
    if (s || theirs->size >= sizeof *mine) return s;
    const ag_problem known = *mine; /* defaults of what an older header lacks follow its extents */
    ag_problem_init(mine, known.batch, known.heads, known.n_q, known.n_k, known.d);
    return ag_struct_take(mine, sizeof *mine, theirs, is, why);
}

ag_status ag_take_args(ag_args *mine, const ag_args *theirs, ag_why why)
{
    ag_args_init(mine, NULL, NULL, NULL, NULL);
    return ag_struct_take(mine, sizeof *mine, theirs, (ag_struct){ "args", "ag_args" }, why);
}

ag_status ag_take_row_args(ag_row_args *mine, const ag_row_args *array, int64_t i, ag_why why)
{
    ag_row_args_init(mine);
    return ag_struct_entry(mine, sizeof *mine, array, i, (ag_struct){ "args.rows", "ag_row_args" }, why);
}

/* ---- values of an output row, with defaults filled in ---- */

ag_row_args ag_row_values(const ag_bound *run, int64_t b)
{
    ag_row_args row;
    ag_row_args_init(&row);
    if (run->args->row_count) {
        const int64_t i = run->args->row_count > 1 ? b : 0;
        ag_struct_read_entry(&row, sizeof row, run->args->rows, i);
    }
    if (row.random_stream == AG_STREAM_DEFAULT) row.random_stream = ag_default_stream(b, run->c->p.row_offset);
    return row;
}
