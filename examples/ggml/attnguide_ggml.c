/* attnguide_ggml.c - see attnguide_ggml.h.
 *
 * One custom node per phase of the plan: ggml's barrier between nodes is the barrier between phases.
 *
 * All phases write the same memory, so there is one tensor, made by the first node: the result in front, the workspace
 * behind it. The nodes that follow are ggml_custom_inplace() views of it, each with the one before as a source, and
 * what the engine gets is a view of the last. Other ways were worse:
 *   - the workspace as a tensor of its own without an operation is a leaf to ggml's graph allocator, which places all
 *     leaves before it begins: every layer would hold a workspace for the whole computation;
 *   - the workspace as a node of its own needs a callback that does nothing, and one more barrier per layer;
 *   - the result made by the last phase comes too late: the first one already writes rows that are not perturbed. */
#include "attnguide_ggml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the problem ---- */

static ag_dtype dtype_of(const struct ggml_tensor *t)
{
    switch (t->type) {
    case GGML_TYPE_F32: return AG_F32;
    case GGML_TYPE_F16: return AG_F16;
    case GGML_TYPE_BF16: return AG_BF16;
    default: return AG_NONE;
    }
}

static ag_status check_tensor(const char *name, const struct ggml_tensor *t, char *why, size_t why_size)
{
    const ag_dtype dtype = dtype_of(t);
    if (!dtype) {
        snprintf(why, why_size, "%s is of type %s, not f32, f16 or bf16", name, ggml_type_name(t->type));
        return AG_ERR_TYPE;
    }
    for (int i = 0; i < 4; i++) {
        if (t->nb[i] % ag_dtype_size(dtype) == 0 && (i || t->nb[0] == ag_dtype_size(dtype))) continue;
        snprintf(why, why_size, "%s has nb[%d] %zu, with elements of %zu bytes", name, i, t->nb[i],
                 ag_dtype_size(dtype));
        return AG_ERR_STRIDE;
    }
    return AG_OK;
}

static ag_status check_shapes(const ag_ggml_inputs *in, char *why, size_t why_size)
{
    const int64_t *q = in->q->ne, *k = in->k->ne, *v = in->v->ne;
    const char *wrong = NULL;
    if (q[0] != k[0]) wrong = "q and k have different widths";
    else if (k[1] != v[1] || k[2] != v[2] || k[3] != v[3]) wrong = "k and v have different tokens, heads or batches";
    else if (in->mask && (in->mask->ne[0] != k[1] || in->mask->ne[1] < q[1])) wrong = "the mask is not [M,N]";
    else if (in->mask && in->mask->ne[2] != 1 && in->mask->ne[2] != q[2]) wrong = "the mask has neither 1 nor H heads";
    else if (in->mask && in->mask->ne[3] != 1 && in->mask->ne[3] != q[3]) wrong = "the mask has neither 1 nor B rows";
    if (!wrong) return AG_OK;
    snprintf(why, why_size, "%s", wrong);
    return AG_ERR_SHAPE;
}

/* ggml counts axes from the innermost, and strides in bytes. */
static ag_layout layout_of(const struct ggml_tensor *t)
{
    const int64_t size = (int64_t)ag_dtype_size(dtype_of(t));
    return (ag_layout){ .dtype = dtype_of(t),
                        .stride = { (int64_t)t->nb[3] / size, (int64_t)t->nb[2] / size, (int64_t)t->nb[1] / size } };
}

static void set_mask(ag_problem *p, const struct ggml_tensor *mask)
{
    const ag_layout l = layout_of(mask);
    p->bias_dtype = l.dtype;
    p->bias_stride[0] = mask->ne[3] > 1 ? l.stride[0] : 0;
    p->bias_stride[1] = mask->ne[2] > 1 ? l.stride[1] : 0;
    p->bias_stride[2] = l.stride[2];
    p->bias_stride[3] = 1;
}

ag_status ag_ggml_problem(ag_problem *p, const ag_ggml_inputs *in, float scale, int threads, char *why, size_t why_size)
{
    const struct ggml_tensor *q = in->q, *k = in->k, *v = in->v;
    ag_status s = check_tensor("q", q, why, why_size);
    if (!s) s = check_tensor("k", k, why, why_size);
    if (!s) s = check_tensor("v", v, why, why_size);
    if (!s && in->mask) s = check_tensor("the mask", in->mask, why, why_size);
    if (!s) s = check_shapes(in, why, why_size);
    if (s) return s;
    ag_problem_init(p, q->ne[3], q->ne[2], q->ne[1], k->ne[1], q->ne[0]);
    p->kv_batch = k->ne[3];
    p->kv_heads = k->ne[2];
    p->d_v = v->ne[0];
    p->scale = scale; /* never the default: engines scale q beforehand, or fold other factors into this number */
    p->q = layout_of(q);
    p->k = layout_of(k);
    p->v = layout_of(v);
    p->out = ag_layout_bnhd(AG_F32, p->heads, p->n_q, p->d_v);
    p->workers = threads;
    if (in->mask) set_mask(p, in->mask);
    return AG_OK;
}

/* ---- the plan ---- */

ag_status ag_ggml_open(ag_ggml *x, ag_context *context, const ag_problem *p, char *why, size_t why_size)
{
    memset(x, 0, sizeof *x);
    ag_args_init(&x->args, NULL, NULL, NULL, NULL);
    const ag_status s = ag_plan_create(context, p, &x->plan, why, why_size);
    if (s) return s;
    memcpy(x->shape, (int64_t[4]){ p->d_v, p->heads, p->n_q, p->batch }, sizeof x->shape);
    x->masked = p->bias_dtype != AG_NONE;
    x->phases = calloc((size_t)ag_plan_phases(x->plan), sizeof *x->phases);
    for (int i = 0; x->phases && i < ag_plan_phases(x->plan); i++) x->phases[i] = (ag_ggml_phase){ x, i };
    if (x->phases) return AG_OK;
    snprintf(why, why_size, "no memory for the plan's nodes");
    ag_ggml_close(x);
    return AG_ERR_MEMORY;
}

ag_status ag_ggml_check(const ag_ggml *x, char *why, size_t why_size)
{
    ag_args args = x->args;
    if (x->masked) args.bias = x; /* any address: the mask's own is known while computing only */
    return ag_plan_check_values(x->plan, &args, why, why_size);
}

void ag_ggml_close(ag_ggml *x)
{
    ag_plan_free(x->plan);
    free(x->phases);
    memset(x, 0, sizeof *x);
}

/* ---- the nodes ---- */

static size_t result_bytes(const ag_ggml *x)
{
    const int64_t *n = x->shape;
    return (size_t)(n[0] * n[1] * n[2] * n[3]) * sizeof(float);
}

/* The workspace lies behind the result. */
static ag_args bind(const ag_ggml *x, const struct ggml_tensor *node, int phase)
{
    struct ggml_tensor *const *in = node->src + (phase > 0); /* node->src[0] of a later phase is the phase before */
    ag_args args = x->args;
    args.q = in[0]->data;
    args.k = in[1]->data;
    args.v = in[2]->data;
    args.bias = in[3] ? in[3]->data : NULL;
    args.out = node->data;
    args.workspace = (char *)node->data + result_bytes(x);
    args.workspace_size = ag_plan_workspace(x->plan);
    return args;
}

static void run_phase(struct ggml_tensor *node, int ith, int nth, void *userdata)
{
    const ag_ggml_phase *phase = userdata;
    const ag_args args = bind(phase->of, node, phase->number);
    ag_plan_run_share(phase->of->plan, &args, phase->number, ith, nth);
}

struct ggml_tensor *ag_ggml_attention(ag_ggml *x, struct ggml_context *graph, const ag_ggml_inputs *in)
{
    struct ggml_tensor *inputs[4] = { in->q, in->k, in->v, in->mask };
    const int n = in->mask ? 4 : 3;
    const size_t bytes = result_bytes(x) + ag_plan_workspace(x->plan) + sizeof(float);
    struct ggml_tensor *t = NULL;
    for (int i = 0; i < ag_plan_phases(x->plan); i++) {
        ag_ggml_phase *phase = &x->phases[i];
        t = i ? ggml_custom_inplace(graph, t, inputs, n, run_phase, GGML_N_TASKS_MAX, phase)
              : ggml_custom_4d(graph, GGML_TYPE_F32, (int64_t)(bytes / sizeof(float)), 1, 1, 1, inputs, n, run_phase,
                               GGML_N_TASKS_MAX, phase);
    }
    const int64_t *s = x->shape;
    const size_t row = (size_t)s[0] * sizeof(float), token = row * (size_t)s[1];
    return ggml_view_4d(graph, t, s[0], s[1], s[2], s[3], row, token, token * (size_t)s[2], 0);
}
