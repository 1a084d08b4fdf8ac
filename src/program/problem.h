/* problem.h - a problem after check: nothing is missing, defaults are filled in, ranges fit. Everything below check
 * trusts it. Also how a refusal is written.
 *
 * Glossary, for all of src/ and nowhere contradicted: b h i j t = output row, head, query, key, channel;
 * n_q n_k d d_v = extents; o n = first image token, number of image tokens; m w x = running maximum, weight, logit.
 * Strides count elements.
 */
/* clang-format off */
#ifndef AG_PROBLEM_H
#define AG_PROBLEM_H

#include "attnguide.h"

#define AG_ENTRIES(array) ((int32_t)(sizeof(array) / sizeof(*(array))))

/* The caller's buffer for one sentence. */
typedef struct ag_why {
    char  *text;
    size_t size;
} ag_why;

/* Write the sentence, return the status. */
ag_status ag_refuse(ag_why why, ag_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

typedef struct ag_struct {
    const char *name, *type; /* the caller's word for it, "ag_problem": ag_problem_init() fills it in */
} ag_struct;

/* A caller's struct, of this or another version's size, laid over `mine`, which holds the defaults. Fields beyond those
 * known here must be zero, as a field that is added later means its default where it is zero. */
ag_status ag_struct_take(void *mine, size_t my_size, const void *theirs, ag_struct is, ag_why why);

/* Entry i of a caller's array: all of its structs have the size of the first, which is how far apart they are. */
ag_status ag_struct_entry(void *mine, size_t my_size, const void *array, int64_t i, ag_struct is, ag_why why);

/* The same of an array that has been taken before. */
void ag_struct_read_entry(void *mine, size_t my_size, const void *array, int64_t i);

ag_status ag_take_problem(ag_problem *mine, const ag_problem *theirs, ag_why why);
ag_status ag_take_args(ag_args *mine, const ag_args *theirs, ag_why why);
ag_status ag_take_guidance_args(ag_guidance_args *mine, const ag_guidance_args *theirs, ag_why why);
ag_status ag_take_row_args(ag_row_args *mine, const ag_row_args *array, int64_t i, ag_why why);

/* Defaults into a caller's struct of any size, and its size into its first field. */
void ag_struct_hand_out(void *theirs, size_t size, const void *mine, size_t my_size);

/* The same into a struct that has been initialised: its first field is its size. */
ag_status ag_struct_tell(void *theirs, const void *mine, size_t my_size);

/* ---- Attention ---- */

typedef struct ag_row_checked {
    int64_t q_row, kv_row;             /* resolved; AG_ROW_NONE where not read */
    ag_row  ask;                       /* as requested, but: what its method does not use is at its default, switches
                                          are 0 or 1, heads is NULL, and rows, image and size are only here */
    int64_t o, n;                      /* image tokens [o, o+n) */
    int32_t method;                    /* its number in the table of methods; 0 = standard */
    int32_t heads_at;                  /* first byte of this row's head set in ag_checked.heads; -1 = all heads */
} ag_row_checked;

/* What a plan is for: attention, or, where combines is set, a combination of predictions. */
typedef struct ag_checked {
    int             combines;
    ag_place        place;
    int             device, workers;   /* workers: as requested, 0 = the context's threads */
    char            kernel[256];       /* forced kernels, separated by commas; "" = none */
    ag_problem      p;                 /* without borrowed pointers: rows and kernel are NULL here */
    ag_row_checked *rows;              /* [batch] */
    uint8_t        *heads;             /* head sets, one after the other */
    size_t          heads_size;
    ag_guidance     g;
} ag_checked;

/* The number of query 0 in steps, where it counts the whole sequence as the image's range does. Studies have no image:
 * theirs count from 0. */
static inline int64_t ag_first_query(const ag_problem *p) { return p->operation <= AG_BLUR ? p->q_offset : 0; }

#endif
