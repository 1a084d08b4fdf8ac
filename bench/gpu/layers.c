/* layers.c - see layers.h: the list, and what each costs at least. */
#include "layers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../../tests/harness/methods.h"

/* The models whose layers these are: heads, text tokens, grid, width. */
typedef struct model {
    int64_t heads, text, grid[3], d;
} model;

static const model sdxl_32 = { 20, 0, { 1, 32, 32 }, 64 }, sdxl_64 = { 10, 0, { 1, 64, 64 }, 64 };
static const model flux = { 24, 0, { 1, 64, 72 }, 128 }, flux_text = { 24, 512, { 1, 64, 64 }, 128 };
static const model video = { 24, 0, { 21, 30, 52 }, 128 };

typedef struct entry {
    const char *name;
    beside beside;
    const model *m;
    int64_t batch; /* rows; the last one is the method's, the others are standard */
    ag_dtype type;
    ag_operation operation;
    const char *method; /* its kind, where it has several */
    double sigma;
} entry;

static const entry list[] = {
    { "attend SDXL-32 bf16", BESIDE_MATRIX, &sdxl_32, 2, AG_BF16, AG_ATTENTION, "standard", 0 },
    { "attend SDXL-64 bf16", BESIDE_MATRIX, &sdxl_64, 2, AG_BF16, AG_ATTENTION, "standard", 0 },
    { "attend Flux bf16", BESIDE_MATRIX, &flux, 1, AG_BF16, AG_ATTENTION, "standard", 0 },
    { "attend video bf16", BESIDE_MATRIX, &video, 1, AG_BF16, AG_ATTENTION, "standard", 0 },
    { "attend N4608 d128 f32", BESIDE_PRODUCTS, &flux, 1, AG_F32, AG_ATTENTION, "standard", 0 },
    { "attend N4096 d64 f32", BESIDE_PRODUCTS, &sdxl_64, 2, AG_F32, AG_ATTENTION, "standard", 0 },
    { "copy Flux", BESIDE_COPY, &flux, 1, AG_BF16, AG_ATTENTION, "identity", 0 },
    { "copy video", BESIDE_COPY, &video, 1, AG_BF16, AG_ATTENTION, "identity", 0 },
    { "mean and broadcast Flux", BESIDE_COPY, &flux, 1, AG_BF16, AG_ATTENTION, "uniform", 0 },
    { "mean and broadcast video", BESIDE_COPY, &video, 1, AG_BF16, AG_ATTENTION, "uniform", 0 },
    { "gather Flux", BESIDE_COPY, &flux, 1, AG_BF16, AG_ATTENTION, "gather", 0 },
    { "gather video", BESIDE_COPY, &video, 1, AG_BF16, AG_ATTENTION, "gather", 0 },
    { "blur sigma 1 bf16", BESIDE_BLUR, &sdxl_64, 2, AG_BF16, AG_BLUR, "smoothed", 1 },
    { "blur sigma 2 bf16", BESIDE_BLUR, &sdxl_64, 2, AG_BF16, AG_BLUR, "smoothed", 2 },
    { "blur sigma 10 bf16", BESIDE_BLUR, &sdxl_64, 2, AG_BF16, AG_BLUR, "smoothed", 10 },
    { "blur sigma 1 f32", BESIDE_BLUR, &sdxl_64, 2, AG_F32, AG_BLUR, "smoothed", 1 },
    { "blur sigma 2 f32", BESIDE_BLUR, &sdxl_64, 2, AG_F32, AG_BLUR, "smoothed", 2 },
    { "blur sigma 10 f32", BESIDE_BLUR, &sdxl_64, 2, AG_F32, AG_BLUR, "smoothed", 10 },
    { "SEG layer sigma 10", BESIDE_NOTHING, &sdxl_64, 3, AG_BF16, AG_ATTENTION, "smoothed", 10 },
    { "PAG layer", BESIDE_NOTHING, &sdxl_64, 3, AG_BF16, AG_ATTENTION, "identity", 0 },
    { "two standard rows SDXL-32", BESIDE_NOTHING, &sdxl_32, 2, AG_BF16, AG_ATTENTION, "standard", 0 },
    { "and an identity row SDXL-32", BESIDE_NOTHING, &sdxl_32, 3, AG_BF16, AG_ATTENTION, "identity", 0 },
    { "and an infinite sigma row SDXL-32", BESIDE_NOTHING, &sdxl_32, 3, AG_BF16, AG_ATTENTION, "smoothed", INFINITY },
    { "two standard rows SDXL-64", BESIDE_NOTHING, &sdxl_64, 2, AG_BF16, AG_ATTENTION, "standard", 0 },
    { "and an identity row SDXL-64", BESIDE_NOTHING, &sdxl_64, 3, AG_BF16, AG_ATTENTION, "identity", 0 },
    { "and an infinite sigma row SDXL-64", BESIDE_NOTHING, &sdxl_64, 3, AG_BF16, AG_ATTENTION, "smoothed", INFINITY },
    { "dense row Flux and text", BESIDE_MATRIX, &flux_text, 1, AG_BF16, AG_ATTENTION, "standard", 0 },
    { "infinite sigma row Flux and text", BESIDE_NOTHING, &flux_text, 1, AG_BF16, AG_ATTENTION, "smoothed", INFINITY },
    { "identity row Flux and text", BESIDE_NOTHING, &flux_text, 1, AG_BF16, AG_ATTENTION, "identity", 0 },
};

/* Latents: channels, height and width, frames in one. */
typedef struct mix {
    const char *name;
    beside beside;
    ag_rule rule;
    ag_dtype type;
    int64_t count;
} mix;

static const mix mixes[] = {
    { "combine Flux f32", BESIDE_COPY, AG_LINEAR, AG_F32, 16 * 128 * 128 },
    { "combine video f32", BESIDE_COPY, AG_LINEAR, AG_F32, 16 * 21 * 60 * 104 },
    { "combine Flux bf16", BESIDE_COPY, AG_LINEAR, AG_BF16, 16 * 128 * 128 },
    { "combine video bf16", BESIDE_COPY, AG_LINEAR, AG_BF16, 16 * 21 * 60 * 104 },
    { "combine and rescale SDXL f32", BESIDE_NOTHING, AG_RESCALE, AG_F32, 4 * 128 * 128 },
    { "combine and rescale Flux f32", BESIDE_NOTHING, AG_RESCALE, AG_F32, 16 * 128 * 128 },
    { "combine and rescale video f32", BESIDE_NOTHING, AG_RESCALE, AG_F32, 16 * 21 * 60 * 104 },
};

enum { ENTRIES = sizeof list / sizeof *list, MIXES = sizeof mixes / sizeof *mixes };

static int number_of(const char *word)
{
    for (int i = 0; i < methods_count(); i++)
        if (!strcmp(methods_word(i), word)) return i;
    return 0;
}

static int perturbs(const entry *e) { return methods_info(number_of(e->method)).takes & AG_TAKES_IMAGE; }

/* The n-th method without an entry above gets one: a row of Flux beside text, its numbers to begin with. */
static int unlisted(int n)
{
    for (int i = 0; i < methods_count(); i++) {
        int listed = 0;
        for (int j = 0; j < ENTRIES; j++) listed |= number_of(list[j].method) == i;
        if (!listed && !n--) return i;
    }
    return -1;
}

static int entries(void)
{
    int n = ENTRIES;
    while (unlisted(n - ENTRIES) >= 0) n++;
    return n;
}

static entry entry_at(int number)
{
    if (number < ENTRIES) return list[number];
    static char name[64];
    const char *word = methods_word(unlisted(number - ENTRIES));
    snprintf(name, sizeof name, "%s row Flux and text", word);
    return (entry){ name, BESIDE_NOTHING, &flux_text, 1, AG_BF16, AG_ATTENTION, word, 10 };
}

int layers_count(void) { return entries() + MIXES; }

static void set_row(ag_row *row, int number, const entry *e, const model *m)
{
    ag_row_args none; /* numbers of a run stay at their defaults */
    const ag_method_info info = methods_info(number);
    ag_row_init(row, info.method);
    ag_row_args_init(&none);
    row->kind = info.kind;
    row_usual(row, &none);
    row_set(row, &none, "sigma", e->sigma);
    row->image_offset = m->text;
    row->image_length = m->grid[0] * m->grid[1] * m->grid[2];
    memcpy(row->grid, m->grid, sizeof row->grid);
}

/* Which of q, k and v are read at all, and the result that is written. */
static double least_bytes(const layer *x, const entry *e, const model *m)
{
    const ag_problem *p = &x->p;
    const int only_one = e->operation == AG_BLUR ||
                         (p->batch == 1 && methods_info(number_of(e->method)).reads == AG_NEEDS_V && !m->text);
    return (double)(p->batch * p->heads * p->n_q * p->d) * (double)ag_dtype_size(e->type) * (only_one ? 2 : 4);
}

/* Per element and axis the taps of the kernel, or the axis itself where that is shorter: a product with a matrix. */
static double blur_flop(const entry *e, const model *m, double elements)
{
    double flop = 0;
    for (int axis = 1; axis < 3; axis++) flop += 2 * fmin(2 * floor(ceil(6 * e->sigma) / 2) + 1, (double)m->grid[axis]);
    return flop * elements;
}

static void set_attention(const entry *e, int small, layer *x)
{
    model m = *e->m;
    if (small) m = (model){ 2, m.text ? 3 : 0, { m.grid[0] > 1 ? 2 : 1, 4, 4 }, 16 };
    const int64_t n = m.text + m.grid[0] * m.grid[1] * m.grid[2];
    snprintf(x->name, sizeof x->name, "%s", e->name);
    x->beside = e->beside;
    ag_problem_init(&x->p, e->batch, m.heads, n, n, m.d);
    x->p.place = AG_CUDA;
    x->p.operation = e->operation;
    ag_layout l = ag_layout_bnhd(e->type, m.heads, n, m.d);
    l.align = 16;
    x->p.q = x->p.k = x->p.v = x->p.out = l;
    for (int64_t b = 0; b < e->batch; b++)
        set_row(&x->rows[b], e->operation == AG_BLUR || b == e->batch - 1 ? number_of(e->method) : 0, e, &m);
    x->p.row_count = perturbs(e) ? e->batch : 0;
    x->flop = 4.0 * (double)(e->batch * m.heads * n * n * m.d);
    x->bytes = least_bytes(x, e, &m);
    x->sampled = !perturbs(e);
    if (e->operation == AG_BLUR) x->tap_flop = blur_flop(e, &m, (double)(e->batch * m.heads * n * m.d));
}

static void set_mix(const mix *e, int small, layer *x)
{
    snprintf(x->name, sizeof x->name, "%s", e->name);
    x->beside = e->beside;
    ag_guidance_init(&x->g, e->rule, 3, 1, small ? 1000 : e->count);
    x->g.place = AG_CUDA;
    for (int k = 0; k < 3; k++) x->g.dtype[k] = e->type;
    x->g.out_dtype = e->type;
    ag_weights_cfg_perturbed(x->weights, 4, 3);
    x->bytes = (double)x->g.count * (double)ag_dtype_size(e->type) * 4;
}

void layer_set(int number, int small, layer *x)
{
    memset(x, 0, sizeof *x);
    const int attention = entries();
    if (number >= attention) {
        set_mix(&mixes[number - attention], small, x);
        return;
    }
    const entry e = entry_at(number);
    set_attention(&e, small, x);
}
