/* subjects.c - what is measured: every operation, shape, type and thread number, and the kernels beside each other. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../tools/operation.h"
#include "listing.h"

static const shape shapes[] = {
#define SHAPE(...) { __VA_ARGS__ },
#include "shapes.def"
#undef SHAPE
};

/* A method of the library at one value of its dial, the first real number that it takes of ag_row. */
typedef struct perturbation {
    char name[32];
    ag_method_info method;
    ag_row row;
    double dial; /* NaN: it has none */
    bool apart;  /* infinite dial or not, every image row differs from the others */
} perturbation;

enum { MOST_PERTURBATIONS = 64, VALUES = 3 };

/* What an endless dial is tried at; the middle one stands for all others where there is less time. */
static const double endless[VALUES] = { 1, 10, INFINITY };

static void set_number(ag_row *row, const ag_parameter_info *p, double value)
{
    if (!p->at_run) parameter_set(p, row, value);
}

/* Method number i, every number of it to begin with, and switches as told. */
static void set_perturbation(perturbation *x, int i, const ag_parameter_info *dial, double value, bool switched_on)
{
    ag_parameter_info p;
    const char *without = "";
    method_at(i, &x->method);
    ag_row_init(&x->row, x->method.method);
    x->row.kind = x->method.kind;
    x->apart = false;
    for (int at = 0; parameter_at(i, at, &p); at++) {
        const bool is_switch = p.whole && p.least == 0 && p.most == 1;
        set_number(&x->row, &p, is_switch ? switched_on : p.usual);
        x->apart |= is_switch && switched_on;
        if (is_switch && !switched_on) without = " alone";
    }
    x->dial = NAN;
    snprintf(x->name, sizeof x->name, "%s%s", method_word(&x->method), without);
    if (dial == NULL) return;
    x->dial = value;
    set_number(&x->row, dial, value);
    snprintf(x->name, sizeof x->name, "%s%s %g", method_word(&x->method), without, value);
}

static bool has_switch(int i)
{
    ag_parameter_info p;
    for (int at = 0; parameter_at(i, at, &p); at++)
        if (p.whole && p.least == 0 && p.most == 1) return true;
    return false;
}

/* Every method; those with an endless dial at several values, and where a switch drops a part, infinite without it. */
static int list_perturbations(perturbation *list)
{
    ag_method_info m;
    ag_parameter_info p;
    int n = 0;
    for (int i = 0; method_at(i, &m) && n + VALUES + 1 < MOST_PERTURBATIONS; i++) {
        int at = 0;
        while (parameter_at(i, at, &p) && (p.whole || p.at_run)) at++;
        if (!parameter_at(i, at, &p)) set_perturbation(&list[n++], i, NULL, 0, true);
        else if (!isinf(p.most)) set_perturbation(&list[n++], i, &p, p.usual, true);
        else if (has_switch(i)) {
            set_perturbation(&list[n++], i, &p, endless[1], true);
            set_perturbation(&list[n++], i, &p, INFINITY, false);
        } else
            for (int v = 0; v < VALUES; v++) set_perturbation(&list[n++], i, &p, endless[v], true);
    }
    return n;
}

static ag_row row_of(const perturbation *p, int64_t offset, int64_t side)
{
    ag_row row = p->row;
    row.image_offset = offset;
    row.grid[0] = 1;
    row.grid[1] = row.grid[2] = side;
    return row;
}

/* Flop of the cost column of docs/methods.md for n image tokens beside c of context. What reads v alone without context
 * attends to nothing else of the image: with its own or the mean key and the context, or, where there is no lse, not at
 * all. */
static double cost(const perturbation *p, double n, double c, double d)
{
    const double pair = 4 * d, attended = p->method.takes & AG_TAKES_LSE ? n * (c + 1) : 0;
    if (p->method.reads == AG_NEEDS_V) return c > 0 ? pair * (attended + c * (n + c)) : 0;
    if (isinf(p->dial) && !p->apart) return pair * (n + c) * (1 + c);
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
    perturbation list[MOST_PERTURBATIONS];
    const int count = list_perturbations(list);
    for (int i = 0; i < count; i++) {
        subject *x = listing_add(l, list[i].name, s, dtype, "");
        x->rows[0] = row_of(&list[i], 0, (int64_t)sqrt((double)s->n_q));
        x->problem.row_count = 1;
        x->flop = (double)s->h * cost(&list[i], (double)s->n_q, 0, (double)s->d);
        if (x->flop == 0) x->bytes /= 2; /* V is read, out is written */
    }
}

/* A slice of Flux: 512 text tokens before 64 x 64 of image. */
static void list_context(listing *l)
{
    static const shape flux = { "B1 H4 512+64x64 d128", 1, 4, 4608, 4608, 128 };
    perturbation list[MOST_PERTURBATIONS];
    const int count = list_perturbations(list);
    l->section = SECTION_CONTEXT;
    for (int i = 0; i < count; i++) {
        if (list[i].dial == endless[0]) continue;
        subject *x = listing_add(l, list[i].name, &flux, AG_F32, "");
        x->rows[0] = row_of(&list[i], 512, 64);
        x->problem.row_count = 1;
        x->flop = 4 * cost(&list[i], 4096, 512, 128);
    }
}

/* [uncond, cond, perturbed] in one call. */
static void list_batches(listing *l)
{
    static const shape three = { "B3 H10 64x64 d64", 3, 10, 4096, 4096, 64 };
    perturbation list[MOST_PERTURBATIONS];
    const int count = list_perturbations(list);
    l->section = SECTION_BATCH;
    for (int i = 0; i < count; i++) {
        if (list[i].dial == endless[0]) continue;
        char name[48];
        snprintf(name, sizeof name, "batch: %.31s", list[i].name);
        subject *x = listing_add(l, name, &three, AG_F32, "");
        for (int b = 0; b < 2; b++) x->rows[b] = row_of(&list[0], 0, 64);
        x->rows[2] = row_of(&list[i], 0, 64);
        x->problem.row_count = 3;
        x->flop = 10 * (2 * cost(&list[0], 4096, 0, 64) + cost(&list[i], 4096, 0, 64));
    }
}

static void list_blurs(listing *l)
{
    static const shape frame = { "B2 H10 64x64 d64", 2, 10, 4096, 4096, 64 };
    perturbation list[MOST_PERTURBATIONS];
    const int count = list_perturbations(list);
    l->section = SECTION_BLUR;
    for (int i = 0;; i++) {
        ag_kernel_info info = { .size = sizeof info };
        if (ag_kernel_at(i, &info)) return;
        if (info.unavailable || strcmp(info.step, "blur") || strstr(info.name, "_ref")) continue;
        for (int at = 0; at < count; at++) {
            const bool blurs = list[at].method.takes & AG_TAKES_BLUR && list[at].method.takes & AG_TAKES_IMAGE;
            if (!blurs) continue;
            char name[40];
            snprintf(name, sizeof name, "blur %g", list[at].dial);
            subject *x = listing_add(l, name, &frame, AG_F32, info.name);
            x->rows[0] = row_of(&list[at], 0, 64);
            x->problem.row_count = 1;
            x->problem.operation = AG_BLUR;
            const double taps = fmin(6 * list[at].dial + 1, 64);
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
