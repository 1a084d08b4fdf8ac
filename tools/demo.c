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

typedef struct perturbation {
    const char *name, *title;
    ag_method method;
    ag_kind kind;
    double sigma;
    double cost; /* in dense attention calls, for the progress bar */
} perturbation;

static const perturbation perturbations[] = {
    { "standard", "standard", AG_STANDARD, AG_GATHER, 0, 1 },
    { "identity", "identity", AG_IDENTITY, AG_GATHER, 0, 0 },
    { "uniform", "uniform", AG_UNIFORM, AG_GATHER, 0, 0 },
    { "smoothed_1", "smoothed, sigma 1", AG_SMOOTHED, AG_GATHER, 1, 1 },
    { "smoothed_4", "smoothed, sigma 4", AG_SMOOTHED, AG_GATHER, 4, 1 },
    { "smoothed_inf", "smoothed, sigma inf", AG_SMOOTHED, AG_GATHER, INFINITY, 0 },
    { "orthogonal_1", "orthogonal, sigma 1", AG_ORTHOGONAL, AG_GATHER, 1, 1 },
    { "orthogonal_4", "orthogonal, sigma 4", AG_ORTHOGONAL, AG_GATHER, 4, 1 },
    { "gather", "scrambled gather", AG_SCRAMBLED, AG_GATHER, 0, 0 },
    { "permute", "scrambled permute", AG_SCRAMBLED, AG_PERMUTE, 0, 1 },
    { "tokens", "scrambled tokens", AG_SCRAMBLED, AG_TOKENS, 0, 1 },
};

#define METHODS ((int)(sizeof perturbations / sizeof perturbations[0]))
#define WARM_SIDE 16

typedef struct demo {
    options o;
    const char *image, *folder;
    ag_context *context;
    scene s;
    float *lse; /* [tokens] */
    result results[METHODS];
    report r;
} demo;

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
    ag_row_init(&row, what->method);
    row.kind = what->kind;
    row.sigma = what->sigma;
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
    problem.want_lse = what->method != AG_SCRAMBLED || what->kind != AG_GATHER;

    ag_row_args row_args;
    ag_row_args_init(&row_args);
    row_args.seed = d->o.seed;
    ag_args args;
    ag_args_init(&args, d->s.q, d->s.k, d->s.noisy.pixel, one->pixel);
    args.rows = &row_args;
    args.row_count = 1;
    args.lse = problem.want_lse ? d->lse : NULL;
    return execute(d->context, &problem, &args, why);
}

static double mean_energy(const demo *d, const perturbation *what)
{
    if (what->method == AG_SCRAMBLED && what->kind == AG_GATHER) return NAN;
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
    for (int i = 0; i < METHODS; i++) total += perturbations[i].cost;
    progress_begin(total);
    for (int i = 0; good && i < METHODS; i++) {
        progress_step(done, perturbations[i].title);
        good = run_one(d, &perturbations[i], &d->results[i], why);
        done += perturbations[i].cost;
    }
    progress_end();
    return good;
}

static bool demonstrate(demo *d, fault *why)
{
    if (!scene_make(d->image, &d->o, &d->s, why) || !folder_make(d->folder, why)) return false;
    d->r = (report){ .s = &d->s, .results = d->results, .count = METHODS, .folder = d->folder };
    d->lse = malloc((size_t)d->s.tokens * sizeof *d->lse);
    if (d->lse == NULL || !picture_make(&d->r.scratch, d->s.clean.width, d->s.clean.height, why))
        return fault_set(why, "there is no memory for a picture");
    if (!run_all(d, why)) return false;
    report_measure(&d->r);
    return report_write(&d->r, why);
}

static void demo_free(demo *d)
{
    for (int i = 0; i < METHODS; i++) free(d->results[i].pixel);
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
    if (!options_parse(&d.o, FOR_DEMO, &given, &why)) return misused("demo", &why);
    d.image = positional[0];
    d.folder = positional[1];
    d.context = context_make(d.o.threads, &why);
    bool good = d.context != NULL && demonstrate(&d, &why);
    demo_free(&d);
    return good ? EXIT_GOOD : refused(&why);
}
