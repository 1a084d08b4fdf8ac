/* host.c - a host of the library, for test_processes.sh: what its argument says; "called PROGRAM NAME ..." becomes that
 * program, told that NAME is its own. Returns 0 where all is well, 77 where it cannot be tried. */
#include <attnguide.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TOKENS = 256, D = 32, PATIENCE = 60 /* seconds until a child that waits for nobody is ended */ };

static float q[TOKENS * D], out[TOKENS * D], want[TOKENS * D];

static int call(ag_context *context)
{
    ag_problem p;
    ag_args a;
    ag_problem_init(&p, 1, 1, TOKENS, TOKENS, D);
    ag_args_init(&a, q, q, q, out);
    memset(out, 0, sizeof out);
    return ag_attention_standard(context, &p, &a, NULL, 0) || (*want && memcmp(out, want, sizeof out));
}

static ag_context *context_of(int threads, int pin)
{
    ag_context_options options;
    ag_context *context = NULL;
    ag_context_options_init(&options);
    if (threads) options.threads = threads;
    options.pin = pin;
    if (ag_context_create(&options, &context, NULL, 0)) return NULL;
    for (int i = 0; i < TOKENS * D; i++) q[i] = (float)(i % 17 - 8) / 4;
    if (call(context)) return NULL;
    memcpy(want, out, sizeof want);
    return context;
}

static int threads(void)
{
    ag_context_options options;
    ag_context_options_init(&options);
    ag_context *context = context_of(0, 0);
    printf("%d by default, %d made\n", (int)options.threads, ag_context_threads(context));
    ag_context_free(context);
    return !context;
}

static int pinned(void)
{
    ag_context *context = context_of(3, 1);
    ag_context_free(context);
    return !context;
}

/* ---- children ---- */

static int waited_for(pid_t child)
{
    int status;
    return waitpid(child, &status, 0) != child || !WIFEXITED(status) ? 1 : WEXITSTATUS(status);
}

static int child_calls(ag_context *context)
{
    alarm(PATIENCE);
    const int wrong = call(context);
    ag_context_free(context);
    ag_context *own = wrong ? NULL : context_of(2, 0);
    return wrong || !own || call(own);
}

/* A child of the kernel's own call: no handler of fork() runs. */
static pid_t cloned(unsigned long flags) { return (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0L, 0L, 0L, 0L); }

/* The first process of a PID namespace splits off the first process of another: both have number 1. */
static int first(pid_t (*split)(void))
{
    ag_context *context = context_of(2, 0);
    if (!context || getpid() != 1) return 1;
    const pid_t child = split();
    if (!child) _exit(getpid() != 1 || child_calls(context));
    const int wrong = child < 0 || waited_for(child) || call(context);
    ag_context_free(context);
    return wrong;
}

static pid_t by_fork(void) { return unshare(CLONE_NEWPID) ? -1 : fork(); }
static pid_t by_clone(void) { return cloned(CLONE_NEWPID); }

static int in_namespace(pid_t (*split)(void))
{
    if (unshare(CLONE_NEWPID)) return 77;
    const pid_t child = fork();
    if (!child) _exit(first(split));
    return waited_for(child);
}

static int forked_in_namespace(void) { return in_namespace(by_fork); }
static int cloned_in_namespace(void) { return in_namespace(by_clone); }

static int cloned_plainly(void)
{
    ag_context *context = context_of(3, 0);
    const pid_t child = context ? cloned(0) : -1;
    if (!child) _exit(child_calls(context));
    const int wrong = child < 0 || waited_for(child) || call(context);
    ag_context_free(context);
    return wrong;
}

/* ---- the plugin ---- */

/* Says why there is no CUDA here, which is to have been looked for first. */
static int plugin(void)
{
    char why[AG_MESSAGE_SIZE] = "";
    ag_context *context = context_of(1, 0);
    ag_problem p;
    ag_plan *plan;
    ag_problem_init(&p, 1, 1, TOKENS, TOKENS, D);
    p.place = AG_CUDA;
    const ag_status status = ag_plan_create(context, &p, &plan, why, sizeof why);
    puts(why);
    if (!status) ag_plan_free(plan);
    ag_context_free(context);
    return 0;
}

/* What is loaded when its kernel is asked for by name. */
static int openblas(void)
{
    ag_context *context = context_of(1, 0);
    ag_problem p;
    ag_plan *plan;
    ag_problem_init(&p, 1, 1, TOKENS, TOKENS, D);
    p.operation = AG_MAP;
    p.kernel = "map_openblas";
    if (!ag_plan_create(context, &p, &plan, NULL, 0)) ag_plan_free(plan);
    ag_context_free(context);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(void);
    } modes[] = {
        { "threads", threads },
        { "pinned", pinned },
        { "forked_in_namespace", forked_in_namespace },
        { "cloned_in_namespace", cloned_in_namespace },
        { "cloned", cloned_plainly },
        { "plugin", plugin },
        { "openblas", openblas },
    };
    if (argc > 3 && !strcmp(argv[1], "called")) return execv(argv[2], argv + 3);
    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof *modes; i++)
        if (!strcmp(argv[1], modes[i].name)) return modes[i].run();
    return 2;
}
