/* map_openblas.c - the attention map with its product left to OpenBLAS, then softmax row by row. Takes float32 without
 * masks. By name only: its threads are shared by the whole process and its result depends on how many they are. */
#include <string.h>

#include "openblas.h"
#include "ref/study_row.h"

#define LOG2E 1.4426950408889634

static const char *refuse(const ag_step *s)
{
    const ag_study *x = &s->u.study;
    if (x->masked || x->biased || x->causal) return "no masks, bias or causal";
    return ag_openblas_takes(&x->q, x->d) && ag_openblas_takes(&x->k, x->d) ? NULL : "float32 with a token stride only";
}

static int64_t tasks(const ag_step *s)
{
    (void)s;
    return 1;
}

static float reach_of(const ag_bound *bound, const ag_ref *r, int64_t h, int64_t tokens, int64_t d)
{
    float most = 0;
    for (int64_t i = 0; i < tokens; i++) {
        const float *row = ag_at(bound, r, h, i);
        for (int64_t t = 0; t < d; t++)
            if (fabsf(row[t]) <= FLT_MAX && fabsf(row[t]) > most) most = fabsf(row[t]);
    }
    return most;
}

/* Rows whose logits float32 does not hold, again. */
static void mend(const ag_step *s, const ag_bound *bound, int64_t h, double *memory)
{
    const ag_study *x = &s->u.study;
    const float q = reach_of(bound, &x->q, h, x->n_q, x->d), k = reach_of(bound, &x->k, h, x->n_k, x->d);
    if (!ag_logits_overflow(q, k, (double)x->d, x->scale * LOG2E)) return;
    ag_study_row row = ag_study_row_in(s, bound, 1, memory);
    for (int64_t i = 0; i < x->n_q; i++) {
        ag_study_row_begin(&row, h, i);
        if (ag_study_row_overflows(&row)) ag_study_map_row(&row);
    }
}

static size_t scratch(const ag_step *s) { return ag_study_row_bytes(&s->u.study, 1); }

static void run(const ag_step *s, const ag_bound *bound, int64_t task, void *memory)
{
    (void)task;
    const ag_study *x = &s->u.study;
    const ag_softmax *softmax = ag_softmax_here();
    const ag_openblas *blas = ag_openblas_here();
    for (int64_t h = 0; h < x->heads; h++) {
        float *map = ag_at(bound, &x->out, h, 0);
        blas->sgemm(AG_ROW_MAJOR, AG_NO_TRANS, AG_TRANS, (int)x->n_q, (int)x->n_k, (int)x->d, (float)(x->scale * LOG2E),
                    ag_at(bound, &x->q, h, 0), (int)x->q.stride_i, ag_at(bound, &x->k, h, 0), (int)x->k.stride_i, 0,
                    map, (int)x->n_k);
        for (int64_t i = 0; i < x->n_q; i++, map += x->n_k) {
            const float by = 1 / softmax->exp2(map, x->n_k, softmax->max(map, x->n_k));
            for (int64_t j = 0; j < x->n_k; j++) map[j] *= by;
        }
        mend(s, bound, h, memory);
    }
}

const ag_kernel ag_map_openblas = {
    .name = "map_openblas",
    .step = AG_STEP_MAP,
    .own_threads = 1,
    .unavailable = ag_openblas_unavailable,
    .detail = ag_openblas_detail,
    .refuse = refuse,
    .tasks = tasks,
    .scratch = scratch,
    .run = run,
};
