/* test_products.c - what is multiplied: the caller allows bfloat16 products of float32 tensors, or forbids those of
 * bfloat16 ones. Both are exact to judge: the same bytes as from tensors rounded beforehand, or as from the kernel
 * named. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/kernels.h"
#include "../oracle/number.h"
#include "suites.h"

static const char bfloat_kernel[] = "attend_bf16_avx512bf16";

enum { HEADS = 3, TOKENS = 150, MOST_WIDTH = 81 };

typedef struct tensors {
    int64_t d;
    float *full[3];    /* q, k, v */
    uint16_t *half[3]; /* the same, rounded */
    float *out;
} tensors;

static int64_t count_of(const tensors *x) { return HEADS * TOKENS * x->d; }

static tensors make(int64_t d)
{
    tensors x = { .d = d };
    const int64_t n = count_of(&x);
    uint32_t seed = 7;
    for (int i = 0; i < 3; i++) {
        x.full[i] = malloc((size_t)n * sizeof(float));
        x.half[i] = malloc((size_t)n * sizeof(uint16_t));
        for (int64_t at = 0; at < n; at++) {
            seed = seed * 1664525u + 1013904223u;
            x.full[i][at] = (float)(seed >> 8) / 4194304.0f - 2;
            number_write(AG_BF16, x.half[i], at, x.full[i][at]);
        }
    }
    x.out = malloc((size_t)n * sizeof(float));
    return x;
}

static void drop(tensors *x)
{
    for (int i = 0; i < 3; i++) {
        free(x->full[i]);
        free(x->half[i]);
    }
    free(x->out);
}

/* A copy of out, from the tensors of this type. */
static float *attend(tensors *x, ag_dtype type, ag_dtype products, const char *kernel)
{
    const size_t size = (size_t)count_of(x) * sizeof(float);
    ag_context *context = kernels_context(0);
    ag_problem p;
    ag_args a;
    char why[AG_MESSAGE_SIZE] = "";
    ag_problem_init(&p, 1, HEADS, TOKENS, TOKENS, x->d);
    p.q.dtype = p.k.dtype = p.v.dtype = type;
    p.products = products;
    p.kernel = kernel;
    const int full = type == AG_F32;
    ag_args_init(&a, full ? (void *)x->full[0] : x->half[0], full ? (void *)x->full[1] : x->half[1],
                 full ? (void *)x->full[2] : x->half[2], x->out);
    memset(x->out, 0xff, size);
    ck_assert_msg(!ag_attention_standard(context, &p, &a, why, sizeof why), "%s", why);
    ag_context_free(context);
    float *copy = malloc(size);
    memcpy(copy, x->out, size);
    return copy;
}

static int can_round(void)
{
    for (int i = 0; i < kernels_count(); i++) {
        const ag_kernel_info info = kernels_info(i);
        if (strcmp(info.name, bfloat_kernel) == 0) return !info.unavailable;
    }
    return 0;
}

static void expect_equal(const tensors *x, float *a, float *b)
{
    ck_assert(memcmp(a, b, (size_t)count_of(x) * sizeof(float)) == 0);
    free(a);
    free(b);
}

static const int64_t widths[] = { 64, 40, 33, MOST_WIDTH };

START_TEST(allowed_products_are_those_of_rounded_tensors)
{
    tensors x = make(widths[_i]);
    if (can_round())
        expect_equal(&x, attend(&x, AG_F32, AG_BF16, bfloat_kernel), attend(&x, AG_BF16, AG_NONE, bfloat_kernel));
    drop(&x);
}
END_TEST

/* Whatever the processor has, float32 products are those of a kernel that knows no others. */
START_TEST(forbidden_products_are_not_taken)
{
    tensors x = make(widths[_i]);
    float *asked = attend(&x, AG_BF16, AG_F32, NULL), *base = attend(&x, AG_BF16, AG_F32, "attend_f64_ref");
    for (int64_t i = 0; i < count_of(&x); i++) ck_assert(fabsf(asked[i] - base[i]) <= 2e-6f);
    free(asked);
    free(base);
    drop(&x);
}
END_TEST

START_TEST(float32_is_not_rounded_unasked)
{
    ag_context *context = kernels_context(0);
    ag_problem p;
    ag_plan *plan;
    char why[AG_MESSAGE_SIZE];
    ag_problem_init(&p, 1, 1, 8, 8, 8);
    p.kernel = bfloat_kernel;
    ck_assert_int_eq(ag_plan_create(context, &p, &plan, why, sizeof why), AG_ERR_KERNEL);
    p.k.dtype = p.v.dtype = p.q.dtype = AG_BF16;
    p.products = AG_F32;
    ck_assert_int_eq(ag_plan_create(context, &p, &plan, why, sizeof why), AG_ERR_KERNEL);
    ag_context_free(context);
}
END_TEST

Suite *suite_products(void)
{
    Suite *s = suite_create("products");
    TCase *c = tcase_create("products");
    add_loop(c, allowed_products_are_those_of_rounded_tensors, 0, 4);
    add_loop(c, forbidden_products_are_not_taken, 0, 4);
    add_test(c, float32_is_not_rounded_unasked);
    suite_add_tcase(s, c);
    return s;
}
