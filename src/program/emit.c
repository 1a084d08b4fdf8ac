/* emit.c - the program being built: steps, the memory they own, workspace, references, head lists, attend steps. */
#include <stdlib.h>
#include <string.h>

#include "lower.h"

/* ---- the program being built ---- */

/* The program owns `memory` from now on; it is freed at once where that cannot be noted. */
void ag_lower_keep(lower *l, void *memory)
{
    ag_program *p = l->out;
    if (!memory) return;
    if (p->n_owned == p->owned_room) {
        const int64_t room = p->owned_room ? 2 * p->owned_room : 16;
        void **grown = realloc(p->owned, (size_t)room * sizeof *grown);
        if (!grown) {
            l->status = AG_ERR_MEMORY;
            free(memory);
            return;
        }
        p->owned = grown;
        p->owned_room = room;
    }
    p->owned[p->n_owned++] = memory;
}

void *ag_lower_reserve(lower *l, size_t bytes)
{
    void *memory = malloc(bytes ? bytes : 1);
    if (!memory) l->status = AG_ERR_MEMORY;
    ag_lower_keep(l, memory);
    return l->status ? NULL : memory;
}

ag_step *ag_lower_emit(lower *l, ag_step_kind kind, int phase, head_list heads)
{
    ag_program *p = l->out;
    if (p->n_steps == p->room) {
        const int64_t room = p->room ? 2 * p->room : 16;
        ag_step *grown = realloc(p->steps, (size_t)room * sizeof *grown);
        if (!grown) {
            l->status = AG_ERR_MEMORY;
            memset(&l->spare, 0, sizeof l->spare);
            return &l->spare; /* callers fill it in; the status drops the whole program */
        }
        p->steps = grown;
        p->room = room;
    }
    ag_step *s = &p->steps[p->n_steps++];
    memset(s, 0, sizeof *s);
    s->kind = kind;
    s->phase = phase;
    s->b = l->b;
    s->heads = heads.at;
    s->n_heads = heads.n;
    if (phase + 1 > p->n_phases) p->n_phases = phase + 1;
    return s;
}

/* Product of extents, of which two may be added and counted in bytes; an overflow ends the lowering. */
int64_t ag_lower_product(lower *l, int64_t a, int64_t b, int64_t c)
{
    int64_t x;
    if (!__builtin_mul_overflow(a, b, &x) && !__builtin_mul_overflow(x, c, &x) && x < INT64_MAX / 8) return x;
    l->status = AG_ERR_SHAPE;
    return 0;
}

int64_t ag_lower_take(lower *l, int64_t bytes)
{
    const int64_t at = l->taken;
    if (bytes > INT64_MAX - AG_ALIGNMENT - at) l->status = AG_ERR_SHAPE;
    else l->taken += (bytes + AG_ALIGNMENT - 1) / AG_ALIGNMENT * AG_ALIGNMENT;
    if ((size_t)l->taken > l->out->work_size) l->out->work_size = (size_t)l->taken;
    return at;
}

/* ---- references ---- */

static ag_ref tensor(ag_source source, const ag_layout *x, int64_t row, int64_t group)
{
    return (ag_ref){ .source = source,
                     .dtype = x->dtype,
                     .group = group,
                     /* unsigned: rows that do not exist are refused once it is known whether they are read */
                     .offset = (int64_t)((uint64_t)row * (uint64_t)x->stride[0] * ag_size_of(x->dtype)),
                     .stride_h = x->stride[1],
                     .stride_i = x->stride[2],
                     .align = x->align ? x->align : (int32_t)ag_size_of(x->dtype) };
}

/* One that holds the queries' rows: its first is token q_offset's. Where it is the only one it has no stride. */
static ag_ref of_queries(const lower *l, ag_ref r, int64_t width)
{
    if (l->p->n_q == 1) r.stride_i = width;
    r.offset =
        (int64_t)((uint64_t)r.offset - (uint64_t)ag_first_query(l->p) * (uint64_t)r.stride_i * ag_size_of(r.dtype));
    return r;
}

ag_ref ag_ref_q(const lower *l) { return of_queries(l, tensor(AG_IN_Q, &l->p->q, l->r->q_row, 1), l->p->d); }
ag_ref ag_ref_k(const lower *l) { return tensor(AG_IN_K, &l->p->k, l->r->kv_row, l->group); }
ag_ref ag_ref_v(const lower *l) { return tensor(AG_IN_V, &l->p->v, l->r->kv_row, l->group); }
ag_ref ag_ref_out(const lower *l)
{
    return of_queries(l, tensor(AG_TO_OUT, &l->p->out, l->b, 1), l->p->operation == AG_BLUR ? l->p->d : l->p->d_v);
}

/* Packed float32 [B, heads, rows, width] of the caller's. */
ag_ref ag_ref_packed(const lower *l, ag_source source, int64_t heads, int64_t rows, int64_t width)
{
    return (ag_ref){ .source = source,
                     .dtype = AG_F32,
                     .group = 1,
                     .offset = l->b * heads * rows * width * 4,
                     .stride_h = rows * width,
                     .stride_i = width,
                     .align = 4 };
}

ag_ref ag_ref_none(void) { return (ag_ref){ .source = AG_SOURCES, .dtype = AG_F32, .group = 1 }; }
ag_ref ag_ref_lse(const lower *l)
{
    if (!l->p->want_lse) return ag_ref_none();
    return of_queries(l, ag_ref_packed(l, AG_TO_LSE, l->p->heads, l->p->n_q, 1), 1);
}

ag_ref ag_ref_work(lower *l, work_shape w)
{
    const ag_dtype type = w.type ? w.type : AG_F32;
    const int64_t size = (int64_t)ag_size_of(type), stored = (w.heads_to - w.heads_from) / w.group;
    const int64_t bytes = size * ag_lower_product(l, stored, w.rows, w.width);
    const int64_t before =
        ag_lower_product(l, w.heads_from / w.group, w.rows, w.width) + ag_lower_product(l, w.first, w.width, 1);
    ag_ref r = { .source = AG_WORK,
                 .dtype = type,
                 .group = w.group,
                 .stride_h = w.rows * w.width,
                 .stride_i = w.width,
                 .align = AG_ALIGNMENT };
    r.offset = ag_lower_take(l, bytes) - size * before;
    return r;
}

/* Shape of a buffer for the image tokens of this wave: of all of them, one per key/value head ... */
work_shape ag_image_keys(const lower *l, int64_t width)
{
    return (work_shape){ l->kv_from * l->group, l->kv_to * l->group, l->group, l->r->o, l->r->n, width, l->kept };
}

/* ... or of those whose queries are here, one per query head. */
work_shape ag_image_rows(const lower *l, int64_t width)
{
    return (work_shape){ l->kv_from * l->group, l->kv_to * l->group, 1, l->image.first, l->image.count, width, AG_F32 };
}

/* The same in the type in which attend steps of this backend want what they read and write. */
work_shape ag_kept_rows(const lower *l, int64_t width)
{
    work_shape w = ag_image_rows(l, width);
    w.type = l->kept;
    return w;
}

/* ---- head lists ---- */

static int is_chosen(const lower *l, int64_t h) { return l->r->heads_at < 0 || l->c->heads[l->r->heads_at + h]; }

/* Query heads [from, to) that are chosen (or not). */
head_list ag_lower_heads(lower *l, int64_t from, int64_t to, int chosen)
{
    int32_t *at = ag_lower_reserve(l, (size_t)(to - from) * sizeof *at);
    head_list list = { at, 0 };
    for (int64_t h = from; at && h < to; h++)
        if (is_chosen(l, h) == chosen) at[list.n++] = (int32_t)h;
    return list;
}

head_list ag_lower_chosen(lower *l) { return ag_lower_heads(l, l->kv_from * l->group, l->kv_to * l->group, 1); }

/* One query head of each group in the wave that has a chosen head: the list a step over stored heads runs on. */
head_list ag_lower_chosen_groups(lower *l)
{
    int32_t *at = ag_lower_reserve(l, (size_t)(l->kv_to - l->kv_from) * sizeof *at);
    head_list list = { at, 0 };
    for (int64_t kv = l->kv_from; at && kv < l->kv_to; kv++)
        for (int64_t h = kv * l->group; h < (kv + 1) * l->group; h++)
            if (is_chosen(l, h)) {
                at[list.n++] = (int32_t)h;
                break;
            }
    return list;
}

/* ---- attend steps ---- */

ag_attend *ag_lower_attend(lower *l, int phase, head_list heads)
{
    ag_attend *a = &ag_lower_emit(l, AG_STEP_ATTEND, phase, heads)->u.attend;
    a->d = l->p->d;
    a->d_v = l->p->d_v;
    a->pass[0].scale = a->pass[1].scale = l->p->scale;
    a->causal = l->p->causal != 0;
    a->causal_shift = l->p->global_n_k - l->p->global_n_q - l->p->k_offset;
    a->masked = l->p->has_key_mask || l->p->has_key_lengths;
    a->biased = l->p->bias_dtype != AG_NONE;
    a->products = l->p->products;
    a->out = ag_ref_out(l);
    a->lse = ag_ref_lse(l);
    a->n_passes = 1;
    return a;
}

/* Of tokens [first, end) those whose queries are here. */
ag_span ag_lower_here(const lower *l, int64_t first, int64_t end)
{
    const int64_t from = ag_first_query(l->p), to = from + l->p->n_q;
    if (first < from) first = from;
    if (end > to) end = to;
    return (ag_span){ first, end > first ? end - first : 0 };
}

void ag_add_span(ag_attend *a, int64_t first, int64_t count, ag_ref q)
{
    if (count <= 0) return;
    a->spans[a->n_spans] = (ag_span){ first, count };
    a->pass[0].q[a->n_spans++] = q;
}

void ag_add_queries(const lower *l, ag_attend *a, int64_t first, int64_t end, ag_ref q)
{
    const ag_span here = ag_lower_here(l, first, end);
    ag_add_span(a, here.first, here.count, q);
}

void ag_add_keys(ag_pass *p, int64_t first, int64_t count, ag_ref k, ag_ref v)
{
    if (count > 0) p->keys[p->n_keys++] = (ag_keys){ first, count, k, v };
}

void ag_all_keys(const lower *l, ag_pass *p) { ag_add_keys(p, 0, l->p->n_k, ag_ref_k(l), ag_ref_v(l)); }

void ag_context_keys(const lower *l, ag_pass *p)
{
    const int64_t end = l->r->o + l->r->n;
    ag_add_keys(p, 0, l->r->o, ag_ref_k(l), ag_ref_v(l));
    ag_add_keys(p, end, l->p->n_k - end, ag_ref_k(l), ag_ref_v(l));
}

void ag_standard_heads(lower *l, head_list heads)
{
    if (!heads.n) return;
    ag_attend *a = ag_lower_attend(l, 0, heads);
    ag_add_queries(l, a, 0, INT64_MAX, ag_ref_q(l));
    ag_all_keys(l, &a->pass[0]);
}

/* Context rows of methods that leave them alone. */
void ag_standard_context(lower *l, head_list heads)
{
    if (l->image.count == l->p->n_q) return;
    ag_attend *a = ag_lower_attend(l, 0, heads);
    const int64_t end = l->r->o + l->r->n;
    ag_add_queries(l, a, 0, l->r->o, ag_ref_q(l));
    ag_add_queries(l, a, end, INT64_MAX, ag_ref_q(l));
    ag_all_keys(l, &a->pass[0]);
}

/* An attend step over the image rows: the caller fills in the returned pass, the second one where results blend. */
ag_pass *ag_lower_image(lower *l, int phase, head_list heads, ag_ref q)
{
    ag_attend *a = ag_lower_attend(l, phase, heads);
    ag_add_span(a, l->image.first, l->image.count, q);
    if (!l->r->ask.blend) return &a->pass[0];
    a->pass[0].q[0] = ag_ref_q(l);
    ag_all_keys(l, &a->pass[0]);
    a->n_passes = 2;
    a->pass[1].q[0] = q;
    return &a->pass[1];
}
