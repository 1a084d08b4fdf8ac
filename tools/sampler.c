/* sampler.c - steps of a sampler by name: what each needs, and its weights. */
#include "sampler.h"

#include <string.h>

#include "options.h"

static ag_status weigh_noise(const step_options *s, double *w, fault *why)
{
    return ag_weights_noise(w, s->alpha, s->sigma, s->alpha_to, s->sigma_to, why->text, sizeof why->text);
}

static ag_status weigh_ddpm(const step_options *s, double *w, fault *why)
{
    return ag_weights_ddpm(w, s->from, s->alpha, s->sigma, s->alpha_to, s->sigma_to, s->variance, why->text,
                           sizeof why->text);
}

static ag_status weigh_ddim(const step_options *s, double *w, fault *why)
{
    return ag_weights_ddim(w, s->from, s->alpha, s->sigma, s->alpha_to, s->sigma_to, s->eta, why->text,
                           sizeof why->text);
}

static ag_status weigh_euler(const step_options *s, double *w, fault *why)
{
    return ag_weights_euler(w, s->sigma, s->sigma_to, why->text, sizeof why->text);
}

static ag_status weigh_min_snr(const step_options *s, double *w, fault *why)
{
    return ag_weight_min_snr(w, s->from, s->alpha, s->sigma, s->gamma, why->text, sizeof why->text);
}

enum {
    PREDICTED = 1 << STEP_X | 1 << STEP_PREDICTION,
    SIGMAS = 1 << STEP_SIGMA | 1 << STEP_SIGMA_TO,
    LEVELS = SIGMAS | 1 << STEP_ALPHA | 1 << STEP_ALPHA_TO,
    FROM = 1 << STEP_FROM,
    NOISE = 1 << STEP_NOISE
};

static const sampler samplers[] = {
    { "noise", "x with more noise: (A'/A) x + V z", 1 << STEP_X | NOISE | LEVELS, 0, weigh_noise },
    { "ddpm", "(A/A') (S'/S)^2 x + A' (V/S)^2 x0 + d z (arXiv 2006.11239)", PREDICTED | NOISE | FROM | LEVELS,
      1 << STEP_VARIANCE, weigh_ddpm },
    { "ddim", "A' x0 + sqrt(S'^2 - c^2) eps + c z (arXiv 2010.02502)", PREDICTED | FROM | LEVELS, NOISE | 1 << STEP_ETA,
      weigh_ddim },
    { "euler", "x + (S' - S) dx/dS, which is what was predicted", PREDICTED | SIGMAS, 0, weigh_euler },
    { "min_snr", "one number: the weight of the loss in training (arXiv 2303.09556)",
      FROM | 1 << STEP_ALPHA | 1 << STEP_SIGMA | 1 << STEP_GAMMA, 0, weigh_min_snr },
};

enum { SAMPLERS = sizeof samplers / sizeof samplers[0] };

const sampler *sampler_at(int i) { return i < SAMPLERS ? &samplers[i] : NULL; }

const char *sampler_name(int i) { return i < SAMPLERS ? samplers[i].name : NULL; }

const sampler *sampler_find(const char *name)
{
    int i = 0;
    while (i < SAMPLERS && strcmp(name, samplers[i].name) != 0) i++;
    return sampler_at(i);
}

static const char *const options_of[STEP_GIVEN] = { "x",        "prediction", "noise",    "from", "alpha", "sigma",
                                                    "alpha-to", "sigma-to",   "variance", "eta",  "gamma" };

const char *sampler_file_name(int file) { return options_of[file]; }

bool sampler_reads(const sampler *step, const step_options *s, int file)
{
    if (step->needs & 1u << file) return true;
    return file == STEP_NOISE && (step->may & NOISE) && s->eta != 0;
}

static bool file_complete(const sampler *step, const step_options *s, int file, fault *why)
{
    const char *when = !(step->may & 1u << file) ? "" : s->eta != 0 ? " where eta is not 0" : " where eta is 0";
    const bool reads = sampler_reads(step, s, file);
    if (reads == (s->has[file] != 0)) return true;
    return fault_set(why, "%s %s --%s%s", step->name, reads ? "needs" : "has no", options_of[file], when);
}

static bool number_complete(const sampler *step, const step_options *s, int number, fault *why)
{
    if (!s->has[number] && (step->needs & 1u << number))
        return fault_set(why, "%s needs --%s", step->name, options_of[number]);
    if (s->has[number] && !((step->needs | step->may) & 1u << number))
        return fault_set(why, "%s has no --%s", step->name, options_of[number]);
    return true;
}

bool sampler_complete(const options *o, fault *why)
{
    for (int i = 0; i < STEP_FILES; i++)
        if (!file_complete(o->sampler, &o->step, i, why)) return false;
    for (int i = STEP_FILES; i < STEP_GIVEN; i++)
        if (!number_complete(o->sampler, &o->step, i, why)) return false;
    return o->out != NULL ? true : fault_set(why, "%s needs --out", o->sampler->name);
}
