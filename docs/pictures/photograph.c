/* photograph.c - the numbers behind the pictures of docs/diagnostics.md; make.sh builds and runs it.
 *
 *     photograph OUTDIR H < pixels      pixels: gnuplot's table of a picture, lines "x y red green blue" in 0 .. 255
 *
 * The demo's task (demo/README.md): every pixel a token, q and k its 3 x 3 patch of colours, the logit of i and j
 * -|p_i - p_j|^2 / h^2. Writes float32 pictures in raster order: energy, its rise when the queries are smoothed,
 * curvature, received, and the maps of three pixels; prints means. */
#include <attnguide.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDE = 256, HIGH = 192, TOKENS = WIDE * HIGH, WIDTH = 28 };

static float pixel[HIGH][WIDE][3], q[TOKENS][WIDTH], k[TOKENS][WIDTH], out[TOKENS][3], lse[TOKENS];
static float energy[TOKENS], curvature[TOKENS], received[TOKENS], rise[TOKENS], map[TOKENS], square[TOKENS];
static const int looked_at[3][2] = { { 139, 64 }, { 132, 83 }, { 215, 112 } }; /* x, y: light fur, dark fur, a leaf */

static int read_pixels(void)
{
    char line[256];
    int count = 0;
    while (fgets(line, sizeof line, stdin)) {
        int x, y, c[3];
        if (sscanf(line, "%d %d %d %d %d", &x, &y, &c[0], &c[1], &c[2]) != 5) continue;
        if (x < 0 || x >= WIDE || y < 0 || y >= HIGH) return 0;
        for (int i = 0; i < 3; i++) pixel[HIGH - 1 - y][x][i] = (float)(c[i] / 255.0 - 0.43); /* less about the mean */
        count++;
    }
    return count == TOKENS;
}

static int reflect(int at, int extent) { return at < 0 ? -at : at < extent ? at : 2 * (extent - 1) - at; }

/* q' = [q, 1], k' = [2 k, -|k|^2] / h^2: their dot product is -|q - k|^2 / h^2, plus |q|^2 / h^2 in square. */
static void make_patches(double h)
{
    for (int i = 0; i < TOKENS; i++) {
        double sum = 0;
        for (int t = 0; t < WIDTH - 1; t++) {
            const int y = reflect(i / WIDE + t / 9 - 1, HIGH), x = reflect(i % WIDE + t / 3 % 3 - 1, WIDE);
            q[i][t] = pixel[y][x][t % 3];
            k[i][t] = (float)(2 * q[i][t] / (h * h));
            sum += (double)q[i][t] * q[i][t] / (h * h);
        }
        q[i][WIDTH - 1] = 1;
        k[i][WIDTH - 1] = -(square[i] = (float)sum);
    }
}

static int save(const char *folder, const char *name, const float *values)
{
    char path[4096];
    double mean = 0;
    for (int i = 0; i < TOKENS; i++) mean += values[i] / (double)TOKENS;
    printf("%-16s mean %.4g\n", name, mean);
    snprintf(path, sizeof path, "%s/%s.f32", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file) return perror(path), 0;
    const int whole = fwrite(values, sizeof *values, TOKENS, file) == TOKENS;
    return !fclose(file) && whole;
}

/* Energies of distances: 0 where a pixel finds itself alone. */
static ag_status measure(ag_context *context, char *why)
{
    ag_problem problem;
    ag_image image;
    ag_args args;
    ag_problem_init(&problem, 1, 1, TOKENS, TOKENS, WIDTH);
    problem.scale = 1;
    ag_args_init(&args, q, k, NULL, energy);
    args.curvature = curvature;
    ag_status s = ag_attention_energy(context, &problem, &args, why, AG_MESSAGE_SIZE);
    ag_args_init(&args, q, k, NULL, received);
    if (!s) s = ag_attention_received(context, &problem, &args, why, AG_MESSAGE_SIZE);

    problem.d_v = 3;
    problem.v = problem.out = ag_layout_bhnd(AG_F32, 1, TOKENS, 3);
    problem.want_lse = 1;
    ag_image_init(&image, 1, HIGH, WIDE);
    ag_args_init(&args, q, k, pixel, out);
    args.lse = lse;
    if (!s) s = ag_attention_smoothed(context, &problem, &image, 4, &args, why, AG_MESSAGE_SIZE);
    for (int i = 0; i < TOKENS; i++) rise[i] = -lse[i] - energy[i], energy[i] += square[i];
    return s;
}

/* One row of the map: as many queries as are looked at, against all keys. */
static ag_status look(ag_context *context, int x, int y, char *why)
{
    ag_problem problem;
    ag_args args;
    ag_problem_init(&problem, 1, 1, 1, TOKENS, WIDTH);
    problem.scale = 1;
    ag_args_init(&args, q[y * WIDE + x], k, NULL, map);
    return ag_attention_map(context, &problem, &args, why, AG_MESSAGE_SIZE);
}

int main(int argc, char **argv)
{
    char why[AG_MESSAGE_SIZE] = "", name[] = "map_0";
    ag_context *context;
    if (argc != 3 || !read_pixels()) return fputs("photograph OUTDIR H < a table of 256 x 192 pixels\n", stderr), 2;
    make_patches(atof(argv[2]));
    ag_status s = ag_context_create(NULL, &context, why, sizeof why);
    if (!s) s = measure(context, why);
    if (s) return fprintf(stderr, "%s\n", why), 1;
    int good = save(argv[1], "energy", energy) && save(argv[1], "curvature", curvature) &&
               save(argv[1], "received", received) && save(argv[1], "rise", rise);
    for (int i = 0; good && i < 3; i++, name[4]++) {
        if (look(context, looked_at[i][0], looked_at[i][1], why)) return fprintf(stderr, "%s\n", why), 1;
        good = save(argv[1], name, map);
    }
    ag_context_free(context);
    return !good;
}
