/* isa_avx512bf16.c - the tiled attend kernel with AVX-512's bfloat16 dot products: two multiply-adds where float32
 * has one. For tensors that are bfloat16, the library's own float32 ones among them (blurred queries, permuted values),
 * and for others where the caller allows that they are rounded. */
#include "verbs/verbs_avx512.h"

#include "verbs/unit_bf16.h"

#include "kernels/attend_tmpl.h"

/* Stored so, or of the library's own making, or the caller allows it. */
static int is_rounded(const ag_attend *a, const ag_ref *r)
{
    return r->dtype == AG_BF16 || (r->dtype == AG_F32 && r->source == AG_WORK) || a->products == AG_BF16;
}

static const char *refuse_pass(const ag_attend *a, const ag_pass *p)
{
    if (p->ready) return NULL;
    for (int i = 0; i < a->n_spans; i++) {
        if (!is_rounded(a, &p->q[i])) return "its products are bfloat16, but q is not";
        if (p->q[i].dtype != AG_BF16 && a->lse.source != AG_SOURCES && a->products != AG_BF16)
            return "rounded queries would show in the lse, which is wanted";
    }
    for (int i = 0; i < p->n_keys; i++)
        if (!is_rounded(a, &p->keys[i].k) || !is_rounded(a, &p->keys[i].v))
            return "its products are bfloat16, but k and v are not";
    return p->scale < 0 ? "it takes the maximum before the scale, which is negative" : NULL;
}

static const char *refuse(const ag_step *s)
{
    const ag_attend *a = &s->u.attend;
    const char *why = a->products == AG_F32 ? "its products are bfloat16, but problem.products is AG_F32" : NULL;
    for (int i = 0; i < a->n_passes && !why; i++) why = refuse_pass(a, &a->pass[i]);
    return why;
}

/* clang-format off */
static const ag_kernel *const kernels[] = {
    &(const ag_kernel){ .name = "attend_bf16_avx512bf16", .step = AG_STEP_ATTEND,
        .needs = AG_CPU_AVX512 | AG_CPU_AVX512BF16,
        .refuse = refuse, .tasks = attend_tasks, .scratch = attend_scratch, .run = attend_run },
    NULL,
};
/* clang-format on */

const ag_kernel_set ag_isa_avx512bf16 = {
    .name = "avx512bf16",
    .needs = AG_CPU_AVX512 | AG_CPU_AVX512BF16,
    .kernels = kernels,
};
