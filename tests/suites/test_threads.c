/* test_threads.c - what threads share: one context used by many at once, above all its cache of plans; and the threads
 * of a context as the process sees them: their signals, and how many there are by default. */
#include <dirent.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/api/context.h"
#include "../harness/kernels.h"
#include "suites.h"

enum { MEMBERS = 8, ROUNDS = 400, D = 4, MOST_TOKENS = 40, PATIENCE = 10000 };

/* ---- One context, many callers ------------------------------------------------------------------------------ */

/** Threads that meet before each round. In even rounds all ask for the same new plan, in odd ones for plans of their
 *  own; now and then for one that cannot be made, and again for one that was. */
typedef struct race {
    ag_context *context;
    pthread_barrier_t meet;
    atomic_int next, wrong;
} race;

/* Constant values make constant outputs: whatever the shape and scale, the answer is the value. */
static int call(race *r, int shape, int value)
{
    static const int lengths[] = { 1, 7, MOST_TOKENS };
    const int tokens = lengths[shape % 3];
    float in[MOST_TOKENS * D], out[MOST_TOKENS * D];
    char why[AG_MESSAGE_SIZE] = "";
    ag_problem p;
    ag_args a;
    for (int i = 0; i < tokens * D; i++) in[i] = (float)value;
    ag_problem_init(&p, 1, 1, tokens, tokens, D);
    p.scale = 1 + shape;
    ag_args_init(&a, in, in, in, out);
    if (ag_attention_standard(r->context, &p, &a, why, sizeof why)) return 1;
    for (int i = 0; i < tokens * D; i++)
        if (!(out[i] >= (float)value * 0.9999f && out[i] <= (float)value * 1.0001f)) return 1;
    return 0;
}

static int call_refused(race *r, int shape)
{
    float in[D] = { 0 }, out[D];
    ag_problem p;
    ag_args a;
    ag_problem_init(&p, 1, 1, 1, 1, D);
    p.scale = 1 + shape;
    p.kernel = "no_such_kernel"; /* found out when the plan is made */
    ag_args_init(&a, in, in, in, out);
    return ag_attention_standard(r->context, &p, &a, NULL, 0) != AG_ERR_KERNEL;
}

static void *take_part(void *arg)
{
    race *r = arg;
    const int me = atomic_fetch_add(&r->next, 1);
    for (int round = 0; round < ROUNDS; round++) {
        const int shape = round % 2 ? ROUNDS + round * MEMBERS + me : round;
        pthread_barrier_wait(&r->meet);
        int wrong = call(r, shape, 1 + me);
        if (round % 5 == me % 5) wrong |= call_refused(r, round);
        if (round % 3 == 0) wrong |= call(r, round / 2, 2 + me);
        if (wrong) atomic_store(&r->wrong, 1);
    }
    return NULL;
}

static void run_race(race *r, void *(*part)(void *), int cached, int threads)
{
    pthread_t thread[MEMBERS];
    ag_context_options options;
    ag_context_options_init(&options);
    options.threads = threads;
    options.cached_plans = cached;
    memset(r, 0, sizeof *r);
    ck_assert(!ag_context_create(&options, &r->context, NULL, 0));
    pthread_barrier_init(&r->meet, NULL, MEMBERS);
    for (int i = 0; i < MEMBERS; i++) ck_assert(!pthread_create(&thread[i], NULL, part, r));
    for (int i = 0; i < MEMBERS; i++) pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&r->meet);
    ck_assert(!atomic_load(&r->wrong));
}

START_TEST(a_context_is_used_by_many)
{
    static const int cached[] = { 1, 2, 64, 100000 };
    race r;
    run_race(&r, take_part, cached[_i], 1 + _i % 2 * 2);
    ck_assert_int_le(r.context->n_cached, cached[_i]);
    ag_context_free(r.context);
}
END_TEST

/* All ask for the same new plan at once: as many make it, one is kept. */
static void *ask_alike(void *arg)
{
    race *r = arg;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&r->meet);
        if (call(r, round, 1)) atomic_store(&r->wrong, 1);
    }
    return NULL;
}

START_TEST(one_plan_of_each_is_kept)
{
    race r;
    run_race(&r, ask_alike, 2 * MEMBERS * ROUNDS, 1);
    ck_assert_int_eq(r.context->n_cached, ROUNDS);
    ag_context_free(r.context);
}
END_TEST

/* What is looked for once, by whoever comes first. */
static void *ask_for_everything(void *arg)
{
    race *r = arg;
    pthread_barrier_wait(&r->meet);
    for (int i = 0; i < kernels_count(); i++)
        if (!kernels_info(i).name) atomic_store(&r->wrong, 1);
    char why[AG_MESSAGE_SIZE] = "";
    ag_problem p;
    ag_plan *plan = NULL;
    ag_problem_init(&p, 1, 1, 1, 1, D);
    p.place = AG_CUDA;
    if (!ag_plan_create(r->context, &p, &plan, why, sizeof why)) ag_plan_free(plan);
    else if (!*why) atomic_store(&r->wrong, 1);
    return NULL;
}

START_TEST(everything_is_looked_for_once)
{
    race r;
    run_race(&r, ask_for_everything, 1, 2);
    ag_context_free(r.context);
}
END_TEST

/* ---- Signals ------------------------------------------------------------------------------------------------ */

static const int raised[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS };

static int is_raised(int number)
{
    for (size_t i = 0; i < sizeof raised / sizeof *raised; i++)
        if (raised[i] == number) return 1;
    return 0;
}

/* The signals that thread `name` of this process blocks, bit n - 1 being signal n. */
static unsigned long long blocked_by(const char *name)
{
    char path[300], line[256];
    unsigned long long blocked = 0;
    snprintf(path, sizeof path, "/proc/self/task/%s/status", name);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "SigBlk: %llx", &blocked) == 1) break;
    fclose(file);
    return blocked;
}

/* Threads that block all signals but those of `raised`, SIGKILL and SIGSTOP, which nobody can, and the two that the C
 * library keeps for itself. */
static int count_deaf(void)
{
    int deaf = 0;
    struct dirent *entry;
    DIR *tasks = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(tasks);
    while ((entry = readdir(tasks))) {
        if (*entry->d_name == '.') continue;
        const unsigned long long blocked = blocked_by(entry->d_name);
        int all = 1;
        for (int number = 1; number <= 64; number++) {
            if (number == SIGKILL || number == SIGSTOP || number == 32 || number == 33) continue;
            all &= (int)(blocked >> (number - 1) & 1) == !is_raised(number);
        }
        deaf += all;
    }
    closedir(tasks);
    return deaf;
}

START_TEST(own_threads_block_signals)
{
    sigset_t before, after;
    const int deaf = count_deaf();
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    ag_context *context = kernels_context(5);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int i = 1; i < 32; i++) ck_assert_int_eq(sigismember(&before, i), sigismember(&after, i));
    int now = count_deaf();
    for (int i = 0; i < PATIENCE && now != deaf + 4; i++) { /* a thread that begins blocks more */
        usleep(1000);
        now = count_deaf();
    }
    ck_assert_int_eq(now - deaf, 4);
    ag_context_free(context);
}
END_TEST

/* The host blocks a signal where it can, and waits for it. */
START_TEST(a_host_waits_for_its_signals)
{
    static const int signals[] = { SIGUSR1, SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGALRM, SIGPIPE, SIGPROF };
    int got = 0;
    sigset_t set;
    ag_context *context = kernels_context(4);
    sigemptyset(&set);
    sigaddset(&set, signals[_i]);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    ck_assert(!kill(getpid(), signals[_i]));
    ck_assert(!sigwait(&set, &got));
    ck_assert_int_eq(got, signals[_i]);
    ag_context_free(context);
}
END_TEST

/* ---- How many by default ------------------------------------------------------------------------------------ */

START_TEST(affinity_is_respected)
{
    cpu_set_t may, one;
    ag_context_options options;
    ag_context_options_init(&options);
    ck_assert_int_ge(options.threads, 1);
    ck_assert_int_le(options.threads, 1024);
    ck_assert(!sched_getaffinity(0, sizeof may, &may));
    ck_assert_int_eq(ag_os_processors(), CPU_COUNT(&may));
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && !CPU_COUNT(&one); cpu++)
        if (CPU_ISSET(cpu, &may)) CPU_SET(cpu, &one);
    ck_assert(!sched_setaffinity(0, sizeof one, &one));
    ag_context_options_init(&options);
    ck_assert_int_eq(options.threads, 1);
    ag_context *context = kernels_context(0);
    ck_assert_int_eq(ag_context_threads(context), 1);
    ag_context_free(context);
}
END_TEST

/** A file of the system, as it would be under another root. */
typedef struct text {
    const char *path, *text;
} text;

/** A system's files, and what they allow; 0: no limit. */
typedef struct system_files {
    int quota;
    const char *group, *mounts;
    text files[4];
} system_files;

#define V2 "30 20 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1 "33 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
#define OTHERS "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n32 31 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
#define G2 "/sys/fs/cgroup"
#define G1 "/sys/fs/cgroup/cpu,cpuacct"

static const system_files systems[] = {
    { 0, NULL, NULL, { { NULL, NULL } } },
    { 0, "0::/\n", OTHERS V2, { { NULL, NULL } } },
    { 2, "0::/\n", OTHERS V2, { { G2 "/cpu.max", "200000 100000\n" } } },
    { 0, "0::/\n", OTHERS V2, { { G2 "/cpu.max", "max 100000\n" } } },
    /* rounded up, and never below 1 */
    { 3, "0::/\n", V2, { { G2 "/cpu.max", "200001 100000\n" } } },
    { 1, "0::/\n", V2, { { G2 "/cpu.max", "50000 100000\n" } } },
    { 1, "0::/\n", V2, { { G2 "/cpu.max", "1000 1000000\n" } } },
    { 7, "0::/\n", V2, { { G2 "/cpu.max", "350000 50000\n" } } },
    /* the least of nested groups */
    { 3, "0::/a/b\n", V2, { { G2 "/a/b/cpu.max", "300000 100000\n" }, { G2 "/a/cpu.max", "max 100000\n" } } },
    { 2, "0::/a/b\n", V2, { { G2 "/a/b/cpu.max", "max 100000\n" }, { G2 "/a/cpu.max", "200000 100000\n" } } },
    { 2,
      "0::/a/b/c\n",
      V2,
      { { G2 "/a/b/c/cpu.max", "400000 100000\n" },
        { G2 "/a/b/cpu.max", "800000 100000\n" },
        { G2 "/a/cpu.max", "150000 100000\n" } } },
    { 4, "0::/a/b\n", V2, { { G2 "/a/cpu.max", "400000 100000\n" } } },
    { 0, "0::/a\n", V2, { { G2 "/other/cpu.max", "100000 100000\n" } } },
    /* a container's own group is what is mounted, whatever it is told that its name is */
    { 2, "0::/../../x\n", V2, { { G2 "/cpu.max", "200000 100000\n" } } },
    { 2, "0::/docker/1f\n", V2, { { G2 "/cpu.max", "200000 100000\n" } } },
    { 2,
      "0::/docker/1f/in\n",
      "30 20 0:26 /docker/1f /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
      { { G2 "/in/cpu.max", "200000 100000\n" }, { G2 "/cpu.max", "500000 100000\n" } } },
    { 5,
      "0::/docker/1f2\n",
      "30 20 0:26 /docker/1f /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
      { { G2 "/cpu.max", "500000 100000\n" }, { G2 "/2/cpu.max", "100000 100000\n" } } },
    /* version 1 */
    { 2,
      "5:cpuset:/a\n4:cpu,cpuacct:/\n",
      OTHERS V1,
      { { G1 "/cpu.cfs_quota_us", "150000\n" }, { G1 "/cpu.cfs_period_us", "100000\n" } } },
    { 0,
      "4:cpu,cpuacct:/\n",
      OTHERS V1,
      { { G1 "/cpu.cfs_quota_us", "-1\n" }, { G1 "/cpu.cfs_period_us", "100000\n" } } },
    { 3,
      "4:cpuacct,cpu:/a/b\n",
      V1,
      { { G1 "/a/cpu.cfs_quota_us", "150000\n" }, { G1 "/a/cpu.cfs_period_us", "50000\n" } } },
    { 0, "4:cpuacct:/\n", V1, { { G1 "/cpu.cfs_quota_us", "100000\n" }, { G1 "/cpu.cfs_period_us", "100000\n" } } },
    /* both at once, as systemd's hybrid has them */
    { 2,
      "4:cpu,cpuacct:/a\n0::/b\n",
      V1 "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
      { { G1 "/a/cpu.cfs_quota_us", "200000\n" }, { G1 "/a/cpu.cfs_period_us", "100000\n" } } },
    /* nothing that makes sense */
    { 0, "0::/\n", V2, { { G2 "/cpu.max", "" } } },
    { 0, "0::/\n", V2, { { G2 "/cpu.max", "100000\n" } } },
    { 0, "0::/\n", V2, { { G2 "/cpu.max", "100000 0\n" } } },
    { 0, "0::/\n", V2, { { G2 "/cpu.max", "-5 100000\n" } } },
    { 0, "0::/\n", V2, { { G2 "/cpu.max", "0 100000\n" } } },
    { 0, "0::/\n", V2, { { G2 "/cpu.max", "9000000000000000000 1\n" } } },
    { 0, "rubbish\n\n:\n::\n", "rubbish\n - \n1 2 3 4 5 -\n", { { G2 "/cpu.max", "100000 100000\n" } } },
};
enum { SYSTEMS = sizeof systems / sizeof *systems };

static void write_file(const char *root, const char *path, const char *content)
{
    char whole[512];
    snprintf(whole, sizeof whole, "%s%s", root, path);
    for (char *slash = whole + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = 0;
        mkdir(whole, 0700);
    }
    FILE *file = fopen(whole, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(content, file), 0);
    fclose(file);
}

START_TEST(quotas_are_respected)
{
    const system_files *x = &systems[_i];
    char root[] = "/tmp/attnguide_XXXXXX", command[64];
    ck_assert_ptr_nonnull(mkdtemp(root));
    if (x->group) write_file(root, "/proc/self/cgroup", x->group);
    if (x->mounts) write_file(root, "/proc/self/mountinfo", x->mounts);
    for (int i = 0; i < 4 && x->files[i].path; i++) write_file(root, x->files[i].path, x->files[i].text);
    const int got = ag_os_quota(root);
    snprintf(command, sizeof command, "rm -r %s", root);
    ck_assert(!system(command));
    ck_assert_int_eq(got, x->quota ? x->quota : INT_MAX);
}
END_TEST

Suite *suite_threads(void)
{
    Suite *s = suite_create("threads");
    TCase *c = tcase_create("shared");
    tcase_set_timeout(c, 600);
    add_loop(c, a_context_is_used_by_many, 0, 4);
    add_test(c, one_plan_of_each_is_kept);
    add_test(c, everything_is_looked_for_once);
    suite_add_tcase(s, c);
    c = tcase_create("process");
    tcase_set_timeout(c, 60);
    add_test(c, own_threads_block_signals);
    add_loop(c, a_host_waits_for_its_signals, 0, 8);
    add_test(c, affinity_is_respected);
    add_loop(c, quotas_are_respected, 0, SYSTEMS);
    suite_add_tcase(s, c);
    return s;
}
