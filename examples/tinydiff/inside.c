/* inside.c - see inside.h. */
#include "inside.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t larger(size_t a, size_t b) { return a > b ? a : b; }

static bool make_both(inside *in, ag_context *context, const network *n, const setting *s, char *why)
{
    ag_row *methods = malloc(2 * (size_t)in->rows * sizeof *methods);
    int64_t *from = malloc(2 * (size_t)in->rows * sizeof *from);
    bool good = methods && from;
    if (!good) strcpy(why, "there is no memory for an attention layer");
    for (int64_t i = 0; good && i < 2 * in->rows; i++) {
        from[i] = i % in->rows;
        if (i < in->rows) ag_row_init(&methods[i], AG_STANDARD);
        else methods[i] = s->row;
    }
    const attention_shape shape = { .rows_in = in->rows,
                                    .rows_out = 2 * in->rows,
                                    .tokens = in->tokens,
                                    .heads = in->heads,
                                    .width = in->width,
                                    .context = n->context,
                                    .side = n->side,
                                    .from = from,
                                    .rows = methods,
                                    .kernel = *s->kernel ? s->kernel : NULL };
    good = good && attention_create(&in->both, context, &shape, why);
    free(methods), free(from);
    in->workspace = larger(in->workspace, in->both.workspace);
    return good;
}

/* Half of the keys; where they lie is told at the run. */
static bool make_half(inside *in, ag_context *context, char *why)
{
    ag_problem p;
    if (in->tokens % 2) return strcpy(why, "merge halves an even number of tokens"), false;
    ag_problem_init(&p, in->rows, in->heads, in->tokens, in->tokens / 2, in->width);
    p.q = p.k = p.v = ag_layout_fused(AG_F32, in->tokens, 3 * in->heads * in->width, in->width);
    p.want_lse = 1;
    if (ag_plan_create(context, &p, &in->half, why, AG_MESSAGE_SIZE)) return false;
    in->workspace = larger(in->workspace, ag_plan_workspace(in->half));
    return true;
}

bool inside_create(inside *in, ag_context *context, const network *n, const setting *s, int64_t rows, char *why)
{
    ag_guidance g;
    const bool merges = s->rule == AG_MERGE;
    memset(in, 0, sizeof *in);
    in->rule = s->rule, in->rows = rows, in->tokens = network_tokens(n);
    in->heads = n->heads, in->width = n->width / n->heads;
    memcpy(in->parameters, s->parameters, sizeof in->parameters);
    const int64_t lines = rows * in->tokens, all = lines * n->width;
    in->outputs = malloc((merges ? 3 : 2) * (size_t)all * sizeof(float));
    in->lse = malloc(2 * (size_t)(lines * n->heads) * sizeof(float));
    if (!in->outputs || !in->lse) return strcpy(why, "there is no memory for a layer"), inside_free(in), false;
    ag_guidance_init(&g, s->rule, 2, merges ? lines * n->heads : lines, merges ? in->width : n->width);
    if (!(merges ? make_half(in, context, why) : make_both(in, context, n, s, why)) ||
        ag_guidance_plan(context, &g, &in->combine, why, AG_MESSAGE_SIZE))
        return inside_free(in), false;
    in->workspace = larger(in->workspace, ag_plan_workspace(in->combine));
    return true;
}

void inside_free(inside *in)
{
    attention_free(&in->both), ag_plan_free(in->half), ag_plan_free(in->combine);
    free(in->outputs), free(in->lse);
    memset(in, 0, sizeof *in);
}

static bool combine(inside *in, float *out, void *workspace, char *why)
{
    ag_guidance_args args;
    ag_guidance_args_init(&args);
    args.input[0] = in->outputs;
    args.input[1] = in->outputs + in->rows * in->tokens * in->heads * in->width;
    args.out = out;
    if (in->rule == AG_MERGE) args.lse[0] = in->lse, args.lse[1] = in->lse + in->rows * in->heads * in->tokens;
    else args.parameters = in->parameters, args.parameter_count = AG_NAG_NORM + 1;
    args.workspace = workspace, args.workspace_size = in->workspace;
    return ag_guidance_run(in->combine, &args, why, AG_MESSAGE_SIZE) == AG_OK;
}

static bool run_halves(inside *in, const float *qkv, float *out, void *workspace, char *why)
{
    ag_args args;
    const int64_t line = 3 * in->heads * in->width, all = in->rows * in->tokens * in->heads * in->width;
    for (int i = 0; i < 2; i++) {
        const float *keys = qkv + line / 3 + i * in->tokens / 2 * line;
        ag_args_init(&args, qkv, keys, keys + line / 3, in->outputs + i * all);
        args.lse = in->lse + i * in->rows * in->heads * in->tokens;
        args.workspace = workspace, args.workspace_size = in->workspace;
        if (ag_plan_run(in->half, &args, why, AG_MESSAGE_SIZE)) return false;
    }
    float *merged = in->outputs + 2 * all;
    if (!combine(in, merged, workspace, why)) return false;
    for (int64_t b = 0; b < in->rows; b++)
        for (int64_t h = 0; h < in->heads; h++)
            for (int64_t t = 0; t < in->tokens; t++)
                memcpy(out + ((b * in->tokens + t) * in->heads + h) * in->width,
                       merged + ((b * in->heads + h) * in->tokens + t) * in->width, (size_t)in->width * sizeof(float));
    return true;
}

bool inside_run(inside *in, const float *qkv, float *out, void *workspace, char *why)
{
    if (in->rule == AG_MERGE) return run_halves(in, qkv, out, workspace, why);
    return attention_run(&in->both, qkv, NULL, in->outputs, workspace, why) && combine(in, out, workspace, why);
}
