/* text_beside_image.c - text tokens before the picture, as in Flux, one prompt shorter than the other.
 *
 * The picture's range and grid are told, never guessed; padding is hidden by a key mask. Masked keys and values are not
 * read, so padding may hold anything: here it holds NaN. */
#include <attnguide.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { HEADS = 2, WIDTH = 16, TEXT = 8, SHORT = 5, HIGH = 4, WIDE = 6, PICTURE = HIGH * WIDE, TOKENS = TEXT + PICTURE };
enum { ROW = HEADS * TOKENS * WIDTH, PADDING = TEXT - SHORT };

static float q[2 * ROW], k[2 * ROW], v[2 * ROW], out[2 * ROW]; /* [B, heads, tokens, width]: text, then picture */
static float shorter[ROW];                                     /* the same size, so that places stay the same */

/* SEG over `rows` rows from element `first` on, where `text` tokens stand before the picture. */
static ag_status smooth(ag_context *context, int rows, int text, int first, const uint8_t *mask, float *to, char *why)
{
    ag_problem problem;
    ag_image image;
    ag_args args;
    ag_problem_init(&problem, rows, HEADS, text + PICTURE, text + PICTURE, WIDTH);
    problem.q = problem.k = problem.v = problem.out = ag_layout_bhnd(AG_F32, HEADS, TOKENS, WIDTH);
    problem.has_key_mask = mask != NULL;
    ag_image_init(&image, 1, HIGH, WIDE);
    ag_image_picture(&image, text, 1, HIGH, WIDE); /* 4 x 6 tokens: not square */
    ag_args_init(&args, q + first, k + first, v + first, to);
    args.key_mask = mask;
    return ag_attention_smoothed(context, &problem, &image, 1.5, &args, why, AG_MESSAGE_SIZE);
}

int main(void)
{
    char why[AG_MESSAGE_SIZE];
    ag_context *context;
    uint8_t visible[2][TOKENS];
    for (int i = 0; i < 2 * ROW; i++) q[i] = sinf(i), k[i] = cosf(3 * i), v[i] = sinf(5 * i);
    memset(visible, 1, sizeof visible);
    memset(visible[1], 0, PADDING); /* row 1: its prompt stands behind three tokens of padding */
    for (int i = 0; i < HEADS * PADDING * WIDTH; i++) {
        const int at = ROW + i / (PADDING * WIDTH) * TOKENS * WIDTH + i % (PADDING * WIDTH);
        k[at] = v[at] = NAN;
    }
    /* Masked, and once more with row 1's padding left out: its other tokens have to come out the same. */
    if (ag_context_create(NULL, &context, why, sizeof why) || smooth(context, 2, TEXT, 0, &visible[0][0], out, why) ||
        smooth(context, 1, SHORT, ROW + PADDING * WIDTH, NULL, shorter, why))
        return puts(why), 1;
    ag_context_free(context);

    double error = 0; /* a sum, because a NaN stays in it */
    for (int h = 0; h < HEADS; h++)
        for (int i = 0; i < (SHORT + PICTURE) * WIDTH; i++)
            error += fabs(out[ROW + (h * TOKENS + PADDING) * WIDTH + i] - shorter[h * TOKENS * WIDTH + i]);
    printf("masked padding against no padding: %.1e\n", error);
    return !(error <= 1e-5);
}
