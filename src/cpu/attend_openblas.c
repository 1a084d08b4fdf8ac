/* attend_openblas.c - the attend step with both products left to OpenBLAS, 256 queries by 512 keys at a time, head
 * after head, on OpenBLAS's own threads. Takes dense float32 without masks. By name only: its threads are shared by
 * the whole process and its result depends on how many they are. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "openblas.h"

enum { QUERIES = 256, KEYS = 512 };

#define LOG2E 1.4426950408889634
#define LN2 0.6931471805599453

typedef struct space {
    float *s, *o, *m, *l; /* [QUERIES][KEYS], [QUERIES][d_v], [QUERIES], [QUERIES] */
} space;

static size_t scratch(const ag_step *s)
{
    return (size_t)QUERIES * (KEYS + (size_t)s->u.attend.d_v + 2) * sizeof(float);
}

static space carve(const ag_attend *a, void *memory)
{
    float *s = memory, *o = s + QUERIES * KEYS, *m = o + QUERIES * a->d_v;
    return (space){ s, o, m, m + QUERIES };
}

static const char *refuse(const ag_step *s)
{
    const ag_attend *a = &s->u.attend;
    const ag_pass *p = &a->pass[0];
    if (a->n_passes != 1 || p->ready || p->own != AG_OWN_NONE || p->permuted) return "dense attention only";
    if (p->disturbance.kind != AG_DISTURB_NONE) return "no random logits";
    if (a->masked || a->biased || a->causal) return "no masks, bias or causal";
    for (int i = 0; i < a->n_spans; i++)
        if (!ag_openblas_takes(&p->q[i], a->d)) return "float32 with a token stride only";
    for (int i = 0; i < p->n_keys; i++)
        if (!ag_openblas_takes(&p->keys[i].k, a->d) || !ag_openblas_takes(&p->keys[i].v, a->d_v))
            return "float32 with a token stride only";
    return a->out.dtype == AG_F32 ? NULL : "float32 with a token stride only";
}

static int64_t tasks(const ag_step *s)
{
    (void)s;
    return 1;
}

/* n queries at q against `keys` keys at k, v; strides in elements. */
typedef struct block {
    const float *q, *k, *v;
    int q_stride, k_stride, v_stride, n, keys;
} block;

/* One block of keys joins the running maximum m, sum l and result o of its queries. */
static void add_keys(const ag_attend *a, const space *x, const block *b)
{
    const ag_softmax *softmax = ag_softmax_here();
    const ag_openblas *blas = ag_openblas_here();
    const int d = (int)a->d, d_v = (int)a->d_v;
    blas->sgemm(AG_ROW_MAJOR, AG_NO_TRANS, AG_TRANS, b->n, b->keys, d, (float)(a->pass[0].scale * LOG2E), b->q,
                b->q_stride, b->k, b->k_stride, 0, x->s, KEYS);
    for (int i = 0; i < b->n; i++) {
        float *row = x->s + i * KEYS, *o = x->o + i * d_v;
        const float top = softmax->max(row, b->keys), m = top > x->m[i] ? top : x->m[i], by = exp2f(x->m[i] - m);
        x->l[i] = x->l[i] * by + softmax->exp2(row, b->keys, m);
        x->m[i] = m;
        for (int t = 0; by != 1 && t < d_v; t++) o[t] *= by;
    }
    blas->sgemm(AG_ROW_MAJOR, AG_NO_TRANS, AG_NO_TRANS, b->n, d_v, b->keys, 1, x->s, KEYS, b->v, b->v_stride, 1, x->o,
                d_v);
}

static void store(const ag_attend *a, const ag_bound *run, const space *x, int64_t h, int64_t i, int n)
{
    for (int r = 0; r < n; r++) {
        float *out = ag_at(run, &a->out, h, i + r);
        for (int64_t t = 0; t < a->d_v; t++) out[t] = x->o[r * a->d_v + t] / x->l[r];
        if (a->lse.source == AG_SOURCES) continue;
        *(float *)ag_at(run, &a->lse, h, i + r) = (x->m[r] + log2f(x->l[r])) * (float)LN2;
    }
}

/* Queries [i, i + n) of head h, with the queries' source of their span. */
static void attend(const ag_attend *a, const ag_bound *run, const space *x, int64_t h, int64_t i, int n,
                   const ag_ref *q)
{
    const ag_pass *p = &a->pass[0];
    memset(x->o, 0, (size_t)(n * a->d_v) * sizeof(float));
    memset(x->l, 0, (size_t)n * sizeof(float));
    for (int r = 0; r < n; r++) x->m[r] = -FLT_MAX;
    for (int range = 0; range < p->n_keys; range++) {
        const ag_keys *keys = &p->keys[range];
        for (int64_t j = 0; j < keys->count; j += KEYS) {
            const int64_t left = keys->count - j;
            const block b = {
                .q = ag_at(run, q, h, i),
                .k = ag_at(run, &keys->k, h, keys->first + j),
                .v = ag_at(run, &keys->v, h, keys->first + j),
                .q_stride = (int)q->stride_i,
                .k_stride = (int)keys->k.stride_i,
                .v_stride = (int)keys->v.stride_i,
                .n = n,
                .keys = (int)(left < KEYS ? left : KEYS),
            };
            add_keys(a, x, &b);
        }
    }
    store(a, run, x, h, i, n);
}

static void run(const ag_step *s, const ag_bound *bound, int64_t task, void *memory)
{
    (void)task;
    const ag_attend *a = &s->u.attend;
    const space x = carve(a, memory);
    for (int64_t h = 0; h < s->n_heads; h++)
        for (int span = 0; span < a->n_spans; span++)
            for (int64_t i = 0; i < a->spans[span].count; i += QUERIES) {
                const int64_t left = a->spans[span].count - i;
                attend(a, bound, &x, s->heads[h], a->spans[span].first + i, (int)(left < QUERIES ? left : QUERIES),
                       &a->pass[0].q[span]);
            }
}

const ag_kernel ag_attend_openblas = {
    .name = "attend_openblas",
    .step = AG_STEP_ATTEND,
    .own_threads = 1,
    .unavailable = ag_openblas_unavailable,
    .detail = ag_openblas_detail,
    .refuse = refuse,
    .tasks = tasks,
    .scratch = scratch,
    .run = run,
};
