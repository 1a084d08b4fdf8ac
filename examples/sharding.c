/* sharding.c - attention over two halves of the keys, merged by their log-sum-exp, against the whole at once.
 *
 * Each half could lie on another machine. What travels is the half's output and one number per query, its lse. */
#include <attnguide.h>
#include <math.h>
#include <stdio.h>

enum { HEADS = 2, TOKENS = 48, HALF = 24, WIDTH = 16, ROWS = HEADS * TOKENS, SIZE = ROWS * WIDTH };

static float q[SIZE], k[SIZE], v[SIZE], whole[SIZE], half[2][SIZE], lse[2][ROWS];

/* All queries against the keys [first, first + count) of the whole sequence. */
static ag_status attend(ag_context *context, int first, int count, float *out, float *sums, char *why)
{
    ag_problem problem;
    ag_args args;
    ag_problem_init(&problem, 1, HEADS, TOKENS, count, WIDTH);
    problem.k = problem.v = ag_layout_bhnd(AG_F32, HEADS, TOKENS, WIDTH); /* a view into the whole */
    problem.k_offset = first, problem.global_n_k = TOKENS;                /* so that causal knows who is before whom */
    problem.causal = 1;
    problem.want_lse = sums != NULL;
    ag_args_init(&args, q, k + first * WIDTH, v + first * WIDTH, out);
    args.lse = sums;
    return ag_attention_standard(context, &problem, &args, why, AG_MESSAGE_SIZE);
}

/* O = (w_a O_a + w_b O_b) / (w_a + w_b), w = exp(lse - m), m the larger lse. A query that sees nothing in either half
 * has -inf in both: it stays zero, where the formula would say NaN. */
static void merge(float *a, float lse_a, const float *b, float lse_b)
{
    const float m = lse_a > lse_b || isnan(lse_a) ? lse_a : lse_b; /* a NaN stays one */
    if (m == -INFINITY) return;
    const float w_a = expf(lse_a - m), w_b = expf(lse_b - m);
    for (int t = 0; t < WIDTH; t++) a[t] = (w_a * a[t] + w_b * b[t]) / (w_a + w_b);
}

int main(void)
{
    char why[AG_MESSAGE_SIZE];
    ag_context *context;
    for (int i = 0; i < SIZE; i++) q[i] = sinf(i), k[i] = cosf(3 * i), v[i] = sinf(5 * i);
    if (ag_context_create(NULL, &context, why, sizeof why) || attend(context, 0, TOKENS, whole, NULL, why) ||
        attend(context, 0, HALF, half[0], lse[0], why) || attend(context, HALF, TOKENS - HALF, half[1], lse[1], why))
        return puts(why), 1;
    ag_context_free(context);

    double error = 0; /* a sum, because a NaN stays in it */
    for (int i = 0; i < ROWS; i++) merge(half[0] + i * WIDTH, lse[0][i], half[1] + i * WIDTH, lse[1][i]);
    for (int i = 0; i < SIZE; i++) error += fabs(half[0][i] - whole[i]) / SIZE;
    printf("two halves merged against the whole: mean error %.1e\n", error);
    return !(error <= 1e-6);
}
