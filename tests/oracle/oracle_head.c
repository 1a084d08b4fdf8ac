/* oracle_head.c - see oracle_head.h. */
#include "oracle_head.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "number.h"
#include "oracle.h"
#include "oracle_blur.h"

static const ag_row plain_row = { .q_row = AG_ROW_SAME, .kv_row = AG_ROW_SAME, .image_length = AG_ALL_TOKENS };
static const ag_row_args plain_run = {
    .strength = 1, .gain = 1, .mix = 1, .random_stream = AG_STREAM_DEFAULT, .lambda = 2
};

static double *numbers(int64_t count, int64_t width) { return malloc((size_t)(count * width + 1) * sizeof(double)); }

int head_open(head *t, const ag_problem *p, const ag_args *a)
{
    memset(t, 0, sizeof *t);
    t->p = p;
    t->a = a;
    t->q = numbers(p->n_q, p->d);
    t->changed = numbers(p->n_q, p->d);
    t->k = numbers(p->n_k + 1, p->d);
    t->v = numbers(p->n_k + 1, p->d_v);
    t->moved = numbers(p->n_k + 1, p->d_v);
    t->weight = numbers(p->n_k + 1, 1);
    t->hard = numbers(p->n_k + 1, 1);
    return !(t->q && t->changed && t->k && t->v && t->moved && t->weight && t->hard);
}

void head_close(head *t)
{
    free(t->q);
    free(t->changed);
    free(t->k);
    free(t->v);
    free(t->moved);
    free(t->weight);
    free(t->hard);
}

void head_find_image(head *t)
{
    const ag_problem *p = t->p;
    t->row = p->row_count ? &p->rows[p->row_count == 1 ? 0 : t->b] : &plain_row;
    t->first = t->row->image_offset;
    t->count = t->row->image_length == AG_ALL_TOKENS ? p->global_n_q - t->first : t->row->image_length;
}

int head_is_image(const head *t, int64_t token) { return token >= t->first && token < t->first + t->count; }

int64_t head_token(const head *t, int64_t i) { return t->p->q_offset + i; }

int head_visible(const head *t, int64_t j)
{
    const ag_problem *p = t->p;
    const int64_t end = p->length_end ? p->length_end : p->n_k;
    if (p->has_key_lengths && j >= p->length_first + t->a->key_lengths[t->b] && j < end) return 0;
    return !p->has_key_mask || t->a->key_mask[t->b * p->key_mask_stride[0] + j * p->key_mask_stride[1]];
}

int head_scrambles(const head *t, ag_kind kind) { return t->row->method == AG_SCRAMBLED && t->row->kind == kind; }

uint32_t head_stream(const head *t)
{
    return (uint32_t)(t->run->random_stream == AG_STREAM_DEFAULT ? t->b + t->p->row_offset : t->run->random_stream);
}

int64_t head_source(const head *t, int64_t i, int64_t draw)
{
    const int64_t draws = t->row->kind == AG_GATHER ? t->row->draws : 1;
    if (t->row->indexed) return t->run->index[i * draws + draw];
    if (t->row->kind == AG_GATHER) return draw_index(t->run->seed, head_stream(t), i, draw, t->count);
    return draw_permuted(t->run->seed, head_stream(t), i, t->count);
}

/* ---- Reading ------------------------------------------------------------------------------------------------ */

static void load(const head *t, const ag_layout *layout, const void *data, int64_t b, int64_t h, double *to,
                 int64_t tokens, int64_t width, unsigned bit)
{
    const int64_t token = bit == AG_NEEDS_Q ? t->p->q_offset : t->p->k_offset;
    for (int64_t i = 0; i < tokens; i++) {
        const int64_t from = b * layout->stride[0] + h * layout->stride[1] + i * layout->stride[2];
        const int read = (oracle_reads(t->p, t->a, t->b, token + i) & bit) != 0;
        for (int64_t c = 0; c < width; c++) to[i * width + c] = read ? number_read(layout->dtype, data, from + c) : NAN;
    }
}

/* The mean of the visible image rows of x [M, width], behind the last row. */
static void append_mean(const head *t, double *x, int64_t width)
{
    double *mean = x + t->p->n_k * width;
    for (int64_t c = 0; c < width; c++) mean[c] = 0;
    for (int64_t j = t->first; j < t->first + t->count; j++)
        for (int64_t c = 0; c < width && head_visible(t, j); c++) mean[c] += x[j * width + c];
    for (int64_t c = 0; c < width; c++) mean[c] /= (double)t->visible_image;
}

double head_drawn(const head *t, int64_t i, int64_t c)
{
    double sum = 0;
    for (int64_t draw = 0; draw < t->row->draws; draw++)
        sum += t->v[(t->first + head_source(t, i, draw)) * t->p->d_v + c];
    return sum / t->row->draws;
}

static void load_v(head *t, int64_t h)
{
    const ag_problem *p = t->p;
    const int64_t b = t->row->kv_row == AG_ROW_SAME ? t->b : t->row->kv_row;
    load(t, &p->v, t->a->v, b, h / (p->heads / p->kv_heads), t->v, p->n_k, p->d_v, AG_NEEDS_V);
}

static double mean_of_draws(head *t)
{
    double sum = 0;
    for (int64_t h = 0; h < t->p->heads; h++) {
        load_v(t, h);
        for (int64_t i = 0; i < t->count; i++)
            for (int64_t c = 0; c < t->p->d_v; c++) sum += head_drawn(t, i, c);
    }
    return sum / (double)(t->p->heads * t->count * t->p->d_v);
}

static int any_chosen(const ag_problem *p, const ag_row *row)
{
    for (int64_t h = 0; h < p->heads; h++)
        if (!row->heads || row->heads[h]) return 1;
    return 0;
}

void head_row(head *t, int64_t b)
{
    const ag_problem *p = t->p;
    t->b = b;
    head_find_image(t);
    t->run = t->a->row_count ? &t->a->rows[t->a->row_count == 1 ? 0 : b] : &plain_run;
    t->visible_image = 0;
    if (t->row->method == AG_STANDARD || p->operation == AG_BLUR) return;
    for (int64_t j = t->first; j < t->first + t->count && j < p->n_k; j++) t->visible_image += head_visible(t, j);
    if (head_scrambles(t, AG_GATHER) && any_chosen(p, t->row)) t->mu = mean_of_draws(t);
}

/* ---- Preparing ---------------------------------------------------------------------------------------------- */

/* q_perp takes the place of q in t->changed; q_par = q - q_perp is given back by add_parallel. */
static void remove_parallel(head *t)
{
    const int64_t d = t->p->d;
    for (int64_t i = 0; i < t->p->n_q; i++) {
        const double *k = t->k + head_token(t, i) * d;
        double *q = t->changed + i * d, norm = 0, dot = 0;
        if (!head_is_image(t, head_token(t, i))) continue;
        for (int64_t c = 0; c < d; c++) norm += k[c] * k[c];
        norm = fmax(sqrt(norm), 1e-12);
        for (int64_t c = 0; c < d; c++) dot += q[c] * (k[c] / norm);
        for (int64_t c = 0; c < d; c++) q[c] -= dot * (k[c] / norm);
    }
}

/* The plain computation in halves keeps what it has made in halves. */
static void round_made(const head *t, double *x, int64_t n)
{
    for (int64_t i = 0; i < n && t->naive; i++) x[i] = number_round(t->p->k.dtype, x[i]);
}

/* Some axis of the image may change. */
static int has_blur(const ag_row *r)
{
    return (r->sigma > 0 && (r->grid[1] > 1 || r->grid[2] > 1)) || (r->sigma_t > 0 && r->grid[0] > 1);
}

/* The blur of some of the image's queries needs them all: where they are not here it is not defined. */
static int change_queries(head *t)
{
    const int64_t n = t->p->n_q, d = t->p->d, image = t->first - t->p->q_offset;
    double *parallel = NULL;
    int failed = 0, any = 0;
    for (int64_t i = 0; i < n; i++) any |= head_is_image(t, head_token(t, i));
    memcpy(t->changed, t->q, (size_t)(n * d) * sizeof *t->q);
    if (!any) return 0;
    if (t->row->method == AG_ORTHOGONAL) {
        parallel = numbers(n, d);
        if (!parallel) return 1;
        remove_parallel(t);
        for (int64_t c = 0; c < n * d; c++) parallel[c] = t->row->keep_parallel ? t->q[c] - t->changed[c] : 0;
    }
    if (has_blur(t->row))
        failed = image < 0 || image + t->count > n ||
                 oracle_blur(t->changed + image * d, t->row->grid, d, t->row->sigma, t->row->sigma_t);
    for (int64_t i = 0; i < n; i++) {
        if (!head_is_image(t, head_token(t, i))) continue;
        for (int64_t c = i * d; c < (i + 1) * d && parallel; c++) t->changed[c] += parallel[c];
        round_made(t, t->changed + i * d, d);
    }
    free(parallel);
    return failed;
}

static void permute_values(head *t)
{
    const int64_t d = t->p->d_v;
    memcpy(t->moved, t->v, (size_t)(t->p->n_k * d) * sizeof *t->v);
    for (int64_t i = 0; i < t->count; i++)
        for (int64_t c = 0; c < d; c++)
            t->moved[(t->first + i) * d + c] = t->run->mix * t->v[(t->first + head_source(t, i, 0)) * d + c] +
                                               (1 - t->run->mix) * t->v[(t->first + i) * d + c];
    round_made(t, t->moved + t->first * d, t->count * d);
}

int head_load(head *t, int64_t h)
{
    const ag_problem *p = t->p;
    const ag_row *row = t->row;
    t->h = h;
    t->chosen = row->method != AG_STANDARD && (!row->heads || row->heads[h]);
    load(t, &p->q, t->a->q, row->q_row == AG_ROW_SAME ? t->b : row->q_row, h, t->q, p->n_q, p->d, AG_NEEDS_Q);
    if (p->operation != AG_BLUR)
        load(t, &p->k, t->a->k, row->kv_row == AG_ROW_SAME ? t->b : row->kv_row, h / (p->heads / p->kv_heads), t->k,
             p->n_k, p->d, AG_NEEDS_K);
    if (p->operation == AG_ATTENTION) load_v(t, h);
    if (!t->chosen) return 0;
    if (row->method == AG_SMOOTHED || row->method == AG_ORTHOGONAL) return change_queries(t);
    if (head_scrambles(t, AG_PERMUTE)) permute_values(t);
    if (row->method != AG_UNIFORM) return 0;
    append_mean(t, t->k, p->d);
    append_mean(t, t->v, p->d_v);
    return 0;
}
