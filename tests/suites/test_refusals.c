/* test_refusals.c - one wrong value at a time: its status, one sentence that names it, and nothing written. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/kernels.h"
#include "suites.h"

/** How to spoil the base problem, and what must come of it. `names` is part of the sentence: the wrong value. */
typedef struct refusal {
    void (*spoil)(problem *x);
    ag_status status;
    const char *names;
} refusal;

/* The base: row 0 standard, row 1 whatever can be asked for; every optional array but lse. */
static void set_base(problem *x)
{
    problem_init(x, 2, 4, 16, 16, 8);
    x->p.kv_heads = 2;
    ag_row *row = problem_row(x, 1, AG_SMOOTHED);
    row->grid[0] = 1;
    row->grid[1] = row->grid[2] = 4;
    row->sigma = 1;
    problem_mask(x);
    problem_bias(x, AG_F32);
    x->p.has_key_lengths = 1;
    problem_place(x, PLACE_HEADS, AG_F32, AG_F32, AG_F32);
    ck_assert(!problem_build(x, 1));
}

/* Row 1 asks for another method, everything else as before. */
static ag_row *turn(problem *x, ag_method method)
{
    ag_row *row = &x->rows[1];
    const ag_row before = *row;
    ag_row_init(row, method);
    memcpy(row->grid, before.grid, sizeof row->grid);
    return row;
}

/* ---- Shapes ---- */
static void batch_0(problem *x) { x->p.batch = 0; }
static void q_batch_0(problem *x) { x->p.q_batch = 0; }
static void kv_batch_below(problem *x) { x->p.kv_batch = -3; }
static void heads_0(problem *x) { x->p.heads = 0; }
static void kv_heads_3(problem *x) { x->p.kv_heads = 3; }
static void n_q_0(problem *x) { x->p.n_q = 0; }
static void n_k_below(problem *x) { x->p.n_k = -5; }
static void d_0(problem *x) { x->p.d = 0; }
static void d_v_below(problem *x) { x->p.d_v = -8; }
static void n_q_huge(problem *x) { x->p.n_q = INT64_MAX; }
static void d_huge(problem *x) { x->p.d = INT64_MAX - 7; }
static void heads_huge(problem *x) { x->p.heads = x->p.kv_heads = INT64_MAX / 2; }
static void cross(problem *x) { x->p.n_k = x->p.global_n_k = 15; }
static void row_count_3(problem *x) { x->p.row_count = 3; }
static void run_count_5(problem *x) { x->a.row_count = 5; }
static void image_empty(problem *x) { x->rows[1].image_length = 0; }
static void image_late(problem *x) { x->rows[1].image_offset = 17; }
static void image_early(problem *x) { x->rows[1].image_offset = -1; }
static void image_long(problem *x) { x->rows[1].image_offset = 3, x->rows[1].image_length = 16; }
static void image_huge(problem *x) { x->rows[1].image_offset = INT64_MAX; }
static void grid_wrong(problem *x) { x->rows[1].grid[2] = 5; }
static void grid_none(problem *x) { memset(x->rows[1].grid, 0, sizeof x->rows[1].grid); }
static void grid_negative(problem *x) { x->rows[1].grid[1] = x->rows[1].grid[2] = -4; }
static void grid_huge(problem *x) { x->rows[1].grid[0] = x->rows[1].grid[1] = (int64_t)1 << 62; }
static void q_offset_negative(problem *x) { x->p.q_offset = -1; }
static void shard_beyond(problem *x) { x->p.k_offset = 9; }

/* ---- Strides ---- */
static void q_backwards(problem *x) { x->p.q.stride[2] = -8; }
static void k_overflows(problem *x) { x->p.k.stride[0] = INT64_MAX; }
static void v_beyond_memory(problem *x) { x->p.v.stride[1] = INT64_MAX / 4; }
static void out_broadcast(problem *x) { x->p.out.stride[0] = 0; }
static void out_overlaps(problem *x) { x->p.out.stride[2] = 7; }
static void mask_backwards(problem *x) { x->p.key_mask_stride[1] = -1; }
static void bias_backwards(problem *x) { x->p.bias_stride[2] = -16; }
static void align_odd(problem *x) { x->p.v.align = 48; }

/* ---- Types ---- */
static void q_type(problem *x) { x->p.q.dtype = (ag_dtype)9; }
static void q_bytes(problem *x) { x->p.q.dtype = AG_U8; }
static void out_none(problem *x) { x->p.out.dtype = AG_NONE; }
static void k_v_differ(problem *x) { x->p.k.dtype = AG_F16; }
static void operation_7(problem *x) { x->p.operation = (ag_operation)7; }
static void place_5(problem *x) { x->p.place = (ag_place)5; }
static void method_99(problem *x) { x->rows[1].method = (ag_method)99; }
static void kind_8(problem *x) { turn(x, AG_SCRAMBLED)->kind = (ag_kind)8; }
static void products_half(problem *x) { x->p.products = AG_F16; }
static void bias_77(problem *x) { x->p.bias_dtype = (ag_dtype)77; }

/* ---- Values ---- */
static void sigma_negative(problem *x) { x->rows[1].sigma = -1.5; }
static void sigma_nan(problem *x) { x->rows[1].sigma = NAN; }
static void sigma_t_negative(problem *x) { x->rows[1].sigma_t = -0.25; }
static void scale_nan(problem *x) { x->p.scale = NAN; }
static void scale_infinite(problem *x) { x->p.scale = INFINITY; }
static void draws_0(problem *x)
{
    turn(x, AG_SCRAMBLED)->draws = 0;
    x->p.bias_dtype = AG_NONE, x->a.bias = NULL;
}
static void q_row_5(problem *x) { x->rows[0].q_row = 5; }
static void kv_row_below(problem *x) { x->rows[1].kv_row = -7; }
static void q_row_none(problem *x) { x->rows[1].q_row = AG_ROW_NONE; }
static void kv_row_none(problem *x) { x->rows[0].kv_row = AG_ROW_NONE; }
static void workers_below(problem *x) { x->p.workers = -2; }
static void row_offset_below(problem *x) { x->p.row_offset = -4; }
static void strength_unasked(problem *x) { x->run[1].strength = 0.5; }
static void strength_above(problem *x) { x->rows[1].blend = 1, x->run[1].strength = 1.5; }
static void strength_below(problem *x) { x->rows[1].blend = 1, x->run[1].strength = -0.125; }
static void strength_nan(problem *x) { x->rows[1].blend = 1, x->run[1].strength = NAN; }
static void permute_row(problem *x) { turn(x, AG_SCRAMBLED)->kind = AG_PERMUTE; }
static void gather_row(problem *x) { turn(x, AG_SCRAMBLED), x->p.bias_dtype = AG_NONE, x->a.bias = NULL; }
static void mix_nan(problem *x) { permute_row(x), x->run[1].mix = NAN; }
static void gain_infinite(problem *x) { gather_row(x), x->run[1].gain = INFINITY; }
static void stream_above(problem *x) { permute_row(x), x->run[1].random_stream = (int64_t)1 << 32; }
static void stream_below(problem *x) { permute_row(x), x->run[1].random_stream = -2; }

static void softened_row(problem *x, double tau) { turn(x, AG_SOFTENED)->inverse_temperature = tau; }
static void tau_below(problem *x) { softened_row(x, -0.75); }
static void tau_nan(problem *x) { softened_row(x, NAN); }
static void tau_infinite(problem *x) { softened_row(x, INFINITY); }
static void tau_times_scale(problem *x) { softened_row(x, 1e20), x->p.scale = 3e10; }
static void masked_row(problem *x, double p) { turn(x, AG_MASKED)->probability = p; }
static void probability_above(problem *x) { masked_row(x, 1.25); }
static void probability_below(problem *x) { masked_row(x, -0.0625); }
static void probability_nan(problem *x) { masked_row(x, NAN); }
static void noisy_row(problem *x, double a) { turn(x, AG_NOISY)->amplitude = a; }
static void amplitude_below(problem *x) { noisy_row(x, -2.5); }
static void amplitude_nan(problem *x) { noisy_row(x, NAN); }
static void amplitude_infinite(problem *x) { noisy_row(x, INFINITY); }
static void masked_stream(problem *x) { masked_row(x, 0.5), x->run[1].random_stream = -3; }
static void noisy_stream(problem *x) { noisy_row(x, 0.5), x->run[1].random_stream = (int64_t)1 << 40; }

/* ---- Combinations ---- */
static void bias_identity(problem *x) { turn(x, AG_IDENTITY); }
static void bias_uniform(problem *x) { turn(x, AG_UNIFORM); }
static void bias_gather(problem *x) { turn(x, AG_SCRAMBLED); }
static void without_bias(problem *x) { x->p.bias_dtype = AG_NONE, x->a.bias = NULL; }
static void causal_identity(problem *x) { bias_identity(x), without_bias(x), x->p.causal = 1; }
static void causal_uniform(problem *x) { bias_uniform(x), without_bias(x), x->p.causal = 1; }
static void causal_gather(problem *x) { bias_gather(x), without_bias(x), x->p.causal = 1; }
static void lse_blend(problem *x) { x->rows[1].blend = 1, x->p.want_lse = 1; }
static void lse_gather(problem *x) { bias_gather(x), without_bias(x), x->p.want_lse = 1; }
static void lse_of_energy(problem *x) { x->p.operation = AG_ENERGY, x->p.want_lse = 1; }
static void energy_smoothed(problem *x) { x->p.operation = AG_ENERGY; }
static void blur_heads(problem *x) { x->p.operation = AG_BLUR, x->rows[1].heads = x->heads[1]; }
static void index_smoothed(problem *x) { x->rows[1].indexed = 1; }
static void index_masked(problem *x) { masked_row(x, 0.5), x->rows[1].indexed = 1; }
static void sparse_row(problem *x, double power, double lambda)
{
    turn(x, AG_SPARSE)->power = power;
    x->run[1].lambda = lambda;
}
static void power_between(problem *x) { sparse_row(x, 1.75, 2); }
static void power_nan(problem *x) { sparse_row(x, NAN, 2); }
static void lambda_below(problem *x) { sparse_row(x, 1.5, -0.25); }
static void lambda_nan(problem *x) { sparse_row(x, 1.5, NAN); }
static void lambda_infinite(problem *x) { sparse_row(x, 2, INFINITY); }
static void sparse_blend(problem *x) { sparse_row(x, 1.5, 2), x->rows[1].blend = 1; }
static void sparse_lse(problem *x) { sparse_row(x, 1.5, 2), x->p.want_lse = 1; }
static void sparse_shard(problem *x) { sparse_row(x, 1.5, 2), x->p.global_n_k = x->p.n_k + 3, x->p.k_offset = 2; }
static void energy_noisy(problem *x) { noisy_row(x, 0.5), x->p.operation = AG_ENERGY; }
static void rows_odd(problem *x) { x->p.rows = (const ag_row *)(const void *)((char *)x->rows + 4); }
static void cross_masked(problem *x) { masked_row(x, 0.5), x->p.n_k = x->p.global_n_k = 15; }
static void shard_smoothed(problem *x) { x->p.global_n_q = x->p.global_n_k = 32; }
/* Some of the queries of self-attention over 32 tokens: what goes with that, and what does not. */
static void some_queries(problem *x)
{
    x->p.global_n_q = x->p.n_k = x->p.global_n_k = 32;
    x->p.q_offset = 9;
    ag_row_picture(&x->rows[1], 0, 1, 4, 8);
}
static void queries_of_tokens(problem *x)
{
    some_queries(x);
    ag_row_init(&x->rows[1], AG_SCRAMBLED);
    x->rows[1].kind = AG_TOKENS;
}
static void queries_beyond(problem *x) { some_queries(x), x->p.q_offset = 17; }
static void queries_image_beyond(problem *x) { some_queries(x), x->rows[1].image_offset = 32; }
static void queries_image_long(problem *x) { some_queries(x), x->rows[1].image_length = 33; }
static void queries_of_another(problem *x) { some_queries(x), x->p.global_n_q = 31; }
static void queries_few_keys(problem *x) { some_queries(x), x->p.n_k = 31; }
static void queries_later_keys(problem *x) { queries_few_keys(x), x->p.k_offset = 1; }
static void lse_unasked(problem *x) { x->a.lse = (float *)x->out.data; }
static void curvature_unasked(problem *x) { x->a.curvature = (float *)x->out.data; }
static void mask_unasked(problem *x) { x->p.has_key_mask = 0; }
static void lengths_unasked(problem *x) { x->p.has_key_lengths = 0; }
static void length_range_below(problem *x) { x->p.length_first = -1; }
static void length_range_above(problem *x) { x->p.length_end = x->p.n_k + 1; }
static void length_range_reversed(problem *x) { x->p.length_first = 3, x->p.length_end = 2; }
static void bias_unasked(problem *x) { x->p.bias_dtype = AG_NONE; }
static void stream_on_the_host(problem *x) { x->a.cuda_stream = x; }
static void device_rows_on_the_host(problem *x) { x->a.device_rows = (const ag_device_row *)x; }
static void executor_of_size_0(problem *x)
{
    static const ag_executor executor;
    x->a.executor = &executor;
}
static void executor_empty(problem *x)
{
    static const ag_executor executor = { .size = sizeof executor };
    x->a.executor = &executor;
}

/* ---- Arrays ---- */
static int32_t entries[16];
static void with_index(problem *x, int32_t entry)
{
    permute_row(x);
    x->rows[1].indexed = 1;
    entries[11] = entry;
    x->run[1].index = entries;
}
static void index_above(problem *x) { with_index(x, 16); }
static void index_below(problem *x) { with_index(x, -3); }
static void index_null(problem *x) { with_index(x, 0), x->run[1].index = NULL; }
static void length_above(problem *x) { entries[1] = 17, x->a.key_lengths = entries; }
static void length_below(problem *x) { entries[1] = -6, x->a.key_lengths = entries; }
static void q_null(problem *x) { x->a.q = NULL; }
static void k_null(problem *x) { x->a.k = NULL; }
static void v_null(problem *x) { x->a.v = NULL; }
static void mask_null(problem *x) { x->a.key_mask = NULL; }
static void lengths_null(problem *x) { x->a.key_lengths = NULL; }
static void bias_null(problem *x) { x->a.bias = NULL; }
static void rows_null(problem *x) { x->p.rows = NULL; }
static void run_null(problem *x) { x->a.rows = NULL; }
static void lse_null(problem *x) { x->p.want_lse = 1; }
static void out_null(problem *x) { x->a.out = NULL; }

/* ---- The rest ---- */
static void out_is_v(problem *x) { x->a.v = x->a.out; }
static void out_is_k(problem *x) { x->a.k = x->a.out; }
static void out_is_q_of_another_row(problem *x) { x->rows[0].q_row = 1, x->a.q = x->a.out; }
static void out_is_q_elsewhere(problem *x) { x->p.q = ag_layout_bnhd(AG_F32, 4, 16, 8), x->a.q = x->a.out; }
static void kernel_unknown(problem *x) { x->p.kernel = "attend_by_prayer"; }
static void problem_size_0(problem *x) { x->p.size = 0; }
static void problem_size_of_itself(problem *x) { x->p.size = sizeof x->p.size; }
static void row_size_3(problem *x) { x->rows[0].size = 3; }
static void later_row_size_0(problem *x) { x->rows[1].size = 0; }
static void args_size_7(problem *x) { x->a.size = 7; }
static void run_size_5(problem *x) { x->run[0].size = 5; }

static const refusal refusals[] = {
    { batch_0, AG_ERR_SHAPE, "0" },
    { q_batch_0, AG_ERR_SHAPE, "0" },
    { kv_batch_below, AG_ERR_SHAPE, "-3" },
    { heads_0, AG_ERR_SHAPE, "0" },
    { kv_heads_3, AG_ERR_SHAPE, "3" },
    { n_q_0, AG_ERR_SHAPE, "0" },
    { n_k_below, AG_ERR_SHAPE, "-5" },
    { d_0, AG_ERR_SHAPE, "0" },
    { d_v_below, AG_ERR_SHAPE, "-8" },
    { n_q_huge, AG_ERR_SHAPE, "9223372036854775807" },
    { d_huge, AG_ERR_SHAPE, "9223372036854775800" },
    { heads_huge, AG_ERR_SHAPE, "4611686018427387903" },
    { cross, AG_ERR_SHAPE, "15" },
    { row_count_3, AG_ERR_SHAPE, "3" },
    { run_count_5, AG_ERR_SHAPE, "5" },
    { image_empty, AG_ERR_SHAPE, "0" },
    { image_late, AG_ERR_SHAPE, "17" },
    { image_early, AG_ERR_SHAPE, "-1" },
    { image_long, AG_ERR_SHAPE, "16" },
    { image_huge, AG_ERR_SHAPE, "9223372036854775807" },
    { grid_wrong, AG_ERR_SHAPE, "1x4x5" },
    { grid_none, AG_ERR_SHAPE, "grid" },
    { grid_negative, AG_ERR_SHAPE, "-4" },
    { grid_huge, AG_ERR_SHAPE, "4611686018427387904" },
    { q_offset_negative, AG_ERR_SHAPE, "-1" },
    { shard_beyond, AG_ERR_SHAPE, "9" },
    { q_backwards, AG_ERR_STRIDE, "-8" },
    { k_overflows, AG_ERR_STRIDE, "k" },
    { v_beyond_memory, AG_ERR_STRIDE, "v" },
    { out_broadcast, AG_ERR_STRIDE, "0" },
    { out_overlaps, AG_ERR_STRIDE, "7" },
    { mask_backwards, AG_ERR_STRIDE, "-1" },
    { bias_backwards, AG_ERR_STRIDE, "-16" },
    { align_odd, AG_ERR_STRIDE, "48" },
    { q_type, AG_ERR_TYPE, "9" },
    { q_bytes, AG_ERR_TYPE, "uint8" },
    { out_none, AG_ERR_TYPE, "out.dtype is none" },
    { k_v_differ, AG_ERR_TYPE, "k.dtype is float16 and v.dtype float32" },
    { operation_7, AG_ERR_TYPE, "7" },
    { place_5, AG_ERR_TYPE, "5" },
    { method_99, AG_ERR_TYPE, "99" },
    { kind_8, AG_ERR_TYPE, "8" },
    { products_half, AG_ERR_TYPE, "products is float16" },
    { bias_77, AG_ERR_TYPE, "77" },
    { sigma_negative, AG_ERR_VALUE, "-1.5" },
    { sigma_nan, AG_ERR_VALUE, "nan" },
    { sigma_t_negative, AG_ERR_VALUE, "-0.25" },
    { scale_nan, AG_ERR_VALUE, "nan" },
    { scale_infinite, AG_ERR_VALUE, "inf" },
    { draws_0, AG_ERR_VALUE, "0" },
    { q_row_5, AG_ERR_VALUE, "q_row is 5, neither AG_ROW_NONE nor AG_ROW_SAME nor between 0 and q_batch - 1 = 1" },
    { kv_row_below, AG_ERR_VALUE, "-7" },
    { q_row_none, AG_ERR_VALUE, "q_row" },
    { kv_row_none, AG_ERR_VALUE, "kv_row" },
    { workers_below, AG_ERR_VALUE, "-2" },
    { row_offset_below, AG_ERR_VALUE, "-4" },
    { strength_unasked, AG_ERR_VALUE, "0.5" },
    { strength_above, AG_ERR_VALUE, "1.5" },
    { strength_below, AG_ERR_VALUE, "-0.125" },
    { strength_nan, AG_ERR_VALUE, "nan" },
    { mix_nan, AG_ERR_VALUE, "nan" },
    { gain_infinite, AG_ERR_VALUE, "inf" },
    { stream_above, AG_ERR_VALUE, "4294967296" },
    { stream_below, AG_ERR_VALUE, "-2" },
    { tau_below, AG_ERR_VALUE, "-0.75" },
    { tau_nan, AG_ERR_VALUE, "nan" },
    { tau_infinite, AG_ERR_VALUE, "inf" },
    { tau_times_scale, AG_ERR_VALUE, "3e+10" },
    { probability_above, AG_ERR_VALUE, "1.25" },
    { probability_below, AG_ERR_VALUE, "-0.0625" },
    { probability_nan, AG_ERR_VALUE, "nan" },
    { amplitude_below, AG_ERR_VALUE, "-2.5" },
    { amplitude_nan, AG_ERR_VALUE, "nan" },
    { amplitude_infinite, AG_ERR_VALUE, "inf" },
    { masked_stream, AG_ERR_VALUE, "-3" },
    { power_between, AG_ERR_VALUE, "power is 1.75, neither" },
    { power_nan, AG_ERR_VALUE, "power is nan" },
    { lambda_below, AG_ERR_VALUE, "lambda is -0.25" },
    { lambda_nan, AG_ERR_VALUE, "lambda is nan" },
    { lambda_infinite, AG_ERR_VALUE, "lambda is inf" },
    { sparse_blend, AG_ERR_COMBINATION, "blend is 1, but sparse" },
    { sparse_lse, AG_ERR_COMBINATION, "sparse has no lse" },
    { sparse_shard, AG_ERR_COMBINATION, "sparse needs every key" },
    { noisy_stream, AG_ERR_VALUE, "1099511627776" },
    { bias_identity, AG_ERR_COMBINATION, "bias_dtype is set, but identity is not defined with it" },
    { bias_uniform, AG_ERR_COMBINATION, "bias" },
    { bias_gather, AG_ERR_COMBINATION, "bias" },
    { causal_identity, AG_ERR_COMBINATION, "causal" },
    { causal_uniform, AG_ERR_COMBINATION, "causal" },
    { causal_gather, AG_ERR_COMBINATION, "causal" },
    { lse_blend, AG_ERR_COMBINATION, "lse" },
    { lse_gather, AG_ERR_COMBINATION, "lse" },
    { lse_of_energy, AG_ERR_COMBINATION, "lse" },
    { energy_smoothed, AG_ERR_COMBINATION, "method is smoothed, but operation energy" },
    { blur_heads, AG_ERR_COMBINATION, "head" },
    { index_smoothed, AG_ERR_COMBINATION, "index" },
    { index_masked, AG_ERR_COMBINATION, "index" },
    { energy_noisy, AG_ERR_COMBINATION, "method is noisy, but operation energy" },
    { rows_odd, AG_ERR_STRIDE, "problem.rows" },
    { cross_masked, AG_ERR_SHAPE, "15" },
    { shard_smoothed, AG_ERR_COMBINATION, "32" },
    { some_queries, AG_ERR_COMBINATION, "smoothed needs the queries of tokens 0 to 31" },
    { queries_of_tokens, AG_ERR_COMBINATION, "tokens 0 to 31, but here are n_q = 16 from q_offset 9 on" },
    { queries_beyond, AG_ERR_SHAPE, "q_offset is 17" },
    { queries_image_beyond, AG_ERR_SHAPE, "global_n_q = 32" },
    { queries_image_long, AG_ERR_SHAPE, "33" },
    { queries_of_another, AG_ERR_SHAPE, "global_n_q is 31 and global_n_k 32" },
    { queries_few_keys, AG_ERR_COMBINATION, "n_k = 31 from k_offset 0 on, of global_n_k = 32" },
    { queries_later_keys, AG_ERR_COMBINATION, "n_k = 31 from k_offset 1 on, of global_n_k = 32" },
    { lse_unasked, AG_ERR_COMBINATION, "want_lse is 0" },
    { curvature_unasked, AG_ERR_COMBINATION, "curvature" },
    { mask_unasked, AG_ERR_COMBINATION, "has_key_mask is 0" },
    { lengths_unasked, AG_ERR_COMBINATION, "has_key_lengths is 0" },
    { length_range_below, AG_ERR_SHAPE, "length_first" },
    { length_range_above, AG_ERR_SHAPE, "length_end" },
    { length_range_reversed, AG_ERR_SHAPE, "length_first" },
    { bias_unasked, AG_ERR_COMBINATION, "bias_dtype is AG_NONE" },
    { stream_on_the_host, AG_ERR_COMBINATION, "stream" },
    { device_rows_on_the_host, AG_ERR_COMBINATION, "device_rows" },
    { executor_of_size_0, AG_ERR_STRUCT, "executor.size is 0" },
    { executor_empty, AG_ERR_NULL, "parallel_for" },
    { index_above, AG_ERR_INDEX, "16" },
    { index_below, AG_ERR_INDEX, "-3" },
    { length_above, AG_ERR_INDEX, "17" },
    { length_below, AG_ERR_INDEX, "-6" },
    { index_null, AG_ERR_NULL, "index" },
    { q_null, AG_ERR_NULL, "q" },
    { k_null, AG_ERR_NULL, "k" },
    { v_null, AG_ERR_NULL, "v" },
    { mask_null, AG_ERR_NULL, "key_mask" },
    { lengths_null, AG_ERR_NULL, "key_lengths" },
    { bias_null, AG_ERR_NULL, "bias" },
    { rows_null, AG_ERR_NULL, "rows" },
    { run_null, AG_ERR_NULL, "rows" },
    { lse_null, AG_ERR_NULL, "lse" },
    { out_null, AG_ERR_NULL, "out" },
    { out_is_v, AG_ERR_ALIAS, "v" },
    { out_is_k, AG_ERR_ALIAS, "k" },
    { out_is_q_of_another_row, AG_ERR_ALIAS, "row 0" },
    { out_is_q_elsewhere, AG_ERR_ALIAS, "q" },
    { kernel_unknown, AG_ERR_KERNEL, "attend_by_prayer" },
    { problem_size_0, AG_ERR_STRUCT, "ag_problem_init()" },
    { problem_size_of_itself, AG_ERR_STRUCT, "size" },
    { row_size_3, AG_ERR_STRUCT, "problem.rows[0].size is 3, but an ag_row" },
    { later_row_size_0, AG_ERR_STRUCT, "problem.rows[1].size is 0" },
    { args_size_7, AG_ERR_STRUCT, "7" },
    { run_size_5, AG_ERR_STRUCT, "args.rows[0].size is 5, but an ag_row_args" },
};
enum { REFUSALS = sizeof refusals / sizeof *refusals };

START_TEST(refused)
{
    const refusal *r = &refusals[_i];
    ag_context *context = kernels_context(0);
    problem x;
    char why[AG_MESSAGE_SIZE + 1] = "", short_why[8];
    memset(why, '~', AG_MESSAGE_SIZE);
    set_base(&x);
    r->spoil(&x);
    const char *kernel = x.p.kernel;
    const ag_status status = problem_execute(&x, context, kernel, why, AG_MESSAGE_SIZE);
    ck_assert_msg(status == r->status, "refusal %d, %s: status %d: %s", _i, r->names, (int)status, why);
    ck_assert_msg(strlen(why) < AG_MESSAGE_SIZE - 1, "refusal %d is too long: %s", _i, why);
    ck_assert_msg(*why && !strchr(why, '\n') && strstr(why, r->names), "refusal %d does not name %s: %s", _i, r->names,
                  why);
    ck_assert_int_eq(problem_execute(&x, context, kernel, NULL, 0), r->status);
    ck_assert_int_eq(problem_execute(&x, context, kernel, short_why, sizeof short_why), r->status);
    ck_assert_msg(memchr(short_why, 0, sizeof short_why) != NULL, "a short buffer is not ended");
    ck_assert(buffer_is_poison(&x.out));
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* What all of them begin from is right. */
START_TEST(the_base_is_right)
{
    ag_context *context = kernels_context(0);
    problem x;
    set_base(&x);
    const verdict v = problem_run(&x, context, NULL);
    ck_assert_msg(v.outcome == OUTCOME_RIGHT, "%s", v.text);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

Suite *suite_refusals(void)
{
    Suite *s = suite_create("refusals");
    TCase *c = tcase_create("refusals");
    tcase_set_timeout(c, 600);
    add_test(c, the_base_is_right);
    add_loop(c, refused, 0, REFUSALS);
    suite_add_tcase(s, c);
    return s;
}
