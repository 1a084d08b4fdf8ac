/* weights.cu - the softmax of attend_cublas: a block of logits becomes weights in place, by the online recurrence where
 * keys come in several blocks. Bias and causality are taken in here. The last block's weights are divided by the sum,
 * so that the product with the values is the result.
 *
 * A row is read once and written once; between, it is in shared memory, which bounds the keys of a block. Short rows
 * belong to a warp each, long ones to a thread block. */
#include "rows.h"
#include "../weights.h"

enum { THREADS = AG_WEIGHTS_THREADS, WARPS = THREADS / 32, SHORT = 1024 };

#define LOG2E 1.4426950408889634f
#define LN2 0.6931471805599453f

/* Over the warp, and over the block where that is what has the row. Every thread of the block takes part. */
DEVICE float all_max(float x, int whole_block, float *shared)
{
    for (int mask = 16; mask; mask /= 2) x = fmaxf(x, shuffle_xor(x, mask));
    if (!whole_block) return x;
    if (lane() == 0) shared[warp()] = x;
    sync_block();
    for (int w = 0; w < WARPS; w++) x = fmaxf(x, shared[w]);
    sync_block();
    return x;
}

DEVICE float all_sum(float x, int whole_block, float *shared)
{
    for (int mask = 16; mask; mask /= 2) x += shuffle_xor(x, mask);
    if (!whole_block) return x;
    if (lane() == 0) shared[warp()] = x;
    sync_block();
    x = 0;
    for (int w = 0; w < WARPS; w++) x += shared[w];
    sync_block();
    return x;
}

/* The lowest finite float is a popular "-inf": in units of log 2 it must stay finite, or a row that has nothing else
 * would see nothing. */
DEVICE float scaled_bias(float bias)
{
    const float scaled = bias * LOG2E;
    return scaled == -INFINITY && bias != -INFINITY ? -3.402823466e38f : scaled;
}

/* The logit of a key that is seen; NaN where float32 did not hold the product, so that the row is computed again. */
DEVICE float seen(float product) { return fabsf(product) <= LOGITS_FIT ? product : NAN; }

/* Logit j of this block in row r, amended. What hides is a choice and no sum: a hidden key may be NaN. */
DEVICE float logit(const ag_weights &w, const float *row, int64_t r, int64_t j)
{
    const int64_t h = r / w.queries, i = r % w.queries, key = w.key + j;
    if (key >= w.seen && key >= i + w.seen) return -INFINITY;
    if (!w.bias) return seen(row[j]);
    const int64_t element = h * w.bias_stride[0] + i * w.bias_stride[1] + key * w.bias_stride[2];
    if (w.bias_type == AG_U8) return w.bias[element] ? seen(row[j]) : -INFINITY;
    const float bias = scaled_bias(load_one(w.bias, w.bias_type, element));
    return bias == -INFINITY ? bias : seen(row[j]) + bias;
}

KERNEL_OF(ag_weights, ag_weigh_rows, THREADS)
{
    const ag_weights &w = launch;
    const int whole_block = w.keys > SHORT, team = whole_block ? THREADS : 32;
    const int64_t at_row = whole_block ? block() : block() * WARPS + warp();
    const int64_t r = at_row < w.rows ? at_row : w.rows - 1; /* idle warps do the last row again, and keep it */
    float *shared = (float *)(void *)shared_memory();
    float *x = shared + WARPS + (whole_block ? 0 : warp() * w.keys), *row = w.logits + r * w.stride;
    const int me = whole_block ? thread() : lane();

    const float before = w.first ? -INFINITY : w.top[r], sum_before = w.first ? 0 : w.sum[r];
    float top = before, sum = 0;
    for (int64_t j = me; j < w.keys; j += team) {
        x[j] = logit(w, row, r, j);
        top = fmaxf(top, x[j]);
    }
    top = all_max(top, whole_block, shared);
    /* nothing seen yet: hidden keys weigh nothing below any zero, and what is NaN stays so */
    const float zero = top == -INFINITY ? 0 : top;
    for (int64_t j = me; j < w.keys; j += team) {
        x[j] = exp2f(x[j] - zero);
        sum += x[j];
    }
    float by = w.first ? 0 : exp2f(before - zero);
    sum = sum_before * by + all_sum(sum, whole_block, shared);
    if (at_row >= w.rows) return;

    if (top > LOGITS_FIT) sum = NAN; /* a bias, beside which float32 does not tell logits apart */
    const float share = !w.last ? 1 : sum == 0 ? 0 : 1 / sum;
    by *= share;
    for (int64_t j = me; j < w.keys; j += team) row[j] = x[j] * share;
    if (!w.first && by != 1)
        for (int64_t t = me; t < w.d_v; t += team) w.result[r * w.d_v + t] *= by;
    if (me) return;
    w.top[r] = top;
    w.sum[r] = sum;
    if (!w.last || !w.lse) return;
    w.lse[r / w.queries * w.lse_stride + r % w.queries] = sum == 0 ? -INFINITY : (zero + log2f(sum)) * LN2;
}

/* What gathered in result is put out. Until here the rows of out may be those of q. */
KERNEL_OF(ag_weights, ag_put_results, THREADS)
{
    const ag_weights &w = launch;
    const int64_t r = block();
    float *out = w.out + r / w.queries * w.out_stride[0] + r % w.queries * w.out_stride[1];
    for (int64_t t = thread(); t < w.d_v; t += THREADS) out[t] = w.result[r * w.d_v + t];
}

const void *const ag_weights_entry = (const void *)ag_weigh_rows;
const void *const ag_results_entry = (const void *)ag_put_results;

int64_t ag_weights_blocks(const ag_weights *w) { return w->keys > SHORT ? w->rows : (w->rows + WARPS - 1) / WARPS; }

size_t ag_weights_shared(const ag_weights *w)
{
    return (size_t)(WARPS + w->keys * (w->keys > SHORT ? 1 : WARPS)) * sizeof(float);
}
