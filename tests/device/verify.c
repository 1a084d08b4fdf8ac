/* verify.c - see verify.h. A process that dies is counted against the kernel it was trying, and another takes over. */
#include "verify.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../harness/golden.h"
#include "attempt.h"
#include "cases.h"
#include "device.h"
#include "record.h"

enum {
    MOST_WORKERS = 16,
    TYPES = 3,
    COMBINATIONS = 600,
    RANDOM = 20000,
    FEW_STEP = 41,
    FEW_RANDOM = 30,
    LARGE_EACH = 15
};
enum { DEATHS_ALLOWED = 12, DEVICE_FAILED = 3 };

typedef struct worker {
    pid_t process; /* 0: at its end */
    volatile int item, trying;
    tally tallies[TALLIES];
} worker;

typedef struct board {
    shared all;
    worker workers[MOST_WORKERS];
    double until;
    int few;
} board;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- items ---- */

static int try_golden(attempts *t, int number)
{
    static const ag_dtype types[TYPES] = { AG_F32, AG_F16, AG_BF16 };
    golden g;
    problem x;
    int failed = 0;
    if (golden_case(number / TYPES, &g)) return 0;
    if (golden_problem(&g, types[number % TYPES], &x) || golden_answer(&g, types[number % TYPES], &x))
        tally_wrong(&t->tallies[CHOICE], "a golden case cannot be read");
    else failed = attempt_problem(t, &x);
    problem_free(&x);
    return failed;
}

static int try_case(attempts *t, int number)
{
    problem x;
    case_set(number, &x);
    int failed = 0;
    if (problem_build(&x, (uint64_t)number)) tally_wrong(&t->tallies[CHOICE], "no memory for a case");
    else failed = attempt_problem(t, &x);
    problem_free(&x);
    return failed;
}

static int try_random(attempts *t, int number)
{
    problem x;
    problem_random(&x, (uint64_t)number);
    int failed = 0;
    if (problem_build(&x, (uint64_t)number)) tally_wrong(&t->tallies[CHOICE], "no memory for a problem");
    else failed = attempt_problem(t, &x);
    problem_free(&x);
    return failed;
}

static int try_combination(attempts *t, int number)
{
    combination x;
    combination_random(&x, (uint64_t)number);
    int failed = 0;
    if (combination_build(&x, (uint64_t)number)) tally_wrong(&t->tallies[CHOICE], "no memory for a combination");
    else failed = attempt_combination(t, &x);
    combination_free(&x);
    return failed;
}

/* Cases from both ends, golden cases in every type, combinations and random problems in turn. -1: none is left. */
static int try_quick(attempts *t, int i)
{
    const int large = cases_large(), small = cases_count() - large, turn = i / 5;
    switch (i % 5) {
    case 0: return turn < small / 2 && try_case(t, large + turn);
    case 1: return turn < small - small / 2 && try_case(t, large + small - 1 - turn);
    case 2: return turn < COMBINATIONS && try_combination(t, turn);
    case 3: return turn < golden_count() * TYPES && try_golden(t, turn);
    default: return turn < RANDOM ? try_random(t, turn) : -1;
    }
}

/* A large case, which takes the oracle seconds, after every LARGE_EACH quick items. */
static int try_item(attempts *t, int i)
{
    const int large = cases_large(), turn = i / (LARGE_EACH + 1);
    if (turn < large && i % (LARGE_EACH + 1) == LARGE_EACH) return try_case(t, turn);
    return try_quick(t, i - (turn < large ? turn : large));
}

/* Every FEW_STEP-th small case, and in turn with them as many combinations and random problems. */
static int try_few(attempts *t, int i)
{
    const int large = cases_large(), turn = i / 3;
    if (turn >= (cases_count() - large) / FEW_STEP) return -1;
    if (i % 3 == 0) return try_case(t, large + turn * FEW_STEP);
    return i % 3 == 1 ? try_combination(t, turn) : try_random(t, turn);
}

/* ---- processes ---- */

static int work(board *b, worker *w)
{
    char why[AG_MESSAGE_SIZE];
    attempts t = { .tallies = w->tallies, .all = &b->all, .trying = &w->trying };
    w->trying = CHOICE;
    const char *missing = device_open();
    if (missing || !(t.stream = device_stream())) {
        tally_wrong(&w->tallies[CHOICE], missing ? missing : device_fault());
        return DEVICE_FAILED;
    }
    ag_context_options options;
    ag_context_options_init(&options);
    options.threads = 1;
    if (ag_context_create(&options, &t.context, why, sizeof why)) {
        tally_wrong(&w->tallies[CHOICE], why);
        return DEVICE_FAILED;
    }
    int state = 0; /* below 0: no item is left; above: the device failed, and what it holds cannot be given back */
    while (!state && now() < b->until) {
        w->item = atomic_fetch_add(&b->all.next, 1);
        state = b->few ? try_few(&t, w->item) : try_item(&t, w->item);
    }
    if (state > 0) return DEVICE_FAILED;
    ag_context_free(t.context);
    device_stream_end(t.stream);
    return 0;
}

static void start(board *b, worker *w)
{
    fflush(stdout);
    const pid_t process = fork();
    if (process == 0) _exit(work(b, w));
    w->process = process > 0 ? process : 0;
}

/* One process ended; nonzero: badly. A device failure was already tallied by the process itself. */
static int buried(worker *w, int status)
{
    char text[160];
    w->process = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
    if (WIFSIGNALED(status)) {
        snprintf(text, sizeof text, "item %d ended its process by signal %d", w->item, WTERMSIG(status));
        tally_wrong(&w->tallies[w->trying], text);
    }
    return 1;
}

static int processes(board *b, int workers)
{
    int deaths = 0, alive = workers;
    for (int i = 0; i < workers; i++) start(b, &b->workers[i]);
    while (alive > 0) {
        int status;
        const pid_t process = wait(&status);
        if (process < 0) break;
        for (int i = 0; i < workers; i++) {
            if (b->workers[i].process != process) continue;
            const int died = buried(&b->workers[i], status);
            deaths += died;
            if (died && deaths < DEATHS_ALLOWED && now() < b->until) start(b, &b->workers[i]);
            else alive--;
        }
    }
    return deaths;
}

/* ---- records ---- */

static tally sum_of(const board *b, int kernel)
{
    tally sum = { 0 };
    for (int w = 0; w < MOST_WORKERS; w++) {
        const tally *t = &b->workers[w].tallies[kernel];
        if (t->wrong && !sum.wrong) memcpy(sum.first, t->first, sizeof sum.first);
        sum.judged += t->judged;
        sum.refused += t->refused;
        sum.wrong += t->wrong;
        for (int type = 0; type < TYPES; type++)
            if (t->error[type] > sum.error[type]) sum.error[type] = t->error[type];
        if (t->share > sum.share) sum.share = t->share;
    }
    return sum;
}

/* Of a few problems it is not asked that they reach every kernel. */
static int record_kernel(const char *name, const char *step, const char *unavailable, const tally *t, int few)
{
    const int wrong = t->wrong || (!unavailable && !t->judged && !few);
    const char *reason = unavailable ? unavailable : t->wrong ? t->first : wrong ? "no problem reaches it" : "";
    record_begin("kernel");
    record_text("name", name);
    record_text("step", step);
    record_number("judged", (double)t->judged);
    record_number("refused", (double)t->refused);
    record_number("wrong", (double)t->wrong);
    record_number("error f32", t->error[0]);
    record_number("error f16", t->error[1]);
    record_number("error bf16", t->error[2]);
    record_number("share of allowed", t->share);
    record_text("status", unavailable ? "not run" : wrong ? "fail" : "pass");
    record_text("reason", reason);
    record_end();
    if (wrong) printf("%s: %.200s\n", name, reason);
    return wrong;
}

static int record_all(const board *b, double seconds, int deaths)
{
    const tally choice = sum_of(b, CHOICE);
    int wrong = record_kernel("(the library's choice)", "", NULL, &choice, b->few);
    for (int i = 0; i < kernels_on_device(); i++) {
        const ag_kernel_info info = kernel_on_device(i);
        const tally t = sum_of(b, i);
        wrong += record_kernel(info.name, info.step, info.unavailable, &t, b->few);
    }
    record_begin("verified");
    record_number("items", atomic_load(&b->all.items));
    record_number("left out for want of plans", atomic_load(&b->all.left_out));
    record_number("processes that died", deaths);
    record_number("seconds", seconds);
    record_end();
    return wrong;
}

int verify(const verification *v)
{
    board *b = mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (b == MAP_FAILED) return 1;
    const double from = now();
    int deaths = 0;
    b->until = from + v->seconds;
    b->few = v->few;
    atomic_store(&b->all.plans_of_libraries, v->plans_of_libraries);
    if (v->workers) deaths = processes(b, v->workers < MOST_WORKERS ? v->workers : MOST_WORKERS);
    else deaths = work(b, &b->workers[0]) != 0;
    const int wrong = record_all(b, now() - from, deaths);
    munmap(b, sizeof *b);
    return wrong;
}
