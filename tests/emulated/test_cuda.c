/* test_cuda.c - what a host engine may rely on, on the emulated device: a run makes nothing and waits for nothing, uses
 * the caller's stream, leaves the current device alone, and says what went wrong with nothing lost. */
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/kernels.h"
#include "../harness/methods.h"
#include "../suites/suites.h"
#include "emulated.h"

/* Copies of every row, and standard attention beside them. */
static void set_problem(problem *x)
{
    problem_init(x, 3, 4, 70, 70, 24);
    problem_row(x, 2, AG_IDENTITY);
    problem_row(x, 0, AG_IDENTITY)->blend = 1;
    x->run[0].strength = 0.25;
    x->p.kernel = "attend_f32_simt"; /* libraries launch as often as they like */
    ck_assert(!problem_build(x, 1));
}

static ag_plan *plan_of(problem *x, ag_context *context)
{
    ag_plan *plan = NULL;
    char why[AG_MESSAGE_SIZE] = "";
    ck_assert_msg(!ag_plan_create(context, &x->p, &plan, why, sizeof why), "%s", why);
    return plan;
}

static void judge(problem *x)
{
    const verdict v = problem_judge(x);
    ck_assert_msg(v.outcome == OUTCOME_RIGHT, "%s", v.text);
}

/* ---- what a run does ---- */

/* As in a capture in global mode: everything but a launch on the caller's stream is an error there. */
START_TEST(run_only_launches)
{
    ag_context *context = kernels_context(1);
    problem x;
    char why[AG_MESSAGE_SIZE] = "";
    int streams[2];
    set_problem(&x);
    ag_plan *plan = plan_of(&x, context);
    for (int i = 0; i < 4; i++) {
        ag_emulation before = *emulated;
        x.a.cuda_stream = &streams[i % 2];
        before.capturing = emulated->capturing = 1;
        ck_assert_msg(!ag_plan_run(plan, &x.a, why, sizeof why), "%s", why);
        ck_assert_int_eq(emulated->launches, before.launches + 2); /* one for each kernel */
        ck_assert_ptr_eq(emulated->stream, &streams[i % 2]);
        before.launches = emulated->launches;
        before.stream = emulated->stream;
        ck_assert(!memcmp(&before, emulated, sizeof before));
        emulated->capturing = 0;
        judge(&x);
    }
    ag_plan_free(plan);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

START_TEST(current_device_is_left_alone)
{
    ag_context *context = kernels_context(1);
    problem x;
    set_problem(&x);
    for (int current = 0; current < AG_EMULATED_DEVICES; current++) {
        emulated->current = current;
        x.p.device = 1;
        ag_plan *plan = plan_of(&x, context);
        ck_assert_int_eq(emulated->current, current);
        ck_assert(!ag_plan_run(plan, &x.a, NULL, 0));
        ck_assert_int_eq(emulated->launch_device, 1);
        ck_assert_int_eq(emulated->current, current);
        judge(&x);
        emulated->launches_left = 0;
        ck_assert_int_eq(ag_plan_run(plan, &x.a, NULL, 0), AG_ERR_DEVICE);
        ck_assert_int_eq(emulated->current, current);
        emulated->launches_left = -1;
        ag_plan_free(plan);
        ck_assert_int_eq(emulated->current, current);
        ck_assert(!ag_attention_guided(context, &x.p, &x.a, NULL, 0));
        ck_assert_int_eq(emulated->current, current);
        judge(&x);
    }
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* One-shot calls keep a workspace for each stream: on another, the run before may not be over. */
START_TEST(streams_have_workspaces_of_their_own)
{
    ag_context *context = kernels_context(1);
    problem x;
    int streams[2];
    problem_init(&x, 1, 2, 64, 64, 16);
    ag_row *row = problem_row(&x, 0, AG_SMOOTHED);
    row->grid[0] = 1;
    row->grid[1] = row->grid[2] = 8;
    row->sigma = 1;
    ck_assert(!problem_build(&x, 1));
    char why[AG_MESSAGE_SIZE] = "";
    const int first = emulated->allocations;
    for (int i = 0; i < 6; i++) {
        x.a.cuda_stream = &streams[i % 2];
        const ag_status s = ag_attention_guided(context, &x.p, &x.a, why, sizeof why);
        if (s == AG_ERR_KERNEL && !kernels_complete()) break;
        ck_assert_msg(!s, "%s", why);
        judge(&x);
        ck_assert_int_eq(emulated->allocations, first + (i ? 3 : 2)); /* tables, and a workspace for each stream */
    }
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

START_TEST(everything_is_freed)
{
    problem x;
    const int before = emulated->allocations - emulated->frees;
    set_problem(&x);
    for (int i = 0; i < 3; i++) {
        ag_context *context = kernels_context(1);
        ag_plan *plan = plan_of(&x, context);
        ck_assert(!ag_attention_guided(context, &x.p, &x.a, NULL, 0));
        judge(&x);
        ag_plan_free(plan);
        ag_context_free(context);
    }
    ck_assert_int_eq(emulated->allocations - emulated->frees, before);
    problem_free(&x);
}
END_TEST

/* ---- what goes wrong ---- */

START_TEST(device_memory_may_run_out)
{
    ag_context *context = kernels_context(1);
    problem x;
    char why[AG_MESSAGE_SIZE] = "";
    ag_plan *plan = NULL;
    set_problem(&x);
    const int before = emulated->allocations - emulated->frees;
    emulated->memory_left = 0;
    ck_assert_int_eq(ag_plan_create(context, &x.p, &plan, why, sizeof why), AG_ERR_MEMORY);
    ck_assert(!plan && strstr(why, "out of memory") && buffer_is_poison(&x.out));
    ck_assert_int_eq(emulated->allocations - emulated->frees, before + 1); /* the one that failed */
    emulated->memory_left = 1;
    ck_assert_int_eq(ag_attention_guided(context, &x.p, &x.a, why, sizeof why), AG_ERR_MEMORY);
    ck_assert(buffer_is_poison(&x.out));
    emulated->memory_left = -1;
    ck_assert(!ag_attention_guided(context, &x.p, &x.a, why, sizeof why));
    judge(&x);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

START_TEST(failed_launches_are_told)
{
    ag_context *context = kernels_context(1);
    problem x;
    set_problem(&x);
    ag_plan *plan = plan_of(&x, context);
    for (int left = 0; left < 2; left++) {
        char why[AG_MESSAGE_SIZE] = "";
        emulated->launches_left = left;
        ck_assert_int_eq(ag_plan_run(plan, &x.a, why, sizeof why), AG_ERR_DEVICE);
        ck_assert_msg(strstr(why, "launch failure") && strstr(why, "kernel "), "%s", why);
    }
    emulated->launches_left = -1;
    ck_assert(!ag_plan_run(plan, &x.a, NULL, 0));
    judge(&x);
    ag_plan_free(plan);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

static void refused(problem *x, ag_context *context, ag_status status, const char *text)
{
    char why[AG_MESSAGE_SIZE] = "";
    ag_plan *plan = NULL;
    ck_assert_int_eq(ag_plan_create(context, &x->p, &plan, why, sizeof why), status);
    ck_assert_msg(!plan && strstr(why, text), "%s", why);
}

START_TEST(devices_are_judged)
{
    ag_context *context = kernels_context(1);
    problem x;
    set_problem(&x);
    x.p.device = AG_EMULATED_DEVICES;
    refused(&x, context, AG_ERR_VALUE, "device is 2, but this machine has 2");
    x.p.device = -1;
    refused(&x, context, AG_ERR_VALUE, "device is -1");
    x.p.device = 0;
    emulated->major = 7;
    refused(&x, context, AG_ERR_UNAVAILABLE, "compute capability 7.0, below 8.0");
    emulated->major = 9;
    ag_plan_free(plan_of(&x, context));
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

START_TEST(other_versions_are_refused)
{
    const void *(*entry)(uint32_t) = NULL;
    *(void **)&entry = dlsym(dlopen(getenv("AG_CUDA_PLUGIN"), RTLD_NOW | RTLD_LOCAL), "ag_cuda_backend");
    ck_assert(entry && entry(ag_version()));
    ck_assert(!entry(ag_version() + 1) && !entry(ag_version() - 1));
}
END_TEST

/* The stream has the order: a host cannot run parts. */
START_TEST(parts_are_refused)
{
    ag_context *context = kernels_context(1);
    problem x;
    set_problem(&x);
    ag_plan *plan = plan_of(&x, context);
    ck_assert_int_gt(ag_plan_phases(plan), 0);
    ck_assert_int_gt(ag_plan_tasks(plan, 0), 0);
    ck_assert_int_eq(ag_plan_workers(plan), 1);
    ck_assert_int_eq(ag_plan_run_part(plan, &x.a, 0, 0, 1, 0), AG_ERR_KERNEL);
    ck_assert_int_eq(ag_plan_run_share(plan, &x.a, 0, 0, 1), AG_ERR_KERNEL);
    ck_assert(buffer_is_poison(&x.out));
    ag_plan_free(plan);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* ---- values of a run ---- */

enum { MANY = 65, TOKENS = 3 };

typedef enum where { ROWS, DEVICE_ROWS, BOTH } where;

/* Queries 0 and value i at token i: standard attention gives 1 everywhere, identity i, each row by its strength. */
static ag_status run_many(int rows, where from, buffer x[5], char *why)
{
    ag_context *context = kernels_context(1);
    ag_problem p;
    ag_args a;
    ag_row row;
    ag_row_args values[MANY];
    ck_assert(!buffer_open(&x[4], MANY * sizeof(ag_device_row), sizeof(double)));
    ag_device_row *device = (ag_device_row *)x[4].data;
    ag_problem_init(&p, rows, 1, TOKENS, TOKENS, 1);
    ag_row_init(&row, AG_IDENTITY);
    row.blend = 1;
    p.place = AG_CUDA;
    p.rows = &row;
    p.row_count = 1;
    for (int i = 0; i < 4; i++) ck_assert(!buffer_open(&x[i], (size_t)rows * TOKENS * sizeof(float), sizeof(float)));
    for (int i = 0; i < rows * TOKENS; i++) {
        ((float *)x[0].data)[i] = ((float *)x[1].data)[i] = 0;
        ((float *)x[2].data)[i] = (float)(i % TOKENS);
    }
    for (int b = 0; b < rows; b++) {
        ag_row_args_init(&values[b]);
        values[b].strength = b / 64.0;
        device[b] = (ag_device_row){ .strength = b / 64.0, .gain = 1, .mix = 1, .random_stream = AG_STREAM_DEFAULT };
    }
    ag_args_init(&a, x[0].data, x[1].data, x[2].data, x[3].data);
    a.rows = from == DEVICE_ROWS ? NULL : values;
    a.row_count = from == DEVICE_ROWS ? 0 : rows;
    a.device_rows = from == ROWS ? NULL : device;
    const ag_status s = ag_attention_guided(context, &p, &a, why, AG_MESSAGE_SIZE);
    ag_context_free(context);
    return s;
}

static void many_are_refused(int rows, where from, ag_status status, const char *text)
{
    buffer x[5] = { 0 };
    char why[AG_MESSAGE_SIZE] = "";
    ck_assert_int_eq(run_many(rows, from, x, why), status);
    ck_assert_msg(strstr(why, text) && buffer_is_poison(&x[3]), "%s", why);
    for (int i = 0; i < 5; i++) buffer_close(&x[i]);
}

/* Those of more lie in device memory, where a captured graph finds new ones. */
START_TEST(launches_hold_values_of_64_rows)
{
    char why[AG_MESSAGE_SIZE] = "";
    many_are_refused(MANY, ROWS, AG_ERR_SHAPE, "row_count is 65");
    many_are_refused(2, BOTH, AG_ERR_COMBINATION, "device_rows");
    for (int i = 0; i < 2; i++) {
        buffer x[5] = { 0 };
        const int rows = i ? MANY : MANY - 1;
        ck_assert_msg(!run_many(rows, i ? DEVICE_ROWS : ROWS, x, why), "%s", why);
        for (int at = 0; at < rows * TOKENS; at++) {
            const double u = at / TOKENS / 64.0, got = ((const float *)x[3].data)[at];
            ck_assert_msg(fabs(got - (1 - u + u * (at % TOKENS))) < 1e-6, "row %d: %g", at / TOKENS, got);
        }
        for (int b = 0; b < 5; b++) buffer_close(&x[b]);
    }
}
END_TEST

/* They have no lambda: in rows of sparse gain is it. */
START_TEST(gain_of_device_rows_is_lambda)
{
    ag_context *context = kernels_context(1);
    ag_device_row *device = malloc(2 * sizeof *device);
    char why[AG_MESSAGE_SIZE] = "";
    problem x;
    problem_init(&x, 2, 1, 20, 33, 24);
    for (int64_t b = 0; b < 2; b++) {
        problem_perturb(&x, b, methods_number(AG_SPARSE, AG_GATHER));
        x.run[b].lambda = b ? 3 : 0.5;
        ag_device_row_init(&device[b]);
        device[b].gain = x.run[b].lambda;
    }
    ck_assert(!problem_build(&x, 1));
    emulated->adopt(device, 2 * sizeof *device);
    unsigned char *given = problem_bytes(&x, context, NULL, why, sizeof why);
    x.a.rows = NULL;
    x.a.row_count = 0;
    x.a.device_rows = device;
    unsigned char *taken = problem_bytes(&x, context, NULL, why, sizeof why);
    ck_assert_msg(given && taken && !memcmp(given, taken, x.out.pages_size), "%s", why);
    free(given);
    free(taken);
    emulated->forget(device);
    free(device);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* They cannot be judged from the host: a length beyond the keys is all of them, one below 0 none. */
START_TEST(crooked_lengths_do_no_harm)
{
    ag_context *context = kernels_context(1);
    problem x;
    problem_init(&x, 3, 2, 20, 33, 24);
    ck_assert(!problem_build(&x, 1));
    x.p.has_key_lengths = 1;
    int32_t *lengths = malloc(3 * sizeof *lengths);
    memcpy(lengths, (int32_t[]){ 34, INT32_MAX, -1 }, 3 * sizeof *lengths);
    emulated->adopt(lengths, 3 * sizeof *lengths);
    x.a.key_lengths = lengths;
    ck_assert(!ag_attention_guided(context, &x.p, &x.a, NULL, 0));
    const float *out = (const float *)x.out.data;
    for (int i = 0; i < 3 * 2 * 20 * 24; i++)
        ck_assert(i < 2 * 2 * 20 * 24 ? isfinite(out[i]) && out[i] != 0 : out[i] == 0);
    emulated->forget(lengths);
    free(lengths);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

START_TEST(every_step_has_a_kernel) { ck_assert(kernels_complete()); }
END_TEST

Suite *suite_cuda(void)
{
    Suite *s = suite_create("cuda");
    TCase *c = tcase_create("rules");
    add_test(c, run_only_launches);
    add_test(c, current_device_is_left_alone);
    add_test(c, streams_have_workspaces_of_their_own);
    add_test(c, everything_is_freed);
    add_test(c, device_memory_may_run_out);
    add_test(c, failed_launches_are_told);
    add_test(c, devices_are_judged);
    add_test(c, other_versions_are_refused);
    add_test(c, parts_are_refused);
    add_test(c, launches_hold_values_of_64_rows);
    add_test(c, gain_of_device_rows_is_lambda);
    add_test(c, crooked_lengths_do_no_harm);
    add_test(c, every_step_has_a_kernel);
    add_attend_shapes(c);
    suite_add_tcase(s, c);
    return s;
}
