/* attnguide_ggml.h - guided attention inside a ggml graph, where ggml_flash_attn_ext() would stand. Copy this file and
 * attnguide_ggml.c into an engine.
 *
 *     ag_problem p;                                          once per layer shape:
 *     ag_ggml_problem(&p, &in, 1 / sqrtf(d), n_threads, why, sizeof why);
 *     p.rows = rows, p.row_count = batch;                    what each batch row asks for
 *     ag_ggml_open(&x, context, &p, why, sizeof why);
 *     out = ag_ggml_attention(&x, graph_context, &in);       each time a graph is built, as often as wanted
 *     x.args.rows = values, x.args.row_count = batch;        each step: strengths, seeds
 *     ag_ggml_check(&x, why, sizeof why);                    now: a ggml callback has no way to say it
 *     ggml_backend_graph_compute(...);
 *
 * Nothing is copied: q, k, v are read through their nb, permuted views included. The context's own threads are not
 * used (make it with one); ggml's are. The nodes run on ggml's CPU backend only: its scheduler cuts a graph there. */
#ifndef ATTNGUIDE_GGML_H
#define ATTNGUIDE_GGML_H

#include <attnguide.h>
#include <ggml.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What ggml_flash_attn_ext() takes: q [D,N,H,B], k [D,M,H_kv,B], v [D_v,M,H_kv,B] in ggml's order of axes, rows
 *  contiguous, any other nb; float32, float16 or bfloat16. mask [M,N,1|H,1|B], added to the logits, or NULL. */
typedef struct ag_ggml_inputs {
    struct ggml_tensor *q, *k, *v, *mask;
} ag_ggml_inputs;

typedef struct ag_ggml ag_ggml;
typedef struct ag_ggml_phase {
    ag_ggml *of;
    int number;
} ag_ggml_phase;

/** One plan and what its nodes need. Must outlive every computation of a graph it is in, and not move. Any number of
 *  attentions of one shape, in one graph, may share it. */
struct ag_ggml {
    ag_plan *plan;
    ag_ggml_phase *phases;
    int64_t shape[4]; /**< of the result: D_v, H, N, B */
    ag_args args;     /**< rows and row_count may be changed between computations; the pointers are ggml's */
    int masked;
};

/** The problem these tensors pose, to run on at most `threads` threads: shapes, strides, types, mask. `scale` is what
 *  ggml_flash_attn_ext() would be given. Rows, and batch where rows share q or k, are then the caller's to set.
 *  AG_ERR_TYPE, AG_ERR_SHAPE, AG_ERR_STRIDE: the tensors are not as above. */
ag_status ag_ggml_problem(ag_problem *p, const ag_ggml_inputs *in, float scale, int threads, char *why,
                          size_t why_size);

/** Make the plan. Errors as for ag_plan_create(). */
ag_status ag_ggml_open(ag_ggml *x, ag_context *context, const ag_problem *p, char *why, size_t why_size);

/** Judge the values in x->args before a computation; after a refusal do not compute. Errors as
 * ag_plan_check_values(). */
ag_status ag_ggml_check(const ag_ggml *x, char *why, size_t why_size);

/** Put the plan's nodes into a graph: a result [D_v,H,N,B] float32, as ggml_flash_attn_ext() gives. The inputs are laid
 *  out like those the problem was made from. */
struct ggml_tensor *ag_ggml_attention(ag_ggml *x, struct ggml_context *graph, const ag_ggml_inputs *in);

void ag_ggml_close(ag_ggml *x);

#ifdef __cplusplus
}
#endif
#endif
