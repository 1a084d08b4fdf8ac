/* check.h - what the files that validate have in common: names of values, addresses, memory that overlaps. */
/* clang-format off */
#ifndef AG_CHECK_H
#define AG_CHECK_H

#include "plan.h"

/* ---- names.c ---- */

struct ag_method_room;

/* The name of a value, "number 9" where there is none. */
typedef struct ag_name {
    char text[40];
} ag_name;

ag_name ag_type_name(ag_dtype type);
ag_name ag_operation_name(ag_operation operation);
ag_name ag_method_name(ag_method method);
ag_name ag_kind_name(ag_kind kind);
ag_name ag_operation_methods(ag_operation operation);
ag_name ag_room_name(const struct ag_method_room *room);
ag_name ag_rule_name(ag_rule rule);

/* ---- overlap.c ---- */

enum { AG_REGION_AXES = 4 };

/* Memory as `width` bytes at `at`, repeated along axes; strides count bytes and are not negative. */
typedef struct ag_region {
    const char *name;
    const void *at;             /* NULL: there is none */
    int         axes;
    int64_t     extent[AG_REGION_AXES], stride[AG_REGION_AXES], width;
} ag_region;

/* n elements in a row. */
ag_region ag_region_packed(const char *name, const void *at, int64_t n, size_t element);

/* [rows, heads, tokens, width] of a layout. */
ag_region ag_region_tensor(const char *name, const void *at, const ag_layout *l, const int64_t extent[4]);

/* AG_ERR_ALIAS where the two share a byte, or cannot be shown not to. */
ag_status ag_check_apart(const ag_region *written, const ag_region *other, ag_why why);

/* AG_ERR_STRIDE where the address is no multiple of an element. NULL is one. */
ag_status ag_check_address(const char *name, const void *at, size_t element, ag_why why);

/* ---- the rest of what validates ---- */

ag_status ag_check_rows(const ag_problem *p, ag_checked *checked, ag_why why);
/* What a run is given beside its arrays. */
typedef struct ag_runner {
    const ag_executor *executor;
    const void        *stream;
    const char        *stream_name;
} ag_runner;

ag_status ag_check_runner(const ag_plan *plan, const ag_runner *by, ag_why why);

/* Tensors, workspace, and what overlaps, of a run that attends. */
ag_status ag_check_memory(const ag_plan *plan, const ag_args *a, ag_why why);

/* The plan's workspace is there and large enough; what of it is used. */
ag_status ag_check_workspace(const ag_plan *plan, const void *workspace, size_t size, ag_region *used, ag_why why);

#endif
