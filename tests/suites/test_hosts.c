/* test_hosts.c - the same bytes whoever's threads do the work, however many, and however it is split. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/hosts.h"
#include "../harness/kernels.h"
#include "suites.h"

enum { PROBLEMS = 24, REPEATS = 20 };

/* The first are random; the last four are large enough for many tasks of every step. */
static void set_problem(problem *x, int number)
{
    if (number < PROBLEMS - 4) {
        problem_random(x, (uint64_t)number + 5000);
    } else {
        problem_init(x, 3, 4, 590, 590, 40);
        for (int64_t b = 0; b < 3; b++) {
            ag_row *row = problem_row(x, b, (ag_method)(number % 4 + (int)b));
            row->image_offset = 7;
            row->image_length = 576;
            row->grid[0] = 1;
            row->grid[1] = row->grid[2] = 24;
            row->sigma = number % 2 ? 3 : INFINITY;
            row->draws = 2;
        }
        problem_place(x, PLACE_TOKENS, AG_F32, number % 2 ? AG_F32 : AG_BF16, AG_F32);
    }
    ck_assert(!problem_build(x, (uint64_t)number));
}

typedef int host(job *j, int threads);

static int plain(job *j, int threads) { return threads < 0 || host_plain(j); }
static int single(job *j, int threads) { return threads < 0 || host_single_tasks(j); }
static int backwards(job *j, int threads) { return threads < 0 || host_executor(j, 0); }

/* Runs a job with `workers` on a context of `threads` and compares with what one thread gave. */
static void expect_same(const problem *x, const job *want, host *run, int threads, int workers)
{
    char why[AG_MESSAGE_SIZE] = "", text[PROBLEM_TEXT];
    ag_context *context = kernels_context(run == plain ? threads : 1);
    job j;
    ck_assert_msg(!job_open(&j, x, context, workers, why), "%s", why);
    problem_describe(x, text, sizeof text);
    ck_assert_msg(!run(&j, threads), "%d threads, %d workers: refused: %s", threads, workers, text);
    ck_assert_msg(job_equal(&j, want), "%d threads, %d workers: other bytes: %s", threads, workers, text);
    ck_assert_int_eq(ag_plan_workers(j.plan), workers ? workers : ag_context_threads(context));
    job_close(&j);
    ag_context_free(context);
}

START_TEST(every_host_gives_the_same_bytes)
{
    char why[AG_MESSAGE_SIZE] = "";
    problem x;
    job want;
    ag_context *context = kernels_context(1);
    set_problem(&x, _i);
    ck_assert_msg(!job_open(&want, &x, context, 1, why), "%s", why);
    ck_assert(!host_plain(&want));
    for (int threads = 1; threads <= 8; threads++) {
        expect_same(&x, &want, plain, threads, 0);
        expect_same(&x, &want, host_threads, threads, threads);
        expect_same(&x, &want, host_executor, threads, 9 - threads);
        expect_same(&x, &want, host_openmp, threads, 9 - threads);
    }
    expect_same(&x, &want, plain, 3, 2);
    expect_same(&x, &want, plain, 2, 5);
    expect_same(&x, &want, single, 1, 3);
    expect_same(&x, &want, backwards, 1, 4);
    expect_same(&x, &want, host_openmp, 0, 4);
    job_close(&want);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* The same for every kernel that takes the problem, not only the library's choice. */
static void expect_same_with(problem *x, const char *kernel)
{
    char why[AG_MESSAGE_SIZE] = "";
    ag_context *context = kernels_context(1);
    job want;
    x->p.kernel = kernel;
    if (kernels_exact(x, context, kernel)) {
        ck_assert_msg(!job_open(&want, x, context, 1, why), "%s", why);
        ck_assert(!host_plain(&want));
        expect_same(x, &want, plain, 2, 0);
        expect_same(x, &want, host_threads, 3, 3);
        expect_same(x, &want, single, 1, 2);
        job_close(&want);
    }
    ag_context_free(context);
}

START_TEST(every_kernel_gives_the_same_bytes)
{
    problem x;
    set_problem(&x, _i);
    for (int i = 0; i < kernels_count(); i++) expect_same_with(&x, kernels_info(i).name);
    problem_free(&x);
}
END_TEST

/* ---- Several at once ---------------------------------------------------------------------------------------- */

static void *repeat(void *arg)
{
    job *j = arg;
    for (int i = 0; i < REPEATS; i++) {
        buffer_poison(&j->out);
        if (host_plain(j)) return j;
    }
    return NULL;
}

/* Two jobs in two threads; both must end with `want`. */
static void run_both(job *a, job *b, const job *want)
{
    pthread_t thread;
    void *failed;
    ck_assert(!pthread_create(&thread, NULL, repeat, b));
    ck_assert_ptr_null(repeat(a));
    pthread_join(thread, &failed);
    ck_assert_ptr_null(failed);
    ck_assert(job_equal(a, want) && job_equal(b, want));
}

START_TEST(contexts_are_independent)
{
    char why[AG_MESSAGE_SIZE] = "";
    problem x;
    job want, a, b;
    ag_context *first = kernels_context(2), *second = kernels_context(3);
    set_problem(&x, PROBLEMS - 1 - _i);
    ck_assert(!job_open(&want, &x, first, 1, why) && !job_open(&a, &x, first, 0, why) &&
              !job_open(&b, &x, second, 0, why));
    ck_assert(!host_plain(&want));
    run_both(&a, &b, &want);
    job_close(&want);
    job_close(&a);
    job_close(&b);
    problem_free(&x);
    ag_context_free(first);
    ag_context_free(second);
}
END_TEST

/* One plan, two threads, each with its own workspace and output: one finds the context's threads busy. */
START_TEST(plans_are_shared)
{
    char why[AG_MESSAGE_SIZE] = "";
    problem x;
    job want, a, b;
    ag_context *context = kernels_context(2);
    set_problem(&x, PROBLEMS - 1 - _i);
    ck_assert(!job_open(&want, &x, context, 1, why) && !job_open(&a, &x, context, 0, why) &&
              !job_open(&b, &x, context, 0, why));
    ck_assert(!host_plain(&want));
    ag_plan *own = b.plan;
    b.plan = a.plan;
    run_both(&a, &b, &want);
    b.plan = own;
    job_close(&want);
    job_close(&a);
    job_close(&b);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

Suite *suite_hosts(void)
{
    Suite *s = suite_create("hosts");
    TCase *c = tcase_create("hosts");
    tcase_set_timeout(c, 600);
    add_loop(c, every_host_gives_the_same_bytes, 0, PROBLEMS);
    add_loop(c, every_kernel_gives_the_same_bytes, 0, PROBLEMS);
    add_loop(c, contexts_are_independent, 0, 4);
    add_loop(c, plans_are_shared, 0, 4);
    suite_add_tcase(s, c);
    return s;
}
