/* golden_sampler.c - see golden_sampler.h. */
#include "golden_sampler.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../oracle/oracle_sampler.h"

enum { NOISE, DDPM, DDIM, EULER, MIN_SNR, NONE };

enum { MOST = 3 }; /* inputs: x, prediction, noise */

typedef struct step {
    int piece, inputs;
    oracle_step o;
    double gamma, weights[MOST];
    array in[MOST]; /* in the order of the weights */
} step;

static char wrong[256];

static const char *say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *say(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(wrong, sizeof wrong, format, values);
    va_end(values);
    return wrong;
}

static int piece_of(const golden *g)
{
    static const char *const names[] = { "noise", "ddpm", "ddim", "euler", "min_snr" };
    int piece = 0;
    while (piece < NONE && strcmp(g->operation, names[piece]) != 0) piece++;
    return piece;
}

int golden_is_sampler(const golden *g) { return piece_of(g) != NONE; }

static void read_keys(step *s, const golden *g)
{
    const char *variance = golden_value(g, "variance");
    s->piece = piece_of(g);
    s->o.alpha = golden_number(g, "alpha", NAN);
    s->o.sigma = golden_number(g, "sigma", NAN);
    s->o.alpha_to = golden_number(g, "alpha_to", NAN);
    s->o.sigma_to = golden_number(g, "sigma_to", NAN);
    s->o.eta = golden_number(g, "eta", 0);
    s->gamma = golden_number(g, "gamma", NAN);
    s->o.variance = variance && !strncmp(variance, "large", 5) ? AG_VARIANCE_LARGE : AG_VARIANCE_SMALL;
    if (golden_value(g, "from")) s->o.from = golden_prediction(g, "from");
}

static ag_status weigh(step *s, char *why, size_t size)
{
    const oracle_step *o = &s->o;
    double *w = s->weights;
    switch (s->piece) {
    case NOISE: return ag_weights_noise(w, o->alpha, o->sigma, o->alpha_to, o->sigma_to, why, size);
    case DDPM: return ag_weights_ddpm(w, o->from, o->alpha, o->sigma, o->alpha_to, o->sigma_to, o->variance, why, size);
    case DDIM: return ag_weights_ddim(w, o->from, o->alpha, o->sigma, o->alpha_to, o->sigma_to, o->eta, why, size);
    case EULER: return ag_weights_euler(w, o->sigma, o->sigma_to, why, size);
    default: return ag_weight_min_snr(w, o->from, o->alpha, o->sigma, s->gamma, why, size);
    }
}

/* noise has no prediction, DDIM with eta 0 no noise, and min-SNR neither. */
static void read_arrays(step *s, const golden *g)
{
    static const char *const names[] = { "x", "prediction", "noise" };
    for (int i = 0; i < MOST; i++) {
        s->in[s->inputs] = golden_array(g, names[i]);
        if (s->in[s->inputs].data) s->inputs++;
    }
}

static double at(const step *s, int input, int64_t i)
{
    return input < s->inputs ? ((const float *)s->in[input].data)[i] : 0;
}

static double answer(const step *s, int64_t i)
{
    const double a = at(s, 0, i), b = at(s, 1, i), c = at(s, 2, i);
    switch (s->piece) {
    case NOISE: return oracle_noise(&s->o, a, b);
    case DDPM: return oracle_ddpm(&s->o, a, b, c);
    case DDIM: return oracle_ddim(&s->o, a, b, c);
    case EULER: return oracle_euler(&s->o, a, b);
    default: return oracle_min_snr(s->o.from, s->o.alpha, s->o.sigma, s->gamma);
    }
}

/* The step applied to the arrays of the case; a weight of the loss is its own result. */
static ag_status apply(const step *s, ag_context *context, float *out, int64_t count, char *why)
{
    ag_guidance g;
    ag_guidance_args args;
    if (s->piece == MIN_SNR) return *out = (float)s->weights[0], AG_OK;
    ag_guidance_init(&g, AG_LINEAR, s->inputs, 1, count);
    ag_guidance_args_init(&args);
    for (int k = 0; k < s->inputs; k++) args.input[k] = s->in[k].data;
    args.weights = s->weights;
    args.out = out;
    return ag_guidance_combine(context, &g, &args, why, AG_MESSAGE_SIZE);
}

static const char *compare(const step *s, const float *got, const array *want)
{
    double error = 0, of_oracle = 0, norm = 0;
    for (int64_t i = 0; i < want->count; i++) {
        const double w = ((const float *)want->data)[i], o = answer(s, i);
        error += (got[i] - w) * (got[i] - w);
        of_oracle += (o - w) * (o - w);
        norm += w * w;
    }
    if (!(sqrt(error) <= 1e-6 * sqrt(norm))) return say("out is off by %g", sqrt(error / norm));
    if (!(sqrt(of_oracle) <= 1e-6 * sqrt(norm))) return say("the oracle's out is off by %g", sqrt(of_oracle / norm));
    return NULL;
}

const char *golden_sampler(const golden *g, ag_context *context)
{
    char why[AG_MESSAGE_SIZE] = "";
    const char *is_wrong = NULL;
    step s = { .inputs = 0 };
    read_keys(&s, g);
    read_arrays(&s, g);
    array want = golden_array(g, "out");
    float *out = want.data ? malloc((size_t)want.count * sizeof *out) : NULL;
    if (!out) is_wrong = say("there is no out");
    else if (weigh(&s, why, sizeof why) || apply(&s, context, out, want.count, why)) is_wrong = say("%s", why);
    else is_wrong = compare(&s, out, &want);
    for (int k = 0; k < s.inputs; k++) free(s.in[k].data);
    free(want.data);
    free(out);
    return is_wrong;
}
