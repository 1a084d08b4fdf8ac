/* test_exact.c - results that are equal bit for bit, with each kernel forced. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/kernels.h"
#include "../harness/methods.h"
#include "suites.h"

static ag_row *set_row(problem *x, int64_t b, int perturbation)
{
    ag_row *row = problem_perturb(x, b, perturbation);
    row->image_offset = 5;
    row->image_length = 60;
    row->grid[0] = 1;
    row->grid[1] = 6;
    row->grid[2] = 10;
    row_set(row, &x->run[b], "sigma", 2);
    return row;
}

static void set_problem(problem *x, ag_dtype type)
{
    problem_init(x, 3, 4, 70, 70, 40);
    x->p.kv_heads = 2;
    problem_place(x, PLACE_TOKENS, type, type, type);
}

/* Bytes of both, or none where the kernel refuses either. `same` says which elements must agree. */
static void compare(problem *x, ag_context *context, const char *kernel, const ag_row *as,
                    int (*same)(int64_t b, int64_t h))
{
    char why[AG_MESSAGE_SIZE] = "";
    const ag_row kept = x->rows[1];
    unsigned char *standard, *perturbed = problem_bytes(x, context, kernel, why, sizeof why);
    x->rows[1] = *as;
    standard = problem_bytes(x, context, kernel, why, sizeof why);
    x->rows[1] = kept;
    const size_t start = (size_t)(x->out.data - x->out.pages), line = 40 * ag_dtype_size(x->p.out.dtype);
    for (int64_t row = 0; row < 3 * 70 * 4 && standard && perturbed; row++) {
        const size_t at = start + (size_t)row * line; /* [B, N, H, d], packed */
        if (!same(row / 280, row % 4)) continue;
        ck_assert_msg(!memcmp(standard + at, perturbed + at, line), "%s: method %d kind %d: row %lld differs", kernel,
                      (int)kept.method, (int)kept.kind, (long long)row);
    }
    free(standard);
    free(perturbed);
}

/* The same problem with row 1 perturbed and with `as` in its place, for every kernel and type. */
static void compare_all(int perturbation, void (*change)(problem *x, ag_row *row), const ag_row *as,
                        int (*same)(int64_t b, int64_t h))
{
    static const ag_dtype types[] = { AG_F32, AG_F16, AG_BF16 };
    ag_context *context = kernels_context(0);
    for (int i = 0; i < 3; i++) {
        problem x;
        set_problem(&x, types[i]);
        ag_row *row = set_row(&x, 1, perturbation);
        change(&x, row);
        ck_assert(!problem_build(&x, 3));
        for (int k = 0; k < kernels_count(); k++)
            if (kernels_exact(&x, context, kernels_info(k).name)) compare(&x, context, kernels_info(k).name, as, same);
        problem_free(&x);
    }
    ag_context_free(context);
}

static int not_chosen(int64_t b, int64_t h) { return b != 1 || h == 1 || h == 2; }

static void choose_heads(problem *x, ag_row *row)
{
    memcpy(x->heads[1], (const uint8_t[]){ 1, 0, 0, 255 }, 4);
    row->heads = x->heads[1];
}

START_TEST(rows_and_heads_not_chosen_are_standard)
{
    ag_row standard;
    ag_row_init(&standard, AG_STANDARD);
    compare_all(_i, choose_heads, &standard, not_chosen);
}
END_TEST

static int everywhere(int64_t b, int64_t h) { return b < 3 && h < 4; }

/* Every number at the value where its method is standard; a probability too small for any word to hide is 0. */
static void neutral(problem *x, ag_row *row)
{
    ag_parameter_info p;
    x->p.causal = x->p.want_lse = 1;
    x->run[1].seed = 9;
    for (int i = 0; methods_parameter(methods_number(row->method, row->kind), i, &p); i++)
        row_put(row, &x->run[1], &p, p.neutral);
    row_set(row, &x->run[1], "probability", 0x1p-34);
    problem_tidy(x, 1);
}

START_TEST(neutral_numbers_are_standard)
{
    ag_row standard;
    ag_parameter_info p;
    int numbers = 0, neutrals = 0;
    for (; methods_parameter(_i, numbers, &p); numbers++) neutrals += !isnan(p.neutral);
    if (!numbers || neutrals < numbers) return;
    ag_row_init(&standard, AG_STANDARD);
    compare_all(_i, neutral, &standard, everywhere);
}
END_TEST

/* One image token, alone or beside text: the oracle knows which kinds are standard. */
START_TEST(one_token_is_right)
{
    ag_context *context = kernels_context(0);
    for (int i = 0; i < 4; i++) {
        problem x;
        const int64_t text = i / 2 * 6;
        problem_init(&x, 2, 2, 1 + text, 1 + text, 24);
        ag_row *row = problem_perturb(&x, 1, _i);
        row->image_offset = text / 2;
        row->image_length = row->grid[0] = row->grid[1] = row->grid[2] = 1;
        row_set(row, &x.run[1], "sigma", i % 2 ? 3 : INFINITY);
        row_set(row, &x.run[1], "keep_parallel", i % 2);
        ck_assert(!problem_build(&x, (uint64_t)i));
        kernels_try(&x, context, NULL);
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

/* out in the place of q gives the same bytes, whatever the rows ask for. */
START_TEST(out_may_be_q)
{
    ag_context *context = kernels_context(0);
    for (uint64_t seed = 0; seed < 200; seed++) {
        problem x;
        char why[AG_MESSAGE_SIZE] = "", text[PROBLEM_TEXT];
        problem_random(&x, seed * 7 + (uint64_t)_i);
        x.p.q_batch = x.p.batch;
        for (int64_t b = 0; b < x.p.row_count; b++) x.rows[b].q_row = AG_ROW_SAME;
        if (x.p.operation > AG_BLUR) continue;
        x.p.d_v = x.p.d;
        problem_place(&x, (placing)(seed % 4), x.p.q.dtype, x.p.k.dtype, x.p.q.dtype);
        ck_assert(!problem_build(&x, seed));
        unsigned char *apart = problem_bytes(&x, context, NULL, why, sizeof why);
        ck_assert_msg(apart != NULL, "%s", why);
        ck_assert_uint_eq(x.out.pages_size, x.q.pages_size);
        memcpy(x.out.pages, x.q.pages, x.out.pages_size);
        if (x.a.q) x.a.q = x.out.data;
        ck_assert_msg(!problem_execute(&x, context, NULL, why, sizeof why), "%s", why);
        problem_describe(&x, text, sizeof text);
        ck_assert_msg(!memcmp(apart, x.out.pages, x.out.pages_size), "in place differs: %s", text);
        free(apart);
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

/* Identity of everything is v: in its place nothing is done. A mask, a blend or a standard row forbids it. */
START_TEST(out_may_be_v)
{
    float v[2 * 3 * 10 * 8], before[2 * 3 * 10 * 8];
    ag_context *context = kernels_context(0);
    problem x;
    char why[AG_MESSAGE_SIZE] = "";
    for (int i = 0; i < 2 * 3 * 10 * 8; i++) before[i] = v[i] = (float)(i % 17) - 8;
    problem_init(&x, 2, 3, 10, 10, 8);
    for (int64_t b = 0; b < 2; b++) problem_row(&x, b, AG_IDENTITY);
    x.a.v = x.a.out = v;
    ck_assert_msg(!ag_attention_guided(context, &x.p, &x.a, why, sizeof why), "%s", why);
    x.a.q = x.a.k = before;
    x.rows[1].blend = _i == 0;
    x.rows[1].image_offset = _i == 1;
    if (_i == 2) x.rows[1].kv_row = 0;
    if (_i == 3) problem_mask(&x), x.a.key_mask = (const uint8_t *)before;
    if (_i == 4) x.rows[1].method = AG_STANDARD;
    ck_assert_int_eq(ag_attention_guided(context, &x.p, &x.a, why, sizeof why), AG_ERR_ALIAS);
    ck_assert(*why && !memcmp(v, before, sizeof v));
    ag_context_free(context);
}
END_TEST

Suite *suite_exact(void)
{
    Suite *s = suite_create("exact");
    TCase *c = tcase_create("exact");
    tcase_set_timeout(c, 600);
    add_loop(c, rows_and_heads_not_chosen_are_standard, 1, methods_count());
    add_loop(c, neutral_numbers_are_standard, 0, methods_count());
    add_loop(c, one_token_is_right, 0, methods_count());
    add_loop(c, out_may_be_q, 0, 2);
    add_loop(c, out_may_be_v, 0, 5);
    suite_add_tcase(s, c);
    return s;
}
