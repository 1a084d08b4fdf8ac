/* fuzz_guidance.c - any bytes as a combination of predictions: judged, planned, explained and, where it is small, run,
 * with every array exactly as long as it says. The sanitizers are the judges. */
#include <stdlib.h>

#include "attnguide.h"
#include "bytes.h"

enum { MOST_PLANNED = 1 << 20, MOST_ELEMENTS = 1 << 12, MOST_MEMORY = 64 };

typedef struct combination {
    ag_guidance g;
    ag_guidance_args args;
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

/* ---- the description: a plausible one with a few fields overwritten ---- */

static void read_combination(combination *x, bytes *b)
{
    ag_guidance *g = &x->g;
    memset(x, 0, sizeof *x);
    const ag_rule rule = (ag_rule)bytes_below(b, 6);
    ag_guidance_init(g, rule,
                     rule <= AG_RESCALE ? 1 + bytes_below(b, 8)
                     : rule == AG_APG   ? 2 + bytes_below(b, 2)
                                        : 2,
                     1 + bytes_below(b, 9), 1 + bytes_below(b, 90));
    for (int i = 0; i < g->inputs && rule != AG_APG; i++) g->dtype[i] = (ag_dtype)(1 + bytes_below(b, 3));
    g->out_dtype = (ag_dtype)(1 + bytes_below(b, 3));
    g->norm = 1 + bytes_below(b, 2);
    g->weights_per_sample = bytes_below(b, 2);
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

static int read_arguments(combination *x, bytes *b)
{
    static const double numbers[] = { 0, 1, 0.5, -2, 7.5, 1e15, 1e16, 1e-30 };
    const ag_guidance *g = &x->g;
    ag_guidance_args *a = &x->args;
    double *numbered[] = { &a->rescale, &a->scale, &a->eta, &a->radius, &a->momentum, &a->tau, &a->alpha };
    int missing = 0;
    ag_guidance_args_init(a);
    for (int i = 0; i < 7; i++) *numbered[i] = numbers[bytes_below(b, 8)];
    for (int i = 0; i < g->inputs; i++) {
        a->input[i] = take_memory(x, span(x, g->stride[i]), ag_dtype_size(g->dtype[i]));
        missing |= !a->input[i];
    }
    a->out = take_memory(x, span(x, g->out_stride), ag_dtype_size(g->out_dtype));
    const double samples = g->weights_per_sample ? (double)g->samples : 1;
    double *weights = take_memory(x, samples * g->inputs, sizeof *weights);
    for (int i = 0; weights && i < (int)samples * g->inputs; i++) weights[i] = numbers[bytes_below(b, 8)];
    a->weights = weights;
    for (int i = 0; i < 2; i++) a->lse[i] = take_memory(x, (double)g->samples, sizeof(float));
    a->lse_out = bytes_below(b, 2) ? take_memory(x, (double)g->samples, sizeof(float)) : NULL;
    return !missing && a->out && a->weights && a->lse[0] && a->lse[1];
}

/* ---- what is done with it ---- */

static void run(ag_context *context, const ag_plan *plan, combination *x, bytes *b)
{
    ag_args args;
    if (!read_arguments(x, b)) return;
    ag_args_init(&args, NULL, NULL, NULL, NULL);
    args.guidance = &x->args;
    args.workspace_size = ag_plan_workspace(plan);
    if (args.workspace_size > 1 << 22) return;
    char *memory = malloc(args.workspace_size + 1);
    args.workspace = memory + 1;
    const ag_status status = ag_plan_check(plan, &args, NULL, 0);
    if (memory && ag_plan_run(plan, &args, NULL, 0) != status) abort();
    if (memory && ag_guidance_combine(context, &x->g, &x->args, NULL, 0) != status) abort();
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
