/* graph.c - see graph.h. */
#include "graph.h"

#include <ggml-cpu.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST_TENSORS = 1024 };

static struct ggml_context *context_open(void)
{
    const size_t size = MOST_TENSORS * ggml_tensor_overhead() + ggml_graph_overhead();
    return ggml_init((struct ggml_init_params){ .mem_size = size, .no_alloc = true });
}

/* ---- inputs ---- */

static struct ggml_tensor *new_tensor(struct ggml_context *ctx, const shape *s, enum ggml_type type, int64_t tokens,
                                      int64_t heads)
{
    if (s->arrangement == PACKED) return ggml_new_tensor_4d(ctx, type, s->d, tokens, heads, s->b);
    return ggml_permute(ctx, ggml_new_tensor_4d(ctx, type, s->d, heads, tokens, s->b), 0, 2, 1, 3);
}

static void new_fused(struct ggml_context *ctx, const shape *s, ag_ggml_inputs *in)
{
    struct ggml_tensor **part[3] = { &in->q, &in->k, &in->v };
    struct ggml_tensor *all = ggml_new_tensor_3d(ctx, s->kv, 3 * s->h * s->d, s->n, s->b);
    const size_t head = all->nb[0] * (size_t)s->d;
    for (size_t i = 0; i < 3; i++)
        *part[i] =
            ggml_view_4d(ctx, all, s->d, s->n, s->h, s->b, all->nb[1], head, all->nb[2], i * head * (size_t)s->h);
}

/* A fixed sequence of numbers in [-1, 1). */
static float next_value(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / (float)(1 << 23) - 1;
}

static void fill(struct ggml_tensor *t, uint32_t *state)
{
    const int64_t n = ggml_nelements(t);
    for (int64_t i = 0; i < n; i++) {
        const float value = next_value(state);
        if (t->type == GGML_TYPE_F16) ((ggml_fp16_t *)t->data)[i] = ggml_fp32_to_fp16(value);
        else ((float *)t->data)[i] = value;
    }
}

static void fill_mask(struct ggml_tensor *mask)
{
    const int64_t n = ggml_nelements(mask);
    for (int64_t i = 0; i < n; i++)
        ((ggml_fp16_t *)mask->data)[i] = ggml_fp32_to_fp16(i % 5 == 0 ? -INFINITY : (float)(i % 3) / 4);
}

inputs inputs_open(const shape *s, ggml_backend_t backend)
{
    inputs x = { .ctx = context_open() };
    uint32_t state = 1;
    if (s->arrangement == FUSED) {
        new_fused(x.ctx, s, &x.in);
    } else {
        x.in.q = new_tensor(x.ctx, s, GGML_TYPE_F32, s->n, s->h);
        x.in.k = new_tensor(x.ctx, s, s->kv, s->m, s->h_kv);
        x.in.v = new_tensor(x.ctx, s, s->kv, s->m, s->h_kv);
    }
    if (s->masked) x.in.mask = ggml_new_tensor_2d(x.ctx, GGML_TYPE_F16, s->m, s->n);
    x.buffer = ggml_backend_alloc_ctx_tensors(x.ctx, backend);
    for (struct ggml_tensor *t = ggml_get_first_tensor(x.ctx); t; t = ggml_get_next_tensor(x.ctx, t))
        if (!t->view_src && t != x.in.mask) fill(t, &state);
    if (s->masked) fill_mask(x.in.mask);
    return x;
}

inputs inputs_of_queries(const shape *s, ggml_backend_t backend, const float *values)
{
    inputs x = { .ctx = context_open() };
    x.in.q = ggml_new_tensor_4d(x.ctx, GGML_TYPE_F32, s->d, s->n, s->h, s->b);
    x.buffer = ggml_backend_alloc_ctx_tensors(x.ctx, backend);
    ggml_backend_tensor_set(x.in.q, values, 0, ggml_nbytes(x.in.q));
    return x;
}

void inputs_close(inputs *x)
{
    ggml_backend_buffer_free(x->buffer);
    ggml_free(x->ctx);
}

/* ---- graphs ---- */

graph graph_open(sharing memory)
{
    graph g = { .ctx = context_open() };
    if (memory == SHARED) g.shared = ggml_gallocr_new(ggml_backend_cpu_buffer_type());
    g.nodes = ggml_new_graph(g.ctx);
    return g;
}

void graph_close(graph *g)
{
    if (g->shared) ggml_gallocr_free(g->shared);
    else ggml_backend_buffer_free(g->apart);
    ggml_free(g->ctx);
}

static int allocate(graph *g, ggml_backend_t backend)
{
    if (g->shared) return ggml_gallocr_alloc_graph(g->shared, g->nodes);
    g->apart = ggml_backend_alloc_ctx_tensors(g->ctx, backend);
    return g->apart != NULL;
}

float *graph_compute(graph *g, struct ggml_tensor *result, ggml_backend_t backend, int threads)
{
    ggml_set_output(result);
    ggml_build_forward_expand(g->nodes, result);
    ggml_backend_cpu_set_n_threads(backend, threads);
    float *values = malloc(ggml_nbytes(result));
    if (!values || !allocate(g, backend) || ggml_backend_graph_compute(backend, g->nodes) != GGML_STATUS_SUCCESS) {
        fputs("ggml cannot compute the graph\n", stderr);
        exit(1);
    }
    ggml_backend_tensor_get(result, values, 0, ggml_nbytes(result));
    return values;
}

size_t graph_bytes(const graph *g) { return g->shared ? ggml_gallocr_get_buffer_size(g->shared, 0) : 0; }

int graph_copies(const graph *g)
{
    int copies = 0;
    for (int i = 0; i < ggml_graph_n_nodes(g->nodes); i++) {
        const enum ggml_op op = ggml_graph_node(g->nodes, i)->op;
        copies += op == GGML_OP_DUP || op == GGML_OP_CPY || op == GGML_OP_CONT || op == GGML_OP_CONCAT;
    }
    return copies;
}
