/* method.h - what a method is: its name, formula and parameters, its checks, and its chain of steps. One file per
 * method, which ends in its rooms; table.c lists them all. Nothing outside this folder names a method: check, lower,
 * the command, the benchmark and the tests walk the table. */
#ifndef AG_METHOD_H
#define AG_METHOD_H

#include <stddef.h>

#include "../program/lower.h"

/* A method, or one kind of it. */
typedef struct ag_method_room {
    ag_method_info info;                 /* what ag_method_at() tells; its size is not set here */
    const ag_parameter_info *parameters; /* [info.parameter_count] */
    ag_status (*check)(const ag_problem *p, const ag_row *row, int64_t b,
                       ag_why why);           /* beyond ranges; NULL: nothing */
    int of_keys;                              /* it changes keys or values: context rows see that too */
    int (*changes)(const lower *l);           /* 0: this row is standard, whatever it is called; NULL: always 0 */
    int64_t (*bytes_per_kv_head)(lower *l);   /* workspace of the chain; NULL: next to none */
    void (*lower)(lower *l, head_list heads); /* the chain, for those chosen heads of one wave */
} ag_method_room;

/* Room number i in the order of the public enum, standard first; NULL past the last. There are at most 64. */
const ag_method_room *ag_method_number(int i);

/* Its number; -1: there is no such method, or no such kind. Methods without kinds are found whatever `kind` is. */
int ag_method_find(ag_method method, ag_kind kind);

/* The room's parameter at this place of ag_row or ag_row_args; NULL: it takes none there. */
const ag_parameter_info *ag_method_takes(const ag_method_room *room, const ag_parameter_info *place);

double ag_number_get(const ag_parameter_info *p, const void *place);
void ag_number_set(const ag_parameter_info *p, void *place, double value);

/* 0 or 1, whatever else is given. */
static inline int ag_is_switch(const ag_parameter_info *p) { return p->whole && p->least == 0 && p->most == 1; }

/* Nobody set it: it is at its default, or where its method would be standard. */
int ag_number_unset(const ag_parameter_info *p, double value);

/* AG_ERR_VALUE where the value is out of its range; `where` begins the sentence: "row 3: ". */
ag_status ag_number_check(const ag_parameter_info *p, double value, const char *method, const char *where, ag_why why);

/* A field of ag_row or of ag_row_args as the place of a parameter. */
#define AG_OF_ROW(field) .name = #field, .offset = offsetof(ag_row, field)
#define AG_OF_RUN(field) .name = #field, .offset = offsetof(ag_row_args, field), .at_run = 1

static inline int ag_has_context(const lower *l) { return l->r->n < l->p->n_k; }

/* A result that is already made (a copy, one row) and needs no softmax around it. */
static inline int ag_is_plain(const lower *l) { return !ag_has_context(l) && !l->r->ask.blend && !l->p->want_lse; }

/* Of ag_kept_rows() with `heads` query heads, of ag_image_keys() with one key head. */
static inline int64_t ag_kept_bytes(lower *l, int64_t heads, int64_t rows, int64_t width)
{
    return (int64_t)ag_size_of(l->kept) * ag_lower_product(l, heads, rows, width);
}

#endif
