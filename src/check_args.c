/* check_args.c - the only place the arguments of a run are judged, every entry of index and length arrays included. */
#include <math.h>
#include <string.h>

#include "step.h"

typedef long long ll;

static ag_status check_pointer(const char *name, const void *pointer, int wanted, ag_why why)
{
    if (wanted && !pointer) return ag_refuse(why, AG_ERR_NULL, "%s is NULL, but this problem needs it", name);
    return AG_OK;
}

/* An array the problem does not speak of would be ignored: surely not what the caller meant. */
static ag_status check_optional(const char *name, const void *pointer, int wanted, ag_why why)
{
    if (!wanted && pointer)
        return ag_refuse(why, AG_ERR_COMBINATION, "%s is given, but the problem was made without it", name);
    return check_pointer(name, pointer, wanted, why);
}

static ag_status check_tensor(const char *name, const void *pointer, const ag_layout *l, int wanted, ag_why why)
{
    if (wanted && l->align && (uintptr_t)pointer % (uintptr_t)l->align)
        return ag_refuse(why, AG_ERR_STRIDE, "%s is not aligned to %d bytes, as its layout promises", name,
                         (int)l->align);
    return check_pointer(name, pointer, wanted, why);
}

static ag_status check_tensors(const ag_plan *plan, const ag_args *a, ag_why why)
{
    const ag_problem *p = &plan->c.p;
    ag_status s = check_tensor("q", a->q, &p->q, plan->needs & AG_NEEDS_Q, why);
    if (!s) s = check_tensor("k", a->k, &p->k, plan->needs & AG_NEEDS_K, why);
    if (!s) s = check_tensor("v", a->v, &p->v, plan->needs & AG_NEEDS_V, why);
    if (p->operation > AG_BLUR) return s ? s : check_pointer("out", a->out, 1, why); /* not of layout out */
    return s ? s : check_tensor("out", a->out, &p->out, 1, why);
}

static ag_status check_others(const ag_plan *plan, const ag_args *a, ag_why why)
{
    const ag_problem *p = &plan->c.p;
    ag_status s = check_optional("lse", a->lse, p->want_lse, why);
    if (!s && p->operation != AG_ENERGY) s = check_optional("curvature", a->curvature, 0, why);
    if (!s) s = check_optional("key_mask", a->key_mask, p->has_key_mask, why);
    if (!s) s = check_optional("key_lengths", a->key_lengths, p->has_key_lengths, why);
    if (!s) s = check_optional("bias", a->bias, p->bias_dtype != AG_NONE, why);
    if (!s && a->executor && (a->executor->size < sizeof(ag_executor) || !a->executor->parallel_for))
        s = ag_refuse(why, AG_ERR_NULL, "the executor has no parallel_for, or its size is not set");
    return s;
}

/* From out's first byte to its last; check.c has seen that it fits. */
static size_t out_bytes(const ag_problem *p)
{
    const int64_t rows = p->batch, heads = p->heads;
    if (p->operation == AG_RECEIVED) return (size_t)(rows * p->n_k) * 4;
    if (p->operation > AG_BLUR) return (size_t)(rows * heads * p->n_q * (p->operation == AG_MAP ? p->n_k : 1)) * 4;
    const int64_t width = p->operation == AG_BLUR ? p->d : p->d_v, *stride = p->out.stride;
    return (size_t)((rows - 1) * stride[0] + (heads - 1) * stride[1] + (p->n_q - 1) * stride[2] + width) *
           ag_size_of(p->out.dtype);
}

static ag_status check_workspace(const ag_plan *plan, const ag_args *a, ag_why why)
{
    const size_t bytes = ag_plan_workspace(plan);
    if (!bytes) return AG_OK;
    if (!a->workspace || a->workspace_size < bytes)
        return ag_refuse(why, AG_ERR_WORKSPACE, "the workspace has %zu bytes, but this plan needs %zu",
                         a->workspace ? a->workspace_size : 0, bytes);
    const char *out = a->out, *work = a->workspace;
    if (!plan->c.combines && out < work + bytes && work < out + out_bytes(&plan->c.p))
        return ag_refuse(why, AG_ERR_ALIAS, "out and the workspace overlap");
    return AG_OK;
}

static ag_status check_lengths(const ag_problem *p, const int32_t *lengths, ag_why why)
{
    if (p->place == AG_CUDA) return AG_OK; /* it cannot be read from here: kernels take what is beyond n_k as n_k */
    for (int64_t b = 0; lengths && b < p->batch; b++)
        if (lengths[b] < 0 || lengths[b] > p->n_k)
            return ag_refuse(why, AG_ERR_INDEX, "key_lengths[%lld] is %d, not between 0 and %lld", (ll)b, lengths[b],
                             (ll)p->n_k);
    return AG_OK;
}

/* ---- values per row ---- */

static ag_status check_index(const ag_row_checked *r, const int32_t *index, ag_place place, int64_t b, ag_why why)
{
    if (!index) return ag_refuse(why, AG_ERR_NULL, "row %lld: index is NULL, but the row was made with one", (ll)b);
    const int64_t entries = r->kind == AG_GATHER ? r->n * r->draws : r->n;
    if (place == AG_CUDA) return AG_OK; /* it cannot be read from here: kernels write NaN where an entry is wrong */
    for (int64_t i = 0; i < entries; i++)
        if (index[i] < 0 || index[i] >= r->n)
            return ag_refuse(why, AG_ERR_INDEX, "row %lld: index[%lld] is %d, not between 0 and %lld", (ll)b, (ll)i,
                             index[i], (ll)r->n - 1);
    return AG_OK;
}

static ag_status check_row_values(const ag_row_checked *r, const ag_row_args *x, ag_place place, int64_t b, ag_why why)
{
    if (r->method == AG_STANDARD) return AG_OK;
    if (!(x->strength >= 0 && x->strength <= 1))
        return ag_refuse(why, AG_ERR_VALUE, "row %lld: strength is %g, not between 0 and 1", (ll)b, x->strength);
    if (!r->blend && x->strength != 1)
        return ag_refuse(why, AG_ERR_VALUE, "row %lld: strength is %g, but the row was made without blend", (ll)b,
                         x->strength);
    if (r->method != AG_SCRAMBLED && r->method != AG_MASKED && r->method != AG_NOISY) return AG_OK;
    if (x->stream != AG_STREAM_DEFAULT && (x->stream < 0 || x->stream > UINT32_MAX))
        return ag_refuse(why, AG_ERR_VALUE, "row %lld: stream is %lld, not between 0 and 2^32-1", (ll)b, (ll)x->stream);
    if (r->method != AG_SCRAMBLED) return AG_OK;
    if (!isfinite(x->gain)) return ag_refuse(why, AG_ERR_VALUE, "row %lld: gain is %g, not finite", (ll)b, x->gain);
    if (!isfinite(x->mix)) return ag_refuse(why, AG_ERR_VALUE, "row %lld: mix is %g, not finite", (ll)b, x->mix);
    return r->indexed ? check_index(r, x->index, place, b, why) : AG_OK;
}

static ag_status check_rows(const ag_plan *plan, const ag_args *a, ag_why why)
{
    const ag_checked *c = &plan->c;
    if (a->device_rows && (c->p.place != AG_CUDA || a->row_count))
        return ag_refuse(why, AG_ERR_COMBINATION, "device_rows goes with place AG_CUDA and without rows");
    if (a->device_rows) return AG_OK; /* on the device, where nobody can judge it */
    if (a->row_count != 0 && a->row_count != 1 && a->row_count != c->p.batch)
        return ag_refuse(why, AG_ERR_SHAPE, "the arguments' row_count is %lld, neither 0, 1 nor batch %lld",
                         (ll)a->row_count, (ll)c->p.batch);
    if (a->row_count && !a->rows)
        return ag_refuse(why, AG_ERR_NULL, "the arguments' rows is NULL, but row_count is %lld", (ll)a->row_count);
    for (int64_t b = 0; b < c->p.batch; b++) {
        ag_row_args x;
        ag_row_args_init(&x);
        if (a->row_count) {
            const ag_status s =
                ag_take_entry(&x, sizeof x, a->rows, a->row_count > 1 ? b : 0, "an entry of the arguments' rows", why);
            if (s) return s;
        }
        const ag_status s = check_row_values(&c->rows[b], &x, c->p.place, b, why);
        if (s) return s;
    }
    return AG_OK;
}

/* ---- aliasing ---- */

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
            return ag_refuse(why, AG_ERR_ALIAS, "out is q, which kernel %s does not promise to read first",
                             plan->kernels[i]->name);
    const int64_t width = p->operation == AG_BLUR ? p->d : p->d_v;
    if (p->operation > AG_BLUR) return ag_refuse(why, AG_ERR_ALIAS, "out is q, but has another shape");
    if (width != p->d || !same_layout(&p->q, &p->out))
        return ag_refuse(why, AG_ERR_ALIAS, "out is q, but their layouts differ");
    for (int64_t b = 0; b < p->batch; b++)
        if (c->rows[b].q_row != b && c->rows[b].q_row != AG_ROW_NONE)
            return ag_refuse(why, AG_ERR_ALIAS, "out is q, but row %lld reads row %lld of it", (ll)b,
                             (ll)c->rows[b].q_row);
    return AG_OK;
}

static ag_status check_out_is_v(const ag_checked *c, ag_why why)
{
    const ag_problem *p = &c->p;
    if (p->operation != AG_ATTENTION || p->heads != p->kv_heads || !same_layout(&p->v, &p->out) || p->has_key_mask ||
        p->has_key_lengths || p->want_lse)
        return ag_refuse(why, AG_ERR_ALIAS, "out is v: that needs equal layouts and heads, no mask and no lse");
    for (int64_t b = 0; b < p->batch; b++) {
        const ag_row_checked *r = &c->rows[b];
        if (r->method != AG_IDENTITY || r->blend || r->heads_at >= 0 || r->n != p->n_q || r->kv_row != b)
            return ag_refuse(why, AG_ERR_ALIAS, "out is v, but row %lld is not identity of all heads without context",
                             (ll)b);
    }
    return AG_OK;
}

static ag_status check_alias(const ag_plan *plan, const ag_args *a, ag_why why)
{
    const ag_checked *c = &plan->c;
    if (a->out == a->v && (plan->needs & AG_NEEDS_V)) return check_out_is_v(c, why);
    if (a->out == a->k && (plan->needs & AG_NEEDS_K))
        return ag_refuse(why, AG_ERR_ALIAS, "out is k, which is read while out is written");
    if (a->out == a->q && (plan->needs & AG_NEEDS_Q)) return check_out_is_q(plan, why);
    return AG_OK;
}

ag_status ag_check_arg_values(const ag_plan *plan, const ag_args *args, ag_args *taken, ag_why why)
{
    if (!plan) return ag_refuse(why, AG_ERR_NULL, "plan is NULL");
    ag_status s = ag_take_struct(taken, sizeof *taken, args, "args", why);
    if (!s && plan->c.combines) return ag_check_guidance_values(plan, taken->guidance, why);
    if (!s && taken->guidance) s = ag_refuse(why, AG_ERR_COMBINATION, "guidance is given, but this plan attends");
    if (!s) s = check_others(plan, taken, why);
    if (!s) s = check_lengths(&plan->c.p, taken->key_lengths, why);
    return s ? s : check_rows(plan, taken, why);
}

ag_status ag_check_args(const ag_plan *plan, const ag_args *args, ag_args *taken, ag_why why)
{
    ag_status s = ag_check_arg_values(plan, args, taken, why);
    if (!s && plan->c.combines) {
        s = ag_check_guidance_tensors(plan, taken->guidance, why);
        return s ? s : check_workspace(plan, taken, why);
    }
    if (!s) s = check_tensors(plan, taken, why);
    if (!s) s = check_workspace(plan, taken, why);
    return s ? s : check_alias(plan, taken, why);
}
