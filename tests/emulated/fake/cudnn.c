/* cudnn.c - stands in for cuDNN over the emulated device: descriptors, engines and plans of the one operation that the
 * plugin asks for, carried out on the host, at once. Says no to what cuDNN says no to: descriptors that are not
 * finalized, strides that overlap, rows or pointers that are not aligned to 16 bytes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../src/cuda/cudnn_api.h"
#include "../../../src/halves.h"

enum { BAD_PARAM = 2000, NOT_SUPPORTED = 3000, EXECUTION_FAILED = 5000 };
enum { MOST_ATTRIBUTES = 16, MOST_BYTES = 64 << 10 };

typedef struct attribute {
    int name;
    int64_t count;
    size_t bytes;
    void *values;
} attribute;

typedef struct descriptor {
    int type, finalized, n;
    attribute attribute[MOST_ATTRIBUTES];
} descriptor;

size_t cudnnGetVersion(void);
void cudnnGetLastErrorString(char *text, size_t size);
int cudnnCreate(void **handle);
int cudnnSetStream(void *handle, void *stream);
int cudnnBackendCreateDescriptor(int type, descriptor **made);
int cudnnBackendDestroyDescriptor(descriptor *d);
int cudnnBackendFinalize(descriptor *d);
int cudnnBackendSetAttribute(descriptor *d, int name, int type, int64_t count, const void *values);
int cudnnBackendGetAttribute(const descriptor *d, int name, int type, int64_t wanted, int64_t *count, void *values);
int cudnnBackendExecute(void *handle, descriptor *plan, descriptor *pack);

/* What tests see and set: plans made from an engine, runs; nonzero: there is no engine for anything. */
extern _Atomic int fake_cudnn_built, fake_cudnn_runs, fake_cudnn_declines;
_Atomic int fake_cudnn_built, fake_cudnn_runs, fake_cudnn_declines;

static const char *trouble = "";

/* A version in the environment, for the sentences about old ones. */
size_t cudnnGetVersion(void)
{
    const char *version = getenv("FAKE_CUDNN_VERSION");
    return version ? (size_t)atoi(version) : 91900;
}

void cudnnGetLastErrorString(char *text, size_t size) { snprintf(text, size, "%s", trouble); }

int cudnnCreate(void **handle)
{
    *handle = calloc(1, sizeof(void *));
    return *handle ? 0 : EXECUTION_FAILED;
}

int cudnnSetStream(void *handle, void *stream)
{
    *(void **)handle = stream;
    return 0;
}

static int fail(int status, const char *why)
{
    trouble = why;
    return status;
}

/* ---- descriptors are bags of attributes ---- */

int cudnnBackendCreateDescriptor(int type, descriptor **made)
{
    *made = calloc(1, sizeof **made);
    if (*made) (*made)->type = type;
    return *made ? 0 : EXECUTION_FAILED;
}

int cudnnBackendDestroyDescriptor(descriptor *d)
{
    for (int i = 0; i < d->n; i++) free(d->attribute[i].values);
    free(d);
    return 0;
}

static size_t size_of(int type)
{
    switch (type) {
    case AG_CUDNN_TYPE_CHAR:
    case AG_CUDNN_TYPE_BOOLEAN: return 1;
    case AG_CUDNN_TYPE_INT64:
    case AG_CUDNN_TYPE_VOID_PTR:
    case AG_CUDNN_TYPE_BACKEND_DESCRIPTOR: return 8;
    default: return 4;
    }
}

int cudnnBackendSetAttribute(descriptor *d, int name, int type, int64_t count, const void *values)
{
    const size_t bytes = size_of(type) * (size_t)count;
    if (d->finalized || d->n == MOST_ATTRIBUTES || bytes > MOST_BYTES) return fail(BAD_PARAM, "set");
    if (type == AG_CUDNN_TYPE_BACKEND_DESCRIPTOR && !(*(descriptor *const *)values)->finalized)
        return fail(BAD_PARAM, "a descriptor that is not finalized");
    attribute *a = &d->attribute[d->n++];
    *a = (attribute){ name, count, bytes, malloc(bytes + 1) };
    if (!a->values) return fail(EXECUTION_FAILED, "memory");
    memcpy(a->values, values, bytes);
    return 0;
}

static const attribute *find(const descriptor *d, int name)
{
    for (int i = 0; d && i < d->n; i++)
        if (d->attribute[i].name == name) return &d->attribute[i];
    return NULL;
}

static descriptor *part(const descriptor *d, int name)
{
    const attribute *a = find(d, name);
    return a ? *(descriptor **)a->values : NULL;
}

static const int64_t *numbers(const descriptor *d, int name) { return find(d, name)->values; }

/* ---- the operation, as one block of numbers: what a plan is, and its JSON ---- */

enum { Q, K, V, OUT, TENSORS };

typedef struct tensor {
    int64_t number, extent[4], stride[4];
} tensor;

typedef struct sdpa {
    int64_t magic, bfloat, scale, stats; /* stats: its number, 0 without */
    tensor t[TENSORS];
    int64_t lse_stride[4];
} sdpa;

enum { MAGIC = 0x5d9a };

static int has_no_overlap(const int64_t *extent, const int64_t *stride)
{
    for (int i = 0; i < 4; i++)
        if (extent[i] < 1 || (extent[i] > 1 && stride[i] < 1)) return 0;
    return stride[3] == 1;
}

static int take_tensor(const descriptor *d, tensor *t)
{
    if (!d) return 0;
    t->number = *numbers(d, AG_CUDNN_ATTR_TENSOR_UNIQUE_ID);
    memcpy(t->extent, numbers(d, AG_CUDNN_ATTR_TENSOR_DIMENSIONS), sizeof t->extent);
    memcpy(t->stride, numbers(d, AG_CUDNN_ATTR_TENSOR_STRIDES), sizeof t->stride);
    for (int i = 0; i < 3; i++)
        if (t->extent[i] > 1 && t->stride[i] % 8) return 0;
    return *numbers(d, AG_CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT) == 16 && t->extent[3] % 8 == 0 && t->extent[3] <= 256;
}

static int fits(const sdpa *s)
{
    const int64_t *q = s->t[Q].extent, *k = s->t[K].extent, *v = s->t[V].extent, *out = s->t[OUT].extent;
    return q[0] == k[0] && k[0] == v[0] && v[0] == out[0] && q[1] == out[1] && k[1] == v[1] && q[1] % k[1] == 0 &&
           q[2] == out[2] && k[2] == v[2] && q[3] == k[3] && v[3] == out[3];
}

static int take_operation(const descriptor *op, sdpa *s)
{
    const descriptor *scale = part(op, AG_CUDNN_ATTR_OPERATION_SDPA_FWD_SCALEDESC);
    const descriptor *stats = part(op, AG_CUDNN_ATTR_OPERATION_SDPA_FWD_STATSDESC);
    const descriptor *q = part(op, AG_CUDNN_ATTR_OPERATION_SDPA_FWD_QDESC);
    memset(s, 0, sizeof *s);
    if (!q || !scale || !find(scale, AG_CUDNN_ATTR_TENSOR_IS_BY_VALUE)) return 0;
    s->magic = MAGIC;
    s->bfloat = *(int32_t *)find(q, AG_CUDNN_ATTR_TENSOR_DATA_TYPE)->values == AG_CUDNN_DATA_BFLOAT16;
    s->scale = *numbers(scale, AG_CUDNN_ATTR_TENSOR_UNIQUE_ID);
    s->stats = stats ? *numbers(stats, AG_CUDNN_ATTR_TENSOR_UNIQUE_ID) : 0;
    if (stats) memcpy(s->lse_stride, numbers(stats, AG_CUDNN_ATTR_TENSOR_STRIDES), sizeof s->lse_stride);
    for (int i = 0; i < TENSORS; i++)
        if (!take_tensor(part(op, AG_CUDNN_ATTR_OPERATION_SDPA_FWD_QDESC + i), &s->t[i])) return 0;
    return fits(s);
}

/* The block, from a plan's engine config or from its JSON. */
static int take_plan(const descriptor *plan, sdpa *s)
{
    const attribute *json = find(plan, AG_CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION);
    if (json && json->bytes != sizeof *s) return 0;
    if (json) memcpy(s, json->values, sizeof *s);
    if (json) return s->magic == MAGIC;
    const descriptor *graph =
        part(part(plan, AG_CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG), AG_CUDNN_ATTR_OPERATIONGRAPH_OPS);
    return take_operation(part(graph, AG_CUDNN_ATTR_OPERATIONGRAPH_OPS), s);
}

int cudnnBackendFinalize(descriptor *d)
{
    sdpa s;
    if (d->finalized) return fail(BAD_PARAM, "finalized twice");
    if (d->type == AG_CUDNN_BACKEND_TENSOR_DESCRIPTOR &&
        !has_no_overlap(numbers(d, AG_CUDNN_ATTR_TENSOR_DIMENSIONS), numbers(d, AG_CUDNN_ATTR_TENSOR_STRIDES)))
        return fail(BAD_PARAM, "strides");
    if (d->type == AG_CUDNN_BACKEND_OPERATION_SDPA_FWD_DESCRIPTOR && !take_operation(d, &s))
        return fail(NOT_SUPPORTED, "operation");
    if (d->type == AG_CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR &&
        (!part(d, AG_CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP) || !take_plan(d, &s)))
        return fail(NOT_SUPPORTED, "plan");
    if (d->type == AG_CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR)
        fake_cudnn_built += !find(d, AG_CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION);
    d->finalized = 1;
    return 0;
}

/* ---- questions ---- */

static int give(const void *from, int64_t n, size_t size, int64_t wanted, int64_t *count, void *values)
{
    *count = n;
    if (wanted >= n && values) memcpy(values, from, (size_t)n * size);
    return 0;
}

/* One engine, whose config remembers the graph. */
static int give_engine(const descriptor *heuristics, int64_t *count, descriptor **configs)
{
    descriptor *graph = part(heuristics, AG_CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
    *count = fake_cudnn_declines ? 0 : 1;
    const int s = cudnnBackendSetAttribute(configs[0], AG_CUDNN_ATTR_OPERATIONGRAPH_OPS,
                                           AG_CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &graph);
    configs[0]->finalized = 1;
    return s;
}

int cudnnBackendGetAttribute(const descriptor *d, int name, int type, int64_t wanted, int64_t *count, void *values)
{
    static const char properties[] = "{\"deviceName\": \"emulated\"}";
    const int64_t workspace = 4096, engine = 8;
    sdpa s;
    (void)type;
    switch (name) {
    case AG_CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION:
        return give(properties, sizeof properties, 1, wanted, count, values);
    case AG_CUDNN_ATTR_ENGINEHEUR_RESULTS: return give_engine(d, count, values);
    case AG_CUDNN_ATTR_ENGINECFG_ENGINE: return give(NULL, 0, 0, 1, count, values);
    case AG_CUDNN_ATTR_ENGINE_GLOBAL_INDEX: return give(&engine, 1, 8, wanted, count, values);
    case AG_CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE: return give(&workspace, 1, 8, wanted, count, values);
    case AG_CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION:
        if (!take_plan(d, &s)) return fail(NOT_SUPPORTED, "plan");
        return give(&s, sizeof s, 1, wanted, count, values);
    default: return fail(BAD_PARAM, "attribute");
    }
}

/* ---- attention ---- */

static float load(const sdpa *s, const uint16_t *at) { return s->bfloat ? ag_from_bfloat(*at) : ag_from_half(*at); }

static void attend(const sdpa *s, void *const data[TENSORS], float *lse, float scale, int64_t b, int64_t h, int64_t i)
{
    const tensor *q = &s->t[Q], *k = &s->t[K], *v = &s->t[V], *out = &s->t[OUT];
    const int64_t kv = h / (q->extent[1] / k->extent[1]), m = k->extent[2];
    const uint16_t *qi = (uint16_t *)data[Q] + b * q->stride[0] + h * q->stride[1] + i * q->stride[2];
    const uint16_t *kj = (uint16_t *)data[K] + b * k->stride[0] + kv * k->stride[1];
    const uint16_t *vj = (uint16_t *)data[V] + b * v->stride[0] + kv * v->stride[1];
    uint16_t *o = (uint16_t *)data[OUT] + b * out->stride[0] + h * out->stride[1] + i * out->stride[2];
    float *weight = malloc((size_t)m * sizeof *weight), top = -INFINITY, sum = 0;
    for (int64_t j = 0; j < m; j++) {
        weight[j] = 0;
        for (int64_t t = 0; t < q->extent[3]; t++) weight[j] += load(s, qi + t) * load(s, kj + j * k->stride[2] + t);
        weight[j] *= scale;
        top = fmaxf(top, weight[j]);
    }
    for (int64_t j = 0; j < m; j++) sum += weight[j] = expf(weight[j] - top);
    for (int64_t t = 0; t < v->extent[3]; t++) {
        float x = 0;
        for (int64_t j = 0; j < m; j++) x += weight[j] * load(s, vj + j * v->stride[2] + t);
        o[t] = s->bfloat ? ag_to_bfloat(x / sum) : ag_to_half(x / sum);
    }
    if (lse) lse[b * s->lse_stride[0] + h * s->lse_stride[1] + i * s->lse_stride[2]] = top + logf(sum);
    free(weight);
}

static void *pointer(const descriptor *pack, int64_t number)
{
    const attribute *numbers_of = find(pack, AG_CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
    void *const *pointers = find(pack, AG_CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS)->values;
    for (int64_t i = 0; i < numbers_of->count; i++)
        if (((const int64_t *)numbers_of->values)[i] == number) return pointers[i];
    return NULL;
}

int cudnnBackendExecute(void *handle, descriptor *plan, descriptor *pack)
{
    sdpa s;
    void *data[TENSORS];
    if (!handle || !plan->finalized || !pack->finalized || !take_plan(plan, &s)) return fail(BAD_PARAM, "execute");
    const uintptr_t workspace = *(uintptr_t *)find(pack, AG_CUDNN_ATTR_VARIANT_PACK_WORKSPACE)->values;
    if (!workspace || workspace % 256) return fail(EXECUTION_FAILED, "workspace");
    memset((void *)workspace, 0xff, 4096);
    for (int i = 0; i < TENSORS; i++) {
        data[i] = pointer(pack, s.t[i].number);
        if (!data[i] || (uintptr_t)data[i] % 16) return fail(EXECUTION_FAILED, "misaligned");
    }
    const float *scale = pointer(pack, s.scale);
    float *lse = s.stats ? pointer(pack, s.stats) : NULL;
    if (!scale || (s.stats && !lse)) return fail(EXECUTION_FAILED, "pointers");
    const int64_t *n = s.t[Q].extent;
    fake_cudnn_runs++;
    for (int64_t x = 0; x < n[0] * n[1] * n[2]; x++)
        attend(&s, data, lse, *scale, x / n[2] / n[1], x / n[2] % n[1], x % n[2]);
    return 0;
}
