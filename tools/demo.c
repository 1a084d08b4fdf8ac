/* demo.c - the command demo: a photograph through standard attention and through every perturbation. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "command.h"
#include "demo_report.h"
#include "execute.h"
#include "folder.h"
#include "progress.h"

/* One method of the library, at one value of its dial where it has one. */
typedef struct perturbation {
    char name[32], title[48];
    ag_method_info method;
    ag_parameter_info dial; /* its first real number in ag_row; size 0: it has none */
    double value;
    double cost; /* in dense attention calls, for the progress bar */
} perturbation;

enum { MOST_SHOWN = 48, WARM_SIDE = 16 };

typedef struct demo {
    options o;
    const char *image, *folder;
    ag_context *context;
    scene s;
    float *lse; /* [tokens] */
    perturbation shown[MOST_SHOWN];
    result results[MOST_SHOWN];
    int count;
    report r;
} demo;

static void show(demo *d, const ag_method_info *method, const ag_parameter_info *dial, double value)
{
    if (d->count == MOST_SHOWN) return;
    perturbation *x = &d->shown[d->count++];
    *x = (perturbation){ .method = *method, .value = value, .cost = method->reads != AG_NEEDS_V };
    snprintf(x->name, sizeof x->name, "%s", method_word(method));
    snprintf(x->title, sizeof x->title, "%s%s%s", method->name, method->variant ? " " : "",
             method->variant ? method->variant : "");
    if (dial == NULL) return;
    x->dial = *dial;
    snprintf(x->name, sizeof x->name, "%s_%g", method_word(method), value);
    snprintf(x->title, sizeof x->title, "%s %g", method->name, value);
}

/* Every method: without a dial once, at its usual value, or at several where the dial has no end. */
static void choose(demo *d)
{
    static const double endless[] = { 1, 4, INFINITY };
    ag_method_info m;
    ag_parameter_info p;
    for (int i = 0; method_at(i, &m); i++) {
        int at = 0;
        while (parameter_at(i, at, &p) && (p.whole || p.at_run)) at++;
        if (!parameter_at(i, at, &p)) show(d, &m, NULL, 0);
        else if (!isinf(p.most)) show(d, &m, &p, p.usual);
        else
            for (int v = 0; v < 3; v++) show(d, &m, &p, endless[v]);
    }
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* One head over the first height x width tokens, as if they were a picture. */
static bool attend(const demo *d, const perturbation *what, result *one, const int64_t *size, fault *why)
{
    ag_row row;
    ag_row_init(&row, what->method.method);
    row.kind = what->method.kind;
    if (what->dial.size) parameter_set(&what->dial, &row, what->value);
    row.grid[0] = 1;
    row.grid[1] = size[0];
    row.grid[2] = size[1];

    ag_problem problem;
    ag_problem_init(&problem, 1, 1, size[0] * size[1], size[0] * size[1], d->s.width);
    problem.d_v = 3;
    problem.v = problem.out = ag_layout_bhnd(AG_F32, 1, problem.n_k, problem.d_v);
    problem.scale = 1;
    problem.kernel = d->o.kernel;
    problem.rows = &row;
    problem.row_count = 1;
    problem.want_lse = (what->method.takes & AG_TAKES_LSE) != 0;

    ag_row_args row_args;
    ag_row_args_init(&row_args);
    if (what->method.takes & AG_TAKES_SEED) row_args.seed = d->o.seed;
    ag_args args;
    ag_args_init(&args, d->s.q, d->s.k, d->s.noisy.pixel, one->pixel);
    args.rows = &row_args;
    args.row_count = 1;
    args.lse = problem.want_lse ? d->lse : NULL;
    return execute(d->context, &problem, &args, why);
}

static double mean_energy(const demo *d, const perturbation *what)
{
    if (!(what->method.takes & AG_TAKES_LSE)) return NAN;
    double sum = 0;
    for (int64_t i = 0; i < d->s.tokens; i++) sum -= d->lse[i];
    double energy = sum / (double)d->s.tokens + d->s.mean_square;
    return fabs(energy) < 1e-4 ? 0 : energy; /* identity's is 0 but for rounding, and would be printed as -0 */
}

/* A small run first, so that what is loaded and woken only once is not in the time. */
static bool run_one(demo *d, const perturbation *what, result *one, fault *why)
{
    const int64_t whole[2] = { d->s.clean.height, d->s.clean.width };
    const int64_t small[2] = { whole[0] < WARM_SIDE ? whole[0] : WARM_SIDE,
                               whole[1] < WARM_SIDE ? whole[1] : WARM_SIDE };
    one->name = what->name;
    one->title = what->title;
    one->pixel = malloc((size_t)d->s.tokens * 3 * sizeof *one->pixel);
    if (one->pixel == NULL) return fault_set(why, "there is no memory for a picture");
    if (!attend(d, what, one, small, why)) return false;
    double began = seconds_now();
    if (!attend(d, what, one, whole, why)) return false;
    one->seconds = seconds_now() - began;
    one->energy = mean_energy(d, what);
    return true;
}

static bool run_all(demo *d, fault *why)
{
    double total = 0, done = 0;
    bool good = true;
    for (int i = 0; i < d->count; i++) total += d->shown[i].cost;
    progress_begin(total);
    for (int i = 0; good && i < d->count; i++) {
        progress_step(done, d->shown[i].title);
        good = run_one(d, &d->shown[i], &d->results[i], why);
        done += d->shown[i].cost;
    }
    progress_end();
    return good;
}

static bool demonstrate(demo *d, fault *why)
{
    if (!scene_make(d->image, &d->o, &d->s, why) || !folder_make(d->folder, why)) return false;
    d->r = (report){ .s = &d->s, .results = d->results, .count = d->count, .folder = d->folder };
    d->lse = malloc((size_t)d->s.tokens * sizeof *d->lse);
    if (d->lse == NULL || !picture_make(&d->r.scratch, d->s.clean.width, d->s.clean.height, why))
        return fault_set(why, "there is no memory for a picture");
    if (!run_all(d, why)) return false;
    report_measure(&d->r);
    return report_write(&d->r, why);
}

static void demo_free(demo *d)
{
    for (int i = 0; i < d->count; i++) free(d->results[i].pixel);
    picture_free(&d->r.scratch);
    free(d->lse);
    scene_free(&d->s);
    ag_context_free(d->context);
}

int command_demo(int argc, char **argv)
{
    fault why;
    demo d = { 0 };
    const char *positional[2] = { "demo/raccoon.png", "build/demo" };
    arguments given = { .argc = argc, .first = 1, .argv = argv, .positional = positional, .most = 2 };
    options_init(&d.o);
    choose(&d);
    if (!options_parse(&d.o, FOR_DEMO, &given, &why)) return misused("demo", &why);
    d.image = positional[0];
    d.folder = positional[1];
    d.context = context_make(d.o.threads, &why);
    bool good = d.context != NULL && demonstrate(&d, &why);
    demo_free(&d);
    return good ? EXIT_GOOD : refused(&why);
}
