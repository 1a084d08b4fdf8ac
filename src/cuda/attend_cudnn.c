/* attend_cudnn.c - the attend step by cuDNN: dense attention in float16 or bfloat16, with sums and weights in float32
 * inside. Output rows of a phase that differ in nothing but where they lie, at one distance, become one call. */
#include <stdlib.h>
#include <string.h>

#include "cudnn.h"
#include "device.h"
#include "piece.h"
#include "runtime.h"

enum { WIDEST = 256, ALIGNMENT = 16, SCRATCH_ALIGNMENT = 256 };

/* ---- what it takes ---- */

static int is_aligned(const ag_ref *r)
{
    const int64_t size = (int64_t)ag_size_of(r->dtype);
    return r->align >= ALIGNMENT && !((r->offset | r->stride_h * size | r->stride_i * size) % ALIGNMENT);
}

static const char *refuse_tensor(const ag_ref *r, ag_dtype type)
{
    if (r->dtype != type) return "q, k, v and out are not of one type, float16 or bfloat16";
    if (!r->stride_i || !r->stride_h) return "a tensor is broadcast over tokens or heads";
    if (!is_aligned(r)) return "a tensor is not promised to be aligned to 16 bytes, rows included (layout.align)";
    return NULL;
}

static const char *refuse(const ag_step *s)
{
    const ag_attend *a = &s->u.attend;
    const ag_pass *p = &a->pass[0];
    const char *reason = ag_piece_refuse(s);
    if (reason) return reason;
    if (a->biased) return "there is a bias";
    if (a->causal) return "it is causal";
    if (p->n_keys > 1) return "keys or values come from several places";
    const ag_dtype type = p->keys[0].k.dtype;
    if (type != AG_F16 && type != AG_BF16) return "keys are neither float16 nor bfloat16";
    if (a->d % 8 || a->d_v % 8) return "a width is no multiple of 8";
    if (a->d > WIDEST || a->d_v > WIDEST) return "a width is above 256";
    for (int i = 0; i < a->n_spans && !reason; i++) reason = refuse_tensor(&p->q[i], type);
    if (!reason) reason = refuse_tensor(&p->keys[0].k, type);
    if (!reason) reason = refuse_tensor(&p->keys[0].v, type);
    return reason ? reason : refuse_tensor(&a->out, type);
}

static int reads_late(const ag_step *s)
{
    (void)s;
    return 1;
}

static int64_t tasks(const ag_step *s)
{
    (void)s;
    return 1;
}

/* ---- rows that become one call ---- */

/* Bytes from one row's tensors to the next one's. */
typedef struct distance {
    int64_t q[3], k, v, out, lse;
} distance;

static int same_place(const ag_ref *a, const ag_ref *b)
{
    return a->source == b->source && a->dtype == b->dtype && a->group == b->group && a->stride_h == b->stride_h &&
           a->stride_i == b->stride_i;
}

/* Whether two steps are the same but for where their rows lie. cuDNN is not given a batch that lies on itself or runs
 * backwards. */
static int apart(const ag_step *s, const ag_step *t, distance *by)
{
    const ag_attend *a = &s->u.attend, *b = &t->u.attend;
    const ag_pass *p = &a->pass[0], *o = &b->pass[0];
    if (s->n_heads != t->n_heads || memcmp(s->heads, t->heads, (size_t)s->n_heads * sizeof *s->heads)) return 0;
    if (a->n_spans != b->n_spans || a->d != b->d || a->d_v != b->d_v || p->scale != o->scale) return 0;
    if (p->keys[0].first != o->keys[0].first || p->keys[0].count != o->keys[0].count) return 0;
    int same = same_place(&p->keys[0].k, &o->keys[0].k) && same_place(&p->keys[0].v, &o->keys[0].v) &&
               same_place(&a->out, &b->out) && same_place(&a->lse, &b->lse);
    *by = (distance){ .k = o->keys[0].k.offset - p->keys[0].k.offset,
                      .v = o->keys[0].v.offset - p->keys[0].v.offset,
                      .out = b->out.offset - a->out.offset,
                      .lse = b->lse.offset - a->lse.offset };
    for (int i = 0; i < a->n_spans; i++) {
        if (a->spans[i].first != b->spans[i].first || a->spans[i].count != b->spans[i].count) return 0;
        same &= same_place(&p->q[i], &o->q[i]);
        by->q[i] = o->q[i].offset - p->q[i].offset;
        same &= by->q[i] > 0 && by->q[i] % ALIGNMENT == 0;
    }
    if (a->lse.source != AG_SOURCES) same &= by->lse > 0;
    return same && by->k > 0 && by->v > 0 && by->out > 0 && !((by->k | by->v | by->out) % ALIGNMENT);
}

static int is_times(const distance *far, const distance *by, int64_t n)
{
    int same = far->k == n * by->k && far->v == n * by->v && far->out == n * by->out && far->lse == n * by->lse;
    for (int i = 0; i < 3; i++) same &= far->q[i] == n * by->q[i];
    return same;
}

/* Marks steps that another one's call carries out. */
static char carried;

/* How many rows step `first` and those after it make; members[] are theirs. built: the plan's first step's place. */
static int64_t find_rows(const ag_plan *p, int64_t first, void *const *built, int64_t *members, distance *by)
{
    const ag_step *all = p->program.steps;
    int64_t n = 1;
    members[0] = first;
    *by = (distance){ .k = 0 };
    for (int64_t s = first + 1; s < p->program.n_steps; s++) {
        distance far;
        if (all[s].phase != all[first].phase || p->kernels[s] != p->kernels[first] || built[s]) continue;
        if (!apart(&all[first], &all[s], &far) || (n > 1 && !is_times(&far, by, n))) continue;
        if (n == 1) *by = far;
        members[n++] = s;
    }
    return n;
}

/* ---- build ---- */

enum { Q, K, V, OUT, LSE, TENSORS };

typedef struct call {
    ag_sdpa_plan *plan;
    ag_source source[TENSORS];
    int64_t offset[TENSORS];
} call;

typedef struct calls {
    int64_t n;
    float scale;
    size_t scratch;
    call call[];
} calls;

static void drop(void *built)
{
    calls *all = built;
    if (built == &carried) return;
    for (int64_t i = 0; i < all->n; i++) ag_sdpa_return(all->call[i].plan);
    free(all);
}

static int64_t count_pieces(const ag_step *s)
{
    ag_piece_cursor at = { 0, 0 };
    ag_piece piece;
    int64_t n = 0;
    while (ag_piece_next(s, &at, &piece)) n++;
    return n;
}

/* Strides of a tensor of which `rows` lie `by` bytes apart, and where its piece begins. */
static void lay(call *c, int which, const ag_ref *r, int64_t h, int64_t i, int64_t by, int64_t stride[3])
{
    c->source[which] = r->source;
    c->offset[which] = ag_piece_offset(r, h, i);
    stride[1] = r->stride_h;
    stride[2] = r->stride_i;
    stride[0] = by / (int64_t)ag_size_of(r->dtype);
}

/* One row has no distance to the next: any that is large enough will do. */
static int64_t or_all(int64_t by, const ag_ref *r, int64_t heads, int64_t tokens)
{
    const int64_t all = heads * r->stride_h > tokens * r->stride_i ? heads * r->stride_h : tokens * r->stride_i;
    return by ? by : all * (int64_t)ag_size_of(r->dtype);
}

static ag_sdpa describe(const ag_step *s, const ag_piece *piece, int64_t rows, const distance *by, call *c)
{
    const ag_attend *a = &s->u.attend;
    const ag_keys *keys = &a->pass[0].keys[0];
    const ag_ref *q = &a->pass[0].q[piece->span];
    const int64_t i = a->spans[piece->span].first, n = a->spans[piece->span].count, h = piece->h;
    ag_sdpa x = { .type = keys->k.dtype,
                  .b = rows,
                  .h = piece->heads,
                  .h_kv = piece->kv_heads,
                  .n = n,
                  .m = keys->count,
                  .d = a->d,
                  .d_v = a->d_v,
                  .stats = a->lse.source != AG_SOURCES };
    lay(c, Q, q, h, i, or_all(by->q[piece->span], q, x.h, n), x.q);
    lay(c, K, &keys->k, h, keys->first, or_all(by->k, &keys->k, x.h_kv, x.m), x.k);
    lay(c, V, &keys->v, h, keys->first, or_all(by->v, &keys->v, x.h_kv, x.m), x.v);
    lay(c, OUT, &a->out, h, i, or_all(by->out, &a->out, x.h, n), x.out);
    if (x.stats) lay(c, LSE, &a->lse, h, i, or_all(by->lse, &a->lse, x.h, n), x.lse);
    else c->source[LSE] = AG_SOURCES;
    return x;
}

static ag_status borrow_all(const ag_plan *p, const ag_step *s, int64_t rows, const distance *by, calls *all,
                            ag_why why)
{
    const ag_sdpa_place where = { p->c.device, NULL };
    ag_piece_cursor at = { 0, 0 };
    ag_piece piece;
    ag_rt_device is;
    if (ag_rt_describe(where.device, &is)) return ag_refuse(why, AG_ERR_DEVICE, "the device does not answer");
    while (ag_piece_next(s, &at, &piece)) {
        call *c = &all->call[all->n];
        const ag_sdpa what = describe(s, &piece, rows, by, c);
        if (is.major == 10 && what.h_kv < 8)
            return ag_refuse(why, AG_ERR_KERNEL, "cuDNN is reported wrong there with fewer than 8 key/value heads");
        const ag_status status = ag_sdpa_borrow(&what, &where, &c->plan, why);
        if (status) return status;
        const size_t wanted = ag_sdpa_workspace(c->plan) + SCRATCH_ALIGNMENT;
        if (wanted > all->scratch) all->scratch = wanted;
        all->n++;
    }
    return AG_OK;
}

static ag_status build(const ag_plan *p, const ag_step *s, void **built, ag_why why)
{
    const int64_t first = s - p->program.steps;
    distance by;
    int64_t *members = malloc((size_t)p->program.n_steps * sizeof *members);
    calls *all = calloc(1, sizeof *all + (size_t)count_pieces(s) * sizeof *all->call);
    if (!members || !all) {
        free(members);
        free(all);
        return ag_refuse(why, AG_ERR_MEMORY, "no memory for the calls of cuDNN");
    }
    const int64_t rows = find_rows(p, first, built - first, members, &by);
    all->scale = (float)s->u.attend.pass[0].scale;
    const ag_status status = borrow_all(p, s, rows, &by, all, why);
    if (status) drop(all);
    else *built = all;
    for (int64_t i = 1; i < rows && !status; i++) built[members[i] - first] = &carried;
    free(members);
    return status;
}

static size_t space(const void *built) { return built == &carried ? 0 : ((const calls *)built)->scratch; }

/* ---- run ---- */

static ag_status enqueue(const ag_library_call *x, ag_why why)
{
    const calls *all = x->built;
    const uintptr_t scratch = ((uintptr_t)x->scratch + SCRATCH_ALIGNMENT - 1) / SCRATCH_ALIGNMENT * SCRATCH_ALIGNMENT;
    ag_status status = AG_OK;
    if (x->built == &carried) return AG_OK;
    for (int64_t i = 0; i < all->n && !status; i++) {
        const call *c = &all->call[i];
        char *at[TENSORS] = { NULL };
        for (int t = 0; t < TENSORS; t++)
            if (c->source[t] != AG_SOURCES) at[t] = x->launch->base[c->source[t]] + c->offset[t];
        const ag_sdpa_args args = { .q = at[Q],
                                    .k = at[K],
                                    .v = at[V],
                                    .out = at[OUT],
                                    .lse = at[LSE],
                                    .scale = all->scale,
                                    .workspace = (void *)scratch,
                                    .stream = x->stream };
        status = ag_sdpa_run(c->plan, &args, why);
    }
    return status;
}

const ag_cuda_kernel ag_attend_cudnn = {
    .kernel = {
        .name = "attend_cudnn",
        .step = AG_STEP_ATTEND,
        .reads_late = reads_late,
        .unavailable = ag_cudnn_unavailable,
        .detail = ag_cudnn_detail,
        .refuse = refuse,
        .tasks = tasks,
    },
    .build = build,
    .drop = drop,
    .enqueue = enqueue,
    .space = space,
};
