/* attend_avx512bf16.c - the tiled attend kernel with AVX-512's bfloat16 dot products: two multiply-adds where float32
 * has one. For tensors that are bfloat16, the library's own float32 ones among them (blurred queries, permuted values),
 * and for others where the caller allows that they are rounded. */
#include "../verbs/verbs_avx512.h"

#include "../verbs/unit_bf16.h"

#include "attend_tiled.h"

/* Stored so, or of the library's own making, or the caller allows it. */
static int is_rounded(const ag_attend *a, const ag_ref *r)
{
    return r->dtype == AG_BF16 || (r->dtype == AG_F32 && r->source == AG_WORK) || a->products == AG_BF16;
}

static const char *refuse_pass(const ag_attend *a, const ag_pass *p)
{
    if (p->ready) return NULL;
    for (int i = 0; i < a->n_spans; i++) {
        if (!is_rounded(a, &p->q[i])) return "its products are of bfloat16, and q is not";
        if (p->q[i].dtype != AG_BF16 && a->lse.source != AG_SOURCES && a->products != AG_BF16)
            return "rounded queries would show in the lse, which is wanted";
    }
    for (int i = 0; i < p->n_keys; i++)
        if (!is_rounded(a, &p->keys[i].k) || !is_rounded(a, &p->keys[i].v))
            return "its products are of bfloat16, and k and v are not";
    return p->scale < 0 ? "it takes the maximum before the scale, which is negative" : NULL;
}

static const char *refuse(const ag_step *s)
{
    const ag_attend *a = &s->u.attend;
    const char *why = a->products == AG_F32 ? "its products are of bfloat16, and float32 ones are asked for" : NULL;
    for (int i = 0; i < a->n_passes && !why; i++) why = refuse_pass(a, &a->pass[i]);
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
