/* lower.h - between lower.c (rows and waves), methods.c (one chain per method) and emit.c (the program being built). */
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

/* A method with something to do for its chosen heads. */
typedef struct method {
    int64_t (*bytes_per_kv_head)(lower *);  /* workspace; NULL: next to none */
    void    (*lower)(lower *, head_list heads);
} method;

typedef struct blur_refs {
    ag_ref  src, dst;
    int64_t dst_o;
    int     collapse, accumulate;
} blur_refs;

/* methods.c, queries.c */
const method *ag_method_of(const lower *l); /* NULL: the row is standard, whatever it is called */
int           ag_blur_changes(const lower *l);
int64_t       ag_query_bytes(lower *l);
void          ag_lower_queries(lower *l, head_list heads);
void          ag_emit_blur(lower *l, int phase, head_list heads, blur_refs refs);

/* combine.c */
void ag_lower_combine(lower *l);

/* emit.c */
void      *ag_reserve(lower *l, size_t bytes);
void       ag_keep(lower *l, void *memory);
int64_t    ag_product(lower *l, int64_t a, int64_t b, int64_t c);
int64_t    ag_take(lower *l, int64_t bytes);
ag_step   *ag_emit(lower *l, ag_step_kind kind, int phase, head_list heads);
ag_ref     ag_ref_q(const lower *l);
ag_ref     ag_ref_k(const lower *l);
ag_ref     ag_ref_v(const lower *l);
ag_ref     ag_ref_out(const lower *l);
ag_ref     ag_ref_lse(const lower *l);
ag_ref     ag_ref_packed(const lower *l, ag_source source, int64_t heads, int64_t rows, int64_t width);
ag_ref     ag_ref_none(void);
ag_ref     ag_ref_work(lower *l, work_shape w);
work_shape ag_image_rows(const lower *l, int64_t group, int64_t width);
work_shape ag_kept_rows(const lower *l, int64_t group, int64_t width);
head_list  ag_list_heads(lower *l, int64_t from, int64_t to, int chosen);
head_list  ag_chosen(lower *l);
head_list  ag_chosen_groups(lower *l);
ag_attend *ag_emit_attend(lower *l, int phase, head_list heads);
void       ag_add_span(ag_attend *a, int64_t first, int64_t count, ag_ref q);
void       ag_add_keys(ag_pass *p, int64_t first, int64_t count, ag_ref k, ag_ref v);
void       ag_all_keys(const lower *l, ag_pass *p);
void       ag_context_keys(const lower *l, ag_pass *p);
void       ag_standard_heads(lower *l, head_list heads);
void       ag_standard_context(lower *l, head_list heads);
ag_pass   *ag_emit_image(lower *l, int phase, head_list heads, ag_ref q);

#endif
