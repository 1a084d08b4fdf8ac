/* check_memory.c - the memory of a run that attends: tensors are there and lie right, the workspace is large enough,
 * and what is written is apart from everything else. */
#include <string.h>

#include "check.h"

typedef long long ll;

/* ---- tensors ---- */

static ag_status check_tensor(const char *name, const void *pointer, const ag_layout *l, int wanted, ag_why why)
{
    if (!wanted) return AG_OK;
    if (!pointer) return ag_refuse(why, AG_ERR_NULL, "%s is NULL, but this problem needs it", name);
    if (l->align && (uintptr_t)pointer % (uintptr_t)l->align)
        return ag_refuse(why, AG_ERR_STRIDE, "%s is not aligned to %d bytes, as its layout promises", name,
                         (int)l->align);
    return ag_check_address(name, pointer, ag_size_of(l->dtype), why);
}

static ag_status check_tensors(const ag_plan *plan, const ag_args *a, ag_why why)
{
    static const ag_layout packed = { .dtype = AG_F32 };
    const ag_problem *p = &plan->c.p;
    ag_status s = check_tensor("q", a->q, &p->q, plan->needs & AG_NEEDS_Q, why);
    if (!s) s = check_tensor("k", a->k, &p->k, plan->needs & AG_NEEDS_K, why);
    if (!s) s = check_tensor("v", a->v, &p->v, plan->needs & AG_NEEDS_V, why);
    return s ? s : check_tensor("out", a->out, p->operation > AG_BLUR ? &packed : &p->out, 1, why);
}

ag_status ag_check_workspace(const ag_plan *plan, const void *workspace, size_t size, ag_region *used, ag_why why)
{
    const size_t bytes = ag_plan_workspace(plan);
    *used = ag_region_packed("workspace", bytes ? workspace : NULL, (int64_t)bytes, 1);
    if (!bytes) return AG_OK;
    if (!workspace)
        return ag_refuse(why, AG_ERR_WORKSPACE, "workspace is NULL, but this plan needs %zu bytes (ag_plan_workspace)",
                         bytes);
    if (size >= bytes) return AG_OK;
    return ag_refuse(why, AG_ERR_WORKSPACE, "workspace_size is %zu, but this plan needs %zu bytes (ag_plan_workspace)",
                     size, bytes);
}

/* ---- out that is an input exactly ---- */

static int same_layout(const ag_layout *a, const ag_layout *b)
{
    return a->dtype == b->dtype && memcmp(a->stride, b->stride, sizeof a->stride) == 0;
}

/* A task reads just the queries it replaces, if row and place are the same; so do the buffers made from them. */
static ag_status check_out_is_q(const ag_plan *plan, ag_why why)
{
    const ag_checked *c = &plan->c;
    const ag_problem *p = &c->p;
    for (int64_t i = 0; i < plan->program.n_steps; i++)
        if (plan->kernels[i]->reads_late && plan->kernels[i]->reads_late(&plan->program.steps[i]))
            return ag_refuse(why, AG_ERR_ALIAS, "out is q, but kernel %s may read q after it has written out",
                             plan->kernels[i]->name);
    const int64_t width = p->operation == AG_BLUR ? p->d : p->d_v;
    if (p->operation > AG_BLUR)
        return ag_refuse(why, AG_ERR_ALIAS, "out is q, but operation %s gives another shape",
                         ag_operation_name(p->operation).text);
    if (width != p->d || !same_layout(&p->q, &p->out))
        return ag_refuse(why, AG_ERR_ALIAS, "out is q, but their widths, types or strides differ");
    for (int64_t b = 0; b < p->batch; b++)
        if (c->rows[b].q_row != b && c->rows[b].q_row != AG_ROW_NONE)
            return ag_refuse(why, AG_ERR_ALIAS,
                             "out is q, but rows[%lld].q_row is %lld: output row %lld must read its own", (ll)b,
                             (ll)c->rows[b].q_row, (ll)b);
    return AG_OK;
}

/* Every value onto its own place, for all heads and tokens. */
static int copies_itself(const ag_step *s, const ag_problem *p)
{
    const ag_copy *c = &s->u.copy;
    return s->kind == AG_STEP_COPY && c->src.source == AG_IN_V && c->src.offset == c->dst.offset && c->map.div == 1 &&
           c->map.base == c->first && c->map.mod == c->count && c->count == p->n_q && s->n_heads == p->heads;
}

static ag_status check_out_is_v(const ag_plan *plan, ag_why why)
{
    const ag_problem *p = &plan->c.p;
    if (p->operation != AG_ATTENTION || p->heads != p->kv_heads || !same_layout(&p->v, &p->out) || p->has_key_mask ||
        p->has_key_lengths || p->want_lse)
        return ag_refuse(why, AG_ERR_ALIAS, "out is v: that needs equal layouts and heads, no mask and no lse");
    for (int64_t i = 0; i < plan->program.n_steps; i++) {
        const ag_step *s = &plan->program.steps[i];
        if (!copies_itself(s, p))
            return ag_refuse(why, AG_ERR_ALIAS, "out is v, but row %lld is not identity of all heads without context",
                             (ll)s->b);
    }
    return AG_OK;
}

static ag_status check_equal(const ag_plan *plan, const ag_args *a, ag_why why)
{
    if (a->out == a->v && (plan->needs & AG_NEEDS_V)) return check_out_is_v(plan, why);
    if (a->out == a->k && (plan->needs & AG_NEEDS_K))
        return ag_refuse(why, AG_ERR_ALIAS, "out is k, which is read while out is written");
    if (a->out == a->q && (plan->needs & AG_NEEDS_Q)) return check_out_is_q(plan, why);
    return AG_OK;
}

/* ---- overlaps ---- */

enum { OUT, LSE, CURVATURE, WORK, WRITTEN };
enum { Q, K, V, MASK, LENGTHS, BIAS, ROWS, READ };

typedef struct regions {
    ag_region written[WRITTEN], read[READ];
} regions;

static void list_written(const ag_plan *plan, const ag_args *a, regions *r)
{
    const ag_problem *p = &plan->c.p;
    const int64_t out[4] = { p->batch, p->heads, p->n_q, p->operation == AG_BLUR ? p->d : p->d_v };
    const int64_t queries = p->batch * p->heads * p->n_q;
    const int64_t packed = p->operation == AG_RECEIVED ? p->batch * p->n_k
                           : p->operation == AG_MAP    ? queries * p->n_k
                                                       : queries;
    r->written[OUT] = p->operation > AG_BLUR ? ag_region_packed("out", a->out, packed, sizeof(float))
                                             : ag_region_tensor("out", a->out, &p->out, out);
    r->written[LSE] = ag_region_packed("lse", a->lse, queries, sizeof(float));
    r->written[CURVATURE] = ag_region_packed("curvature", a->curvature, queries, sizeof(float));
}

static ag_region strided(const char *name, const void *at, const int64_t *extent, const int64_t *stride, int axes,
                         ag_dtype type)
{
    const int64_t size = (int64_t)ag_size_of(type);
    ag_region r = { .name = name, .at = at, .axes = axes, .width = size };
    for (int i = 0; at && i < axes; i++) { /* nobody has looked at the strides of what is not there */
        r.extent[i] = extent[i];
        r.stride[i] = extent[i] > 1 ? stride[i] * size : 0;
    }
    return r;
}

static void list_read(const ag_plan *plan, const ag_args *a, regions *r)
{
    const ag_problem *p = &plan->c.p;
    const int64_t q[4] = { p->q_batch, p->heads, p->n_q, p->d }, k[4] = { p->kv_batch, p->kv_heads, p->n_k, p->d };
    const int64_t v[4] = { p->kv_batch, p->kv_heads, p->n_k, p->d_v };
    const int64_t mask[2] = { p->batch, p->n_k }, bias[4] = { p->batch, p->heads, p->n_q, p->n_k };
    const int on_host = p->place == AG_HOST; /* rows are the host's; a device is given a copy */
    r->read[Q] = ag_region_tensor("q", plan->needs & AG_NEEDS_Q ? a->q : NULL, &p->q, q);
    r->read[K] = ag_region_tensor("k", plan->needs & AG_NEEDS_K ? a->k : NULL, &p->k, k);
    r->read[V] = ag_region_tensor("v", plan->needs & AG_NEEDS_V ? a->v : NULL, &p->v, v);
    r->read[MASK] = strided("key_mask", a->key_mask, mask, p->key_mask_stride, 2, AG_U8);
    r->read[LENGTHS] = ag_region_packed("key_lengths", a->key_lengths, p->batch, sizeof(int32_t));
    r->read[BIAS] = strided("bias", a->bias, bias, p->bias_stride, 4, p->bias_dtype);
    r->read[ROWS] = ag_region_packed("rows", on_host ? a->rows : NULL, a->row_count, a->rows ? a->rows->size : 0);
}

/* Index arrays: one for all rows, as long as the longest wants it, or each row's own. */
static ag_status check_indices(const ag_plan *plan, const ag_args *a, const regions *r, ag_why why)
{
    const ag_checked *c = &plan->c;
    const ag_bound run = { .c = c, .args = a };
    for (int64_t b = 0; b < c->p.batch && a->row_count; b++) {
        const ag_row_checked *row = &c->rows[b];
        if (!row->ask.indexed) continue;
        const ag_region index = ag_region_packed("an index array of args.rows", ag_row_values(&run, b).index,
                                                 row->n * row->ask.draws, sizeof(int32_t));
        for (int w = 0; w < WRITTEN; w++) {
            const ag_status s = ag_check_apart(&r->written[w], &index, why);
            if (s) return s;
        }
    }
    return AG_OK;
}

/* out at an input's own address has been validated. */
static ag_status check_overlaps(const ag_plan *plan, const ag_args *a, const regions *r, ag_why why)
{
    for (int w = 0; w < WRITTEN; w++) {
        for (int i = w + 1; i < WRITTEN; i++) {
            const ag_status s = ag_check_apart(&r->written[w], &r->written[i], why);
            if (s) return s;
        }
        for (int i = 0; i < READ; i++) {
            if (w == OUT && i <= V && r->read[i].at == a->out) continue;
            const ag_status s = ag_check_apart(&r->written[w], &r->read[i], why);
            if (s) return s;
        }
    }
    return check_indices(plan, a, r, why);
}

ag_status ag_check_memory(const ag_plan *plan, const ag_args *a, ag_why why)
{
    regions r;
    ag_status s = check_tensors(plan, a, why);
    if (!s) s = ag_check_workspace(plan, a->workspace, a->workspace_size, &r.written[WORK], why);
    if (!s) s = check_equal(plan, a, why);
    if (s) return s;
    list_written(plan, a, &r);
    list_read(plan, a, &r);
    return check_overlaps(plan, a, &r, why);
}
