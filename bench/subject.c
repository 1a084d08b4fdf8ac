/* subject.c - one subject: planned, run once to be judged, then run for its time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../src/os.h"
#include "bench.h"
#include "exact.h"

/* What the rule takes beside its inputs. */
static void give(subject *s)
{
    ag_rule_info rule;
    ag_rule_info_init(&rule);
    ag_rule_at((int)s->guidance.rule, &rule);
    if (rule.uses & AG_USES_WEIGHTS) s->values.weights = s->weights;
    if (rule.uses & AG_NEEDS_STATE) s->values.state = tensor_state();
    for (int k = 0; k < 2 && (rule.uses & AG_USES_LSE); k++) s->values.lse[k] = tensor_of(AG_F32, k);
    if (s->values.parameter_count) s->values.parameters = s->parameters;
}

static bool plan(subject *s, ag_context *context)
{
    if (s->combines) {
        s->guidance.kernel = s->kernel[0] ? s->kernel : NULL;
        for (int k = 0; k < s->guidance.inputs; k++) s->values.input[k] = tensor_of(s->dtype, k);
        s->values.out = tensor_out();
        give(s);
        return !ag_guidance_plan(context, &s->guidance, &s->plan, s->refused, sizeof s->refused);
    }
    ag_problem p = s->problem;
    p.rows = p.row_count ? s->rows : NULL;
    p.kernel = s->kernel[0] && !s->baseline ? s->kernel : NULL;
    return !ag_plan_create(context, &p, &s->plan, s->refused, sizeof s->refused);
}

static ag_status run(subject *s)
{
    if (s->combines) return ag_guidance_run(s->plan, &s->values, s->refused, sizeof s->refused);
    return ag_plan_run(s->plan, &s->args, s->refused, sizeof s->refused);
}

bool subject_prepare(subject *s, ag_context *context)
{
    ag_args_init(&s->args, tensor_of(s->dtype, 0), tensor_of(s->dtype, 1), tensor_of(s->dtype, 2), tensor_out());
    if (!plan(s, context)) return false;
    s->args.workspace_size = s->values.workspace_size = ag_plan_workspace(s->plan);
    s->args.workspace = s->args.workspace_size ? ag_os_alloc(s->args.workspace_size) : NULL;
    s->values.workspace = s->args.workspace;
    if (s->args.workspace_size && !s->args.workspace) return false;
    run(s);
    s->error = subject_error(s, context);
    return true;
}

void subject_release(subject *s)
{
    ag_plan_free(s->plan);
    ag_os_free(s->args.workspace);
    s->plan = NULL;
    s->args.workspace = s->values.workspace = NULL;
}

/* One phase, shared by the crew. */
typedef struct phase {
    const subject *s;
    int number;
} phase;

static void run_share(void *arg, int worker)
{
    const phase *p = arg;
    if (p->s->combines) ag_guidance_run_share(p->s->plan, &p->s->values, p->number, worker, p->s->threads);
    else ag_plan_run_share(p->s->plan, &p->s->args, p->number, worker, p->s->threads);
}

void subject_run(subject *s, crew *c)
{
    if (s->baseline) {
        baseline_run(s, c);
        return;
    }
    if (!s->phases[1]) run(s);
    for (phase p = { s, s->phases[0] }; p.number < s->phases[1]; p.number++) crew_run(c, run_share, &p);
}

/* ---- correctness ---- */

/* A few queries of packed tensors, first and last among them. */
static double sampled_error(const subject *s)
{
    const ag_problem *p = &s->problem;
    double wrong = 0, all = 0;
    for (int sample = 0; sample < 6; sample++) {
        const int64_t head = sample * 7 % (p->batch * p->heads), i = sample == 5 ? p->n_q - 1 : sample * 613 % p->n_q;
        const int64_t at = (head * p->n_q + i) * p->d;
        const exact_query x = { s->args.q,        s->args.k,     s->args.v,  s->args.out,
                                s->dtype,         p->out.dtype,  .q_at = at, .k_at = head * p->n_k * p->d,
                                .out_at = at,     .n_k = p->n_k, .d = p->d,  .step = p->d,
                                .scale = p->scale };
        exact_compare(&x, &wrong, &all);
    }
    return sqrt(wrong / all);
}

/* The same question at a size where the float64 reference kernel can answer: 16 x 16 image tokens, with its context. */
static ag_problem reduced(const subject *s, ag_row *row, const char *kernel)
{
    const int64_t context = s->rows[0].image_offset ? 32 : 0, n = 256 + context;
    ag_problem p;
    ag_problem_init(&p, 1, 2, n, n, s->problem.d);
    p.q.dtype = p.k.dtype = p.v.dtype = s->dtype;
    p.operation = s->problem.operation;
    p.kernel = kernel;
    *row = s->rows[s->problem.row_count - 1];
    row->image_offset = context;
    row->grid[1] = row->grid[2] = 16;
    p.rows = row;
    p.row_count = 1;
    return p;
}

static double reduced_error(const subject *s, ag_context *context)
{
    ag_row row;
    const char *reference = s->problem.operation == AG_BLUR ? "blur_f64_ref" : "attend_f64_ref";
    const ag_problem a = reduced(s, &row, s->kernel[0] ? s->kernel : NULL), b = reduced(s, &row, reference);
    const size_t n = (size_t)(a.heads * a.n_q * a.d);
    float *got = malloc(n * sizeof *got), *want = malloc(n * sizeof *want);
    ag_args args = s->args;
    double wrong = 0, all = 0;
    args.out = got;
    bool good = got && want && !ag_attention_guided(context, &a, &args, NULL, 0);
    args.out = want;
    good = good && !ag_attention_guided(context, &b, &args, NULL, 0);
    for (size_t i = 0; good && i < n; i++) {
        wrong += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        all += (double)want[i] * want[i];
    }
    free(got);
    free(want);
    return good ? sqrt(wrong / all) : NAN;
}

/* Some elements of a linear combination; its rounded weights are its definition. */
static double linear_error(const subject *s)
{
    const ag_guidance *g = &s->guidance;
    double wrong = 0, all = 0;
    for (int64_t i = 0; i < g->samples * g->count; i += 9973) {
        double want = 0;
        for (int k = 0; k < g->inputs; k++) want += (float)s->weights[k] * exact_read(s->values.input[k], s->dtype, i);
        const double got = exact_read(s->values.out, g->out_dtype, i);
        wrong += (got - want) * (got - want);
        all += want * want;
    }
    return sqrt(wrong / all);
}

/* Norm-relative, against float64; NAN where the subject is the float64 path itself, or shows no output. */
double subject_error(const subject *s, ag_context *context)
{
    if (s->combines) return s->guidance.rule == AG_LINEAR ? linear_error(s) : NAN;
    if (s->problem.operation > AG_BLUR || s->phases[1]) return NAN;
    return s->problem.row_count ? reduced_error(s, context) : sampled_error(s);
}
