/* case.c - one case: arrays from files through the library into files. */
#include "case.h"

#include <inttypes.h>
#include <stdlib.h>

#include "case_files.h"
#include "value.h"

/* Everything a case owns. */
typedef struct job {
    case_files files;
    ag_problem problem;
    ag_args args;
    ag_row *rows;          /* [B] */
    ag_row_args *row_args; /* [B] */
    uint8_t *heads;        /* [H]: perturbed heads */
    uint8_t *chosen;       /* [B]: perturbed rows */
    float *out, *extra;
    int axes;
    int64_t extent[4]; /* of out; extra has the first three, all of an energy's */
} job;

static void set_shapes(job *j, const options *o)
{
    ag_problem *p = &j->problem;
    const int64_t *q = j->files.q.extent, *v = j->files.v.extent;
    const int64_t *k = j->files.k.data != NULL ? j->files.k.extent : q;
    ag_problem_init(p, q[0], q[1], q[2], k[2], q[3]);
    p->operation = o->op->operation;
    p->place = o->place;
    p->kv_heads = k[1];
    p->d_v = j->files.v.data != NULL ? v[3] : q[3];
    p->q = ag_layout_bhnd(o->dtype, q[1], q[2], q[3]);
    p->k = ag_layout_bhnd(o->dtype, k[1], k[2], k[3]);
    p->v = ag_layout_bhnd(o->dtype, k[1], k[2], p->d_v);
    p->out = ag_layout_bhnd(AG_F32, q[1], q[2], p->d_v);
    p->causal = o->causal;
    p->kernel = o->kernel;
    if (o->has_scale) p->scale = o->scale;
    p->want_lse = p->operation == AG_ATTENTION && o->extra != NULL;
}

/* Axes of extent 1 are repeated by stride 0. */
static void set_masks(job *j)
{
    ag_problem *p = &j->problem;
    const npy_array *mask = &j->files.mask, *bias = &j->files.bias;
    p->has_key_mask = mask->data != NULL;
    p->key_mask_stride[0] = mask->data != NULL && mask->extent[0] == 1 ? 0 : p->n_k;
    if (bias->data == NULL) return;
    p->bias_dtype = bias->type == NPY_U8 ? AG_U8 : AG_F32;
    int64_t stride = 1;
    for (int axis = 3; axis >= 0; axis--) {
        p->bias_stride[axis] = bias->extent[axis] == 1 ? 0 : stride;
        stride *= bias->extent[axis];
    }
}

static void set_row(job *j, const options *o, int64_t b)
{
    ag_row *row = &j->rows[b];
    ag_row_args *args = &j->row_args[b];
    const npy_array *index = &j->files.index;
    ag_row_init(row, j->chosen[b] ? o->op->method : AG_STANDARD);
    ag_row_args_init(args);
    if (!j->chosen[b]) return;
    *row = o->row;
    *args = o->run;
    row->method = o->op->method;
    row->blend = o->blend;
    row->indexed = index->data != NULL;
    if (index->data != NULL && index->axes == 3) row->draws = (int32_t)index->extent[2];
    if (row->draws == DRAWS_UNTOLD) row->draws = 1;
    row->heads = j->heads;
    row->image_offset = o->image_offset;
    row->image_length = o->image_length;
    for (int axis = 0; axis < 3; axis++) row->grid[axis] = o->grid[axis];
    args->strength = o->strength;
    args->seed = o->seed;
    if (index->data == NULL) return;
    int64_t slice = index->axes == 3 ? index->extent[1] * index->extent[2] : 0; /* else one for all rows */
    args->index = (const int32_t *)index->data + b * slice;
}

/* [extent] flags of a list; without a list all are set. */
static bool make_flags(const char *list, int64_t extent, uint8_t **flags, const char *shown, fault *why)
{
    *flags = calloc((size_t)extent + 1, 1);
    if (*flags == NULL) return fault_set(why, "there is no memory for %" PRId64 " flags", extent);
    if (list != NULL) return list_parse(list, extent, *flags, shown, why);
    for (int64_t i = 0; i < extent; i++) (*flags)[i] = 1;
    return true;
}

/* Rows of standard, received, map and energy too, so that the library sees what was asked of them. */
static bool set_rows(job *j, const options *o, fault *why)
{
    int64_t batch = j->problem.batch;
    if (o->op->method == AG_STANDARD && o->rows != NULL)
        return fault_set(why, "rows: %s treats all rows alike", o->op->name);
    if (!make_flags(o->rows, batch, &j->chosen, "rows", why)) return false;
    if (o->heads != NULL && !make_flags(o->heads, j->problem.heads, &j->heads, "heads", why)) return false;
    j->rows = calloc((size_t)batch + 1, sizeof *j->rows);
    j->row_args = calloc((size_t)batch + 1, sizeof *j->row_args);
    if (j->rows == NULL || j->row_args == NULL) return fault_set(why, "there is no memory for %" PRId64 " rows", batch);
    for (int64_t b = 0; b < batch; b++) set_row(j, o, b);
    j->problem.rows = j->rows;
    j->problem.row_count = batch;
    return true;
}

/* float32 [axes]; NULL: no memory, or a shape beyond it. */
static float *make_array(const int64_t *extent, int axes)
{
    size_t bytes = sizeof(float);
    for (int axis = 0; axis < axes; axis++)
        if (__builtin_mul_overflow(bytes, (size_t)extent[axis], &bytes)) return NULL;
    return malloc(bytes + 1);
}

static bool make_outputs(job *j, const options *o, fault *why)
{
    const ag_problem *p = &j->problem;
    const int64_t received[4] = { p->batch, p->n_k };
    const int64_t others[4] = { p->batch, p->heads, p->n_q, p->operation == AG_MAP ? p->n_k : p->d_v };
    j->axes = p->operation == AG_RECEIVED ? 2 : p->operation == AG_ENERGY ? 3 : 4;
    for (int axis = 0; axis < 4; axis++) j->extent[axis] = p->operation == AG_RECEIVED ? received[axis] : others[axis];
    j->out = make_array(j->extent, j->axes);
    if (o->extra != NULL) j->extra = make_array(j->extent, 3);
    if (j->out == NULL || (o->extra != NULL && j->extra == NULL))
        return fault_set(why, "there is no memory for the result");
    return true;
}

static void set_args(job *j)
{
    ag_args *args = &j->args;
    ag_args_init(args, j->files.q.data, j->files.k.data, j->files.v.data, j->out);
    args->key_mask = j->files.mask.data;
    args->bias = j->files.bias.data;
    args->rows = j->row_args;
    args->row_count = j->problem.row_count;
    if (j->problem.operation == AG_ENERGY) args->curvature = j->extra;
    else args->lse = j->extra;
}

static bool compute(job *j, ag_context *context, const options *o, fault *why)
{
    if (!case_files_read(o, &j->files, why)) return false;
    set_shapes(j, o);
    set_masks(j);
    if (!set_rows(j, o, why) || !make_outputs(j, o, why)) return false;
    set_args(j);
    return execute(context, &j->problem, &j->args, why);
}

bool case_run(ag_context *context, const options *o, fault *why)
{
    job j = { 0 };
    bool good = compute(&j, context, o, why) && npy_write(o->out, j.out, j.axes, j.extent, why) &&
                (o->extra == NULL || npy_write(o->extra, j.extra, 3, j.extent, why));
    case_files_free(&j.files);
    free(j.rows);
    free(j.row_args);
    free(j.heads);
    free(j.chosen);
    free(j.out);
    free(j.extra);
    return good;
}
