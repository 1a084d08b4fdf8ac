/* attention.c - describes a layer once, runs its plan in every step. */
#include "attention.h"
#include <stdlib.h>
#include <string.h>

/* q, k and v lie in one projection, and each has a pointer of its own into it. */
static void describe(ag_problem *problem, const attention_shape *s, ag_row *rows)
{
    const int64_t all = s->heads * s->width;
    ag_problem_init(problem, s->rows_out, s->heads, s->tokens, s->tokens, s->width);
    problem->q_batch = problem->kv_batch = s->rows_in;
    problem->q = problem->k = problem->v = ag_layout_fused(AG_F32, s->tokens, 3 * all, s->width);
    problem->out = ag_layout_bnhd(AG_F32, s->heads, s->tokens, s->width);
    problem->rows = rows, problem->row_count = s->rows_out;
    problem->kernel = s->kernel;
    problem->place = s->device ? AG_CUDA : AG_HOST;
    for (int64_t i = 0; i < s->rows_out; i++) {
        rows[i] = s->rows[i];
        rows[i].q_row = rows[i].kv_row = s->from[i];
        ag_row_picture(&rows[i], s->context, 1, s->side, s->side);
    }
}

/* What nobody reads need not be projected. */
static bool find_needs(attention *a, const attention_shape *s, ag_problem *problem, char *why)
{
    for (int64_t i = 0; i < s->rows_out; i++) {
        unsigned needs;
        if (ag_problem_needs(problem, i, &needs, why, AG_MESSAGE_SIZE)) return false;
        a->needs[s->from[i]] |= needs, a->all_needs |= needs;
    }
    return true;
}

static bool take_memory(attention *a, const attention_shape *s, char *why)
{
    const int64_t line = s->tokens * s->heads * s->width * (int64_t)sizeof(float);
    a->device = s->device;
    a->bytes[0] = (size_t)(3 * s->rows_in * line), a->bytes[1] = (size_t)(s->rows_out * line);
    for (int i = 0; a->device && i < 3; i++)
        if (a->device->take(&a->there[i], i < 2 ? a->bytes[i] : a->workspace + 1) != 0)
            return a->there[i] = NULL, strcpy(why, "the device has no memory for an attention layer"), false;
    return true;
}

bool attention_create(attention *a, ag_context *context, const attention_shape *s, char *why)
{
    ag_problem problem;
    ag_row *rows = malloc((size_t)s->rows_out * sizeof *rows);
    memset(a, 0, sizeof *a);
    a->needs = calloc((size_t)s->rows_in, sizeof *a->needs);
    bool good = rows && a->needs;
    if (!good) strcpy(why, "there is no memory for an attention layer");
    if (good) describe(&problem, s, rows);
    good = good && find_needs(a, s, &problem, why) &&
           ag_plan_create(context, &problem, &a->plan, why, AG_MESSAGE_SIZE) == AG_OK;
    free(rows);
    if (!good) return attention_free(a), false;
    a->rows = s->rows_out, a->offset = s->heads * s->width;
    a->workspace = ag_plan_workspace(a->plan);
    return take_memory(a, s, why) || (attention_free(a), false);
}

void attention_free(attention *a)
{
    for (int i = 0; i < 3; i++)
        if (a->there[i]) a->device->give(a->there[i]);
    ag_plan_free(a->plan), free(a->needs);
    memset(a, 0, sizeof *a);
}

static bool run(const attention *a, const float *qkv, const ag_row_args *values, float *out, void *workspace, char *why)
{
    ag_args args;
    ag_args_init(&args, a->all_needs & AG_NEEDS_Q ? qkv : NULL, a->all_needs & AG_NEEDS_K ? qkv + a->offset : NULL,
                 a->all_needs & AG_NEEDS_V ? qkv + 2 * a->offset : NULL, out);
    args.rows = values, args.row_count = values ? a->rows : 0;
    args.workspace = workspace, args.workspace_size = a->workspace;
    return ag_plan_run(a->plan, &args, why, AG_MESSAGE_SIZE) == AG_OK;
}

bool attention_run(const attention *a, const float *qkv, const ag_row_args *values, float *out, void *workspace,
                   char *why)
{
    if (!a->device) return run(a, qkv, values, out, workspace, why);
    if (a->device->copy(a->there[0], qkv, a->bytes[0], TO_DEVICE) != 0)
        return strcpy(why, "a copy to the device failed"), false;
    if (!run(a, a->there[0], values, a->there[1], a->there[2], why)) return false;
    if (a->device->copy(out, a->there[1], a->bytes[1], FROM_DEVICE) == 0) return true;
    return strcpy(why, "a copy from the device failed"), false;
}
