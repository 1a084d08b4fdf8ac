/* golden_problem.c - a golden case as a problem of the library. */
#include "golden.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "methods.h"
#include "../oracle/number.h"

static int is(const golden *g, const char *operation) { return !strcmp(g->operation, operation); }

/* Operations that are no method: what they compute, and the method of their rows. */
static const struct {
    const char *name, *method;
    ag_operation operation;
} others[] = { { "blur", "smoothed", AG_BLUR },
               { "received", "standard", AG_RECEIVED },
               { "energy", "standard", AG_ENERGY } };

static ag_operation operation_of(const golden *g)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (is(g, others[i].name)) return others[i].operation;
    return AG_ATTENTION;
}

/* The first word of a value: up to the space that ends it. */
static void first_word(const char *value, char *word, size_t size)
{
    size_t n = 0;
    for (; value && value[n] && !strchr(" \t\r\n", value[n]) && n + 1 < size; n++) word[n] = value[n];
    word[n] = 0;
}

/* Number of its method; -1: there is none of that name. */
static int number_of(const golden *g)
{
    char kind[32];
    first_word(golden_value(g, "kind"), kind, sizeof kind);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (is(g, others[i].name)) return methods_named(others[i].method, NULL);
    return methods_named(g->operation, *kind ? kind : NULL);
}

/* `number` is in the comma-separated list of key, or there is no such list. */
static int listed(const golden *g, const char *key, int64_t number)
{
    const char *at = golden_value(g, key);
    if (!at) return 1;
    for (;;) {
        char *end;
        if (strtoll(at, &end, 10) == number) return 1;
        if (*end != ',') return 0;
        at = end + 1;
    }
}

static void read_grid(const golden *g, int64_t grid[3])
{
    const char *at = golden_value(g, "grid");
    for (int axis = 0; at && axis < 3; axis++) {
        char *end;
        grid[axis] = strtoll(at, &end, 10);
        at = end + 1;
    }
}

static void set_row(const golden *g, problem *x, int64_t b, const array *index)
{
    const ag_method_info info = methods_info(number_of(g));
    ag_row *row = problem_row(x, b, listed(g, "rows", b) ? info.method : AG_STANDARD);
    ag_row_args *run = &x->run[b];
    ag_parameter_info p;
    if (row->method == AG_STANDARD) return;
    row->kind = info.kind;
    read_grid(g, row->grid);
    for (int i = 0; methods_parameter(number_of(g), i, &p); i++)
        row_put(row, run, &p, golden_number(g, p.name, isnan(p.initial) ? 0 : p.initial));
    row->image_offset = (int64_t)golden_number(g, "image_offset", 0);
    row->image_length = (int64_t)golden_number(g, "image_length", AG_ALL_TOKENS);
    row->blend = golden_value(g, "strength") != NULL;
    run->strength = golden_number(g, "strength", 1);
    if (golden_value(g, "seed")) run->seed = strtoull(golden_value(g, "seed"), NULL, 10);
    if (index->rank == 3) row->draws = (int32_t)index->shape[2];
    row->indexed = info.takes & AG_TAKES_INDEX && index->data;
    for (int64_t h = 0; h < x->p.heads; h++) x->heads[b][h] = (uint8_t)listed(g, "heads", h);
    if (golden_value(g, "heads")) row->heads = x->heads[b];
    problem_tidy(x, b);
}

/* The strides of bias [1 or B, H, N, M]. */
static void set_bias(problem *x, const array *bias)
{
    problem_bias(x, AG_F32);
    if (bias->shape[0] == 1) x->p.bias_stride[0] = 0;
}

static void copy_numbers(const buffer *to, ag_dtype type, const array *from)
{
    for (int64_t i = 0; i < from->count && from->data; i++) number_write(type, to->data, i, ((float *)from->data)[i]);
}

static void set_index(problem *x, const array *index)
{
    memcpy(x->index.data, index->data, (size_t)index->count * sizeof(int32_t));
    for (int64_t b = 0; b < x->p.batch; b++)
        if (x->rows[b].indexed)
            x->run[b].index = (int32_t *)x->index.data + (index->rank == 3 ? b * index->count / x->p.batch : 0);
}

/* q, k, v, mask, bias, index; absent ones have no data. */
typedef struct inputs {
    array q, k, v, mask, bias, index;
} inputs;

static void set_shape(const golden *g, problem *x, const inputs *in, ag_dtype type)
{
    const int64_t *q = in->q.shape;
    problem_init(x, q[0], q[1], q[2], in->k.data ? in->k.shape[2] : q[2], q[3]);
    ag_problem *p = &x->p;
    p->operation = operation_of(g);
    if (in->k.data) p->kv_heads = in->k.shape[1];
    if (in->v.data) p->d_v = in->v.shape[3];
    p->scale = golden_number(g, "scale", 1 / sqrt((double)p->d));
    p->causal = golden_number(g, "causal", 0) != 0;
    problem_place(x, PLACE_HEADS, type, type, type);
    if (in->mask.data) problem_mask(x);
    if (in->bias.data) set_bias(x, &in->bias);
    for (int64_t b = 0; b < p->batch && methods_info(number_of(g)).method != AG_STANDARD; b++)
        set_row(g, x, b, &in->index);
}

static int set_data(problem *x, const inputs *in, ag_dtype type)
{
    if (problem_allocate(x)) return 1;
    copy_numbers(&x->q, type, &in->q);
    copy_numbers(&x->k, type, &in->k);
    copy_numbers(&x->v, type, &in->v);
    copy_numbers(&x->bias, AG_F32, &in->bias);
    if (in->mask.data) memcpy(x->mask.data, in->mask.data, (size_t)in->mask.count);
    if (in->index.data) set_index(x, &in->index);
    return 0;
}

int golden_problem(const golden *g, ag_dtype type, problem *x)
{
    inputs in = { golden_array(g, "q"),    golden_array(g, "k"),    golden_array(g, "v"),
                  golden_array(g, "mask"), golden_array(g, "bias"), golden_array(g, "index") };
    array *all[] = { &in.q, &in.k, &in.v, &in.mask, &in.bias, &in.index };
    int failed = 1;
    if (in.q.data && in.q.shape[0] <= PROBLEM_ROWS && number_of(g) >= 0) {
        set_shape(g, x, &in, type);
        failed = set_data(x, &in, type);
    }
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]->data);
    return failed;
}

/* ---- its answer --------------------------------------------------------------------------------------------- */

static double *golden_numbers(const golden *g, const char *name)
{
    array a = golden_array(g, name);
    double *x = a.data ? malloc((size_t)a.count * sizeof *x) : NULL;
    for (int64_t i = 0; i < a.count && x; i++) x[i] = ((float *)a.data)[i];
    free(a.data);
    return x;
}

static int open_lse(const golden *g, problem *x)
{
    array lse = golden_array(g, "lse");
    x->p.want_lse = lse.data != NULL;
    free(lse.data);
    if (x->p.want_lse && buffer_open(&x->lse, (size_t)lse.count * sizeof(float), sizeof(float))) return 1;
    x->a.lse = (float *)x->lse.data;
    return 0;
}

int golden_answer(const golden *g, ag_dtype type, problem *x)
{
    if (open_lse(g, x)) return 1;
    if (type != AG_F32) return problem_answer(x);
    x->want = golden_numbers(g, x->p.operation == AG_ENERGY ? "energy" : "out");
    x->want_lse = golden_numbers(g, "lse");
    x->want_curvature = golden_numbers(g, "curvature");
    if (!strcmp(g->name, "standard_large_logits")) x->noise = 1.9e-5; /* 2e-5 in all */
    return !x->want;
}
