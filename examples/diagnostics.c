/* diagnostics.c - what attention does, in numbers: energy, curvature, attention received, and the map itself.
 *
 * Eight keys: six lie close together, one apart, one farther. Each query is a key, so it asks who is like it. */
#include <attnguide.h>
#include <math.h>
#include <stdio.h>

enum { TOKENS = 8, WIDTH = 3 };

/* The logit -|a - b|^2 up to a constant of the query, as a dot product: q' = [q, 1], k' = [2 k, -|k|^2]. */
static const float point[TOKENS][2] = { { 0, 0 },       { 0.3F, 0 },    { 0, 0.3F }, { 0.3F, 0.3F },
                                        { 0.1F, 0.2F }, { 0.2F, 0.1F }, { 2, 0 },    { 0, 4 } };
static float q[TOKENS][WIDTH], k[TOKENS][WIDTH], energy[TOKENS], curvature[TOKENS], received[TOKENS],
    map[TOKENS][TOKENS];

int main(void)
{
    char why[AG_MESSAGE_SIZE];
    ag_context *context;
    ag_problem problem;
    ag_args args;
    for (int i = 0; i < TOKENS; i++) {
        const float x = point[i][0], y = point[i][1];
        q[i][0] = x, q[i][1] = y, q[i][2] = 1;
        k[i][0] = 2 * x, k[i][1] = 2 * y, k[i][2] = -(x * x + y * y);
    }

    ag_problem_init(&problem, 1, 1, TOKENS, TOKENS, WIDTH);
    problem.scale = 1; /* these logits have their scale already; the default would divide by the root of 3 */
    ag_args_init(&args, q, k, NULL, energy); /* none of these reads v */
    args.curvature = curvature;
    if (ag_context_create(NULL, &context, why, sizeof why) ||
        ag_attention_energy(context, &problem, &args, why, sizeof why))
        return puts(why), 1;
    ag_args_init(&args, q, k, NULL, received);
    if (ag_attention_received(context, &problem, &args, why, sizeof why)) return puts(why), 1;
    args.out = map;
    if (ag_attention_map(context, &problem, &args, why, sizeof why)) return puts(why), 1;
    ag_context_free(context);

    double error = 0; /* a sum, because a NaN stays in it */
    puts("point         energy   curvature   received   weight on itself");
    for (int i = 0; i < TOKENS; i++) {
        const float x = point[i][0], y = point[i][1];
        const double distances = energy[i] + x * x + y * y, own = map[i][i]; /* the constant put back */
        double column = 0;
        for (int j = 0; j < TOKENS; j++) column += map[j][i];
        error += fabs(received[i] - column) + fabs(own - exp(distances)); /* own weight: exp(0) over the sum */
        error += !(curvature[i] >= own * (1 - own) - 1e-6);               /* no less than a diagonal entry */
        error += !(curvature[i] <= 0.5 + 1e-6);
        printf("%.1f, %.1f %12.3f %11.3f %10.3f %12.3f\n", x, y, distances, curvature[i], received[i], own);
    }
    return !(error <= 1e-4);
}
