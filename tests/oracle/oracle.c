/* oracle.c - see oracle.h. */
#include "oracle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"
#include "oracle_head.h"

/* Where the packed results go. */
typedef struct results {
    double *out, *lse, *curvature;
} results;

int64_t oracle_count(const ag_problem *p)
{
    if (p->operation == AG_RECEIVED) return p->batch * p->n_k;
    if (p->operation == AG_MAP) return p->batch * p->heads * p->n_q * p->n_k;
    const int64_t rows = p->batch * p->heads * p->n_q;
    return p->operation == AG_ENERGY ? rows : rows * (p->operation == AG_BLUR ? p->d : p->d_v);
}

/* ---- What is read ------------------------------------------------------------------------------------------- */

/* Which queries are here, and token i: the key's own bits where no mask hides it. */
typedef struct reading {
    int is_image, query, image_here, context_here;
    unsigned k, v;
} reading;

/* Bits that the chosen heads read of token i: what context queries read, and what the image's do. */
static unsigned perturbed_reads(const head *t, const reading *x)
{
    const ag_problem *p = t->p;
    const ag_method method = t->row->method;
    const int whole = t->count == p->n_k, gathers = head_scrambles(t, AG_GATHER);
    const int copies = whole && !p->want_lse && p->operation == AG_ATTENTION && method <= AG_UNIFORM;
    unsigned bits = x->context_here ? x->k | x->v : 0;
    if (x->query && !(x->is_image && (gathers || copies))) bits |= AG_NEEDS_Q;
    if (head_scrambles(t, AG_PERMUTE)) return bits | x->k | (x->is_image ? AG_NEEDS_V : x->v);
    if (!x->image_here) return bits;
    if (gathers) return bits | (x->is_image ? AG_NEEDS_V : 0);
    if (method == AG_IDENTITY && x->is_image && !x->query) return bits;
    if (copies) return bits | x->v;
    if (method == AG_ORTHOGONAL && x->is_image && x->query) return bits | x->v | AG_NEEDS_K;
    return bits | x->k | x->v;
}

/* Bits that operation and method read of token i; the head set and blend add standard rows. */
static unsigned row_reads(const head *t, const reading *x)
{
    const ag_problem *p = t->p;
    int some = 0, all = 1;
    for (int64_t h = 0; h < p->heads; h++) {
        const int chosen = t->row->method != AG_STANDARD && (!t->row->heads || t->row->heads[h]);
        some |= chosen;
        all &= chosen;
    }
    const unsigned standard = x->k | x->v | (x->query ? AG_NEEDS_Q : 0);
    return (some ? perturbed_reads(t, x) : 0) | (!all || t->row->blend ? standard : 0);
}

unsigned oracle_reads(const ag_problem *p, const ag_args *a, int64_t b, int64_t i)
{
    const int64_t q = i - p->q_offset, k = i - p->k_offset, end = p->q_offset + p->n_q;
    const unsigned sides =
        (q >= 0 && q < p->n_q ? AG_NEEDS_Q : 0) | (k >= 0 && k < p->n_k ? AG_NEEDS_K | AG_NEEDS_V : 0);
    head t = { .p = p, .a = a, .b = b };
    reading x = { .query = sides & AG_NEEDS_Q };
    head_find_image(&t);
    x.is_image = head_is_image(&t, i);
    x.image_here = t.first < end && t.first + t.count > p->q_offset;
    x.context_here = t.first > p->q_offset || t.first + t.count < end;
    if (sides & AG_NEEDS_K && head_visible(&t, k)) {
        x.k = AG_NEEDS_K;
        x.v = AG_NEEDS_V;
    }
    if (p->operation == AG_BLUR) return sides & AG_NEEDS_Q;
    return sides & row_reads(&t, &x) & (p->operation == AG_ATTENTION ? 7u : AG_NEEDS_Q | AG_NEEDS_K);
}

/* ---- Operations --------------------------------------------------------------------------------------------- */

/* Row i with its strength; at 0 and 1 the other side is not even computed. */
static double blended(head *t, int64_t i, double *out, double *other)
{
    const double u = t->row->blend ? t->run->strength : 1;
    if (!head_changes(t, i) || u == 0) return head_attend(t, i, 0, out);
    const double lse = head_attend(t, i, 1, out);
    if (u == 1) return lse;
    head_attend(t, i, 0, other);
    for (int64_t c = 0; c < t->p->d_v; c++) out[c] = (1 - u) * other[c] + u * out[c];
    return lse;
}

static int attention(head *t, const results *r)
{
    const int64_t n = t->p->n_q, d = t->p->d_v, at = (t->b * t->p->heads + t->h) * n;
    double *other = malloc((size_t)d * sizeof *other);
    if (!other) return 1;
    for (int64_t i = 0; i < n; i++) {
        const double lse = blended(t, i, r->out + (at + i) * d, other);
        if (r->lse) r->lse[at + i] = lse;
    }
    free(other);
    return 0;
}

static int blur(head *t, const results *r)
{
    const int64_t size = t->p->n_q * t->p->d;
    memcpy(r->out + (t->b * t->p->heads + t->h) * size, t->chosen ? t->changed : t->q, (size_t)size * sizeof(double));
    return t->row->method != AG_STANDARD && t->row->method != AG_SMOOTHED;
}

static int received(head *t, const results *r)
{
    for (int64_t i = 0; i < t->p->n_q; i++) {
        head_weigh(t, i, head_changes(t, i));
        for (int64_t j = 0; j < t->p->n_k; j++) r->out[t->b * t->p->n_k + j] += t->weight[j] / (double)t->p->heads;
    }
    return t->row->method == AG_UNIFORM || t->row->method == AG_SCRAMBLED;
}

/* The root of sum a/(a - x) between the two largest weights: the sum grows with x from -inf to +inf. */
static double largest_root(const double *a, int64_t count, double low, double high)
{
    for (int step = 0; step < 200; step++) {
        const double x = low + (high - low) / 2;
        double sum = 0;
        for (int64_t j = 0; j < count; j++) sum += a[j] > 0 ? a[j] / (a[j] - x) : 0;
        if (!(x > low && x < high)) break;
        if (sum < 0) low = x;
        else high = x;
    }
    return low;
}

static double curvature(const double *a, int64_t count)
{
    double first = 0, second = 0;
    int64_t positive = 0;
    for (int64_t j = 0; j < count; j++) {
        const double x = a[j];
        positive += x > 0;
        if (x > second) second = x > first ? first : x;
        if (x > first) first = x;
    }
    if (positive < 2) return 0;
    if (positive == 2) return 2 * first * second;
    return first == second ? first : largest_root(a, count, second, first);
}

static int energy(head *t, const results *r)
{
    const int64_t at = (t->b * t->p->heads + t->h) * t->p->n_q;
    for (int64_t i = 0; i < t->p->n_q; i++) {
        const double lse = head_weigh(t, i, head_changes(t, i));
        r->out[at + i] = -lse;
        if (r->lse) r->lse[at + i] = lse;
        if (r->curvature) r->curvature[at + i] = curvature(t->weight, t->p->n_k + 1);
    }
    return t->row->method == AG_UNIFORM || t->row->method == AG_SCRAMBLED;
}

static int map(head *t, const results *r)
{
    const int64_t n_k = t->p->n_k, at = (t->b * t->p->heads + t->h) * t->p->n_q;
    for (int64_t i = 0; i < t->p->n_q; i++) {
        head_weigh(t, i, head_changes(t, i));
        memcpy(r->out + (at + i) * n_k, t->weight, (size_t)n_k * sizeof *r->out);
    }
    return t->row->method == AG_UNIFORM || t->row->method == AG_SCRAMBLED;
}

static int compute(const ag_problem *p, const ag_args *a, const results *r, int naive)
{
    static int (*const operations[])(head *, const results *) = { attention, blur, received, energy, map };
    head t;
    int failed = head_open(&t, p, a);
    t.naive = naive;
    memset(r->out, 0, (size_t)oracle_count(p) * sizeof *r->out);
    for (int64_t b = 0; b < p->batch && !failed; b++) {
        head_row(&t, b);
        for (int64_t h = 0; h < p->heads && !failed; h++) failed = head_load(&t, h) || operations[p->operation](&t, r);
    }
    head_close(&t);
    return failed;
}

int oracle(const ag_problem *p, const ag_args *a, double *out, double *lse, double *curve)
{
    const results r = { out, lse, curve };
    return compute(p, a, &r, 0);
}

int oracle_naive(const ag_problem *p, const ag_args *a, double *out)
{
    const results r = { out, NULL, NULL };
    const ag_dtype type = p->operation == AG_ATTENTION || p->operation == AG_BLUR ? p->out.dtype : AG_F32;
    if (compute(p, a, &r, 1)) return 1;
    for (int64_t i = 0; i < oracle_count(p); i++) out[i] = number_round(type, out[i]);
    return 0;
}
