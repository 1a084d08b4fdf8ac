/* cudnn_plan.c - one dense attention plan: described to cuDNN, or read back from JSON, and enqueued. */
#include <stdbool.h>
#include <stdlib.h>

#include "cudnn.h"
#include "library.h"

/* Numbers by which a run's pointers find their tensors. */
enum { Q = 1, K, V, OUT, LSE, SCALE };

/* What cuDNN's kernels load at once. */
enum { ALIGNMENT = 16 };

/* Descriptors are made until one call fails; `doing` then says which. */
typedef struct build {
    const ag_cudnn *lib;
    ag_sdpa_plan *plan;
    int status;
    const char *doing;
} build;

static void note(build *x, int status, const char *doing)
{
    if (x->status || !status) return;
    x->status = status;
    x->doing = doing;
}

static void *make(build *x, int type)
{
    void *made = NULL;
    if (x->status) return NULL;
    if (x->plan->n_kept == AG_SDPA_KEPT) note(x, -1, "has more descriptors than expected");
    else note(x, x->lib->create_descriptor(type, &made), "makes no descriptor");
    if (!x->status) x->plan->kept[x->plan->n_kept++] = made;
    return x->status ? NULL : made;
}

static void set(build *x, void *descriptor, int name, int type, int64_t count, const void *elements)
{
    if (!x->status) note(x, x->lib->set(descriptor, name, type, count, elements), "takes no such description");
}

static void attach(build *x, void *descriptor, int name, void *other)
{
    set(x, descriptor, name, AG_CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &other);
}

static void seal(build *x, void *descriptor, const char *doing)
{
    if (!x->status) note(x, x->lib->finalize(descriptor), doing);
}

/* ---- the graph: one operation ---- */

static void *tensor(build *x, int64_t number, int32_t type, const int64_t extents[4], const int64_t strides[4])
{
    const int64_t alignment = type == AG_CUDNN_DATA_FLOAT ? 4 : ALIGNMENT;
    const bool by_value = number == SCALE;
    void *t = make(x, AG_CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    set(x, t, AG_CUDNN_ATTR_TENSOR_UNIQUE_ID, AG_CUDNN_TYPE_INT64, 1, &number);
    set(x, t, AG_CUDNN_ATTR_TENSOR_DATA_TYPE, AG_CUDNN_TYPE_DATA_TYPE, 1, &type);
    set(x, t, AG_CUDNN_ATTR_TENSOR_DIMENSIONS, AG_CUDNN_TYPE_INT64, 4, extents);
    set(x, t, AG_CUDNN_ATTR_TENSOR_STRIDES, AG_CUDNN_TYPE_INT64, 4, strides);
    set(x, t, AG_CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, AG_CUDNN_TYPE_INT64, 1, &alignment);
    if (by_value) set(x, t, AG_CUDNN_ATTR_TENSOR_IS_BY_VALUE, AG_CUDNN_TYPE_BOOLEAN, 1, &by_value);
    seal(x, t, "refuses a tensor");
    return t;
}

static void *matrix(build *x, const ag_sdpa *p, int64_t number, int64_t heads, int64_t tokens, int64_t width,
                    const int64_t stride[3])
{
    const int32_t type = p->type == AG_F16 ? AG_CUDNN_DATA_HALF : AG_CUDNN_DATA_BFLOAT16;
    return tensor(x, number, type, (int64_t[4]){ p->b, heads, tokens, width },
                  (int64_t[4]){ stride[0], stride[1], stride[2], 1 });
}

static void *operation(build *x, const ag_sdpa *p)
{
    static const int64_t one[4] = { 1, 1, 1, 1 };
    void *q = matrix(x, p, Q, p->h, p->n, p->d, p->q), *k = matrix(x, p, K, p->h_kv, p->m, p->d, p->k);
    void *v = matrix(x, p, V, p->h_kv, p->m, p->d_v, p->v), *out = matrix(x, p, OUT, p->h, p->n, p->d_v, p->out);
    void *scale = tensor(x, SCALE, AG_CUDNN_DATA_FLOAT, one, one);
    void *lse = NULL;
    if (p->stats)
        lse = tensor(x, LSE, AG_CUDNN_DATA_FLOAT, (int64_t[4]){ p->b, p->h, p->n, 1 },
                     (int64_t[4]){ p->lse[0], p->lse[1], p->lse[2], 1 });
    void *op = make(x, AG_CUDNN_BACKEND_OPERATION_SDPA_FWD_DESCRIPTOR);
    attach(x, op, AG_CUDNN_ATTR_OPERATION_SDPA_FWD_QDESC, q);
    attach(x, op, AG_CUDNN_ATTR_OPERATION_SDPA_FWD_KDESC, k);
    attach(x, op, AG_CUDNN_ATTR_OPERATION_SDPA_FWD_VDESC, v);
    attach(x, op, AG_CUDNN_ATTR_OPERATION_SDPA_FWD_ODESC, out);
    attach(x, op, AG_CUDNN_ATTR_OPERATION_SDPA_FWD_SCALEDESC, scale);
    if (p->stats) attach(x, op, AG_CUDNN_ATTR_OPERATION_SDPA_FWD_STATSDESC, lse);
    seal(x, op, "refuses the operation");
    return op;
}

/* ---- engines: the first that gives a plan ---- */

enum { MOST_ENGINES = 8 };

static void *read_engine(const build *x, void *config, int64_t *number)
{
    int64_t n = 0;
    void *engine = NULL;
    *number = -1;
    if (x->lib->create_descriptor(AG_CUDNN_BACKEND_ENGINE_DESCRIPTOR, &engine)) return NULL;
    if (!x->lib->get(config, AG_CUDNN_ATTR_ENGINECFG_ENGINE, AG_CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &n, &engine))
        (void)x->lib->get(engine, AG_CUDNN_ATTR_ENGINE_GLOBAL_INDEX, AG_CUDNN_TYPE_INT64, 1, &n, number);
    return engine;
}

static void finish(build *x, void *properties)
{
    ag_sdpa_plan *p = x->plan;
    int64_t n = 0;
    set(x, p->plan, AG_CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, AG_CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &properties);
    seal(x, p->plan, "cannot compile it");
    if (x->status) return;
    note(x,
         x->lib->get(p->plan, AG_CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, AG_CUDNN_TYPE_INT64, 1, &n, &p->workspace),
         "does not tell its workspace");
}

/* An engine's own failure is no failure of the build: the next one may do. */
static int try_engine(build *x, void *config, void *properties)
{
    build attempt = *x;
    void *plan = NULL;
    if (x->lib->create_descriptor(AG_CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, &plan)) return 0;
    x->plan->plan = plan;
    attach(&attempt, plan, AG_CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
    finish(&attempt, properties);
    if (attempt.status) {
        (void)x->lib->destroy_descriptor(plan);
        x->plan->plan = NULL;
        return 0;
    }
    void *engine = read_engine(x, config, &x->plan->engine);
    if (engine) (void)x->lib->destroy_descriptor(engine);
    return 1;
}

/* Nonzero: one of the engines that this mode of asking suggests gave a plan. */
static int try_mode(build *x, int32_t mode, void *graph, void *properties)
{
    void *config[MOST_ENGINES] = { 0 };
    int64_t n = 0;
    int done = 0;
    void *heuristics = make(x, AG_CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
    attach(x, heuristics, AG_CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
    set(x, heuristics, AG_CUDNN_ATTR_ENGINEHEUR_MODE, AG_CUDNN_TYPE_HEUR_MODE, 1, &mode);
    attach(x, heuristics, AG_CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, properties);
    if (x->status || x->lib->finalize(heuristics)) return 0; /* it knows no engine */
    for (int i = 0; i < MOST_ENGINES; i++)
        if (x->lib->create_descriptor(AG_CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, &config[i])) config[i] = NULL;
    if (config[MOST_ENGINES - 1] && x->lib->get(heuristics, AG_CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                                AG_CUDNN_TYPE_BACKEND_DESCRIPTOR, MOST_ENGINES, &n, config))
        n = 0;
    for (int i = 0; i < n && i < MOST_ENGINES && !done; i++) {
        done = x->plan->n_kept < AG_SDPA_KEPT && try_engine(x, config[i], properties);
        if (!done) continue;
        x->plan->kept[x->plan->n_kept++] = config[i]; /* the plan's, like everything it was made of */
        config[i] = NULL;
    }
    for (int i = 0; i < MOST_ENGINES; i++)
        if (config[i]) (void)x->lib->destroy_descriptor(config[i]);
    return done;
}

static ag_status failed(const build *x, ag_why why)
{
    char text[128] = "";
    x->lib->last_error(text, sizeof text);
    return ag_refuse(why, AG_ERR_KERNEL, "cuDNN %s (status %d)%s%.100s", x->doing, x->status, *text ? ": " : "", text);
}

ag_status ag_sdpa_build(ag_sdpa_plan *plan, const ag_sdpa *what, void *properties, ag_why why)
{
    build x = { .lib = ag_cudnn_here(), .plan = plan };
    void *op = operation(&x, what), *graph = make(&x, AG_CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    attach(&x, graph, AG_CUDNN_ATTR_OPERATIONGRAPH_OPS, op);
    seal(&x, graph, "refuses the graph");
    if (x.status) return failed(&x, why);
    if (try_mode(&x, AG_CUDNN_HEUR_MODE_A, graph, properties)) return AG_OK;
    if (try_mode(&x, AG_CUDNN_HEUR_MODE_FALLBACK, graph, properties)) return AG_OK;
    note(&x, -1, "has no engine for this shape on this device");
    return failed(&x, why);
}

/* ---- JSON ---- */

ag_status ag_sdpa_parse(ag_sdpa_plan *plan, const char *json, size_t size, void *properties, ag_why why)
{
    build x = { .lib = ag_cudnn_here(), .plan = plan };
    plan->plan = make(&x, AG_CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    if (plan->plan) plan->n_kept--; /* it is destroyed as the plan */
    set(&x, plan->plan, AG_CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, AG_CUDNN_TYPE_CHAR, (int64_t)size, json);
    finish(&x, properties);
    plan->engine = -1;
    return x.status ? failed(&x, why) : AG_OK;
}

char *ag_sdpa_json(const ag_sdpa_plan *plan, size_t *size)
{
    const ag_cudnn *lib = ag_cudnn_here();
    const int name = AG_CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION;
    int64_t n = 0;
    if (lib->get(plan->plan, name, AG_CUDNN_TYPE_CHAR, 0, &n, NULL) || n <= 0) return NULL;
    char *json = malloc((size_t)n);
    if (json && lib->get(plan->plan, name, AG_CUDNN_TYPE_CHAR, n, &n, json)) {
        free(json);
        return NULL;
    }
    *size = (size_t)n;
    return json;
}

void ag_sdpa_drop(ag_sdpa_plan *plan)
{
    const ag_cudnn *lib = ag_cudnn_here();
    if (plan->plan) (void)lib->destroy_descriptor(plan->plan);
    while (plan->n_kept) (void)lib->destroy_descriptor(plan->kept[--plan->n_kept]);
    plan->plan = NULL;
}

/* ---- run ---- */

extern ag_handles ag_cudnn_handles;

static int enqueue(const ag_cudnn *lib, const ag_sdpa_plan *p, const ag_sdpa_args *a, void *handle)
{
    const int64_t number[6] = { Q, K, V, OUT, SCALE, LSE };
    const void *pointer[6] = { a->q, a->k, a->v, a->out, &a->scale, a->lse };
    const int64_t n = a->lse ? 6 : 5;
    void *pack = NULL;
    int s = lib->create_descriptor(AG_CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR, &pack);
    if (s) return s;
    s = lib->set(pack, AG_CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, AG_CUDNN_TYPE_INT64, n, number);
    if (!s) s = lib->set(pack, AG_CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, AG_CUDNN_TYPE_VOID_PTR, n, pointer);
    if (!s) s = lib->set(pack, AG_CUDNN_ATTR_VARIANT_PACK_WORKSPACE, AG_CUDNN_TYPE_VOID_PTR, 1, &a->workspace);
    if (!s) s = lib->finalize(pack);
    if (!s) s = lib->set_stream(handle, a->stream);
    if (!s) s = lib->execute(handle, p->plan, pack);
    (void)lib->destroy_descriptor(pack);
    return s;
}

ag_status ag_sdpa_run(ag_sdpa_plan *plan, const ag_sdpa_args *args, ag_why why)
{
    const ag_cudnn *lib = ag_cudnn_here();
    ag_handle *handle = ag_handles_take(&ag_cudnn_handles, plan->device);
    if (!handle) return ag_refuse(why, AG_ERR_DEVICE, "cuDNN has no handle for device %d", plan->device);
    ag_busy_take(&plan->busy);
    build x = { .lib = lib, .plan = plan };
    note(&x, enqueue(lib, plan, args, handle->at), "did not run attention");
    char text[96] = "";
    if (x.status) lib->last_error(text, sizeof text);
    ag_busy_give(&plan->busy);
    ag_handles_give(handle);
    if (!x.status) return AG_OK;
    return ag_refuse(why, AG_ERR_DEVICE, "cuDNN %s (status %d): %s", x.doing, x.status, text);
}
