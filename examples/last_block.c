/* last_block.c - the last block of a joint model, text before the picture as in Flux. Nobody reads the text's outputs
 * there, so only the picture's queries are computed: tokens q_offset .. q_offset + n_q of the sequence. The picture's
 * range and grid stay those of the whole sequence, and so do keys and values. */
#include <attnguide.h>
#include <math.h>
#include <stdio.h>

enum { HEADS = 2, WIDTH = 16, TEXT = 8, HIGH = 4, WIDE = 6, PICTURE = HIGH * WIDE, TOKENS = TEXT + PICTURE };
enum { CLEAN, PERTURBED, ROWS, ROW = HEADS * TOKENS * WIDTH };

static float q[ROWS * ROW], k[ROWS * ROW], v[ROWS * ROW]; /* [B, heads, tokens, width]: text, then picture */
static float whole[ROWS * ROW], part[ROWS * ROW];

static ag_status run(ag_context *context, const ag_problem *problem, int from, float *out, char *why)
{
    ag_args args;
    ag_args_init(&args, q + from * WIDTH, k, v, out + from * WIDTH);
    return ag_attention_guided(context, problem, &args, why, AG_MESSAGE_SIZE);
}

int main(void)
{
    char why[AG_MESSAGE_SIZE];
    ag_context *context;
    ag_problem problem;
    ag_row rows[ROWS];
    ag_range read[2];
    int64_t count;
    for (int i = 0; i < ROWS * ROW; i++) q[i] = sinf(i), k[i] = cosf(3 * i), v[i] = sinf(5 * i);
    ag_row_init(&rows[CLEAN], AG_STANDARD);
    ag_row_init(&rows[PERTURBED], AG_SMOOTHED);
    rows[PERTURBED].sigma = 1.5;
    ag_row_picture(&rows[PERTURBED], TEXT, 1, HIGH, WIDE);

    /* In every other block all tokens are computed. */
    ag_problem_init(&problem, ROWS, HEADS, TOKENS, TOKENS, WIDTH);
    problem.rows = rows, problem.row_count = ROWS;
    if (ag_context_create(NULL, &context, why, sizeof why) || run(context, &problem, 0, whole, why))
        return puts(why), 1;

    /* In the last: queries and outputs of the picture, keys and values of all. */
    ag_problem_init(&problem, ROWS, HEADS, PICTURE, TOKENS, WIDTH);
    problem.q_offset = TEXT, problem.global_n_q = TOKENS;
    problem.q = problem.out = ag_layout_bhnd(AG_F32, HEADS, TOKENS, WIDTH); /* strides: they lie as before */
    problem.rows = rows, problem.row_count = ROWS;
    if (run(context, &problem, TEXT, part, why)) return puts(why), 1;
    ag_context_free(context);

    double error = 0; /* a sum, because a NaN stays in it */
    for (int i = 0; i < ROWS * ROW; i++)
        if (i / WIDTH % TOKENS >= TEXT) error += fabs(whole[i] - part[i]);
    printf("the picture's rows against those of the whole: %.1e\n", error);

    /* Which tokens of q would a block of gather project? The text's: the picture's outputs are means of values. */
    ag_row_init(&rows[PERTURBED], AG_SCRAMBLED);
    ag_row_picture(&rows[PERTURBED], TEXT, 1, HIGH, WIDE);
    ag_problem_init(&problem, ROWS, HEADS, TOKENS, TOKENS, WIDTH);
    problem.rows = rows, problem.row_count = ROWS;
    if (ag_problem_reads(&problem, PERTURBED, AG_NEEDS_Q, read, 2, &count, why, sizeof why)) return puts(why), 1;
    for (int i = 0; i < count; i++) printf("gather reads q of tokens %d to %d\n", (int)read[i].first, (int)read[i].end);
    return !(error <= 1e-5 && count == 1 && read[0].first == 0 && read[0].end == TEXT);
}
