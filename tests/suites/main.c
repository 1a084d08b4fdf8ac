/* main.c - all suites in one run, shared out to as many processes as there are cores (or AG_TEST_JOBS). Argument: the
 * folder of the golden cases, tests/golden/attention if absent. With AG_TEST_PLACE=cuda those that run on any place, on
 * the emulated device. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../emulated/emulated.h"
#include "../harness/golden.h"
#include "../harness/kernels.h"
#include "suites.h"

typedef Suite *(*const suites)(void);

static suites everything[] = {
    suite_oracle,  suite_random,   suite_refusals, suite_structs,        suite_unused,          suite_memory,
    suite_methods, suite_plans,    suite_needs,    suite_reads,          suite_queries,         suite_properties,
    suite_hosts,   suite_calls,    suite_exact,    suite_strength,       suite_types,           suite_studies,
    suite_finite,  suite_products, suite_masks,    suite_hidden,         suite_extreme,         suite_golden,
    suite_limits,  suite_fork,     suite_guidance, suite_guidance_calls, suite_guidance_golden, suite_guidance_rules,
    suite_weights, suite_sampler,  suite_pictures, suite_threads,        suite_instructions,    suite_kernels,
    NULL,
};

/* Those whose data lie in buffers, which any place can reach. */
static suites anywhere[] = {
    suite_cuda,    suite_libraries, suite_steps,           suite_strength, suite_masks, suite_guidance,
    suite_numbers, suite_queries,   suite_guidance_golden, suite_kernels,  NULL,
};

static suites last[] = { suite_reached, NULL };

/* ---- shares ---- */

static int jobs = 1, job, added; /* this process has every jobs-th of what is added, from number `job` on */

static int is_mine(void) { return added++ % jobs == job; }

void add_test(TCase *c, const TTest *test)
{
    if (is_mine()) tcase_add_test(c, test);
}

void add_loop(TCase *c, const TTest *test, int from, int to)
{
    for (int turn = from; turn < to; turn++)
        if (is_mine()) tcase_add_loop_test(c, test, turn, turn + 1);
}

static int from_environment(const char *name, long otherwise)
{
    const char *text = getenv(name);
    const long value = text ? strtol(text, NULL, 10) : otherwise;
    return value < 1 ? 1 : value > 256 ? 256 : (int)value;
}

int a_share(int n)
{
    const int of = from_environment("AG_TEST_SHARE", 1);
    return (n + of - 1) / of;
}

/* ---- runs ---- */

typedef struct counts {
    atomic_int run, failed;
} counts;

static void run(suites *suite, counts *to)
{
    SRunner *runner = srunner_create((*suite++)());
    while (*suite) srunner_add_suite(runner, (*suite++)());
    srunner_run_all(runner, CK_NORMAL);
    atomic_fetch_add(&to->failed, srunner_ntests_failed(runner));
    atomic_fetch_add(&to->run, srunner_ntests_run(runner));
    srunner_free(runner);
}

/* A process for each share; one that dies is a failure. */
static void run_shared(suites *suite, counts *to)
{
    for (job = 0; job < jobs; job++) {
        const pid_t process = fork();
        if (process > 0) continue;
        if (process < 0) atomic_fetch_add(&to->failed, 1);
        else run(suite, to);
        if (process == 0) exit(0);
    }
    for (int status; wait(&status) > 0;)
        if (status) atomic_fetch_add(&to->failed, 1);
    jobs = 1, job = 0;
}

int main(int argc, char **argv)
{
    const char *place = getenv("AG_TEST_PLACE"), *forks = getenv("CK_FORK");
    const int cuda = place && !strcmp(place, "cuda");
    if (argc > 1) golden_folder = argv[1];
    if (cuda && !emulated_begin()) {
        puts("AG_CUDA_PLUGIN names no emulated device\n0 passed, 1 failed, 0 skipped");
        return 1;
    }
    const int skipped = kernels_skipped();
    counts *all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) abort();
    fflush(stdout); /* every forked test would print it again */
    jobs = from_environment("AG_TEST_JOBS", sysconf(_SC_NPROCESSORS_ONLN));
    if (forks && !strcmp(forks, "no")) jobs = 1, run(cuda ? anywhere : everything, all);
    else run_shared(cuda ? anywhere : everything, all);
    run(last, all);
    printf("%d passed, %d failed, %d skipped\n", all->run - all->failed, all->failed, skipped);
    return all->failed != 0;
}
