/* arguments.c - see description.h: the arguments of a run, every array exactly as long as the problem says. */
#include <stdlib.h>

#include "description.h"

/* An array from its first element to the last that strides reach; its bytes repeat the input's. */
static void *any_array(description *x, bytes *b, const int64_t *extent, const int64_t *stride, int axes, size_t element)
{
    double span = 1;
    for (int i = 0; i < axes; i++) span += (double)(extent[i] - 1) * (double)stride[i];
    if (span > 1 << 16) return NULL;
    const size_t size = (size_t)span * element;
    uint8_t pattern[16], *memory = description_memory(x, size);
    bytes_copy(b, pattern, sizeof pattern);
    for (size_t i = 0; memory && i < size; i += 16, pattern[i / 16 % 16]++)
        memcpy(memory + i, pattern, size - i < 16 ? size - i : 16);
    return memory;
}

static void *any_tensor(description *x, bytes *b, const ag_layout *l, int64_t rows, int64_t heads, int64_t tokens,
                        int64_t width)
{
    const int64_t extent[4] = { rows, heads, tokens, width },
                  stride[4] = { l->stride[0], l->stride[1], l->stride[2], 1 };
    return any_array(x, b, extent, stride, 4, ag_dtype_size(l->dtype));
}

static void *any_packed(description *x, bytes *b, int64_t n, size_t element)
{
    const int64_t one = 1;
    return any_array(x, b, &n, &one, 1, element);
}

static void *any_out(description *x, bytes *b)
{
    const ag_problem *p = &x->p;
    const int64_t rows = p->batch * p->heads * p->n_q;
    switch (p->operation) {
    case AG_ATTENTION: return any_tensor(x, b, &p->out, p->batch, p->heads, p->n_q, p->d_v);
    case AG_BLUR: return any_tensor(x, b, &p->out, p->batch, p->heads, p->n_q, p->d);
    case AG_RECEIVED: return any_packed(x, b, p->batch * p->n_k, sizeof(float));
    case AG_ENERGY: return any_packed(x, b, rows, sizeof(float));
    case AG_MAP: break;
    }
    return any_packed(x, b, rows * p->n_k, sizeof(float));
}

/* Mostly what is allowed, 0 .. most. */
static int32_t *any_indices(description *x, bytes *b, int64_t n, int64_t most)
{
    const int wild = bytes_one(b) > 250;
    int32_t *index = any_packed(x, b, n, sizeof *index);
    for (int64_t i = 0; index && i < n && !wild; i++) index[i] = (int32_t)((uint32_t)index[i] % (uint32_t)(most + 1));
    return index;
}

static int set_tensors(description *x, bytes *b)
{
    const ag_problem *p = &x->p;
    const int64_t mask[2] = { p->batch, p->n_k }, bias[4] = { p->batch, p->heads, p->n_q, p->n_k };
    ag_args *a = &x->args;
    ag_args_init(a, any_tensor(x, b, &p->q, p->q_batch, p->heads, p->n_q, p->d),
                 any_tensor(x, b, &p->k, p->kv_batch, p->kv_heads, p->n_k, p->d),
                 any_tensor(x, b, &p->v, p->kv_batch, p->kv_heads, p->n_k, p->d_v), any_out(x, b));
    if (p->want_lse) a->lse = any_packed(x, b, p->batch * p->heads * p->n_q, sizeof(float));
    if (p->operation == AG_ENERGY) a->curvature = any_packed(x, b, p->batch * p->heads * p->n_q, sizeof(float));
    if (p->has_key_mask) a->key_mask = any_array(x, b, mask, p->key_mask_stride, 2, 1);
    if (p->has_key_lengths)
        a->key_lengths = any_indices(x, b, p->batch, (p->length_end ? p->length_end : p->n_k) - p->length_first);
    if (p->bias_dtype) a->bias = any_array(x, b, bias, p->bias_stride, 4, ag_dtype_size(p->bias_dtype));
    return a->q && a->k && a->v && a->out && (!p->want_lse || a->lse) && (!p->has_key_mask || a->key_mask) &&
           (!p->has_key_lengths || a->key_lengths) && (!p->bias_dtype || a->bias);
}

/* The longest array any row of the problem asks for, allowed for the smallest image. */
static const int32_t *any_index(description *x, bytes *b)
{
    int64_t most = 0, smallest = x->p.n_q;
    for (int64_t i = 0; i < x->p.row_count; i++) {
        const ag_row *row = &x->rows[i];
        const int64_t n = row->image_length == AG_ALL_TOKENS ? x->p.n_q - row->image_offset : row->image_length;
        if (row->method != AG_SCRAMBLED || !row->indexed) continue;
        if (n > 1 << 16 || row->draws > 1 << 8) return NULL; /* the plan has seen that both are at least 1 */
        const int64_t entries = n * (row->kind == AG_GATHER ? row->draws : 1);
        most = entries > most ? entries : most;
        smallest = n < smallest ? n : smallest;
    }
    return most ? any_indices(x, b, most, smallest - 1) : NULL;
}

static int set_rows(description *x, bytes *b)
{
    static const double numbers[] = { 0, 1, 0.5, -2, 1e30, 0.25 };
    ag_args *a = &x->args;
    const int rows = bytes_below(b, 4);
    a->row_count = rows == 0 ? 0 : rows == 1 ? 1 : x->p.batch;
    if (a->row_count > DESCRIPTION_ROWS) return 0;
    ag_row_args *run = description_memory(x, (size_t)a->row_count * sizeof *run);
    if (!run) return 0;
    for (int64_t i = 0; i < a->row_count; i++) {
        ag_row_args_init(&run[i]);
        if (bytes_one(b) % 2) run[i].strength = numbers[bytes_below(b, 6)];
        run[i].gain = numbers[bytes_below(b, 6)];
        run[i].mix = numbers[bytes_below(b, 6)];
        bytes_copy(b, &run[i].seed, sizeof run[i].seed);
        if (bytes_below(b, 4) == 0) run[i].random_stream = bytes_number(b);
        run[i].index = any_index(x, b);
    }
    if (a->row_count) a->rows = run;
    return 1;
}

/* The workspace has what the plan asked for, at any address, and says it has that or less. */
static int set_workspace(description *x, bytes *b, size_t workspace)
{
    const size_t shift = (size_t)bytes_below(b, AG_ALIGNMENT);
    char *memory = description_memory(x, workspace + shift);
    if (!memory) return 0;
    x->args.workspace = memory + shift;
    x->args.workspace_size = workspace - (bytes_one(b) == 255 && workspace);
    return 1;
}

/* An argument missing, one that is not wanted, a workspace on top of out: for the library to refuse. */
static void spoil(description *x, bytes *b)
{
    ag_args *a = &x->args;
    switch (bytes_one(b)) {
    case 1: a->q = NULL; break;
    case 2: a->v = NULL; break;
    case 3: a->out = NULL; break;
    case 4: a->lse = a->lse ? NULL : a->out; break;
    case 5: a->key_mask = a->key_mask ? NULL : a->q; break;
    case 6: a->size = (size_t)bytes_number(b); break;
    case 7: a->row_count = bytes_number(b); break;
    case 8: a->workspace = a->out; break;
    }
    if (a->size > sizeof *a) a->size = sizeof *a;
}

int description_arguments(description *x, bytes *b, size_t workspace)
{
    if (!set_tensors(x, b) || !set_rows(x, b) || !set_workspace(x, b, workspace)) return 0;
    spoil(x, b);
    return 1;
}
