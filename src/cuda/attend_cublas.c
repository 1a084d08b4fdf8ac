/* attend_cublas.c - the attend step in full float32: logits of a block of queries and keys by cuBLAS, their softmax by
 * weights.cu, the product with the values by cuBLAS again. The block is bounded, and large enough for the second
 * product, which has but one result for each query and channel, to fill a chip; keys come in several blocks only where
 * they are many, or lie in several places. */
#include "cublas.h"
#include "device.h"
#include "piece.h"
#include "repair.h"
#include "runtime.h"
#include "weights.h"

enum { BLOCK_BYTES = 128 << 20, LEAST_SPACE = 4 << 20, MOST_SPACE = 32 << 20, ROW_ALIGNMENT = 32, ALIGNMENT = 256 };

#define LOG2E 1.4426950408889634

/* ---- what it takes ---- */

static int is_matrix(const ag_ref *r, int64_t width)
{
    return r->dtype == AG_F32 && r->stride_i >= width && r->stride_i <= INT32_MAX;
}

static const char *refuse(const ag_step *s)
{
    const ag_attend *a = &s->u.attend;
    const ag_pass *p = &a->pass[0];
    const char *reason = ag_piece_refuse(s);
    if (reason) return reason;
    if (a->biased && a->lse.source != AG_SOURCES) return "there is a bias, and the lse is wanted, however low the bias";
    int takes = is_matrix(&a->out, a->d_v);
    for (int i = 0; i < a->n_spans; i++) takes &= is_matrix(&p->q[i], a->d);
    for (int i = 0; i < p->n_keys; i++) takes &= is_matrix(&p->keys[i].k, a->d) && is_matrix(&p->keys[i].v, a->d_v);
    return takes ? NULL : "q, k, v and out are not all float32 with rows side by side";
}

static int64_t tasks(const ag_step *s)
{
    (void)s;
    return 1;
}

/* ---- blocks ---- */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t parts_of(int64_t n, int64_t each) { return (n + each - 1) / each; }

/* How a piece is cut: so many heads, queries and keys at once. */
typedef struct cut {
    int64_t heads, queries, keys, stride;
    int several; /* blocks of keys for one block of queries */
} cut;

static cut cut_of(const ag_attend *a, const ag_piece *piece)
{
    const ag_pass *p = &a->pass[0];
    const int64_t n = a->spans[piece->span].count;
    cut c = { .keys = 1, .several = p->n_keys > 1 };
    for (int i = 0; i < p->n_keys; i++) {
        const int64_t count = p->keys[i].count;
        c.several |= count > AG_WEIGHTS_KEYS;
        if (least(count, AG_WEIGHTS_KEYS) > c.keys) c.keys = least(count, AG_WEIGHTS_KEYS);
    }
    c.stride = parts_of(c.keys, ROW_ALIGNMENT) * ROW_ALIGNMENT;
    const int64_t rows = BLOCK_BYTES / 4 / c.stride;
    c.queries = parts_of(n, parts_of(n, least(n, rows)));
    c.heads = least(piece->heads, rows / c.queries);
    return c;
}

/* Scratch: logits, running maxima and sums, results where they gather, and cuBLAS's own space. */
typedef struct space {
    size_t top, sum, result, blas, blas_bytes, all;
} space;

static size_t rounded(int64_t floats) { return ((size_t)floats * 4 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

static space space_of(const ag_attend *a, const cut *c)
{
    const int64_t rows = c->heads * c->queries;
    const size_t block = rounded(rows * c->stride);
    space x = { .top = block };
    x.sum = x.top + rounded(rows);
    x.result = x.sum + rounded(rows);
    x.blas = x.result + (c->several ? rounded(rows * a->d_v) : 0);
    x.blas_bytes = block < LEAST_SPACE ? LEAST_SPACE : block > MOST_SPACE ? MOST_SPACE : block;
    x.all = x.blas + x.blas_bytes;
    return x;
}

/* With room to round the address up. */
static size_t scratch(const ag_step *s)
{
    size_t most = 0;
    ag_piece_cursor at = { 0, 0 };
    ag_piece piece;
    while (ag_piece_next(s, &at, &piece)) {
        const cut c = cut_of(&s->u.attend, &piece);
        const space x = space_of(&s->u.attend, &c);
        if (x.all > most) most = x.all;
    }
    return most + ALIGNMENT;
}

static ag_status build(const ag_plan *p, const ag_step *step, void **built, ag_why why)
{
    (void)step, (void)built;
    int error = ag_rt_preload(ag_weights_entry);
    if (!error) error = ag_rt_preload(ag_results_entry);
    if (!error) error = ag_rt_preload(ag_repair_entry);
    if (error) return ag_refuse(why, AG_ERR_DEVICE, "the kernels of attend_cublas: %s", ag_rt_text(error));
    return ag_cublas_prepare(p->c.device, why);
}

/* ---- run ---- */

/* One block of queries of one piece, on its way through the keys. */
typedef struct work {
    const ag_library_call *x;
    ag_cublas_call blas;
    const ag_attend *a;
    ag_weights w;
    int64_t h, i; /* first head and query */
    float *to;    /* where products gather: out, or w.result */
    int64_t to_stride[2];
    ag_why why;
} work;

static float *at(const work *x, const ag_ref *r, int64_t h, int64_t i)
{
    return (float *)(void *)(x->x->launch->base[r->source] + ag_piece_offset(r, h, i));
}

/* Heads of a group share their keys: such a batch is of one group at most. */
static int64_t heads_at_once(const work *x, const ag_keys *keys, int64_t from)
{
    const int64_t left = x->w.rows / x->w.queries - from, group = keys->k.group;
    return group == 1 ? left : least(left, group - (x->h + from) % group);
}

static ag_status make_logits(work *x, const ag_keys *keys, const ag_ref *q)
{
    const ag_weights *w = &x->w;
    ag_status s = AG_OK;
    for (int64_t g = 0, n; g < w->rows / w->queries && !s; g += n) {
        n = heads_at_once(x, keys, g);
        const ag_product p = { .transposed = 1,
                               .m = w->keys,
                               .n = w->queries,
                               .k = x->a->d,
                               .batch = n,
                               .alpha = (float)(x->a->pass[0].scale * LOG2E),
                               .a = at(x, &keys->k, x->h + g, w->key),
                               .b = at(x, q, x->h + g, x->i),
                               .c = w->logits + g * w->queries * w->stride,
                               .lda = keys->k.stride_i,
                               .ldb = q->stride_i,
                               .ldc = w->stride,
                               .stride_a = keys->k.group == 1 ? keys->k.stride_h : 0,
                               .stride_b = q->stride_h,
                               .stride_c = w->queries * w->stride };
        s = ag_cublas_multiply(&x->blas, &p, x->why);
    }
    return s;
}

static ag_status add_values(work *x, const ag_keys *keys)
{
    const ag_weights *w = &x->w;
    ag_status s = AG_OK;
    for (int64_t g = 0, n; g < w->rows / w->queries && !s; g += n) {
        n = heads_at_once(x, keys, g);
        const ag_product p = { .m = x->a->d_v,
                               .n = w->queries,
                               .k = w->keys,
                               .batch = n,
                               .alpha = 1,
                               .beta = w->first ? 0 : 1,
                               .a = at(x, &keys->v, x->h + g, w->key),
                               .b = w->logits + g * w->queries * w->stride,
                               .c = x->to + g * x->to_stride[0],
                               .lda = keys->v.stride_i,
                               .ldb = w->stride,
                               .ldc = x->to_stride[1],
                               .stride_a = keys->v.group == 1 ? keys->v.stride_h : 0,
                               .stride_b = w->queries * w->stride,
                               .stride_c = x->to_stride[0] };
        s = ag_cublas_multiply(&x->blas, &p, x->why);
    }
    return s;
}

static ag_status launch(const work *x, const void *entry, int64_t blocks, size_t shared)
{
    const int error = ag_rt_launch(&(ag_rt_call){ .entry = entry,
                                                  .blocks = blocks,
                                                  .threads = AG_WEIGHTS_THREADS,
                                                  .shared = shared,
                                                  .parameter = &x->w,
                                                  .size = sizeof x->w,
                                                  .stream = x->x->stream });
    return error ? ag_refuse(x->why, AG_ERR_DEVICE, "attend_cublas: %s", ag_rt_text(error)) : AG_OK;
}

static ag_status add_block(work *x, const ag_keys *keys, const ag_ref *q)
{
    ag_status s = make_logits(x, keys, q);
    if (!s) s = launch(x, ag_weights_entry, ag_weights_blocks(&x->w), ag_weights_shared(&x->w));
    if (!s) s = add_values(x, keys);
    x->w.first = 0;
    return s;
}

/* Every block of keys that one of these queries sees; the first in any case, so that there is a result. */
static ag_status run_queries(work *x, const cut *c, const ag_ref *q)
{
    const ag_pass *p = &x->a->pass[0];
    const int64_t seen = x->a->causal ? x->i + x->w.queries + x->a->causal_shift : INT64_MAX;
    int last = 0;
    while (last + 1 < p->n_keys && p->keys[last + 1].first < seen) last++;
    ag_status s = AG_OK;
    x->w.first = 1;
    for (int range = 0; range <= last && !s; range++) {
        const ag_keys *keys = &p->keys[range];
        int64_t end = least(keys->count, seen - keys->first);
        if (end < 1) end = 1;
        for (int64_t j = 0; j < end && !s; j += c->keys) {
            x->w.key = keys->first + j;
            x->w.keys = least(c->keys, end - j);
            x->w.last = range == last && j + c->keys >= end;
            s = add_block(x, keys, q);
        }
    }
    if (!s && c->several) s = launch(x, ag_results_entry, x->w.rows, 0);
    return s;
}

/* What the softmax is told of the queries from (x->h, x->i) on, `heads` times `queries` of them. */
static void describe(work *x, const cut *c, const space *at_, char *memory, int64_t heads, int64_t queries)
{
    const ag_attend *a = x->a;
    const ag_problem *p = &x->x->plan->c.p;
    const int64_t *by = p->bias_stride;
    x->w = (ag_weights){ .logits = (float *)(void *)memory,
                         .top = (float *)(void *)(memory + at_->top),
                         .sum = (float *)(void *)(memory + at_->sum),
                         .result = c->several ? (float *)(void *)(memory + at_->result) : NULL,
                         .rows = heads * queries,
                         .queries = queries,
                         .d_v = a->d_v,
                         .stride = c->stride,
                         .seen = a->causal ? x->i + a->causal_shift + 1 : INT64_MAX,
                         .out = at(x, &a->out, x->h, x->i),
                         .out_stride = { a->out.stride_h, a->out.stride_i } };
    if (a->biased) {
        const int64_t element = x->x->step->b * by[0] + x->h * by[1] + x->i * by[2];
        x->w.bias = (const char *)x->x->launch->bias + element * (int64_t)ag_size_of(p->bias_dtype);
        x->w.bias_type = p->bias_dtype;
        for (int k = 0; k < 3; k++) x->w.bias_stride[k] = by[k + 1];
    }
    if (a->lse.source != AG_SOURCES) {
        x->w.lse = at(x, &a->lse, x->h, x->i);
        x->w.lse_stride = a->lse.stride_h;
    }
    x->to = c->several ? x->w.result : x->w.out;
    x->to_stride[0] = c->several ? queries * a->d_v : a->out.stride_h;
    x->to_stride[1] = c->several ? a->d_v : a->out.stride_i;
}

static ag_status run_piece(work *x, const ag_piece *piece, char *memory)
{
    const ag_span *span = &x->a->spans[piece->span];
    const cut c = cut_of(x->a, piece);
    const space at_ = space_of(x->a, &c);
    ag_status s =
        ag_cublas_begin(&x->blas, x->x->plan->c.device, x->x->stream, memory + at_.blas, at_.blas_bytes, x->why);
    if (s) return s;
    for (int64_t h = 0; h < piece->heads && !s; h += c.heads)
        for (int64_t i = 0; i < span->count && !s; i += c.queries) {
            x->h = piece->h + h;
            x->i = span->first + i;
            describe(x, &c, &at_, memory, least(c.heads, piece->heads - h), least(c.queries, span->count - i));
            s = run_queries(x, &c, &x->a->pass[0].q[piece->span]);
        }
    ag_cublas_end(&x->blas);
    return s;
}

/* The result lies where the queries were: they are gone. */
static int is_in_place(const ag_library_call *x)
{
    const ag_attend *a = &x->step->u.attend;
    int same = 0;
    for (int i = 0; i < a->n_spans; i++) {
        const int source = a->pass[0].q[i].source;
        same |= source == AG_IN_Q && x->launch->base[source] == x->launch->base[a->out.source];
    }
    return same;
}

/* Values that are hidden and not finite, products beyond float32: rows that came out so. */
static ag_status repair(const ag_library_call *x, ag_why why)
{
    const ag_repair all = { .step = x->launch->steps + (x->step - x->plan->program.steps), .launch = *x->launch };
    if (is_in_place(x)) return AG_OK;
    const int error = ag_rt_launch(&(ag_rt_call){ .entry = ag_repair_entry,
                                                  .blocks = ag_repair_blocks(x->step),
                                                  .threads = AG_REPAIR_THREADS,
                                                  .shared = ag_repair_shared(),
                                                  .parameter = &all,
                                                  .size = sizeof all,
                                                  .stream = x->stream });
    return error ? ag_refuse(why, AG_ERR_DEVICE, "attend_cublas: %s", ag_rt_text(error)) : AG_OK;
}

static ag_status enqueue(const ag_library_call *call, ag_why why)
{
    work x = { .x = call, .a = &call->step->u.attend, .why = why };
    const uintptr_t memory = ((uintptr_t)call->scratch + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    ag_piece_cursor at_piece = { 0, 0 };
    ag_piece piece;
    ag_status s = AG_OK;
    while (!s && ag_piece_next(call->step, &at_piece, &piece)) s = run_piece(&x, &piece, (char *)memory);
    return s ? s : repair(call, why);
}

const ag_cuda_kernel ag_attend_cublas = {
    .kernel = {
        .name = "attend_cublas",
        .step = AG_STEP_ATTEND,
        .unavailable = ag_cublas_unavailable,
        .detail = ag_cublas_detail,
        .refuse = refuse,
        .tasks = tasks,
        .scratch = scratch,
    },
    .build = build,
    .enqueue = enqueue,
};
