/* test_limits.c - sizes near 2^63 in every number of a description: refused, and never by way of an overflow (the
 * undefined-behaviour sanitizer watches), nor by asking for the memory. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/kernels.h"
#include "suites.h"

/* The whole of a call's description; row 1 is spoilt, row 0 stays as it is. */
typedef struct description {
    ag_problem p;
    ag_args a;
    ag_row rows[2];
    ag_row_args run[2];
} description;

/* A number of a description. Those above `most` are refused; below it, they may be what somebody wants. */
typedef struct field {
    const char *name;
    size_t at;
    int64_t most;
} field;

#define PROBLEM(name)                                                                                                  \
    {                                                                                                                  \
        "problem." #name, offsetof(description, p.name), 0                                                             \
    }
#define STRIDE(name)                                                                                                   \
    {                                                                                                                  \
        "problem." #name, offsetof(description, p.name), INT64_MAX / 4                                                 \
    }
#define ROW(name)                                                                                                      \
    {                                                                                                                  \
        "row." #name, offsetof(description, rows[1].name), 0                                                           \
    }

static const field fields[] = {
    PROBLEM(batch),
    PROBLEM(q_batch),
    PROBLEM(kv_batch),
    PROBLEM(heads),
    PROBLEM(kv_heads),
    PROBLEM(n_q),
    PROBLEM(n_k),
    PROBLEM(d),
    PROBLEM(d_v),
    STRIDE(q.stride[0]),
    STRIDE(q.stride[1]),
    STRIDE(q.stride[2]),
    STRIDE(k.stride[0]),
    STRIDE(k.stride[1]),
    STRIDE(k.stride[2]),
    STRIDE(v.stride[0]),
    STRIDE(v.stride[1]),
    STRIDE(v.stride[2]),
    STRIDE(out.stride[0]),
    STRIDE(out.stride[1]),
    STRIDE(out.stride[2]),
    STRIDE(bias_stride[0]),
    STRIDE(bias_stride[1]),
    STRIDE(bias_stride[2]),
    STRIDE(bias_stride[3]),
    PROBLEM(row_count),
    PROBLEM(q_offset),
    PROBLEM(k_offset),
    PROBLEM(global_n_q),
    PROBLEM(global_n_k),
    PROBLEM(size),
    { "problem.key_mask_stride[0]", offsetof(description, p.key_mask_stride[0]), INT64_MAX },
    { "problem.key_mask_stride[1]", offsetof(description, p.key_mask_stride[1]), INT64_MAX / 4 },
    { "problem.row_offset", offsetof(description, p.row_offset), INT64_MAX },
    ROW(q_row),
    ROW(kv_row),
    ROW(image_offset),
    ROW(image_length),
    ROW(grid[0]),
    ROW(grid[1]),
    ROW(grid[2]),
    ROW(size),
    { "args.row_count", offsetof(description, a.row_count), 0 },
    { "args.size", offsetof(description, a.size), 0 },
    { "row_args.stream", offsetof(description, run[1].random_stream), 0 },
    { "row_args.size", offsetof(description, run[1].size), 0 },
};
enum { FIELDS = sizeof fields / sizeof *fields };

static const int64_t numbers[] = {
    INT64_MAX,     INT64_MAX - 1, INT64_MAX - 63, INT64_MAX / 2, INT64_MAX / 2 + 1,   INT64_MAX / 4,
    INT64_MAX / 8, INT64_MIN,     INT64_MIN + 1,  INT64_MIN / 2, -((int64_t)1 << 33),
};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static void set_number(description *x, const field *f, int64_t number)
{
    memcpy((char *)x + f->at, &number, sizeof number);
}

/* Base: a seeded permutation in row 1, and every optional array. */
static void set_base(problem *x)
{
    problem_init(x, 2, 4, 16, 16, 8);
    x->p.kv_heads = 2;
    ag_row *row = problem_row(x, 1, AG_SCRAMBLED);
    row->kind = AG_PERMUTE;
    row->grid[0] = 1;
    row->grid[1] = row->grid[2] = 4;
    problem_mask(x);
    problem_bias(x, AG_F32);
    x->p.has_key_lengths = 1;
    problem_place(x, PLACE_HEADS, AG_F32, AG_F32, AG_F32);
    ck_assert(!problem_build(x, 1));
}

static void copy_base(const problem *x, description *to)
{
    *to = (description){ .p = x->p, .a = x->a };
    memcpy(to->rows, x->rows, sizeof to->rows);
    memcpy(to->run, x->run, sizeof to->run);
    to->p.rows = to->rows;
    to->a.rows = to->run;
}

/* Judged as a run judges it, but not run. */
static ag_status judge(ag_context *context, const description *x, char why[AG_MESSAGE_SIZE])
{
    ag_plan *plan = NULL;
    ag_status status = ag_plan_create(context, &x->p, &plan, why, AG_MESSAGE_SIZE);
    if (!status) status = ag_plan_check_values(plan, &x->a, why, AG_MESSAGE_SIZE);
    ag_plan_free(plan);
    return status;
}

static int may_pass(const field *f, int64_t number) { return number > 0 && number <= f->most; }

START_TEST(one_number_is_huge)
{
    const field *f = &fields[_i];
    problem x;
    ag_context *context = kernels_context(1);
    set_base(&x);
    for (int n = 0; n < NUMBERS; n++) {
        description spoilt;
        char why[AG_MESSAGE_SIZE] = "";
        copy_base(&x, &spoilt);
        set_number(&spoilt, f, numbers[n]);
        const ag_status status = judge(context, &spoilt, why);
        if (may_pass(f, numbers[n]) && !status) continue;
        ck_assert_msg(status > AG_OK && status < AG_ERR_KERNEL && *why, "%s %lld: status %d: %s", f->name,
                      (long long)numbers[n], (int)status, why);
    }
    ck_assert(buffer_is_poison(&x.out));
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* Two at once, for products and sums of them. */
START_TEST(two_numbers_are_huge)
{
    problem x;
    ag_context *context = kernels_context(1);
    set_base(&x);
    for (int other = 0; other < FIELDS; other++)
        for (int n = 0; n < NUMBERS * NUMBERS && other != _i; n++) {
            const int64_t one = numbers[n / NUMBERS], two = numbers[n % NUMBERS];
            description spoilt;
            char why[AG_MESSAGE_SIZE] = "";
            copy_base(&x, &spoilt);
            set_number(&spoilt, &fields[_i], one);
            set_number(&spoilt, &fields[other], two);
            const ag_status status = judge(context, &spoilt, why);
            if (may_pass(&fields[_i], one) && may_pass(&fields[other], two) && !status) continue;
            ck_assert_msg(status > AG_OK && status < AG_ERR_KERNEL, "%s %lld, %s %lld: status %d: %s", fields[_i].name,
                          (long long)one, fields[other].name, (long long)two, (int)status, why);
        }
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* The stream is the row's global number mod 2^32, also where that number has no room in 64 bits. */
START_TEST(row_numbers_wrap)
{
    problem x;
    unsigned char *bytes[2];
    ag_context *context = kernels_context(1);
    set_base(&x);
    for (int i = 0; i < 2; i++) {
        char why[AG_MESSAGE_SIZE] = "";
        x.p.row_offset = i ? INT64_MAX : UINT32_MAX;
        bytes[i] = problem_bytes(&x, context, NULL, why, sizeof why);
        ck_assert_msg(bytes[i] != NULL, "%s", why);
    }
    ck_assert(!memcmp(bytes[0], bytes[1], x.out.pages_size));
    free(bytes[0]);
    free(bytes[1]);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* ---- Extents that are allowed, each alone, and the memory they would need together -------------------------- */

/* Inputs that are broadcast cost no memory: their extents may be anything up to 2^31 - 1. */
static void set_vast(ag_problem *p, int64_t heads, int64_t n, int64_t d, int64_t d_v)
{
    ag_problem_init(p, 1, heads, n, n, d);
    p->d_v = d_v;
    p->q = p->k = p->v = (ag_layout){ .dtype = AG_F32 };
    p->out = ag_layout_bhnd(AG_F16, heads, n, d_v);
    p->wave_bytes = SIZE_MAX;
}

typedef struct vast {
    ag_method method;
    ag_kind kind;
    int64_t heads, n, d, d_v, offset;
} vast;

static const vast vasts[] = {
    { AG_ORTHOGONAL, 0, 1, (int64_t)1 << 30, ((int64_t)1 << 30) - 1, INT32_MAX, 0 },
    { AG_ORTHOGONAL, 0, 2, ((int64_t)1 << 30) - 1, (int64_t)1 << 29, 1, 0 },
    { AG_SMOOTHED, 0, 65536, 2, INT32_MAX, 1, 0 },
    { AG_SMOOTHED, 0, 1, INT32_MAX, INT32_MAX, 1, INT32_MAX - 4 },
    { AG_SMOOTHED, 0, 65536, INT32_MAX, 1 << 13, 1, 1 },
    { AG_UNIFORM, 0, 65536, 64, INT32_MAX, 1, 0 },
    { AG_SCRAMBLED, AG_TOKENS, 3, INT32_MAX, (int64_t)1 << 29, 1, INT32_MAX - 5 },
    { AG_SCRAMBLED, AG_PERMUTE, 1, INT32_MAX, 1, INT32_MAX, INT32_MAX - 5 },
    { AG_SCRAMBLED, AG_GATHER, 2, INT32_MAX, 1, 1, 0 },
};

/* What a row of them needs is known to be too much, or its sizes are right: never a wrapped one. */
START_TEST(vast_rows_do_not_wrap)
{
    const vast *x = &vasts[_i];
    ag_problem p;
    ag_row rows[2];
    unsigned needs;
    char why[AG_MESSAGE_SIZE] = "";
    set_vast(&p, x->heads, x->n, x->d, x->d_v);
    for (int b = 0; b < 2; b++) {
        ag_row_init(&rows[b], b ? AG_UNIFORM : x->method);
        const ag_method m = rows[b].method;
        if (m == AG_SCRAMBLED) rows[b].kind = x->kind;
        if (m == AG_SCRAMBLED && x->kind == AG_GATHER) rows[b].draws = INT32_MAX;
        if (m == AG_ORTHOGONAL || m == AG_SMOOTHED) rows[b].sigma = 2;
        rows[b].image_offset = x->offset;
        rows[b].image_length = x->n - x->offset;
        rows[b].grid[0] = rows[b].grid[1] = 1;
        rows[b].grid[2] = x->n - x->offset;
    }
    p.rows = rows;
    for (p.batch = 1; p.batch <= 2; p.batch++) {
        p.row_count = p.q_batch = p.kv_batch = p.batch;
        const ag_status status = ag_problem_needs(&p, 0, &needs, why, sizeof why);
        ck_assert_msg(!status || status == AG_ERR_SHAPE || status == AG_ERR_STRIDE, "%d: %s", (int)status, why);
    }
}
END_TEST

START_TEST(layouts_saturate)
{
    for (int n = 0; n < NUMBERS; n++) {
        const int64_t huge = numbers[n];
        ag_problem p;
        ag_problem_init(&p, huge, huge, huge, huge, huge);
        const ag_layout layouts[] = { ag_layout_bhnd(AG_F32, huge, huge, huge),
                                      ag_layout_bnhd(AG_F32, huge, huge, huge),
                                      ag_layout_fused(AG_F32, huge, huge, huge) };
        for (int i = 0; i < 3 && huge > 0; i++) ck_assert_int_gt(layouts[i].stride[0], 0);
        ck_assert_int_eq(p.batch, huge);
    }
}
END_TEST

Suite *suite_limits(void)
{
    Suite *s = suite_create("limits");
    TCase *c = tcase_create("limits");
    tcase_set_timeout(c, 600);
    add_loop(c, one_number_is_huge, 0, FIELDS);
    add_loop(c, two_numbers_are_huge, 0, FIELDS);
    add_test(c, row_numbers_wrap);
    add_loop(c, vast_rows_do_not_wrap, 0, (int)(sizeof vasts / sizeof *vasts));
    add_test(c, layouts_saturate);
    suite_add_tcase(s, c);
    return s;
}
