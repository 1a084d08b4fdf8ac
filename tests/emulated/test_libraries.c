/* test_libraries.c - what cuDNN and cuBLAS are asked for, on the emulated device with stand-ins for both: which rows
 * become one call, blocks of many sizes, what is refused, and what happens when a library says no. */
#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/kernels.h"
#include "../suites/suites.h"
#include "emulated.h"

/* The stand-in's counters. */
static _Atomic int *counter(const char *name)
{
    _Atomic int *at = dlsym(dlopen(getenv("AG_CUDNN"), RTLD_NOW | RTLD_LOCAL), name);
    ck_assert_ptr_nonnull(at);
    return at;
}

/* A suite of its own reaches what shapes of other suites may not. */
static void reach(const char *kernel)
{
    for (int i = 0; i < kernels_count(); i++)
        if (!strcmp(kernels_info(i).name, kernel)) kernels_reached[i] = 1;
}

static void run_right(problem *x, ag_context *context, const char *kernel)
{
    const verdict v = problem_run(x, context, kernel);
    ck_assert_msg(v.outcome == OUTCOME_RIGHT, "%s: %s", kernel ? kernel : "the library's choice", v.text);
    if (kernel) reach(kernel);
}

static void set_half(problem *x, int64_t batch, int64_t heads, int64_t kv_heads, int64_t n_k)
{
    problem_init(x, batch, heads, 33, n_k, 40);
    x->p.kv_heads = kv_heads;
    x->p.d_v = 24;
    x->p.want_lse = 1;
    problem_place(x, PLACE_TOKENS, AG_F16, AG_F16, AG_F16);
}

/* Runs it by cuDNN; returns how many calls that was. */
static int cudnn_calls(problem *x, ag_context *context)
{
    _Atomic int *runs = counter("fake_cudnn_runs");
    const int before = *runs;
    ck_assert(!problem_build(x, 3));
    run_right(x, context, "attend_cudnn");
    problem_free(x);
    return *runs - before;
}

START_TEST(rows_become_one_call)
{
    ag_context *context = kernels_context(1);
    problem x;
    set_half(&x, 4, 2, 2, 50);
    ck_assert_int_eq(cudnn_calls(&x, context), 1);
    set_half(&x, 4, 6, 3, 50);
    ck_assert_int_eq(cudnn_calls(&x, context), 1);

    set_half(&x, 3, 2, 1, 50); /* one row of keys for all: a batch that lies on itself is not asked for */
    for (int b = 0; b < 3; b++) problem_row(&x, b, AG_STANDARD)->kv_row = 0;
    x.p.kv_batch = 1;
    ck_assert_int_eq(cudnn_calls(&x, context), 3);

    set_half(&x, 4, 2, 2, 50); /* 0 and 2 lie one distance apart, then 3 does not; 1 goes backwards */
    const int64_t rows[] = { 0, 3, 2, 1 };
    for (int b = 0; b < 4; b++) {
        problem_row(&x, b, AG_STANDARD)->kv_row = rows[b];
        x.rows[b].q_row = rows[b];
    }
    ck_assert_int_eq(cudnn_calls(&x, context), 3);
    ag_context_free(context);
}
END_TEST

/* Heads that another kernel has leave gaps, and begin in the middle of groups. */
START_TEST(chosen_heads_are_cut_into_calls)
{
    static const uint8_t chosen[][12] = { { 1 },
                                          { 0, 1, 1 },
                                          { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 },
                                          { 0, 1, 0, 1, 0, 1 },
                                          { 0, 0, 0, 0, 1, 1, 1, 1 },
                                          { 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1 } };
    ag_context *context = kernels_context(1);
    for (int64_t kv = 1; kv <= 12; kv++)
        for (int i = 0; i < 6 && 12 % kv == 0; i++) {
            problem x;
            set_half(&x, 2, 12, kv, 33);
            x.p.want_lse = 0;
            memcpy(x.heads[0], chosen[i], 12);
            problem_row(&x, 0, AG_IDENTITY)->heads = x.heads[0];
            problem_row(&x, 1, AG_STANDARD);
            ck_assert_int_gt(cudnn_calls(&x, context), 1);
        }
    ag_context_free(context);
}
END_TEST

/* Three rows of 25 image tokens between text, all alike. */
static void set_perturbed(problem *x, ag_method method, double sigma, ag_dtype type)
{
    set_half(x, 3, 4, 2, 33);
    problem_place(x, PLACE_TOKENS, type, type, type);
    for (int b = 0; b < 3; b++) {
        ag_row *row = problem_row(x, b, method);
        row->kind = AG_PERMUTE;
        row->sigma = sigma;
        row->image_offset = 4;
        row->image_length = 25;
        row->grid[0] = 1;
        row->grid[1] = row->grid[2] = 5;
    }
}

/* What methods make for attend is of a type that cuDNN takes: text before, image, text behind, or one row and text. */
START_TEST(perturbed_rows_go_to_libraries)
{
    ag_context *context = kernels_context(1);
    problem x;
    set_perturbed(&x, AG_SMOOTHED, 1, AG_F16);
    ck_assert_int_eq(cudnn_calls(&x, context), 3);
    set_perturbed(&x, AG_SMOOTHED, INFINITY, AG_BF16);
    ck_assert_int_eq(cudnn_calls(&x, context), 3);
    set_perturbed(&x, AG_ORTHOGONAL, 2, AG_BF16);
    ck_assert_int_eq(cudnn_calls(&x, context), 3);
    set_perturbed(&x, AG_SMOOTHED, 1, AG_F32);
    ck_assert(!problem_build(&x, 3));
    run_right(&x, context, "attend_cublas");
    problem_free(&x);
    set_perturbed(&x, AG_SCRAMBLED, 0, AG_F32); /* values in three places */
    ck_assert(!problem_build(&x, 3));
    run_right(&x, context, "attend_cublas");
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

static void refused(problem *x, const char *kernel, ag_status status, const char *text)
{
    ag_context *context = kernels_context(1);
    char why[AG_MESSAGE_SIZE] = "";
    ck_assert(!problem_build(x, 3));
    ck_assert_int_eq(problem_execute(x, context, kernel, why, sizeof why), status);
    ck_assert_msg(strstr(why, text), "%s", why);
    ck_assert(buffer_is_poison(&x->out));
    problem_free(x);
    ag_context_free(context);
}

START_TEST(cudnn_refuses_what_it_cannot_take)
{
    static const struct {
        ag_dtype q, kv, out;
        int64_t d, d_v;
        placing how;
        const char *why;
    } cases[] = {
        { AG_F32, AG_F32, AG_F32, 40, 40, PLACE_TOKENS, "neither float16 nor bfloat16" },
        { AG_F32, AG_F16, AG_F32, 40, 40, PLACE_TOKENS, "not of one type" },
        { AG_F16, AG_F16, AG_BF16, 40, 40, PLACE_TOKENS, "not of one type" },
        { AG_F16, AG_F16, AG_F16, 36, 40, PLACE_TOKENS, "no multiple of 8" },
        { AG_F16, AG_F16, AG_F16, 40, 1, PLACE_TOKENS, "no multiple of 8" },
        { AG_F16, AG_F16, AG_F16, 264, 40, PLACE_TOKENS, "above 256" },
        { AG_F16, AG_F16, AG_F16, 40, 264, PLACE_TOKENS, "above 256" },
        { AG_F16, AG_F16, AG_F16, 40, 40, PLACE_HEADS, "aligned to 16 bytes" },
        { AG_F16, AG_F16, AG_F16, 40, 40, PLACE_BROADCAST, "broadcast over tokens or heads" },
    };
    problem x;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        problem_init(&x, 2, 2, 30, 30, cases[i].d);
        x.p.d_v = cases[i].d_v;
        problem_place(&x, cases[i].how, cases[i].q, cases[i].kv, cases[i].out);
        if (cases[i].how == PLACE_BROADCAST) x.p.q.align = x.p.k.align = x.p.v.align = x.p.out.align = 16;
        refused(&x, "attend_cudnn", AG_ERR_KERNEL, cases[i].why);
    }
    for (int i = 0; i < 4; i++) {
        set_half(&x, 1, 2, 2, 50);
        if (i == 0) problem_mask(&x);
        if (i == 1) problem_bias(&x, AG_F16);
        x.p.causal = i == 2;
        x.p.has_key_lengths = i == 3;
        refused(&x, "attend_cudnn", AG_ERR_KERNEL, ((const char *[]){ "masked", "bias", "causal", "masked" })[i]);
    }
}
END_TEST

START_TEST(promises_are_checked)
{
    problem x;
    ag_context *context = kernels_context(1);
    char why[AG_MESSAGE_SIZE] = "";
    set_half(&x, 1, 2, 2, 50);
    x.p.q.align = 64; /* rows are 80 bytes apart */
    ag_plan *plan = NULL;
    ck_assert_int_eq(ag_plan_create(context, &x.p, &plan, why, sizeof why), AG_ERR_STRIDE);
    ck_assert_msg(strstr(why, "q.align promises 64 bytes"), "%s", why);
    x.p.q.align = 16;
    ck_assert(!problem_build(&x, 1));
    x.a.k = (const char *)x.a.k + 2;
    ck_assert_int_eq(problem_execute(&x, context, NULL, why, sizeof why), AG_ERR_STRIDE);
    ck_assert_msg(strstr(why, "k is not aligned to 16 bytes"), "%s", why);
    ck_assert(buffer_is_poison(&x.out));
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* cuBLAS reads a block's queries before its results are put out; cuDNN promises no such thing. */
START_TEST(out_may_be_q_by_cublas_alone)
{
    problem x;
    ag_context *context = kernels_context(1);
    char why[AG_MESSAGE_SIZE] = "";
    for (int half = 0; half < 2; half++) {
        problem_init(&x, 2, 2, 40, half ? 40 : 8200, 24);
        problem_place(&x, PLACE_TOKENS, half ? AG_F16 : AG_F32, half ? AG_F16 : AG_F32, half ? AG_F16 : AG_F32);
        ck_assert(!problem_build(&x, 1));
        memcpy(x.out.data, x.q.data, x.out.size);
        x.a.q = x.a.out;
        const ag_status s = problem_execute(&x, context, half ? "attend_cudnn" : "attend_cublas", why, sizeof why);
        ck_assert_msg(s == (half ? AG_ERR_ALIAS : AG_OK), "%s", why);
        if (!half) ck_assert_int_eq(problem_judge(&x).outcome, OUTCOME_RIGHT);
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

START_TEST(a_library_that_declines_is_replaced)
{
    problem x;
    ag_context *context = kernels_context(1);
    _Atomic int *declines = counter("fake_cudnn_declines"), *runs = counter("fake_cudnn_runs");
    char why[AG_MESSAGE_SIZE] = "", text[2048];
    ag_plan *plan;
    set_half(&x, 3, 2, 2, 51); /* a plan nobody has made yet */
    ck_assert(!problem_build(&x, 1));
    const int before = *runs;
    *declines = 1;
    run_right(&x, context, NULL);
    ck_assert_int_eq(problem_execute(&x, context, "attend_cudnn", why, sizeof why), AG_ERR_KERNEL);
    ck_assert_msg(strstr(why, "no engine"), "%s", why);
    x.p.kernel = NULL;
    ck_assert(!ag_plan_create(context, &x.p, &plan, why, sizeof why));
    ag_plan_explain(plan, text, sizeof text);
    ck_assert_msg(strstr(text, "not attend_cudnn: its library made no plan"), "%s", text);
    ag_plan_free(plan);
    *declines = 0;
    ck_assert_int_eq(*runs, before);
    run_right(&x, context, NULL);
    ck_assert_int_eq(*runs, before + 1);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

START_TEST(plans_are_made_once)
{
    problem x;
    ag_context *context = kernels_context(1);
    _Atomic int *built = counter("fake_cudnn_built");
    set_half(&x, 2, 2, 2, 52);
    ck_assert(!problem_build(&x, 1));
    const int before = *built;
    for (int i = 0; i < 3; i++) run_right(&x, context, "attend_cudnn");
    ck_assert_int_eq(*built, before + 1);
    problem_free(&x);
    set_half(&x, 2, 2, 2, 52); /* the same but for strides of q */
    x.p.q = ag_layout_fused(AG_F16, 33, 3 * 2 * 40, 40);
    x.p.q.align = 16;
    ck_assert(!problem_build(&x, 1));
    run_right(&x, context, "attend_cudnn");
    ck_assert_int_eq(*built, before + 2);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* ---- blocks of cuBLAS ---- */

static const struct {
    int64_t batch, heads, kv_heads, n_q, n_k, d, d_v;
    int causal;
    ag_dtype bias;
    filling fill;
} blocks[] = {
    { 1, 2, 1, 3, 8192 + 77, 8, 5, 0, AG_NONE, FILL_PLAIN },     /* two blocks of keys */
    { 1, 1, 1, 5, 2 * 8192 + 1, 4, 8, 0, AG_BF16, FILL_RISING }, /* three, the last of one key */
    { 1, 2, 2, 9, 8192 + 5, 4, 4, 1, AG_NONE, FILL_NEGATIVE },   /* causal ends in the second */
    { 1, 3, 3, 1500, 8000, 2, 2, 0, AG_NONE, FILL_PLAIN },       /* heads in two turns, a thread block per row */
    { 1, 6, 3, 1100, 8192, 1, 1, 0, AG_NONE, FILL_PLAIN },       /* three heads of groups of two in each turn */
    { 1, 1, 1, 4300, 8000, 2, 2, 0, AG_U8, FILL_PLAIN },         /* queries in two turns */
    { 1, 2, 2, 40, 1024, 8, 8, 1, AG_F16, FILL_LARGE },          /* the longest row of a warp */
    { 1, 2, 2, 40, 1025, 8, 8, 0, AG_F32, FILL_PLAIN },          /* the shortest of a thread block */
    { 2, 5, 1, 33, 70, 3, 7, 1, AG_U8, FILL_DENORMAL },
};
enum { BLOCKS = sizeof blocks / sizeof *blocks };

START_TEST(blocks_are_right)
{
    problem x;
    ag_context *context = kernels_context(1);
    problem_init(&x, blocks[_i].batch, blocks[_i].heads, blocks[_i].n_q, blocks[_i].n_k, blocks[_i].d);
    x.p.kv_heads = blocks[_i].kv_heads;
    x.p.d_v = blocks[_i].d_v;
    x.p.causal = blocks[_i].causal;
    x.p.want_lse = 1;
    x.fill = blocks[_i].fill;
    if (blocks[_i].bias) problem_bias(&x, blocks[_i].bias);
    x.p.want_lse = !blocks[_i].bias; /* both are refused: the lse of the lowest biases is another kernel's */
    problem_place(&x, _i % 2 ? PLACE_TOKENS : PLACE_PADDED, AG_F32, AG_F32, AG_F32);
    ck_assert(!problem_build(&x, 5));
    run_right(&x, context, "attend_cublas");
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* ---- threads ---- */

enum { THREADS = 4, RUNS = 20 };

typedef struct runner {
    const ag_plan *plan;
    ag_args args;
    int bad;
} runner;

static void *run_often(void *arg)
{
    runner *r = arg;
    for (int i = 0; i < RUNS; i++) r->bad |= ag_plan_run(r->plan, &r->args, NULL, 0);
    return NULL;
}

/* More threads than handles, one plan. */
START_TEST(threads_share_plans)
{
    ag_context *context = kernels_context(1);
    pthread_t thread[THREADS];
    problem x[THREADS];
    buffer work[THREADS];
    runner r[THREADS];
    ag_plan *plan = NULL;
    for (int i = 0; i < THREADS; i++) {
        set_half(&x[i], 2, 2, 2, 50);
        ck_assert(!problem_build(&x[i], (uint64_t)i));
        x[i].p.kernel = "attend_cudnn";
        if (!plan) ck_assert(!ag_plan_create(context, &x[i].p, &plan, NULL, 0));
        ck_assert(!buffer_open(&work[i], ag_plan_workspace(plan), 64));
        r[i] = (runner){ plan, x[i].a, 0 };
        r[i].args.workspace = work[i].data;
        r[i].args.workspace_size = work[i].size;
    }
    for (int i = 0; i < THREADS; i++) ck_assert(!pthread_create(&thread[i], NULL, run_often, &r[i]));
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        ck_assert(!r[i].bad);
        ck_assert_int_eq(problem_judge(&x[i]).outcome, OUTCOME_RIGHT);
        buffer_close(&work[i]);
        problem_free(&x[i]);
    }
    ag_plan_free(plan);
    ag_context_free(context);
}
END_TEST

Suite *suite_libraries(void)
{
    Suite *s = suite_create("libraries");
    TCase *c = tcase_create("calls");
    tcase_set_timeout(c, 300);
    add_test(c, rows_become_one_call);
    add_test(c, chosen_heads_are_cut_into_calls);
    add_test(c, perturbed_rows_go_to_libraries);
    add_test(c, cudnn_refuses_what_it_cannot_take);
    add_test(c, promises_are_checked);
    add_test(c, out_may_be_q_by_cublas_alone);
    add_test(c, a_library_that_declines_is_replaced);
    add_test(c, plans_are_made_once);
    add_test(c, threads_share_plans);
    suite_add_tcase(s, c);
    c = tcase_create("blocks");
    tcase_set_timeout(c, 300);
    add_loop(c, blocks_are_right, 0, BLOCKS);
    suite_add_tcase(s, c);
    return s;
}
