/* program.c - a program built with an older or a newer header than the library's: structs lack their last field, or
 * have more (NEWER). One-shot and planned calls are right, and no struct is written beyond its end. */
#include <attnguide.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { B = 2, N = 6, D = 4, GUARD = 64 };

static int wrong;

#define GUARDED(type, name)                                                                                            \
    struct {                                                                                                           \
        type is;                                                                                                       \
        unsigned char guard[GUARD];                                                                                    \
    } name;                                                                                                            \
    memset(&name, 0xa5, sizeof name)

static void expect(int right, const char *what)
{
    if (!right) wrong++, printf("wrong: %s\n", what);
}

static void expect_guard(const unsigned char *guard, const char *what)
{
    for (int i = 0; i < GUARD; i++)
        if (guard[i] != 0xa5) {
            expect(0, what);
            return;
        }
}

static float q[B * N * D], k[B * N * D], v[B * N * D], out[B * N * D], lse[B * N];

/* Row 0 is standard, row 1 attends with the mean query for every query. */
static void expect_results(const char *what)
{
    for (int b = 0; b < B; b++)
        for (int i = 0; i < N; i++) {
            double weight[N], sum = 0, mean[D], x;
            for (int t = 0; t < D; t++) mean[t] = 0;
            for (int j = 0; j < N * D; j++) mean[j % D] += q[b * N * D + j] / (double)N;
            for (int j = 0; j < N; j++) {
                x = 0;
                for (int t = 0; t < D; t++)
                    x += (b ? mean[t] : q[(b * N + i) * D + t]) * k[(b * N + j) * D + t] / sqrt(D);
                sum += weight[j] = exp(x);
            }
            for (int t = 0; t < D; t++) {
                x = 0;
                for (int j = 0; j < N; j++) x += weight[j] / sum * v[(b * N + j) * D + t];
                expect(fabs(x - out[(b * N + i) * D + t]) <= 1e-5, what);
            }
            expect(fabs(log(sum) - lse[b * N + i]) <= 1e-5, what);
        }
    memset(out, 0xff, sizeof out);
    memset(lse, 0xff, sizeof lse);
}

static void attend(ag_context *context)
{
    char why[AG_MESSAGE_SIZE] = "";
    ag_plan *plan;
    GUARDED(ag_problem, problem);
    GUARDED(ag_args, args);
    GUARDED(ag_row, first);
    struct {
        ag_row is[B];
        unsigned char guard[GUARD];
    } rows;
    struct {
        ag_row_args is[B];
        unsigned char guard[GUARD];
    } run;
    memset(&rows, 0xa5, sizeof rows);
    memset(&run, 0xa5, sizeof run);
    ag_row_init(&first.is, AG_STANDARD);
    expect_guard(first.guard, "ag_row_init() wrote beyond the struct");
    ag_row_init(&rows.is[0], AG_STANDARD);
    ag_row_init(&rows.is[1], AG_SMOOTHED);
    rows.is[1].sigma = 1e9;
    rows.is[1].grid[0] = 1, rows.is[1].grid[1] = 2, rows.is[1].grid[2] = 3;
    for (int b = 0; b < B; b++) ag_row_args_init(&run.is[b]);
    expect_guard(rows.guard, "ag_row_init() wrote beyond the array");
    expect_guard(run.guard, "ag_row_args_init() wrote beyond the array");
    ag_problem_init(&problem.is, B, 1, N, N, D);
    expect_guard(problem.guard, "ag_problem_init() wrote beyond the struct");
    problem.is.rows = rows.is, problem.is.row_count = B, problem.is.want_lse = 1;
    ag_args_init(&args.is, q, k, v, out);
    expect_guard(args.guard, "ag_args_init() wrote beyond the struct");
    args.is.lse = lse, args.is.rows = run.is, args.is.row_count = B;

    expect(!ag_attention_guided(context, &problem.is, &args.is, why, sizeof why), why);
    expect_results("the one-shot call");
    expect(!ag_plan_create(context, &problem.is, &plan, why, sizeof why), why);
    args.is.workspace_size = ag_plan_workspace(plan);
    args.is.workspace = malloc(args.is.workspace_size);
    expect(!ag_plan_run(plan, &args.is, why, sizeof why), why);
    expect_results("the planned run");
#ifdef NEWER
    run.is[1].tail[0] = 1;
    expect(ag_plan_run(plan, &args.is, why, sizeof why) == AG_ERR_STRUCT, "an unknown field of a run is taken");
    problem.is.tail[2] = 1;
    expect(ag_attention_guided(context, &problem.is, &args.is, why, sizeof why) == AG_ERR_STRUCT,
           "an unknown field of a problem is taken");
#endif
    ag_plan_free(plan);
    free(args.is.workspace);
}

static void combine(ag_context *context)
{
    char why[AG_MESSAGE_SIZE] = "";
    const float c[2] = { 3, 5 }, u[2] = { 1, 2 };
    float mixed[2];
    const double weights[2] = { 4, -3 };
    GUARDED(ag_guidance, guidance);
    GUARDED(ag_guidance_args, args);
    ag_guidance_init(&guidance.is, AG_LINEAR, 2, 1, 2);
    ag_guidance_args_init(&args.is);
    expect_guard(guidance.guard, "ag_guidance_init() wrote beyond the struct");
    expect_guard(args.guard, "ag_guidance_args_init() wrote beyond the struct");
    args.is.input[0] = c, args.is.input[1] = u, args.is.out = mixed, args.is.weights = weights;
    expect(!ag_guidance_combine(context, &guidance.is, &args.is, why, sizeof why), why);
    expect(mixed[0] == 9 && mixed[1] == 14, "the combination");
}

int main(void)
{
    char why[AG_MESSAGE_SIZE] = "";
    ag_context *context;
    GUARDED(ag_context_options, options);
    GUARDED(ag_kernel_info, info);
    ag_context_options_init(&options.is);
    expect_guard(options.guard, "ag_context_options_init() wrote beyond the struct");
    expect(!ag_context_create(&options.is, &context, why, sizeof why), why);
    ag_kernel_info_init(&info.is);
    expect(!ag_kernel_at(0, &info.is) && info.is.name, "ag_kernel_at()");
    expect_guard(info.guard, "ag_kernel_at() wrote beyond the struct");
    for (int i = 0; i < B * N * D; i++) q[i] = sinf((float)i), k[i] = cosf(2 * (float)i), v[i] = sinf(3 * (float)i);
    attend(context);
    combine(context);
    ag_context_free(context);
    return wrong != 0;
}
