/* fuzz_guidance.c - any bytes as a combination of predictions: judged, planned, explained and, where it is small, run,
 * with every array exactly as long as it says. The sanitizers are the judges. */
#include <stdlib.h>

#include "attnguide.h"
#include "bytes.h"

enum { MOST_PLANNED = 1 << 20, MOST_ELEMENTS = 1 << 12, MOST_MEMORY = 64 };

typedef struct combination {
    ag_guidance g;
    ag_guidance_args args;
    double parameters[AG_MOST_PARAMETERS];
    void *memory[MOST_MEMORY];
    int pieces;
} combination;

static void *take_memory(combination *x, double elements, size_t element)
{
    void *memory = NULL;
    const size_t size = elements < 1 ? 1 : (size_t)elements * element;
    if (elements > MOST_ELEMENTS || x->pieces == MOST_MEMORY || posix_memalign(&memory, 16, size)) return NULL;
    return x->memory[x->pieces++] = memset(memory, 0x3f, size);
}

static int rules(void)
{
    ag_rule_info info;
    int n = 0;
    ag_rule_info_init(&info);
    while (!ag_rule_at(n, &info)) n++;
    return n;
}

/* Of a rule that does not exist: nothing. */
static ag_rule_info info_of(ag_rule rule)
{
    ag_rule_info info;
    ag_rule_info_init(&info);
    ag_rule_at((int)rule, &info);
    return info;
}

/* ---- the description: a plausible one with a few fields overwritten ---- */

/* What fits, mostly: a picture's sides are multiples of what its levels need. */
static void read_shape(ag_guidance *g, uint32_t uses, bytes *b)
{
    int64_t *const three = uses & AG_USES_PICTURE ? g->picture : g->group;
    if (!(uses & AG_USES_PICTURE) && (!(uses & AG_USES_GROUPS) || bytes_below(b, 2))) return;
    if (uses & AG_USES_PICTURE) g->levels = 1 + bytes_below(b, 3);
    for (int i = 0; i < 3; i++) three[i] = 1 + bytes_below(b, 9);
    for (int i = 1; i < 3 && g->levels; i++) three[i] = (three[i] + 1) << (g->levels - 1);
    g->count = three[0] * three[1] * three[2];
    for (int k = 0; k < AG_MOST_INPUTS; k++) g->stride[k] = g->count;
    g->out_stride = g->count;
}

static void read_combination(combination *x, bytes *b)
{
    ag_guidance *g = &x->g;
    memset(x, 0, sizeof *x);
    const ag_rule_info info = info_of((ag_rule)bytes_below(b, rules()));
    const int inputs = info.least_inputs + bytes_below(b, info.most_inputs - info.least_inputs + 1);
    ag_guidance_init(g, info.rule, inputs, 1 + bytes_below(b, 9), 1 + bytes_below(b, 90));
    read_shape(g, info.uses, b);
    for (int i = 0; i < g->inputs; i++) g->dtype[i] = (ag_dtype)(1 + bytes_below(b, 3));
    g->out_dtype = (ag_dtype)(1 + bytes_below(b, 3));
    if (info.uses & AG_USES_WEIGHTS) g->weights_per_sample = bytes_below(b, 2);
    for (int n = bytes_below(b, 4); n > 0; n--) {
        const size_t at = bytes_one(b) * (size_t)4 % (sizeof *g - 4), width = at + 8 > sizeof *g ? 4 : 8;
        const int64_t number = bytes_number(b);
        memcpy((char *)g + at, &number, width);
    }
    if (bytes_one(b) == 255) bytes_copy(b, g, sizeof *g);
    if (g->size > sizeof *g) g->size = sizeof *g; /* no more is there */
    g->kernel = bytes_below(b, 5) ? NULL : "combine_f32_base";
}

/* ---- its arguments ---- */

static double span(const combination *x, int64_t stride)
{
    return (double)(x->g.samples - 1) * (double)stride + (double)x->g.count;
}

static const double numbers[] = { 0, 1, 0.5, -2, 7.5, 1e15, 1e16, 1e-30 };

static void read_parameters(combination *x, bytes *b)
{
    ag_guidance_args *a = &x->args;
    const int known = info_of(x->g.rule).parameter_count;
    ag_parameters_init(x->parameters, AG_MOST_PARAMETERS);
    a->parameter_count = bytes_below(b, 16) ? bytes_below(b, known + 1) : bytes_below(b, AG_MOST_PARAMETERS + 1);
    for (int i = 0; i < a->parameter_count; i++)
        if (bytes_below(b, 4)) x->parameters[i] = numbers[bytes_below(b, 8)];
    if (a->parameter_count) a->parameters = x->parameters;
}

static int read_arguments(combination *x, bytes *b)
{
    const ag_guidance *g = &x->g;
    const uint32_t uses = info_of(g->rule).uses;
    ag_guidance_args *a = &x->args;
    int missing = 0;
    ag_guidance_args_init(a);
    read_parameters(x, b);
    for (int i = 0; i < g->inputs; i++) {
        a->input[i] = take_memory(x, span(x, g->stride[i]), ag_dtype_size(g->dtype[i]));
        missing |= !a->input[i];
    }
    a->out = take_memory(x, span(x, g->out_stride), ag_dtype_size(g->out_dtype));
    const double samples = g->weights_per_sample ? (double)g->samples : 1;
    double *weights = take_memory(x, samples * g->inputs, sizeof *weights);
    for (int i = 0; weights && i < (int)samples * g->inputs; i++) weights[i] = numbers[bytes_below(b, 8)];
    missing |= !weights || !a->out;
    if (uses & AG_USES_WEIGHTS) a->weights = weights;
    if (uses & AG_USES_STATE) a->first_step = bytes_below(b, 2);
    if ((uses & AG_USES_STATE) && bytes_below(b, 4))
        a->state = take_memory(x, (double)(g->samples * g->count), sizeof(float));
    for (int i = 0; i < 2 && (uses & AG_USES_LSE); i++) {
        a->lse[i] = take_memory(x, (double)g->samples, sizeof(float));
        missing |= !a->lse[i];
    }
    if ((uses & AG_USES_LSE) && bytes_below(b, 2)) a->lse_out = take_memory(x, (double)g->samples, sizeof(float));
    return !missing;
}

/* ---- what is done with it ---- */

static void run(ag_context *context, const ag_plan *plan, combination *x, bytes *b)
{
    ag_guidance_args *a = &x->args;
    if (x->g.size < sizeof x->g)
        return; /* of an older header: what it lacks has defaults, for which arrays may be short */
    if (!read_arguments(x, b)) return;
    a->workspace_size = ag_plan_workspace(plan);
    if (a->workspace_size > 1 << 22) return;
    char *memory = malloc(a->workspace_size + 1);
    a->workspace = memory + 1;
    const ag_status status = ag_guidance_check(plan, a, NULL, 0);
    if (memory && ag_guidance_run(plan, a, NULL, 0) != status) abort();
    if (memory && ag_guidance_combine(context, &x->g, a, NULL, 0) != status) abort();
    free(memory);
}

static void try_combination(ag_context *context, combination *x, bytes *b)
{
    char text[40], why[24] = "";
    ag_plan *plan;
    const double tasks = (double)x->g.samples * (1 + (double)x->g.count / 4096);
    if (tasks > MOST_PLANNED) return; /* judged alike, but a plan lists its tasks */
    if (ag_guidance_plan(context, &x->g, &plan, why, sizeof why)) {
        if (!memchr(why, 0, sizeof why)) abort();
        return;
    }
    ag_plan_explain(plan, text, sizeof text);
    run(context, plan, x, b);
    ag_plan_free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ag_context *context;
    ag_context_options options;
    ag_context_options_init(&options);
    options.threads = 1;
    options.cached_plans = 4;
    if (!context && ag_context_create(&options, &context, NULL, 0)) return 0;

    bytes b = { data, size };
    combination x;
    read_combination(&x, &b);
    try_combination(context, &x, &b);
    while (x.pieces) free(x.memory[--x.pieces]);
    return 0;
}
