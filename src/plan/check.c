/* check.c - the only place a problem is validated, with check_row.c. In: what the caller wrote. Out: an ag_checked,
 * defaults filled in. Every refusal is one sentence that names the value. Rows: check_row.c; arguments of a run:
 * check_args.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define LIMIT INT32_MAX /* of tokens and widths: products of two then fit in int64 */
#define MOST_ROWS (1 << 20)
#define MOST_HEADS (1 << 16)

typedef long long ll;

/* ---- extents and layouts ---- */

static ag_status check_extents(const ag_problem *p, ag_why why)
{
    const struct {
        const char *name;
        int64_t value, most;
    } extent[] = {
        { "batch", p->batch, MOST_ROWS },
        { "q_batch", p->q_batch, MOST_ROWS },
        { "kv_batch", p->kv_batch, MOST_ROWS },
        { "heads", p->heads, MOST_HEADS },
        { "kv_heads", p->kv_heads, MOST_HEADS },
        { "n_q", p->n_q, LIMIT },
        { "n_k", p->n_k, LIMIT },
        { "d", p->d, LIMIT },
        { "d_v", p->d_v, LIMIT },
    };
    for (size_t i = 0; i < sizeof extent / sizeof *extent; i++)
        if (extent[i].value < 1 || extent[i].value > extent[i].most)
            return ag_refuse(why, AG_ERR_SHAPE, "problem.%s is %lld, not between 1 and %lld", extent[i].name,
                             (ll)extent[i].value, (ll)extent[i].most);
    if (p->heads % p->kv_heads)
        return ag_refuse(why, AG_ERR_SHAPE, "problem.kv_heads is %lld, which does not divide heads, %lld",
                         (ll)p->kv_heads, (ll)p->heads);
    return AG_OK;
}

/* Offset of the last element, or -1 when it does not fit in memory. */
static int64_t last_element(const int64_t *extent, const int64_t *stride, int n, size_t element)
{
    int64_t last = 0;
    for (int i = 0; i < n; i++) {
        int64_t step;
        if (__builtin_mul_overflow(extent[i] - 1, stride[i], &step) || __builtin_add_overflow(last, step, &last))
            return -1;
    }
    return last > PTRDIFF_MAX / (int64_t)element - 1 ? -1 : last;
}

static ag_status check_strides(const char *name, const int64_t *extent, const int64_t *stride, int n, size_t element,
                               ag_why why)
{
    for (int i = 0; i < n; i++)
        if (stride[i] < 0)
            return ag_refuse(why, AG_ERR_STRIDE, "the stride of %s on axis %d is %lld, which is negative", name, i,
                             (ll)stride[i]);
    if (last_element(extent, stride, n, element) < 0)
        return ag_refuse(why, AG_ERR_STRIDE, "%s reaches beyond the address space with these extents and strides",
                         name);
    return AG_OK;
}

/* Every row begins where the promise says, once the first does: that is seen when there is a pointer. */
static ag_status check_promise(const char *name, const ag_layout *l, const int64_t extent[4], ag_why why)
{
    const int64_t size = (int64_t)ag_size_of(l->dtype);
    for (int i = 0; i < 3; i++)
        if (l->align > size && extent[i] > 1 && l->stride[i] % (l->align / size))
            return ag_refuse(why, AG_ERR_STRIDE,
                             "%s.align promises %d bytes, but %s.stride[%d] is %lld elements, %lld bytes", name,
                             (int)l->align, name, i, (ll)l->stride[i], (ll)(l->stride[i] * size));
    return AG_OK;
}

static ag_status check_layout(const char *name, const ag_layout *l, const int64_t extent[4], ag_why why)
{
    if (l->dtype != AG_F32 && l->dtype != AG_F16 && l->dtype != AG_BF16)
        return ag_refuse(why, AG_ERR_TYPE, "%s.dtype is %s: it must be float32, float16 or bfloat16", name,
                         ag_type_name(l->dtype).text);
    if (l->align < 0 || (l->align & (l->align - 1)))
        return ag_refuse(why, AG_ERR_STRIDE, "%s.align is %d, which is not a power of two", name, (int)l->align);
    const int64_t stride[4] = { l->stride[0], l->stride[1], l->stride[2], 1 };
    const ag_status s = check_strides(name, extent, stride, 4, ag_size_of(l->dtype), why);
    return s ? s : check_promise(name, l, extent, why);
}

/* Sufficient for disjoint output rows: ordered by stride, each axis steps over everything inside it. */
static ag_status check_disjoint(const char *name, const ag_layout *l, const int64_t extent[4], ag_why why)
{
    int order[3] = { 0, 1, 2 };
    for (int i = 1; i < 3; i++)
        for (int j = i; j > 0 && l->stride[order[j]] < l->stride[order[j - 1]]; j--) {
            const int swap = order[j];
            order[j] = order[j - 1];
            order[j - 1] = swap;
        }
    int64_t inside = extent[3];
    for (int i = 0; i < 3; i++) {
        const int axis = order[i];
        if (extent[axis] == 1) continue;
        if (l->stride[axis] < inside)
            return ag_refuse(why, AG_ERR_STRIDE,
                             "%s overlaps itself: %s.stride[%d] is %lld, but one step spans %lld "
                             "elements",
                             name, name, axis, (ll)l->stride[axis], (ll)inside);
        inside += (extent[axis] - 1) * l->stride[axis];
    }
    return AG_OK;
}

/* Packed float32 arrays of the caller's: lse, and the outputs of the operations after blur. */
static ag_status check_packed(const ag_problem *p, ag_why why)
{
    const int64_t n_k = p->operation == AG_MAP ? p->n_k : 1;
    int64_t bytes;
    if (!__builtin_mul_overflow(p->batch * p->heads, p->n_q, &bytes) && !__builtin_mul_overflow(bytes, n_k, &bytes) &&
        bytes <= PTRDIFF_MAX / 4)
        return AG_OK;
    return ag_refuse(why, AG_ERR_SHAPE,
                     "batch %lld x heads %lld x n_q %lld%s %lld results do not fit in the address "
                     "space",
                     (ll)p->batch, (ll)p->heads, (ll)p->n_q, p->operation == AG_MAP ? " x n_k" : " x", (ll)n_k);
}

static ag_status check_tensors(const ag_problem *p, ag_why why)
{
    const int blur = p->operation == AG_BLUR;
    const int64_t q[4] = { p->q_batch, p->heads, p->n_q, p->d },
                  out[4] = { p->batch, p->heads, p->n_q, blur ? p->d : p->d_v };
    const int64_t k[4] = { p->kv_batch, p->kv_heads, p->n_k, p->d },
                  v[4] = { p->kv_batch, p->kv_heads, p->n_k, p->d_v };
    ag_status s = check_layout("q", &p->q, q, why);
    if (!s) s = check_layout("k", &p->k, k, why);
    if (!s) s = check_layout("v", &p->v, v, why);
    if (s) return s;
    if (p->k.dtype != p->v.dtype)
        return ag_refuse(why, AG_ERR_TYPE, "k.dtype is %s and v.dtype %s: they must be the same",
                         ag_type_name(p->k.dtype).text, ag_type_name(p->v.dtype).text);
    if (!s) s = check_packed(p, why);
    if (s || p->operation > AG_BLUR) return s; /* their out is packed float32 */
    if ((s = check_layout("out", &p->out, out, why))) return s;
    return check_disjoint("out", &p->out, out, why);
}

/* ---- masks ---- */

/* The keys that lengths are for; length_end 0 is the last. */
static ag_status check_length_range(ag_problem *p, ag_why why)
{
    if (!p->has_key_lengths && (p->length_first || p->length_end))
        return ag_refuse(why, AG_ERR_COMBINATION, "problem.%s is %lld, but has_key_lengths is 0",
                         p->length_first ? "length_first" : "length_end",
                         (ll)(p->length_first ? p->length_first : p->length_end));
    if (!p->length_end) p->length_end = p->n_k;
    if (p->length_first >= 0 && p->length_first <= p->length_end && p->length_end <= p->n_k) return AG_OK;
    return ag_refuse(why, AG_ERR_SHAPE,
                     "problem.length_first %lld and length_end %lld are not a range within the %lld keys",
                     (ll)p->length_first, (ll)p->length_end, (ll)p->n_k);
}

static ag_status check_masks(const ag_problem *p, ag_why why)
{
    const int64_t mask[2] = { p->batch, p->n_k }, bias[4] = { p->batch, p->heads, p->n_q, p->n_k };
    if (p->has_key_mask) {
        const ag_status s = check_strides("key_mask", mask, p->key_mask_stride, 2, 1, why);
        if (s) return s;
    }
    if (p->products != AG_NONE && p->products != AG_F32 && p->products != AG_BF16)
        return ag_refuse(why, AG_ERR_TYPE, "problem.products is %s: it must be AG_NONE, AG_F32 or AG_BF16",
                         ag_type_name(p->products).text);
    if ((unsigned)p->bias_dtype > AG_U8)
        return ag_refuse(why, AG_ERR_TYPE, "problem.bias_dtype is %s, which is not an element type",
                         ag_type_name(p->bias_dtype).text);
    if (p->bias_dtype != AG_NONE) {
        const ag_status s = check_strides("bias", bias, p->bias_stride, 4, ag_size_of(p->bias_dtype), why);
        if (s) return s;
    }
    return AG_OK;
}

static ag_status check_offset(const char *name, int64_t offset, int64_t n, int64_t whole, ag_why why)
{
    if (offset < 0 || whole < n || whole > LIMIT || offset > whole - n)
        return ag_refuse(why, AG_ERR_SHAPE,
                         "problem.%s is %lld: %lld tokens from there do not fit in the whole sequence "
                         "of %lld",
                         name, (ll)offset, (ll)n, (ll)whole);
    return AG_OK;
}

static ag_status check_problem_values(const ag_problem *p, ag_why why)
{
    if ((unsigned)p->operation > AG_MAP)
        return ag_refuse(why, AG_ERR_TYPE, "problem.operation is %s, which does not exist",
                         ag_operation_name(p->operation).text);
    if ((unsigned)p->place > AG_CUDA)
        return ag_refuse(why, AG_ERR_TYPE, "problem.place is %d, neither AG_HOST nor AG_CUDA", (int)p->place);
    if (!(fabs(p->scale) <= 1e30))
        return ag_refuse(why, AG_ERR_VALUE, "problem.scale is %g, not a finite number within 1e30", p->scale);
    if (p->workers < 0 || p->workers > 1024)
        return ag_refuse(why, AG_ERR_VALUE, "problem.workers is %d, not between 0 and 1024", (int)p->workers);
    if (p->row_offset < 0)
        return ag_refuse(why, AG_ERR_VALUE, "problem.row_offset is %lld, which is negative", (ll)p->row_offset);
    if (p->want_lse && p->operation != AG_ATTENTION)
        return ag_refuse(why, AG_ERR_COMBINATION,
                         "problem.want_lse is set, but operation %s gives no lse: attention does",
                         ag_operation_name(p->operation).text);
    if (p->kernel && strlen(p->kernel) >= sizeof((ag_checked *)0)->kernel)
        return ag_refuse(why, AG_ERR_KERNEL, "problem.kernel has %zu characters, more than %zu: %.40s ...",
                         strlen(p->kernel), sizeof((ag_checked *)0)->kernel - 1, p->kernel);
    const ag_status s = check_offset("q_offset", p->q_offset, p->n_q, p->global_n_q, why);
    return s ? s : check_offset("k_offset", p->k_offset, p->n_k, p->global_n_k, why);
}

ag_status ag_check_problem(const ag_problem *problem, ag_checked *c, ag_why why)
{
    memset(c, 0, sizeof *c);
    ag_status s = ag_take_problem(&c->p, problem, why);
    if (!s) s = check_extents(&c->p, why);
    if (!s) s = check_problem_values(&c->p, why);
    if (!s) s = check_tensors(&c->p, why);
    if (!s) s = check_masks(&c->p, why);
    if (!s) s = check_length_range(&c->p, why);
    if (!s) s = ag_check_rows(&c->p, c, why);
    if (s) {
        ag_checked_free(c);
        return s;
    }
    if (c->p.n_q == 1) c->p.bias_stride[2] = 0;
    if (c->p.kernel) strcpy(c->kernel, c->p.kernel);
    c->p.kernel = NULL;
    c->p.rows = NULL;
    c->place = c->p.place;
    c->device = c->p.device;
    c->workers = c->p.workers;
    return AG_OK;
}

void ag_checked_free(ag_checked *c)
{
    free(c->rows);
    free(c->heads);
    memset(c, 0, sizeof *c);
}
