/* attend_avx512bf16.c - the tiled attend kernel with AVX-512's bfloat16 dot products: two multiply-adds where float32 has
 * one. Keys and values must be bfloat16; the queries may be the library's own float32 ones (blurred, say), which are
 * then rounded. */
#include "verbs_avx512.h"

#include "unit_bf16.h"

#include "attend_tiled.h"

static int is_rounded(const ag_ref *r) { return r->dtype == AG_BF16 || (r->dtype == AG_F32 && r->source == AG_WORK); }

static const char *refuse_pass(const ag_attend *a, const ag_pass *p)
{
    if (p->ready) return NULL;
    for (int i = 0; i < a->n_spans; i++)
        if (!is_rounded(&p->q[i])) return "its products are of bfloat16, and q is not";
    for (int i = 0; i < p->n_keys; i++)
        if (p->keys[i].k.dtype != AG_BF16 || !is_rounded(&p->keys[i].v))
            return "its products are of bfloat16, and k and v are not";
    return p->scale < 0 ? "it takes the maximum before the scale, which is negative" : NULL;
}

static const char *refuse(const ag_step *s)
{
    const char *why = NULL;
    for (int i = 0; i < s->u.attend.n_passes && !why; i++) why = refuse_pass(&s->u.attend, &s->u.attend.pass[i]);
    return why;
}

const ag_kernel ag_attend_bf16_avx512bf16 = {
    .name = "attend_bf16_avx512bf16",
    .step = AG_STEP_ATTEND,
    .needs = AG_CPU_AVX512 | AG_CPU_AVX512BF16,
    .refuse = refuse,
    .tasks = tasks,
    .scratch = scratch,
    .run = run,
};
