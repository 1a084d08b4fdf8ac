/* oracle_sampler.h - the sampler steps of methods.md, one element at a time. Shares no code with the library. */
#ifndef AG_TEST_ORACLE_SAMPLER_H
#define AG_TEST_ORACLE_SAMPLER_H

#include "attnguide.h"

typedef struct oracle_step {
    ag_prediction from;
    double alpha, sigma, alpha_to, sigma_to;
    double eta;           /* DDIM */
    ag_variance variance; /* DDPM */
} oracle_step;

/* Where x goes, with the prediction and the fresh noise z. NAN: it is an error. */
double oracle_noise(const oracle_step *s, double x, double z);
double oracle_ddpm(const oracle_step *s, double x, double prediction, double z);
double oracle_ddim(const oracle_step *s, double x, double prediction, double z);
double oracle_euler(const oracle_step *s, double x, double slope);

/* The weight of the loss. NAN: it is an error. */
double oracle_min_snr(ag_prediction from, double alpha, double sigma, double gamma);

#endif
