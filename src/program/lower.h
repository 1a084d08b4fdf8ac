/* lower.h - between lower.c (rows, waves), ../methods (a chain of steps each) and emit.c (the program being built). */
/* clang-format off */
#ifndef AG_LOWER_H
#define AG_LOWER_H

#include "step.h"

typedef struct lower {
    const ag_checked     *c;
    const ag_problem     *p;
    const ag_row_checked *r;
    ag_row_checked        plain;           /* the row as a standard one, where its method changes nothing */
    ag_program           *out;
    ag_step               spare;
    int64_t               b, group;        /* output row; query heads per key/value head */
    ag_span               image;           /* image tokens of the row whose queries are here */
    int64_t               kv_from, kv_to;  /* key/value heads of this wave */
    int                   base;            /* first phase of this wave */
    int64_t               taken;           /* workspace bytes of this wave */
    ag_status             status;
    ag_dtype              kept;            /* type of queries, values and rows in the workspace that attend reads or
                                              writes: float32, or that of the tensors, see ag_lower() */
} lower;

typedef struct head_list {
    const int32_t *at;
    int64_t        n;
} head_list;

/* [(heads_to - heads_from) / group, rows, width] of `type`, float32 if it is none; rows are numbered from `first`. */
typedef struct work_shape {
    int64_t  heads_from, heads_to, group, first, rows, width;
    ag_dtype type;
} work_shape;

typedef struct blur_refs {
    ag_ref  src, dst;
    int64_t dst_o;
    int     collapse, accumulate;
} blur_refs;

/* ../methods/blurred.c */
int  ag_blur_changes(const lower *l);
void ag_blur_emit(lower *l, int phase, head_list heads, blur_refs refs);

/* combine.c, pyramid.c */
void ag_lower_combine(lower *l);
void ag_lower_pyramid(lower *l);

/* emit.c */
void      *ag_lower_reserve(lower *l, size_t bytes);
void       ag_lower_keep(lower *l, void *memory);
int64_t    ag_lower_product(lower *l, int64_t a, int64_t b, int64_t c);
int64_t    ag_lower_take(lower *l, int64_t bytes);
ag_step   *ag_lower_emit(lower *l, ag_step_kind kind, int phase, head_list heads);
ag_ref     ag_ref_q(const lower *l);
ag_ref     ag_ref_k(const lower *l);
ag_ref     ag_ref_v(const lower *l);
ag_ref     ag_ref_out(const lower *l);
ag_ref     ag_ref_lse(const lower *l);
ag_ref     ag_ref_packed(const lower *l, ag_source source, int64_t heads, int64_t rows, int64_t width);
ag_ref     ag_ref_none(void);
ag_ref     ag_ref_work(lower *l, work_shape w);
work_shape ag_image_keys(const lower *l, int64_t width);
work_shape ag_image_rows(const lower *l, int64_t width);
work_shape ag_kept_rows(const lower *l, int64_t width);
head_list  ag_lower_heads(lower *l, int64_t from, int64_t to, int chosen);
head_list  ag_lower_chosen(lower *l);
head_list  ag_lower_chosen_groups(lower *l);
ag_attend *ag_lower_attend(lower *l, int phase, head_list heads);
ag_span    ag_lower_here(const lower *l, int64_t first, int64_t end);
void       ag_add_span(ag_attend *a, int64_t first, int64_t count, ag_ref q);
void       ag_add_queries(const lower *l, ag_attend *a, int64_t first, int64_t end, ag_ref q);
void       ag_add_keys(ag_pass *p, int64_t first, int64_t count, ag_ref k, ag_ref v);
void       ag_all_keys(const lower *l, ag_pass *p);
void       ag_context_keys(const lower *l, ag_pass *p);
void       ag_standard_heads(lower *l, head_list heads);
void       ag_standard_context(lower *l, head_list heads);
ag_pass   *ag_lower_image(lower *l, int phase, head_list heads, ag_ref q);

#endif
