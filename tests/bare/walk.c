/* walk.c - random problems and combinations against the oracle, with every kernel of a backend forced. Needs neither
 * Check nor anything beyond the C library: for machines that have no more, and for emulators.
 *
 *   walk [--backend NAME] [--kernel NAME] [--golden FOLDER] [--seed N] [--count N] [--seconds S] [--threads N]
 *        [--slack BYTES]
 *
 * The golden cases of a folder, and the sampler steps of the folder guidance beside it; then a problem and a
 * combination for each seed from --seed (0) on, --count (400) of them, or as many as --seconds leave time for. A kernel
 * of the backend (cpu) that none of them reached is a failure, unless there was not time for all. --slack is
 * buffer_slack. The last line is "N passed, N failed, N skipped". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../harness/golden.h"
#include "../harness/golden_sampler.h"
#include "../harness/kernels_walk.h"

enum { MOST = 512 };

/* What became of one kernel. */
typedef struct tally {
    int64_t right, wrong;
    double error; /* largest of the right ones on plain float32 problems, norm against norm */
} tally;

/* Begins with the walk over kernels, so that who is told of a run finds the rest. */
typedef struct walk {
    kernels_walk over;
    const char *backend, *golden;
    uint64_t seed, count;
    double seconds; /* 0: no limit */
    int threads;
    char what[64];      /* is tried now */
    int plain;          /* its error counts */
    tally of[MOST + 1]; /* by number in the table; the last: the library's own choices */
} walk;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void count(tally *t, const char *wrong, const char *kernel, const char *what)
{
    t->right += !wrong;
    t->wrong += wrong != NULL;
    if (!wrong) return;
    printf("FAILED: %s with %s: %s\n", what, kernel ? kernel : "the library's choice", wrong);
    fflush(stdout);
}

static void judged(kernels_walk *over, int kernel, const verdict *v)
{
    walk *w = (walk *)over;
    tally *t = &w->of[kernel < 0 ? MOST : kernel];
    const int right = v->outcome == OUTCOME_RIGHT;
    count(t, right ? NULL : v->text, kernel < 0 ? NULL : kernels_info(kernel).name, w->what);
    if (right && w->plain && v->error > t->error) t->error = v->error;
}

/* Errors of other types are those of the types, and denormal numbers have next to no digits. */
static int is_plain(const problem *x)
{
    const ag_problem *p = &x->p;
    const int float32 = p->q.dtype == AG_F32 && p->k.dtype == AG_F32 && p->v.dtype == AG_F32 && p->out.dtype == AG_F32;
    return float32 && x->fill == FILL_PLAIN;
}

static void walk_problem(walk *w, problem *x)
{
    w->plain = is_plain(x);
    kernels_walk_problem(&w->over, x);
}

static void walk_golden(walk *w)
{
    golden g;
    if (!w->golden) return;
    golden_folder = w->golden;
    const int cases = golden_count();
    if (!cases) count(&w->of[MOST], "there are no golden cases", NULL, w->golden);
    for (int i = 0; i < cases && !golden_case(i, &g); i++) {
        problem x = { .want = NULL };
        snprintf(w->what, sizeof w->what, "%s", g.name);
        if (golden_problem(&g, AG_F32, &x) || golden_answer(&g, AG_F32, &x))
            count(&w->of[MOST], "it cannot be read, or has no answer", NULL, w->what);
        else walk_problem(w, &x);
        problem_free(&x);
    }
}

/* Their weights are no kernel's: applied by the library's choice they count once. */
static void walk_samplers(walk *w)
{
    char folder[512];
    golden g;
    int samplers = 0;
    if (!w->golden) return;
    snprintf(folder, sizeof folder, "%s/../guidance", w->golden);
    golden_folder = folder;
    for (int i = 0; !golden_case(i, &g); i++) {
        if (!golden_is_sampler(&g)) continue;
        count(&w->of[MOST], golden_sampler(&g, w->over.context), NULL, g.name);
        samplers++;
    }
    if (!samplers) count(&w->of[MOST], "there are no golden sampler steps", NULL, folder);
    golden_folder = w->golden;
}

static void walk_seed(walk *w, uint64_t seed)
{
    problem x;
    snprintf(w->what, sizeof w->what, "seed %llu", (unsigned long long)seed);
    problem_random(&x, seed);
    if (problem_build(&x, seed)) count(&w->of[MOST], "no memory, or the oracle does not define it", NULL, w->what);
    else walk_problem(w, &x);
    problem_free(&x);
}

static void walk_guidance(walk *w, uint64_t seed)
{
    combination x;
    snprintf(w->what, sizeof w->what, "combination %llu", (unsigned long long)seed);
    w->plain = 0;
    combination_random(&x, seed);
    if (combination_build(&x, seed)) count(&w->of[MOST], "no memory", NULL, w->what);
    else kernels_walk_combination(&w->over, &x);
    combination_free(&x);
}

/* ---- the walk ---- */

/* Returns how many seeds there was time for. */
static uint64_t walk_all(walk *w)
{
    const double end = now() + w->seconds;
    walk_golden(w);
    walk_samplers(w);
    for (uint64_t i = 0; i < w->count; i++) {
        if (w->seconds > 0 && now() > end) return i;
        walk_seed(w, w->seed + i);
        walk_guidance(w, w->seed + i);
    }
    return w->count;
}

static int report(const walk *w, uint64_t walked)
{
    long long passed = w->of[MOST].right, failed = w->of[MOST].wrong;
    int skipped = 0, asked_for = 0;
    printf("%llu seeds from %llu\n", (unsigned long long)walked, (unsigned long long)w->seed);
    for (int i = 0; i < kernels_count(); i++) {
        const ag_kernel_info info = kernels_info(i);
        const tally *t = &w->of[i];
        passed += t->right;
        failed += t->wrong;
        if (info.unavailable && !strcmp(info.backend, w->backend)) {
            printf("skipped: %s: %s\n", info.name, info.unavailable);
            skipped++;
        }
        if (!kernels_wanted(&w->over, &info)) continue;
        asked_for++;
        printf("%-24s %6lld right, %lld wrong", info.name, (long long)t->right, (long long)t->wrong);
        if (t->error > 0) printf(", error %.2g", t->error);
        putchar('\n');
        if (t->right + t->wrong > 0) continue;
        printf("%s: no problem reached %s\n", walked < w->count ? "skipped" : "FAILED", info.name);
        if (walked < w->count) skipped++;
        else failed++;
    }
    if (!asked_for)
        printf("FAILED: %s has no usable kernel%s%s\n", w->backend, w->over.kernel ? " named " : "",
               w->over.kernel ? w->over.kernel : "");
    failed += !asked_for;
    printf("%lld passed, %lld failed, %d skipped\n", passed, failed, skipped);
    return failed != 0;
}

/* ---- options ---- */

/* NULL: the backend is usable; else why not. */
static const char *unusable(const walk *w)
{
    ag_kernel_info info = { .size = sizeof info };
    for (int i = 0; !ag_backend_at(i, &info); i++)
        if (!strcmp(info.backend, w->backend)) return info.unavailable;
    return "there is no such backend";
}

static int take_option(walk *w, const char *name, const char *value)
{
    if (!strcmp(name, "--backend")) w->backend = value;
    else if (!strcmp(name, "--kernel")) w->over.kernel = value;
    else if (!strcmp(name, "--golden")) w->golden = value;
    else if (!strcmp(name, "--seed")) w->seed = strtoull(value, NULL, 10);
    else if (!strcmp(name, "--count")) w->count = strtoull(value, NULL, 10);
    else if (!strcmp(name, "--seconds")) w->seconds = strtod(value, NULL);
    else if (!strcmp(name, "--slack")) buffer_slack = strtoull(value, NULL, 10);
    else if (!strcmp(name, "--threads")) w->threads = atoi(value);
    else return 1;
    return 0;
}

static const char usage[] = "walk [--backend NAME] [--kernel NAME] [--golden FOLDER] [--seed N] [--count N] "
                            "[--seconds S] [--threads N] [--slack BYTES]\n";

int main(int argc, char **argv)
{
    static walk w = { .over.judged = judged, .backend = "cpu", .count = 400, .threads = 2 };
    ag_context_options options;
    char why[AG_MESSAGE_SIZE] = "";
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 < argc && !take_option(&w, argv[i], argv[i + 1])) continue;
        fputs(usage, stderr);
        return 2;
    }
    problem_where = strcmp(w.backend, "cuda") ? AG_HOST : AG_CUDA;
    if (unusable(&w)) {
        printf("skipped: backend %s: %s\n0 passed, 0 failed, 1 skipped\n", w.backend, unusable(&w));
        return 0;
    }
    ag_context_options_init(&options);
    options.threads = w.threads;
    if (ag_context_create(&options, &w.over.context, why, sizeof why)) {
        printf("FAILED: %s\n0 passed, 1 failed, 0 skipped\n", why);
        return 1;
    }
    const int failed = report(&w, walk_all(&w));
    ag_context_free(w.over.context);
    return failed;
}
