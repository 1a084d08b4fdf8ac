/* bench.c - the command bench: every subject in interleaved rounds beside the machine's limits of the same rounds. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "../src/os.h"
#include "../tools/command.h"
#include "../tools/progress.h"
#include "../tools/suggest.h"
#include "bench.h"

enum { ROUNDS = 7, QUICK_ROUNDS = 3 };
#define SHORTEST 2e-3 /* seconds a sample should last: short subjects are repeated */

static double time_subject(subject *s, crew *c)
{
    int times = 0;
    crew_pin_caller(!s->baseline);
    const double start = clock_now();
    double took;
    do {
        subject_run(s, c);
        times++;
    } while ((took = clock_now() - start) < SHORTEST);
    crew_pin_caller(false);
    return took / times;
}

/* Rounds over one section, so that what is compared is measured within seconds of each other. */
static void measure_section(subject *list, int n, const plan_of_work *work, crew *c, limits *l)
{
    for (int round = 0; round < (work->quick ? QUICK_ROUNDS : ROUNDS); round++) {
        limits_sample(l, c, list[0].threads);
        for (int i = 0; i < n; i++) {
            progress_step(0, list[i].op);
            if (list[i].plan) sample_add(&list[i].times, time_subject(&list[i], c));
        }
    }
}

static bool measure_threads(const plan_of_work *work, int threads, report *r, subject *list)
{
    ag_context_options o;
    ag_context *context;
    limits l = { .copy_bytes = 0 };
    ag_context_options_init(&o);
    o.threads = threads;
    o.pin = 1;
    crew *c = crew_make(threads);
    if (!c || ag_context_create(&o, &context, NULL, 0)) {
        crew_free(c);
        return false;
    }
    progress_begin(0);
    const int n = subjects_list(work, threads, list);
    for (int first = 0, last; first < n; first = last) {
        for (last = first; last < n && list[last].section == list[first].section; last++)
            subject_prepare(&list[last], context);
        measure_section(list + first, last - first, work, c, &l);
        for (int i = first; i < last; i++) subject_release(&list[i]);
    }
    progress_end();
    report_limits(r, &l, threads);
    for (int i = 0; i < n; i++) report_subject(r, &list[i], &l);
    ag_context_free(context);
    crew_free(c);
    return true;
}

/* ---- the command line ---- */

static void default_threads(plan_of_work *work)
{
    work->threads[work->n_threads++] = 1;
    if (ag_os_processors() > 1) work->threads[work->n_threads++] = ag_os_processors();
}

static bool read_threads(plan_of_work *work, const char *text)
{
    while (*text) {
        char *end;
        const long n = strtol(text, &end, 10);
        if (end == text || n < 1 || n > 1024 || (*end && *end != ',') || work->n_threads == 8) return false;
        work->threads[work->n_threads++] = (int)n;
        text = *end ? end + 1 : end;
    }
    return work->n_threads > 0;
}

static void refuse_option(const struct option *known, const char *argument, fault *why)
{
    const char *word = argument + strspn(argument, "-");
    suggestion s = suggest_for(word, strcspn(word, "="));
    for (; known->name != NULL; known++) suggest_offer(&s, known->name);
    fault_set(why, "the option '%s' is not known%s%s%s", argument, s.name != NULL ? "; did you mean --" : "",
              s.name != NULL ? s.name : "", s.name != NULL ? "?" : "");
}

/* 0: go on; otherwise 1 + the exit code. */
static int read_options(int argc, char **argv, plan_of_work *work)
{
    static const struct option known[] = {
        { "quick", no_argument, NULL, 'q' },
        { "json", required_argument, NULL, 'j' },
        { "table", required_argument, NULL, 't' },
        { "only", required_argument, NULL, 'o' },
        { "threads", required_argument, NULL, 'n' },
        { "probe", no_argument, NULL, 'p' },
        { NULL, 0, NULL, 0 },
    };
    fault why;
    opterr = 0;
    for (int c; (c = getopt_long(argc, argv, ":", known, NULL)) != -1;) {
        if (c == 'q') work->quick = true;
        else if (c == 'j') work->json = optarg;
        else if (c == 't') work->table = optarg;
        else if (c == 'o') work->only = optarg;
        else if (c == 'p') return 1 + baseline_probe();
        else if (c != 'n') {
            if (c == ':') fault_set(&why, "%s: a value is missing", argv[optind - 1]);
            else refuse_option(known, argv[optind - 1], &why);
            return 1 + misused("bench", &why);
        } else if (!read_threads(work, optarg)) {
            fault_set(&why, "--threads: '%s' is not a list of up to 8 numbers from 1 to 1024", optarg);
            return 1 + misused("bench", &why);
        }
    }
    if (optind == argc) return 0;
    fault_set(&why, "'%s' is one word too many", argv[optind]);
    return 1 + misused("bench", &why);
}

static void print_machine(void)
{
    struct utsname u;
    char line[256], model[128] = "unknown processor";
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "model name : %127[^\n]", model) == 1) break;
    if (f) fclose(f);
    printf("attnguide %s on %s, %d processors", ag_version_string(), model, ag_os_processors());
    if (uname(&u) == 0) printf(", %s %s", u.sysname, u.machine);
    printf("\n");
    for (int i = 0;; i++) {
        ag_kernel_info info = { .size = sizeof info };
        if (ag_kernel_at(i, &info)) return;
        if (info.detail) printf("%s: %s\n", info.name, info.detail);
    }
}

int command_bench(int argc, char **argv)
{
    plan_of_work work = { .quick = false };
    report r;
    fault why;
    const int stop = read_options(argc, argv, &work);
    if (stop) return stop - 1;
    if (!work.n_threads) default_threads(&work);
    baseline_choose_core("/proc/self/exe");
    subject *list = calloc(MOST_CASES, sizeof *list);
    bool good = list && tensors_make();
    if (!good) fault_set(&why, "there is no memory for the tensors");
    else if (!(good = report_open(&r, &work))) fault_set(&why, "the report files could not be opened for writing");
    if (good) print_machine();
    for (int i = 0; good && i < work.n_threads; i++) {
        good = measure_threads(&work, work.threads[i], &r, list);
        if (!good) fault_set(&why, "%d threads could not be had", work.threads[i]);
    }
    if (good && !(good = report_close(&r))) fault_set(&why, "the report files could not be written");
    tensors_free();
    free(list);
    return good ? EXIT_GOOD : refused(&why);
}
