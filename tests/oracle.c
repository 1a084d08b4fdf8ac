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

/* Bits that the chosen heads read of token i. */
static unsigned perturbed_reads(const head *t, int64_t i)
{
    const ag_problem *p = t->p;
    const int image = head_is_image(t, i), whole = t->count == p->n_k;
    const unsigned k = head_visible(t, i) ? AG_NEEDS_K : 0, v = head_visible(t, i) ? AG_NEEDS_V : 0;
    if (t->row->method == AG_IDENTITY || t->row->method == AG_UNIFORM)
        return whole && !p->want_lse && p->operation == AG_ATTENTION ? v : AG_NEEDS_Q | k | v;
    if (t->row->method == AG_ORTHOGONAL) return AG_NEEDS_Q | v | (image ? AG_NEEDS_K : k);
    if (t->row->method != AG_SCRAMBLED || t->row->kind == AG_TOKENS) return AG_NEEDS_Q | k | v;
    if (t->row->kind == AG_PERMUTE) return AG_NEEDS_Q | k | (image ? AG_NEEDS_V : v);
    if (whole) return AG_NEEDS_V;
    return image ? k | AG_NEEDS_V : AG_NEEDS_Q | k | v;
}

/* Bits that operation and method read of token i; the head set and blend add standard rows. */
static unsigned row_reads(const head *t, int64_t i)
{
    const ag_problem *p = t->p;
    int some = 0, all = 1;
    const unsigned visible = i < p->n_k && head_visible(t, i) ? AG_NEEDS_K | AG_NEEDS_V : 0;
    for (int64_t h = 0; h < p->heads; h++) {
        const int chosen = t->row->method != AG_STANDARD && (!t->row->heads || t->row->heads[h]);
        some |= chosen;
        all &= chosen;
    }
    return (some ? perturbed_reads(t, i) : 0) | (!all || t->row->blend ? AG_NEEDS_Q | visible : 0);
}

unsigned oracle_reads(const ag_problem *p, const ag_args *a, int64_t b, int64_t i)
{
    const unsigned sides = (i < p->n_q ? AG_NEEDS_Q : 0) | (i < p->n_k ? AG_NEEDS_K | AG_NEEDS_V : 0);
    head t = { .p = p, .a = a, .b = b };
    const ag_row plain = { .image_length = AG_ALL_TOKENS };
    t.row = p->row_count ? &p->rows[p->row_count == 1 ? 0 : b] : &plain;
    t.first = t.row->image_offset;
    t.count = t.row->image_length == AG_ALL_TOKENS ? p->n_q - t.first : t.row->image_length;
    if (p->operation == AG_BLUR) return sides & AG_NEEDS_Q;
    return sides & row_reads(&t, i) & (p->operation == AG_ATTENTION ? 7u : AG_NEEDS_Q | AG_NEEDS_K);
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
