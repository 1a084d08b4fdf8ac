/* graph.h - what the checks need of ggml: input tensors as engines have them, and a graph computed as engines do it, on
 * a backend, its memory planned by ggml's graph allocator. */
#ifndef GRAPH_H
#define GRAPH_H

#include <ggml-alloc.h>
#include <ggml-backend.h>
#include <ggml.h>

#include "attnguide_ggml.h"

/** How q, k and v lie in memory: each [B,H,N,D]; each [B,N,H,D], what a projection gives; all inside one projection
 *  [B,N,3,H,D]. */
typedef enum arrangement { PACKED, TOKEN_MAJOR, FUSED } arrangement;

typedef struct shape {
    const char *name;
    int64_t d, n, m, h, h_kv, b;
    int64_t text;    /**< context tokens in front of the picture */
    int64_t grid[3]; /**< zeros: no picture, standard attention only */
    enum ggml_type kv;
    arrangement arrangement;
    int masked;   /**< a float16 mask that hides every fifth key and shifts the logits of others */
    double limit; /**< largest difference allowed to ggml_flash_attn_ext() */
} shape;

typedef struct inputs {
    struct ggml_context *ctx;
    ggml_backend_buffer_t buffer;
    ag_ggml_inputs in;
} inputs;

/** Tensors of a shape with values in [-1, 1). */
inputs inputs_open(const shape *s, ggml_backend_t backend);
void inputs_close(inputs *x);

/** A tensor [D,N,H,B] float32, packed, that holds these values. */
inputs inputs_of_queries(const shape *s, ggml_backend_t backend, const float *values);

/** SHARED: as engines do, memory is used again when its tensor is no longer needed. APART: every tensor has its own. */
typedef enum sharing { SHARED, APART } sharing;

typedef struct graph {
    struct ggml_context *ctx;
    struct ggml_cgraph *nodes;
    ggml_gallocr_t shared;
    ggml_backend_buffer_t apart;
} graph;

graph graph_open(sharing memory);
void graph_close(graph *g);

/** Compute `result` on `threads` threads. A copy of its float32 values, to free(). */
float *graph_compute(graph *g, struct ggml_tensor *result, ggml_backend_t backend, int threads);

/** Nodes that move data and compute nothing: what a host without strides would need. */
int graph_copies(const graph *g);

/** Bytes of shared memory that the computed graph took. */
size_t graph_bytes(const graph *g);

#endif
