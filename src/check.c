/* check.c - the only place a problem is judged. In: what the caller wrote. Out: an ag_checked, defaults filled in.
 * Every refusal is one sentence that names the value. Arguments of a run: check_args.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "step.h"

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
            return ag_refuse(why, AG_ERR_SHAPE, "%s is %lld, not between 1 and %lld", extent[i].name,
                             (ll)extent[i].value, (ll)extent[i].most);
    if (p->heads % p->kv_heads)
        return ag_refuse(why, AG_ERR_SHAPE, "kv_heads %lld does not divide heads %lld", (ll)p->kv_heads, (ll)p->heads);
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
            return ag_refuse(why, AG_ERR_STRIDE, "%s has the negative stride %lld on axis %d", name, (ll)stride[i], i);
    if (last_element(extent, stride, n, element) < 0)
        return ag_refuse(why, AG_ERR_STRIDE, "%s reaches beyond the address space with these extents and strides",
                         name);
    return AG_OK;
}

static ag_status check_layout(const char *name, const ag_layout *l, const int64_t extent[4], ag_why why)
{
    if (l->dtype != AG_F32 && l->dtype != AG_F16 && l->dtype != AG_BF16)
        return ag_refuse(why, AG_ERR_TYPE, "%s has element type %d, not f32, f16 or bf16", name, (int)l->dtype);
    if (l->align < 0 || (l->align & (l->align - 1)))
        return ag_refuse(why, AG_ERR_STRIDE, "%s promises alignment %d, which is not a power of two", name,
                         (int)l->align);
    const int64_t stride[4] = { l->stride[0], l->stride[1], l->stride[2], 1 };
    return check_strides(name, extent, stride, 4, ag_size_of(l->dtype), why);
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
            return ag_refuse(why, AG_ERR_STRIDE, "%s overlaps itself: stride %lld of axis %d steps over %lld elements",
                             name, (ll)l->stride[axis], axis, (ll)inside);
        inside += (extent[axis] - 1) * l->stride[axis];
    }
    return AG_OK;
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
        return ag_refuse(why, AG_ERR_TYPE, "k has element type %d and v %d: they must be the same", (int)p->k.dtype,
                         (int)p->v.dtype);
    if (p->operation == AG_RECEIVED || p->operation == AG_ENERGY) return AG_OK; /* their out is packed float32 */
    if ((s = check_layout("out", &p->out, out, why))) return s;
    return check_disjoint("out", &p->out, out, why);
}

/* ---- masks ---- */

static ag_status check_masks(const ag_problem *p, ag_why why)
{
    const int64_t mask[2] = { p->batch, p->n_k }, bias[4] = { p->batch, p->heads, p->n_q, p->n_k };
    if (p->has_key_mask) {
        const ag_status s = check_strides("key_mask", mask, p->key_mask_stride, 2, 1, why);
        if (s) return s;
    }
    if ((unsigned)p->bias_dtype > AG_U8)
        return ag_refuse(why, AG_ERR_TYPE, "bias_dtype is %d, which is no element type", (int)p->bias_dtype);
    if (p->bias_dtype != AG_NONE) {
        const ag_status s = check_strides("bias", bias, p->bias_stride, 4, ag_size_of(p->bias_dtype), why);
        if (s) return s;
    }
    return AG_OK;
}

static ag_status check_offset(const char *name, int64_t offset, int64_t n, int64_t whole, ag_why why)
{
    if (offset < 0 || whole < n || whole > LIMIT || offset > whole - n)
        return ag_refuse(why, AG_ERR_SHAPE, "%s %lld and %lld tokens do not fit in a sequence of %lld", name,
                         (ll)offset, (ll)n, (ll)whole);
    return AG_OK;
}

static ag_status check_problem_values(const ag_problem *p, ag_why why)
{
    if ((unsigned)p->operation > AG_ENERGY)
        return ag_refuse(why, AG_ERR_TYPE, "operation is %d, which does not exist", (int)p->operation);
    if ((unsigned)p->place > AG_CUDA)
        return ag_refuse(why, AG_ERR_TYPE, "place is %d, neither host nor CUDA", (int)p->place);
    if (!(fabs(p->scale) <= 1e30))
        return ag_refuse(why, AG_ERR_VALUE, "scale is %g, not a finite number within 1e30", p->scale);
    if (p->workers < 0 || p->workers > 1024)
        return ag_refuse(why, AG_ERR_VALUE, "workers is %d, not between 0 and 1024", (int)p->workers);
    if (p->row_offset < 0)
        return ag_refuse(why, AG_ERR_VALUE, "row_offset is %lld, which is negative", (ll)p->row_offset);
    if (p->want_lse && p->operation != AG_ATTENTION)
        return ag_refuse(why, AG_ERR_COMBINATION, "lse is given by the attention operation only, not by operation %d",
                         (int)p->operation);
    if (p->kernel && strlen(p->kernel) >= sizeof((ag_checked *)0)->kernel)
        return ag_refuse(why, AG_ERR_KERNEL, "the forced kernel's name is longer than any kernel's");
    const ag_status s = check_offset("q_offset", p->q_offset, p->n_q, p->global_n_q, why);
    return s ? s : check_offset("k_offset", p->k_offset, p->n_k, p->global_n_k, why);
}

/* ---- rows ---- */

static ag_status check_image(const ag_problem *p, const ag_row *in, int64_t b, ag_row_checked *r, ag_why why)
{
    r->o = in->image_offset;
    r->n = in->image_length == AG_ALL_TOKENS ? p->n_q - r->o : in->image_length;
    if (r->o < 0 || r->n < 1 || r->o > p->n_q - r->n)
        return ag_refuse(why, AG_ERR_SHAPE, "row %lld: image tokens [%lld, +%lld) are empty or not within %lld tokens",
                         (ll)b, (ll)r->o, (ll)in->image_length, (ll)p->n_q);
    memcpy(r->grid, in->grid, sizeof r->grid);
    const int64_t *g = r->grid;
    const int needed = in->method == AG_SMOOTHED || in->method == AG_ORTHOGONAL;
    if (!g[0] && !g[1] && !g[2]) {
        if (!needed) return AG_OK;
        return ag_refuse(why, AG_ERR_SHAPE, "row %lld: a blur needs the grid of its %lld image tokens", (ll)b,
                         (ll)r->n);
    }
    int64_t frame, all;
    if (g[0] < 1 || g[1] < 1 || g[2] < 1 || __builtin_mul_overflow(g[1], g[2], &frame) ||
        __builtin_mul_overflow(g[0], frame, &all) || all != r->n)
        return ag_refuse(why, AG_ERR_SHAPE, "row %lld: grid %lldx%lldx%lld is not that of %lld image tokens", (ll)b,
                         (ll)g[0], (ll)g[1], (ll)g[2], (ll)r->n);
    return AG_OK;
}

static ag_status check_method_values(const ag_row *in, int64_t b, ag_row_checked *r, ag_why why)
{
    r->keep_parallel = in->keep_parallel != 0;
    r->draws = in->draws;
    r->sigma = in->sigma;
    r->sigma_t = in->sigma_t;
    r->blend = in->blend != 0;
    r->indexed = in->indexed != 0;
    r->kind = in->kind;
    if (in->method == AG_SMOOTHED || in->method == AG_ORTHOGONAL) {
        if (!(in->sigma >= 0))
            return ag_refuse(why, AG_ERR_VALUE, "row %lld: sigma is %g, not 0 or more", (ll)b, in->sigma);
        if (!(in->sigma_t >= 0))
            return ag_refuse(why, AG_ERR_VALUE, "row %lld: sigma_t is %g, not 0 or more", (ll)b, in->sigma_t);
    }
    if (in->method != AG_SCRAMBLED) {
        if (!in->indexed) return AG_OK;
        return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: only scrambled attention takes an index, not method %d",
                         (ll)b, (int)in->method);
    }
    if ((unsigned)in->kind > AG_TOKENS)
        return ag_refuse(why, AG_ERR_TYPE, "row %lld: kind is %d, which does not exist", (ll)b, (int)in->kind);
    if (in->kind == AG_GATHER && in->draws < 1)
        return ag_refuse(why, AG_ERR_VALUE, "row %lld: draws is %d, less than 1", (ll)b, (int)in->draws);
    return AG_OK;
}

static ag_status check_together(const ag_problem *p, const ag_row_checked *r, int64_t b, ag_why why)
{
    const int gather = r->method == AG_SCRAMBLED && r->kind == AG_GATHER;
    if ((p->bias_dtype != AG_NONE || p->causal) && (r->method == AG_IDENTITY || r->method == AG_UNIFORM || gather))
        return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: %s is not defined with identity, uniform and gather",
                         (ll)b, p->causal ? "causal" : "bias");
    if (p->want_lse && r->blend)
        return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: a blend of two results has no lse", (ll)b);
    if (p->want_lse && gather)
        return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: gathered values have no lse", (ll)b);
    return AG_OK;
}

static ag_status check_self(const ag_problem *p, int64_t b, ag_why why)
{
    if (p->operation == AG_BLUR) return AG_OK; /* reads queries only */
    if (p->n_q != p->n_k)
        return ag_refuse(why, AG_ERR_SHAPE,
                         "row %lld: a perturbation needs self-attention, but n_q is %lld and n_k %lld", (ll)b,
                         (ll)p->n_q, (ll)p->n_k);
    if (p->global_n_q != p->n_q || p->global_n_k != p->n_k)
        return ag_refuse(why, AG_ERR_COMBINATION,
                         "row %lld: a perturbation needs the whole sequence, but this is a shard of %lld tokens", (ll)b,
                         (ll)p->global_n_q);
    return AG_OK;
}

static ag_status check_map(const char *name, int64_t row, int64_t rows, int64_t b, int64_t *resolved, ag_why why)
{
    *resolved = row == AG_ROW_SAME ? b : row;
    if (*resolved == AG_ROW_NONE) return AG_OK;
    if (*resolved < 0 || *resolved >= rows)
        return ag_refuse(why, AG_ERR_VALUE, "row %lld: %s is %lld, but there are %lld rows", (ll)b, name, (ll)*resolved,
                         (ll)rows);
    return AG_OK;
}

static ag_status check_operation(const ag_problem *p, const ag_row *in, int64_t b, ag_why why)
{
    if ((unsigned)in->method > AG_SCRAMBLED)
        return ag_refuse(why, AG_ERR_TYPE, "row %lld: method is %d, which does not exist", (ll)b, (int)in->method);
    if (p->operation == AG_ATTENTION || in->method == AG_STANDARD) return AG_OK;
    if (p->operation == AG_BLUR && in->method == AG_SMOOTHED && !in->blend && !in->heads) return AG_OK;
    return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: method %d, blend or a head set does not go with operation %d",
                     (ll)b, (int)in->method, (int)p->operation);
}

static ag_status check_row(const ag_problem *p, const ag_row *in, int64_t b, ag_row_checked *r, ag_why why)
{
    ag_status s = check_map("q_row", in->q_row, p->q_batch, b, &r->q_row, why);
    if (!s) s = check_map("kv_row", in->kv_row, p->kv_batch, b, &r->kv_row, why);
    if (!s) s = check_operation(p, in, b, why);
    r->method = s ? AG_STANDARD : in->method;
    r->heads_at = -1;
    if (s || in->method == AG_STANDARD) return s;
    s = check_self(p, b, why);
    if (!s) s = check_image(p, in, b, r, why);
    if (!s) s = check_method_values(in, b, r, why);
    return s ? s : check_together(p, r, b, why);
}

/* Copies row b's head set behind those of earlier rows; one entry for all rows is copied once. */
static void keep_heads(ag_checked *c, const ag_row *in, int64_t b, int shared)
{
    if (!in->heads || c->rows[b].method == AG_STANDARD) return;
    if (shared && b > 0) {
        c->rows[b].heads_at = c->rows[0].heads_at;
        return;
    }
    c->rows[b].heads_at = (int32_t)c->heads_size;
    for (int64_t h = 0; h < c->p.heads; h++) c->heads[c->heads_size++] = in->heads[h] != 0;
}

static ag_status check_rows(const ag_problem *p, ag_checked *c, ag_why why)
{
    if (p->row_count != 0 && p->row_count != 1 && p->row_count != p->batch)
        return ag_refuse(why, AG_ERR_SHAPE, "row_count is %lld, neither 0, 1 nor batch %lld", (ll)p->row_count,
                         (ll)p->batch);
    if (p->row_count && !p->rows)
        return ag_refuse(why, AG_ERR_NULL, "rows is NULL, but row_count is %lld", (ll)p->row_count);
    if (p->row_count > 1 && p->heads > LIMIT / p->row_count)
        return ag_refuse(why, AG_ERR_SHAPE, "%lld rows of %lld heads are more than this library counts",
                         (ll)p->row_count, (ll)p->heads);

    c->rows = calloc((size_t)p->batch, sizeof *c->rows);
    c->heads = malloc((size_t)p->heads * (size_t)(p->row_count ? p->row_count : 1));
    if (!c->rows || !c->heads) return ag_refuse(why, AG_ERR_MEMORY, "no memory for %lld rows", (ll)p->batch);
    ag_row standard;
    ag_row_init(&standard, AG_STANDARD);
    for (int64_t b = 0; b < p->batch; b++) {
        ag_row in = standard;
        if (p->row_count) { /* entries of one array have one size: the caller's */
            const size_t entry = p->rows->size;
            const ag_status s =
                ag_take_struct(&in, sizeof in, (const char *)p->rows + (p->row_count > 1 ? (size_t)b * entry : 0),
                               "an entry of rows", why);
            if (s) return s;
        }
        const ag_status s = check_row(p, &in, b, &c->rows[b], why);
        if (s) return s;
        keep_heads(c, &in, b, p->row_count == 1);
    }
    return AG_OK;
}

ag_status ag_check_problem(const ag_problem *problem, ag_checked *c, ag_why why)
{
    memset(c, 0, sizeof *c);
    ag_status s = ag_take_struct(&c->p, sizeof c->p, problem, "problem", why);
    if (!s) s = check_extents(&c->p, why);
    if (!s) s = check_problem_values(&c->p, why);
    if (!s) s = check_tensors(&c->p, why);
    if (!s) s = check_masks(&c->p, why);
    if (!s) s = check_rows(&c->p, c, why);
    if (s) {
        ag_checked_free(c);
        return s;
    }
    if (c->p.kernel) strcpy(c->kernel, c->p.kernel);
    c->p.kernel = NULL;
    c->p.rows = NULL;
    return AG_OK;
}

void ag_checked_free(ag_checked *c)
{
    free(c->rows);
    free(c->heads);
    memset(c, 0, sizeof *c);
}

/* The row map is judged last: only the lowered steps tell what a row reads. */
ag_status ag_check_row_map(const ag_checked *c, const ag_program *program, ag_why why)
{
    for (int64_t b = 0; b < c->p.batch; b++) {
        const unsigned needs = ag_program_needs(program, b);
        if (c->rows[b].q_row == AG_ROW_NONE && (needs & AG_NEEDS_Q))
            return ag_refuse(why, AG_ERR_VALUE, "row %lld: q_row is AG_ROW_NONE, but the row reads q", (ll)b);
        if (c->rows[b].kv_row == AG_ROW_NONE && (needs & (AG_NEEDS_K | AG_NEEDS_V)))
            return ag_refuse(why, AG_ERR_VALUE, "row %lld: kv_row is AG_ROW_NONE, but the row reads k or v", (ll)b);
    }
    return AG_OK;
}
