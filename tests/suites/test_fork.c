/* test_fork.c - a child of fork() has none of the context's threads: it must not wait for them. */
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../harness/hosts.h"
#include "../harness/kernels.h"
#include "suites.h"

enum { PATIENCE = 60 /* seconds until a child that waits for nobody is ended */ };

/* Large enough for many tasks of several phases. */
static void set_problem(problem *x)
{
    problem_init(x, 2, 4, 160, 160, 16);
    problem_row(x, 0, AG_STANDARD);
    ag_row *row = problem_row(x, 1, AG_SMOOTHED);
    row->grid[0] = 1;
    row->grid[1] = 10;
    row->grid[2] = 16;
    row->sigma = 2;
    ck_assert(!problem_build(x, 1));
}

/* Each returns 0 where the child did right. */
static int run_a_plan(ag_context *context, job *j, const job *want)
{
    (void)context;
    return host_plain(j) || !job_equal(j, want) || host_single_tasks(j) || !job_equal(j, want);
}

static int call_once(ag_context *context, job *j, const job *want)
{
    return ag_attention_guided(context, &j->x->p, &j->args, NULL, 0) || !job_equal(j, want);
}

static int free_the_context(ag_context *context, job *j, const job *want)
{
    const int wrong = host_plain(j) || !job_equal(j, want);
    ag_context_free(context);
    return wrong;
}

static int make_a_context(ag_context *context, job *j, const job *want)
{
    ag_context_free(context);
    return ag_context_create(NULL, &context, NULL, 0) || call_once(context, j, want);
}

static int (*const children[])(ag_context *, job *, const job *) = { run_a_plan, call_once, free_the_context,
                                                                     make_a_context };

/* Threads cannot be started in a child where the thread sanitizer watches; the last child does. */
#if defined(__SANITIZE_THREAD__)
enum { CHILDREN = 3 };
#else
enum { CHILDREN = 4 };
#endif

START_TEST(children_need_no_threads)
{
    char why[AG_MESSAGE_SIZE] = "";
    problem x;
    job want, j;
    int status;
    ag_context *context = kernels_context(3);
    set_problem(&x);
    ck_assert_msg(!job_open(&want, &x, context, 0, why) && !job_open(&j, &x, context, 0, why), "%s", why);
    ck_assert(!host_plain(&want) && !ag_attention_guided(context, &x.p, &j.args, NULL, 0));
    buffer_poison(&j.out);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (!child) {
        signal(SIGALRM, SIG_DFL); /* Check has one that ends the whole group */
        alarm(PATIENCE);
        _exit(children[_i](context, &j, &want));
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status), "the child was ended by signal %d", WTERMSIG(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    ck_assert(!host_plain(&j) && job_equal(&j, &want));
    job_close(&j);
    job_close(&want);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

Suite *suite_fork(void)
{
    Suite *s = suite_create("fork");
    TCase *c = tcase_create("fork");
    tcase_set_timeout(c, 600);
    add_loop(c, children_need_no_threads, 0, CHILDREN);
    suite_add_tcase(s, c);
    return s;
}
