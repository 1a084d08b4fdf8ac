/* steps.c - subjects beside attention: steps that move rows, alone, and combinations of predictions; with the bytes
 * that they cannot do without. */
#include <stdio.h>

#include "listing.h"

static const ag_dtype types[] = { AG_F32, AG_F16, AG_BF16 };
enum { TYPES = sizeof types / sizeof *types };

/* ---- steps: some phases of a plan ---- */

/* Bytes of each element: of the tensors' type, and of float32 in the workspace. */
typedef struct step {
    const char *name;
    ag_method method;
    ag_kind kind;
    double sigma;
    int phases[2], of_type, of_float;
} step;

static const step steps[] = {
    { "draw", AG_SCRAMBLED, AG_PERMUTE, 0, { 0, 1 }, 0, 0 },
    { "permute values", AG_SCRAMBLED, AG_PERMUTE, 0, { 1, 2 }, 1, 1 },
    { "split", AG_ORTHOGONAL, AG_GATHER, 10, { 0, 1 }, 2, 2 },
    { "split, blur 10", AG_ORTHOGONAL, AG_GATHER, 10, { 0, 2 }, 2, 2 },
    { "blur 10", AG_SMOOTHED, AG_GATHER, 10, { 0, 1 }, 1, 1 },
};

void list_steps(listing *l)
{
    static const shape rows = { "B2 H10 64x64 d64", 2, 10, 4096, 4096, 64 };
    const double elements = 2.0 * 10 * 4096 * 64;
    l->section = SECTION_STEPS;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        for (size_t t = 0; t < TYPES; t++) {
            const step *p = &steps[i];
            subject *x = listing_add(l, p->name, &rows, types[t], "");
            ag_row_init(&x->rows[0], p->method);
            x->rows[0].kind = p->kind;
            x->rows[0].sigma = p->sigma;
            x->rows[0].grid[0] = 1;
            x->rows[0].grid[1] = x->rows[0].grid[2] = 64;
            x->problem.row_count = 1;
            x->phases[0] = p->phases[0];
            x->phases[1] = p->phases[1];
            x->flop = 0;
            x->bytes = elements * (p->of_type * (double)ag_dtype_size(types[t]) + p->of_float * 4.0);
        }
}

/* ---- combinations ---- */

/* How often the inputs are read: statistics go over them once more. */
typedef struct combination {
    const char *name;
    ag_rule rule;
    int inputs, reads, phases[2];
    bool converts; /* into the other width */
} combination;

static const combination combinations[] = {
    { "linear 2", AG_LINEAR, 2, 1, { 0, 0 }, false },   { "linear 3", AG_LINEAR, 3, 1, { 0, 0 }, false },
    { "convert", AG_LINEAR, 1, 1, { 0, 0 }, true },     { "statistics of rescale", AG_RESCALE, 3, 1, { 0, 1 }, false },
    { "rescale", AG_RESCALE, 3, 2, { 0, 0 }, false },   { "apg", AG_APG, 2, 2, { 0, 0 }, false },
    { "cfg-zero", AG_CFG_ZERO, 2, 2, { 0, 0 }, false }, { "nag", AG_NAG, 2, 2, { 0, 0 }, false },
};

static void list_combination(listing *l, const combination *c, const shape *s, ag_dtype dtype)
{
    char name[40];
    const ag_dtype out = !c->converts ? dtype : dtype == AG_F32 ? AG_F16 : AG_F32;
    snprintf(name, sizeof name, c->converts ? "%s to %s" : "%s", c->name, dtype_name(out));
    subject *x = listing_add(l, name, s, dtype, "");
    const double elements = (double)(s->b * s->n_q), size = (double)ag_dtype_size(dtype);
    const bool writes = !c->phases[1];
    x->combines = true;
    ag_guidance_init(&x->guidance, c->rule, c->inputs, s->b, s->n_q);
    ag_guidance_args_init(&x->values);
    x->guidance.out_dtype = out;
    for (int k = 0; k < c->inputs; k++) {
        x->guidance.dtype[k] = dtype;
        x->weights[k] = k == 0 ? 1 - 3.5 * (c->inputs - 1) : 3.5;
    }
    x->values.scale = 4.5;
    x->values.rescale = 0.7;
    x->values.eta = 0.5;
    x->values.radius = 10;
    x->phases[0] = c->phases[0];
    x->phases[1] = c->phases[1];
    x->flop = 0;
    x->bytes = elements * (c->inputs * c->reads * size + (writes ? (double)ag_dtype_size(out) : 0));
}

void list_combinations(listing *l)
{
    const shape large = { "4 x 1966080", 4, 1, tensor_elements() / 4, 1, 1 };
    l->section = SECTION_COMBINE;
    for (size_t i = 0; i < sizeof combinations / sizeof *combinations; i++)
        for (size_t t = 0; t < TYPES; t++) list_combination(l, &combinations[i], &large, types[t]);
}
