/* scene.c - the demo's task: a photograph, the same with noise, and the noisy one's patches as queries and keys. */
#include "scene.h"

#include <math.h>
#include <stdlib.h>

/* Of the noise's expected squared distance between equal patches, 2 D noise^2; found by trying (demo/README.md). */
#define BANDWIDTH_SHARE 0.22

/* splitmix64: the whole state is one counter, good enough for noise on a picture. */
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Box and Muller; the first uniform is in (0, 1], so that its logarithm is finite. */
static double random_gaussian(uint64_t *state)
{
    double radius = ((double)(random_next(state) >> 11) + 1) * 0x1p-53;
    double angle = (double)(random_next(state) >> 11) * 0x1p-53;
    return sqrt(-2 * log(radius)) * cos(6.283185307179586 * angle);
}

/* The noisy picture is what its .png can hold, 8 bits, so that the saved file is exactly the input. */
static void add_noise(scene *s, double noise, uint64_t seed)
{
    for (int64_t i = 0; i < 3 * s->tokens; i++) {
        double value = s->clean.pixel[i] + noise * random_gaussian(&seed);
        s->noisy.pixel[i] = (float)(rint(255 * fmin(fmax(value, 0), 1)) / 255);
    }
}

/* Means of factor x factor pixels; what does not fill a square at the right and lower edge is left out. */
static bool shrink(picture *image, int factor, fault *why)
{
    picture small;
    if (factor == 1) return true;
    if (!picture_make(&small, image->width / factor, image->height / factor, why)) return false;
    for (int64_t i = 0; i < (int64_t)small.width * small.height * 3; i++) {
        int64_t channel = i % 3, x = i / 3 % small.width * factor, y = i / 3 / small.width * factor;
        double sum = 0;
        for (int64_t cell = 0; cell < (int64_t)factor * factor; cell++)
            sum += image->pixel[((y + cell / factor) * image->width + x + cell % factor) * 3 + channel];
        small.pixel[i] = (float)(sum / factor / factor);
    }
    picture_free(image);
    *image = small;
    return true;
}

static int reflect(int at, int extent)
{
    at = abs(at);
    return at < extent ? at : 2 * (extent - 1) - at;
}

static void mean_colour(const scene *s, double *mean)
{
    for (int channel = 0; channel < 3; channel++) {
        double sum = 0;
        for (int64_t i = 0; i < s->tokens; i++) sum += s->noisy.pixel[3 * i + channel];
        mean[channel] = sum / (double)s->tokens;
    }
}

/* The patch around pixel i, less the mean colour: distances stay, numbers are small. Returns its squared norm. */
static double cut_patch(const scene *s, int64_t i, int side, const double *mean, float *patch)
{
    int x = (int)(i % s->noisy.width), y = (int)(i / s->noisy.width);
    double square = 0;
    for (int cell = 0; cell < side * side; cell++) {
        int64_t row = reflect(y + cell / side - side / 2, s->noisy.height);
        int64_t column = reflect(x + cell % side - side / 2, s->noisy.width);
        for (int channel = 0; channel < 3; channel++) {
            double value = s->noisy.pixel[(row * s->noisy.width + column) * 3 + channel] - mean[channel];
            *patch++ = (float)value;
            square += value * value;
        }
    }
    return square;
}

static void make_patches(scene *s, int side)
{
    double mean[3], scale = 1 / (s->bandwidth * s->bandwidth), total = 0;
    mean_colour(s, mean);
    for (int64_t i = 0; i < s->tokens; i++) {
        float *q = s->q + i * s->width, *k = s->k + i * s->width;
        double square = cut_patch(s, i, side, mean, q);
        for (int64_t t = 0; t < s->width - 1; t++) k[t] = (float)(2 * scale * q[t]);
        q[s->width - 1] = 1;
        k[s->width - 1] = (float)(-scale * square);
        total += scale * square;
    }
    s->mean_square = total / (double)s->tokens;
}

static bool judge_options(const options *o, fault *why)
{
    if (o->patch % 2 == 0 || o->patch > 15)
        return fault_set(why, "--patch: %d is not an odd side up to 15", (int)o->patch);
    if (!(o->noise >= 0 && o->noise <= 1)) return fault_set(why, "--noise: %g is not in 0 .. 1", o->noise);
    if (!(o->bandwidth >= 0 && o->bandwidth <= 1e6))
        return fault_set(why, "--bandwidth: %g is not above 0 and at most 1e6", o->bandwidth);
    if (o->bandwidth == 0 && o->noise == 0)
        return fault_set(why, "--bandwidth is needed with --noise 0: by default it follows from the noise");
    return true;
}

static bool make_arrays(scene *s, const options *o, fault *why)
{
    if (s->clean.width <= o->patch / 2 || s->clean.height <= o->patch / 2)
        return fault_set(why, "a picture of %d x %d pixels has no patches of %d x %d", s->clean.width, s->clean.height,
                         (int)o->patch, (int)o->patch);
    s->tokens = (int64_t)s->clean.width * s->clean.height;
    s->width = 3 * (int64_t)o->patch * o->patch + 1;
    size_t bytes = (size_t)s->tokens * (size_t)s->width * sizeof(float);
    s->q = malloc(bytes);
    s->k = malloc(bytes);
    if (s->q == NULL || s->k == NULL) return fault_set(why, "there is no memory for the patches");
    return picture_make(&s->noisy, s->clean.width, s->clean.height, why);
}

bool scene_make(const char *path, const options *o, scene *s, fault *why)
{
    *s = (scene){ 0 };
    if (!judge_options(o, why) || !png_file_read(path, &s->clean, why) || !shrink(&s->clean, o->shrink, why) ||
        !make_arrays(s, o, why))
        return false;
    s->bandwidth = o->bandwidth > 0 ? o->bandwidth : o->noise * sqrt(BANDWIDTH_SHARE * 2 * (double)(s->width - 1));
    add_noise(s, o->noise, o->seed);
    make_patches(s, o->patch);
    return true;
}

void scene_free(scene *s)
{
    picture_free(&s->clean);
    picture_free(&s->noisy);
    free(s->q);
    free(s->k);
    *s = (scene){ 0 };
}

double scene_psnr(const scene *s, const float *pixel)
{
    double sum = 0;
    for (int64_t i = 0; i < 3 * s->tokens; i++) {
        double error = fmin(fmax(pixel[i], 0), 1) - s->clean.pixel[i];
        sum += error * error;
    }
    return -10 * log10(sum / (double)(3 * s->tokens));
}
