/* steps.c - subjects beside attention: steps that move rows, alone, and combinations of predictions; with the bytes
 * that they cannot do without. */
#include <stdio.h>

#include "../tools/operation.h"
#include "listing.h"

static const ag_dtype types[] = { AG_F32, AG_F16, AG_BF16 };
enum { TYPES = sizeof types / sizeof *types };

/* ---- steps: some phases of a plan ---- */

/* Bytes of each element: of the tensors' type, and of float32 in the workspace. */
typedef struct step {
    const char *name;
    const char *method; /* that has it in its chain */
    double sigma;
    int phases[2], of_type, of_float;
} step;

static const step steps[] = {
    { "draw", "permute", 0, { 0, 1 }, 0, 0 },      { "permute values", "permute", 0, { 1, 2 }, 1, 1 },
    { "split", "orthogonal", 10, { 0, 1 }, 2, 2 }, { "split, blur 10", "orthogonal", 10, { 0, 2 }, 2, 2 },
    { "blur 10", "smoothed", 10, { 0, 1 }, 1, 1 },
};

static ag_row row_of(const step *p)
{
    ag_row row;
    ag_method_info method;
    ag_parameter_info sigma;
    const int number = method_named(p->method);
    method_at(number, &method);
    ag_row_init(&row, method.method);
    row.kind = method.kind;
    if (parameter_find(number, "sigma", &sigma)) parameter_set(&sigma, &row, p->sigma);
    return row;
}

void list_steps(listing *l)
{
    static const shape rows = { "B2 H10 64x64 d64", 2, 10, 4096, 4096, 64 };
    const double elements = 2.0 * 10 * 4096 * 64;
    l->section = SECTION_STEPS;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        for (size_t t = 0; t < TYPES; t++) {
            const step *p = &steps[i];
            subject *x = listing_add(l, p->name, &rows, types[t], "");
            x->rows[0] = row_of(p);
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

typedef struct combination {
    const char *name;
    ag_rule rule;
    int inputs, phases[2];
    bool converts; /* into the other width */
} combination;

static const combination combinations[] = {
    { "linear 2", AG_LINEAR, 2, { 0, 0 }, false },   { "linear 3", AG_LINEAR, 3, { 0, 0 }, false },
    { "convert", AG_LINEAR, 1, { 0, 0 }, true },     { "statistics of rescale", AG_RESCALE, 3, { 0, 1 }, false },
    { "rescale", AG_RESCALE, 3, { 0, 0 }, false },   { "apg", AG_APG, 2, { 0, 0 }, false },
    { "cfg-zero", AG_CFG_ZERO, 2, { 0, 0 }, false }, { "nag", AG_NAG, 2, { 0, 0 }, false },
};
enum { COMBINATIONS = sizeof combinations / sizeof *combinations };

/* Samples of a rule that goes over pictures, or by rows; of any other. */
enum { CHANNELS = 16, HEIGHT = 512, WIDTH = 256, ROW = 64, SAMPLES = 4 };

static shape shape_of(const ag_rule_info *rule)
{
    const bool pictures = rule->uses & AG_USES_PICTURE;
    const int64_t count = pictures ? CHANNELS * HEIGHT * WIDTH : rule->by_rows ? ROW : tensor_elements() / SAMPLES;
    const char *name = pictures ? "3 x 16x512x256" : rule->by_rows ? "122880 x 64" : "4 x 1966080";
    return (shape){ name, tensor_elements() / count, 1, count, 1, 1 };
}

/* What has to move: every input and the output once, and a state both ways. A second pass over memory is not counted,
 * so that it shows in the share of the copy. */
static double bytes_of(const subject *x, const ag_rule_info *rule, bool writes)
{
    const ag_guidance *g = &x->guidance;
    double each = writes ? (double)ag_dtype_size(g->out_dtype) : 0, each_sample = 0;
    for (int k = 0; k < g->inputs; k++) each += (double)ag_dtype_size(g->dtype[k]);
    if (rule->uses & AG_NEEDS_STATE) each += 2 * sizeof(float);
    if (rule->uses & AG_USES_LSE) each_sample = 2 * sizeof(float);
    return (double)g->samples * ((double)g->count * each + each_sample);
}

static subject *list_combination(listing *l, const combination *c, const shape *s, ag_dtype dtype)
{
    char name[40];
    const ag_dtype out = !c->converts ? dtype : dtype == AG_F32 ? AG_F16 : AG_F32;
    snprintf(name, sizeof name, c->converts ? "%s to %s" : "%s", c->name, dtype_name(out));
    subject *x = listing_add(l, name, s, dtype, "");
    x->combines = true;
    ag_guidance_init(&x->guidance, c->rule, c->inputs, s->b, s->n_q);
    ag_guidance_args_init(&x->values);
    x->guidance.out_dtype = out;
    for (int k = 0; k < c->inputs; k++) {
        x->guidance.dtype[k] = dtype;
        x->weights[k] = k == 0 ? 1 - 3.5 * (c->inputs - 1) : 3.5;
    }
    ag_parameter_info p;
    ag_parameter_info_init(&p);
    for (int i = 0; !ag_rule_parameter_at(c->rule, i, &p); x->values.parameter_count = ++i) x->parameters[i] = p.usual;
    x->phases[0] = c->phases[0];
    x->phases[1] = c->phases[1];
    x->flop = 0;
    ag_rule_info rule;
    ag_rule_info_init(&rule);
    ag_rule_at((int)c->rule, &rule);
    if (rule.uses & AG_USES_PICTURE) {
        x->guidance.picture[0] = CHANNELS;
        x->guidance.picture[1] = HEIGHT;
        x->guidance.picture[2] = WIDTH;
        x->guidance.levels = 2;
    }
    x->bytes = bytes_of(x, &rule, !c->phases[1]);
    return x;
}

/* What a statistic runs over within a sample; 0: whatever the other two leave. */
typedef struct grouping {
    const char *name;
    int64_t group[3];
} grouping;

static const grouping groupings[] = {
    { "tokens {T,64,1}", { 0, 64, 1 } },
    { "positions {1,16,HW}", { 1, 16, 0 } },
    { "positions {1,4,HW}", { 1, 4, 0 } },
    { "time {1,T,64}", { 1, 0, 64 } },
};

static void list_groups(listing *l, const combination *c)
{
    const int64_t count = tensor_elements() / SAMPLES;
    for (size_t i = 0; i < sizeof groupings / sizeof *groupings; i++) {
        const shape s = { groupings[i].name, SAMPLES, 1, count, 1, 1 };
        for (size_t t = 0; t < TYPES; t++) {
            subject *x = list_combination(l, c, &s, types[t]);
            int64_t known = 1;
            for (int a = 0; a < 3; a++) known *= groupings[i].group[a] ? groupings[i].group[a] : 1;
            for (int a = 0; a < 3; a++)
                x->guidance.group[a] = groupings[i].group[a] ? groupings[i].group[a] : count / known;
        }
    }
}

static bool has_line(ag_rule rule)
{
    for (size_t i = 0; i < COMBINATIONS; i++)
        if (combinations[i].rule == rule) return true;
    return false;
}

/* Every rule that has no line above, of as many inputs as it takes, CFG's two where it takes any number; and every rule
 * over each kind of group. */
static void list_rules(listing *l)
{
    ag_rule_info rule;
    ag_rule_info_init(&rule);
    for (int i = 0; !ag_rule_at(i, &rule); i++) {
        const combination c = { .name = rule.name,
                                .rule = rule.rule,
                                .inputs = rule.least_inputs == rule.most_inputs ? rule.least_inputs : 2 };
        const shape s = shape_of(&rule);
        for (size_t t = 0; t < TYPES && !has_line(rule.rule); t++) list_combination(l, &c, &s, types[t]);
        if (rule.uses & AG_USES_GROUPS) list_groups(l, &c);
    }
}

void list_combinations(listing *l)
{
    const shape large = { "4 x 1966080", SAMPLES, 1, tensor_elements() / SAMPLES, 1, 1 };
    l->section = SECTION_COMBINE;
    for (size_t i = 0; i < COMBINATIONS; i++)
        for (size_t t = 0; t < TYPES; t++) list_combination(l, &combinations[i], &large, types[t]);
    list_rules(l);
}
