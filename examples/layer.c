/* layer.c - one self-attention layer of a diffusion model for the batch [uncond, cond, perturbed], in one call.
 *
 * The perturbed row differs from the conditional one in nothing but its attention, so that it reads the same
 * projections: q, k and v hold two rows, the output three. */
#include <attnguide.h>
#include <math.h>
#include <stdio.h>

enum { UNCOND, COND, PERTURBED, ROWS };
enum { HEADS = 4, HIGH = 6, WIDE = 10, TOKENS = HIGH * WIDE, WIDTH = 16, ROW = TOKENS * HEADS * WIDTH };

static float q[2 * ROW], k[2 * ROW], v[2 * ROW], out[ROWS * ROW]; /* [B, tokens, heads, width], as projections give */

static int place(int row, int token, int head) { return ((row * TOKENS + token) * HEADS + head) * WIDTH; }

/* One number of standard attention by the formula, to hold the library against. */
static double by_hand(int row, int token, int head, int channel)
{
    double sum = 0, total = 0;
    for (int j = 0; j < TOKENS; j++) {
        double logit = 0;
        for (int t = 0; t < WIDTH; t++)
            logit += q[place(row, token, head) + t] * k[place(row, j, head) + t] / sqrt(WIDTH);
        sum += exp(logit);
        total += exp(logit) * v[place(row, j, head) + channel];
    }
    return total / sum;
}

int main(void)
{
    char why[AG_MESSAGE_SIZE];
    ag_context *context;
    ag_problem problem;
    ag_args args;
    ag_row rows[ROWS];
    unsigned needs;
    for (int i = 0; i < 2 * ROW; i++) q[i] = sinf(i), k[i] = cosf(3 * i), v[i] = sinf(5 * i);

    for (int b = 0; b < ROWS; b++) ag_row_init(&rows[b], b == PERTURBED ? AG_IDENTITY : AG_STANDARD);
    rows[PERTURBED].q_row = rows[PERTURBED].kv_row = COND;
    ag_problem_init(&problem, ROWS, HEADS, TOKENS, TOKENS, WIDTH);
    problem.q_batch = problem.kv_batch = 2;
    problem.q = problem.k = problem.v = problem.out = ag_layout_bnhd(AG_F32, HEADS, TOKENS, WIDTH);
    problem.rows = rows, problem.row_count = ROWS;
    ag_args_init(&args, q, k, v, out);
    /* Which projections would the perturbed row need, if they were its own? Of identity without text: v alone. */
    if (ag_problem_needs(&problem, PERTURBED, &needs, why, sizeof why) ||
        ag_context_create(NULL, &context, why, sizeof why) ||
        ag_attention_guided(context, &problem, &args, why, sizeof why))
        return puts(why), 1;
    ag_context_free(context);

    const double error = fabs(out[place(COND, 37, 2) + 5] - by_hand(COND, 37, 2, 5));
    printf("the perturbed row needs %s; error %.1e\n", needs == AG_NEEDS_V ? "v alone" : "more than v", error);
    return !(error <= 1e-5) || needs != AG_NEEDS_V || out[place(PERTURBED, 37, 2) + 5] != v[place(COND, 37, 2) + 5];
}
