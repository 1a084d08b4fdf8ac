/* subjects.c - what is measured: every operation, shape, type and thread number, and the kernels beside each other. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "listing.h"

/* Attention as diffusion models do it: SDXL at two resolutions, SD 1.5, a slice of Flux, cross attention, a small
 * one. */
static const shape shapes[] = {
    { "S1", 2, 20, 1024, 1024, 64 }, { "S2", 2, 10, 4096, 4096, 64 }, { "S3", 2, 8, 4096, 4096, 40 },
    { "S4", 1, 4, 4608, 4608, 128 }, { "S5", 2, 10, 4096, 77, 64 },   { "S6", 2, 8, 256, 256, 160 },
};

/* A perturbation of one output row. */
typedef struct perturbation {
    const char *name;
    ag_method method;
    ag_kind kind;
    double sigma;
    int keep_parallel;
} perturbation;

static const perturbation perturbations[] = {
    { "standard row", AG_STANDARD, AG_GATHER, 0, 1 },
    { "identity", AG_IDENTITY, AG_GATHER, 0, 1 },
    { "uniform", AG_UNIFORM, AG_GATHER, 0, 1 },
    { "smoothed 1", AG_SMOOTHED, AG_GATHER, 1, 1 },
    { "smoothed 10", AG_SMOOTHED, AG_GATHER, 10, 1 },
    { "smoothed inf", AG_SMOOTHED, AG_GATHER, INFINITY, 1 },
    { "orthogonal 10", AG_ORTHOGONAL, AG_GATHER, 10, 1 },
    { "orthogonal alone inf", AG_ORTHOGONAL, AG_GATHER, INFINITY, 0 },
    { "gather", AG_SCRAMBLED, AG_GATHER, 0, 1 },
    { "permute", AG_SCRAMBLED, AG_PERMUTE, 0, 1 },
    { "tokens", AG_SCRAMBLED, AG_TOKENS, 0, 1 },
};

static void set_type(ag_problem *p, ag_dtype dtype) { p->q.dtype = p->k.dtype = p->v.dtype = p->out.dtype = dtype; }

static double tensor_bytes(const ag_problem *p)
{
    const double q = (double)(p->batch * p->heads * p->n_q), k = (double)(p->batch * p->heads * p->n_k);
    return (double)ag_dtype_size(p->q.dtype) * (q * (double)(p->d + p->d_v) + k * (double)(p->d + p->d_v));
}

subject *listing_add(listing *l, const char *op, const shape *s, ag_dtype dtype, const char *kernel)
{
    static subject spare;
    char all[160];
    snprintf(all, sizeof all, "%s %s %s %s", op, s->name, dtype_name(dtype), kernel);
    const bool wanted = l->n < MOST_CASES && (!l->work->only || strstr(all, l->work->only));
    subject *x = wanted ? &l->list[l->n++] : &spare;
    memset(x, 0, sizeof *x);
    snprintf(x->op, sizeof x->op, "%s", op);
    snprintf(x->shape, sizeof x->shape, "%s", s->name);
    snprintf(x->kernel, sizeof x->kernel, "%s", kernel);
    x->dtype = dtype;
    x->threads = l->threads;
    x->section = l->section;
    ag_problem_init(&x->problem, s->b, s->h, s->n_q, s->n_k, s->d);
    set_type(&x->problem, dtype);
    x->flop = 4.0 * (double)(s->b * s->h * s->d) * (double)s->n_q * (double)s->n_k;
    x->bytes = tensor_bytes(&x->problem);
    return x;
}

static ag_row row_of(const perturbation *p, int64_t offset, int64_t side)
{
    ag_row row;
    ag_row_init(&row, p->method);
    row.kind = p->kind;
    row.sigma = p->sigma;
    row.keep_parallel = p->keep_parallel;
    row.image_offset = offset;
    row.grid[0] = 1;
    row.grid[1] = row.grid[2] = side;
    return row;
}

/* Flop of the cost column of docs/methods.md for n image tokens beside c of context. */
static double cost(const perturbation *p, double n, double c, double d)
{
    const double pair = 4 * d;
    if (p->method == AG_IDENTITY || p->method == AG_UNIFORM) return c > 0 ? pair * (n * (c + 1) + c * (n + c)) : 0;
    if (p->method == AG_SCRAMBLED && p->kind == AG_GATHER) return pair * c * (n + c);
    if (isinf(p->sigma) && !(p->method == AG_ORTHOGONAL && p->keep_parallel)) return pair * (n + c) * (1 + c);
    return pair * (n + c) * (n + c);
}

/* ---- sections ---- */

static void list_shapes(listing *l)
{
    static const ag_dtype types[] = { AG_F32, AG_F16, AG_BF16 };
    l->section = SECTION_SHAPES;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (l->work->quick && i > 0 && i < 4) continue;
        for (size_t t = 0; t < (l->work->quick ? 1 : 3); t++) listing_add(l, "attention", &shapes[i], types[t], "");
        if (baseline_ready()) listing_add(l, "attention", &shapes[i], AG_F32, "OpenBLAS full matrix")->baseline = true;
    }
}

/* Every attend kernel beside the others. The float64 reference would take minutes at S1: it gets a shape of its own. */
static void list_kernels(listing *l)
{
    static const shape tiny = { "N256", 1, 2, 256, 256, 64 };
    l->section = SECTION_KERNELS;
    for (int i = 0;; i++) {
        ag_kernel_info info = { .size = sizeof info };
        if (ag_kernel_at(i, &info)) return;
        if (info.unavailable || strcmp(info.step, "attend")) continue;
        const bool reference = strstr(info.name, "_ref") != NULL;
        listing_add(l, "attention", reference || l->work->quick ? &tiny : &shapes[0], AG_F32, info.name);
    }
}

static void list_methods(listing *l, ag_dtype dtype)
{
    static const shape one = { "B1 H10 64x64 d64", 1, 10, 4096, 4096, 64 },
                       small = { "B1 H10 32x32 d64", 1, 10, 1024, 1024, 64 };
    const shape *s = l->work->quick ? &small : &one;
    l->section = SECTION_METHODS;
    for (size_t i = 0; i < sizeof perturbations / sizeof *perturbations; i++) {
        subject *x = listing_add(l, perturbations[i].name, s, dtype, "");
        x->rows[0] = row_of(&perturbations[i], 0, (int64_t)sqrt((double)s->n_q));
        x->problem.row_count = 1;
        x->flop = (double)s->h * cost(&perturbations[i], (double)s->n_q, 0, (double)s->d);
        if (x->flop == 0) x->bytes /= 2; /* V is read, out is written */
    }
}

/* A slice of Flux: 512 text tokens before 64 x 64 of image. */
static void list_context(listing *l)
{
    static const shape flux = { "B1 H4 512+64x64 d128", 1, 4, 4608, 4608, 128 };
    static const int chosen[] = { 0, 1, 2, 4, 5 };
    l->section = SECTION_CONTEXT;
    for (size_t i = 0; i < sizeof chosen / sizeof *chosen; i++) {
        const perturbation *p = &perturbations[chosen[i]];
        subject *x = listing_add(l, p->name, &flux, AG_F32, "");
        x->rows[0] = row_of(p, 512, 64);
        x->problem.row_count = 1;
        x->flop = 4 * cost(p, 4096, 512, 128);
        if (p->method == AG_STANDARD) x->flop = 4.0 * 4 * 128 * 4608 * 4608;
    }
}

/* [uncond, cond, perturbed] in one call. */
static void list_batches(listing *l)
{
    static const shape three = { "B3 H10 64x64 d64", 3, 10, 4096, 4096, 64 };
    static const int chosen[] = { 0, 1, 4, 5 };
    l->section = SECTION_BATCH;
    for (size_t i = 0; i < sizeof chosen / sizeof *chosen; i++) {
        const perturbation *p = &perturbations[chosen[i]];
        char name[40];
        snprintf(name, sizeof name, "batch: %s", p->name);
        subject *x = listing_add(l, name, &three, AG_F32, "");
        for (int b = 0; b < 2; b++) x->rows[b] = row_of(&perturbations[0], 0, 64);
        x->rows[2] = row_of(p, 0, 64);
        x->problem.row_count = 3;
        x->flop = 10 * (2 * cost(&perturbations[0], 4096, 0, 64) + cost(p, 4096, 0, 64));
    }
}

static void list_blurs(listing *l)
{
    static const shape frame = { "B2 H10 64x64 d64", 2, 10, 4096, 4096, 64 };
    l->section = SECTION_BLUR;
    for (int i = 0;; i++) {
        ag_kernel_info info = { .size = sizeof info };
        if (ag_kernel_at(i, &info)) return;
        if (info.unavailable || strcmp(info.step, "blur") || strstr(info.name, "_ref")) continue;
        for (int s = 3; s <= 5; s++) {
            char name[40];
            snprintf(name, sizeof name, "blur %g", perturbations[s].sigma);
            subject *x = listing_add(l, name, &frame, AG_F32, info.name);
            x->rows[0] = row_of(&perturbations[s], 0, 64);
            x->problem.row_count = 1;
            x->problem.operation = AG_BLUR;
            const double taps = fmin(6 * perturbations[s].sigma + 1, 64);
            x->flop = 2 * 2 * taps * 2 * 10 * 4096.0 * 64;
            x->bytes /= 2;
        }
    }
}

/* Diagnostics: the plain float64 path for now, so a small shape. */
static void list_studies(listing *l)
{
    static const shape tiny = { "B1 H2 N256 d64", 1, 2, 256, 256, 64 };
    static const char *const names[] = { "received", "energy", "map" };
    l->section = SECTION_STUDY;
    for (int i = 0; i < 3; i++) {
        subject *x = listing_add(l, names[i], &tiny, AG_F32, "");
        x->problem.operation = (ag_operation)(AG_RECEIVED + i);
        x->flop /= 2;
    }
}

int subjects_list(const plan_of_work *work, int threads, subject *list)
{
    listing l = { .work = work, .threads = threads, .list = list };
    list_shapes(&l);
    list_kernels(&l);
    list_methods(&l, AG_F32);
    if (!work->quick) {
        list_methods(&l, AG_F16);
        list_methods(&l, AG_BF16);
        list_context(&l);
        list_batches(&l);
        list_blurs(&l);
    }
    list_studies(&l);
    if (!work->quick) {
        list_steps(&l);
        list_combinations(&l);
    }
    return l.n;
}
