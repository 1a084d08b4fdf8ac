/* test_sampler.c - steps of a sampler: their weights beside the oracle, what is refused, and what is the same. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/random.h"
#include "../oracle/oracle_sampler.h"
#include "attnguide.h"
#include "suites.h"

enum { PREDICTIONS = AG_DENOISED + 1 };
enum { NOISE, DDPM, DDIM, EULER, STEPS };

static const char *const names[STEPS] = { "noise", "ddpm", "ddim", "euler" };

static ag_status weigh(int step, const oracle_step *s, double *w, char *why)
{
    const size_t size = AG_MESSAGE_SIZE;
    switch (step) {
    case NOISE: return ag_weights_noise(w, s->alpha, s->sigma, s->alpha_to, s->sigma_to, why, size);
    case DDPM: return ag_weights_ddpm(w, s->from, s->alpha, s->sigma, s->alpha_to, s->sigma_to, s->variance, why, size);
    case DDIM: return ag_weights_ddim(w, s->from, s->alpha, s->sigma, s->alpha_to, s->sigma_to, s->eta, why, size);
    }
    return ag_weights_euler(w, s->sigma, s->sigma_to, why, size);
}

static int weights_of(int step) { return step == DDPM || step == DDIM ? 3 : 2; }

static double answer(int step, const oracle_step *s, const double *in)
{
    switch (step) {
    case NOISE: return oracle_noise(s, in[0], in[1]);
    case DDPM: return oracle_ddpm(s, in[0], in[1], in[2]);
    case DDIM: return oracle_ddim(s, in[0], in[1], in[2]);
    }
    return oracle_euler(s, in[0], in[1]);
}

static double sum_of(const double *w, const double *in, int n, double *size)
{
    double sum = 0;
    *size = 0;
    for (int i = 0; i < n; i++) sum += w[i] * in[i], *size += fabs(w[i] * in[i]);
    return sum;
}

/* ---- beside the oracle ---------------------------------------------------------------------------------------- */

/* The number of steps that were defined. */
static int try_step(int step, const oracle_step *s, const double *in)
{
    double w[4] = { 123, 123, 123, 123 }, size;
    char why[AG_MESSAGE_SIZE] = "";
    const int n = weights_of(step);
    const ag_status status = weigh(step, s, w, why);
    const double want = answer(step, s, in);
    ck_assert_msg(w[n] == 123, "%s writes more than %d weights", names[step], n);
    if (isnan(want)) {
        ck_assert_msg(status == AG_ERR_VALUE, "%s of %d from %g, %g to %g, %g, eta %g is status %d", names[step],
                      (int)s->from, s->alpha, s->sigma, s->alpha_to, s->sigma_to, s->eta, (int)status);
        ck_assert(*why && w[0] == 123 && w[1] == 123 && w[2] == 123);
        return 0;
    }
    ck_assert_msg(status == AG_OK, "%s of %d from %g, %g to %g, %g, eta %g: %s", names[step], (int)s->from, s->alpha,
                  s->sigma, s->alpha_to, s->sigma_to, s->eta, why);
    const double got = sum_of(w, in, n, &size);
    ck_assert_msg(fabs(got - want) <= 1e-12 * (size + fabs(want)), "%s of %d from %g, %g to %g, %g, eta %g: %g for %g",
                  names[step], (int)s->from, s->alpha, s->sigma, s->alpha_to, s->sigma_to, s->eta, got, want);
    return 1;
}

/* On the circle, on the flow's line, anywhere, with alpha 1, at the ends, and where there is no level. */
static void any_level(random_state *r, double *alpha, double *sigma)
{
    static const double fixed[][2] = { { 0, 1 },    { 1, 0 },    { 0, 80 },  { 0.5, 0 }, { 0, 0 },
                                       { -0.1, 1 }, { 1, -0.1 }, { NAN, 1 }, { 1, NAN }, { 1, INFINITY } };
    const double angle = random_between(r, 0.01, 1.56), t = random_between(r, 0.01, 0.99);
    const double moving[][2] = { { cos(angle), sin(angle) },
                                 { 1 - t, t },
                                 { random_between(r, 0.1, 2), random_between(r, 0.1, 80) },
                                 { 1, random_between(r, 0.002, 80) } };
    const int64_t pick = random_below(r, 30);
    const double *level = pick < 20 ? moving[pick % 4] : fixed[pick - 20];
    *alpha = level[0];
    *sigma = level[1];
}

START_TEST(steps_are_right)
{
    static const double etas[] = { 0, 0.3, 0.9, -0.1, 1.1, NAN };
    random_state r = { (uint64_t)_i };
    oracle_step s;
    int defined = 0;
    for (int turn = 0; turn < 200; turn++) {
        double in[3];
        any_level(&r, &s.alpha, &s.sigma);
        any_level(&r, &s.alpha_to, &s.sigma_to);
        s.eta = etas[random_below(&r, sizeof etas / sizeof *etas)];
        s.variance = random_chance(&r, 2) ? AG_VARIANCE_LARGE : AG_VARIANCE_SMALL;
        for (int k = 0; k < 3; k++) in[k] = random_between(&r, -3, 3);
        for (int from = 0; from < PREDICTIONS; from++) {
            s.from = (ag_prediction)from;
            for (int step = 0; step < STEPS; step++) defined += try_step(step, &s, in);
        }
    }
    ck_assert_int_gt(defined, 500);
}
END_TEST

START_TEST(min_snr_is_right)
{
    random_state r = { (uint64_t)_i };
    for (int turn = 0; turn < 200; turn++) {
        static const double gammas[] = { 0, -1, NAN, INFINITY, 5, 1e-3 };
        double alpha, sigma, gamma = gammas[random_below(&r, 6)], weight = 123;
        char why[AG_MESSAGE_SIZE] = "";
        any_level(&r, &alpha, &sigma);
        if (random_chance(&r, 2)) gamma = random_between(&r, 0.1, 20);
        for (int from = 0; from < PREDICTIONS; from++, weight = 123, *why = 0) {
            const double want = oracle_min_snr((ag_prediction)from, alpha, sigma, gamma);
            const ag_status s = ag_weight_min_snr(&weight, (ag_prediction)from, alpha, sigma, gamma, why, sizeof why);
            if (isnan(want)) ck_assert_msg(s && *why && weight == 123, "%d, %g, %g, %g", from, alpha, sigma, gamma);
            else
                ck_assert_msg(!s && fabs(weight - want) <= 1e-14 * want, "%d, %g, %g, %g: %g for %g", from, alpha,
                              sigma, gamma, weight, want);
        }
    }
}
END_TEST

START_TEST(min_snr_has_limits)
{
    static const struct {
        ag_prediction from;
        double alpha, sigma, gamma, want;
    } limits[] = {
        { AG_EPS, 0, 1, 5, 1 },          { AG_X0, 0, 1, 5, 0 },           { AG_V, 0, 1, 5, 0 },
        { AG_EPS, 1, 0, 5, 0 },          { AG_X0, 1, 0, 5, 5 },           { AG_V, 1, 0, 5, 0 },
        { AG_DENOISED, 1, 0, 5, 5 },     { AG_EPS, 2, 1, 4, 1 },          { AG_EPS, 0.3, 0.9, 5, 1 },
        { AG_X0, 2, 1, 4, 4 },           { AG_EPS, 1e300, 1e-300, 5, 0 }, { AG_X0, 1e300, 1e-300, 5, 5 },
        { AG_EPS, 1e-300, 1e300, 5, 1 },
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        double weight = 123;
        ck_assert(
            !ag_weight_min_snr(&weight, limits[i].from, limits[i].alpha, limits[i].sigma, limits[i].gamma, NULL, 0));
        ck_assert_msg(weight == limits[i].want, "%zu: %g for %g", i, weight, limits[i].want);
    }
}
END_TEST

/* ---- what is refused ------------------------------------------------------------------------------------------ */

START_TEST(wrong_steps_are_refused)
{
    static const struct {
        int step;
        oracle_step s;
        ag_status status;
        const char *says;
    } wrong[] = {
        { NOISE, { 0, 0, 1, 0, 1, 0, 0 }, AG_ERR_VALUE, "alpha_to / alpha is undefined: alpha is 0" },
        { NOISE,
          { 0, 0.6, 0.8, 0.8, 0.6, 0, 0 },
          AG_ERR_VALUE,
          "alpha_to 0.8, sigma_to 0.6 is less noisy than alpha 0.6" },
        { NOISE, { 0, 1, 0.5, 1, 0, 0, 0 }, AG_ERR_VALUE, "less noisy" },
        { NOISE, { 0, 1, 1, 1, 1 - 1e-11, 0, 0 }, AG_ERR_VALUE, "less noisy" },
        { NOISE, { 0, 1, -1, 1, 1, 0, 0 }, AG_ERR_VALUE, "sigma is -1" },
        { NOISE, { 0, 1, 1, NAN, 1, 0, 0 }, AG_ERR_VALUE, "alpha_to is nan" },
        { NOISE, { 0, 0, 0, 1, 1, 0, 0 }, AG_ERR_VALUE, "alpha and sigma are both 0" },
        { NOISE, { 0, 1, 1, 0, 0, 0, 0 }, AG_ERR_VALUE, "alpha_to and sigma_to are both 0" },
        { NOISE, { 0, 1e-300, 0, 1e300, 1, 0, 0 }, AG_ERR_VALUE, "weight 0 is inf" },
        { DDPM, { AG_EPS, 1, 0, 1, 0, 0, 0 }, AG_ERR_VALUE, "sigma_to / sigma is undefined: sigma is 0" },
        { DDPM, { AG_EPS, 1, 1, 0, 1, 0, 0 }, AG_ERR_VALUE, "alpha / alpha_to is undefined: alpha_to is 0" },
        { DDPM,
          { AG_EPS, 0.8, 0.6, 0.6, 0.8, 0, 0 },
          AG_ERR_VALUE,
          "alpha_to 0.6, sigma_to 0.8 is noisier than alpha 0.8" },
        { DDPM, { AG_V, 1, 1, 1, 1 + 1e-11, 0, 0 }, AG_ERR_VALUE, "noisier" },
        { DDPM, { AG_EPS, 0, 1, 1, 0.5, 0, 0 }, AG_ERR_VALUE, "x0 from eps is undefined at alpha 0, sigma 1" },
        { DDPM, { AG_SCORE, 0, 1, 1, 0.5, 0, 0 }, AG_ERR_VALUE, "x0 from score is undefined" },
        { DDPM, { AG_V, 1, 1, 1, INFINITY, 0, 0 }, AG_ERR_VALUE, "sigma_to is inf" },
        { DDPM, { AG_V, 1, 1, 1, 0.5, 0, (ag_variance)2 }, AG_ERR_TYPE, "variance is 2" },
        { DDPM, { (ag_prediction)6, 1, 1, 1, 0.5, 0, 0 }, AG_ERR_TYPE, "from is 6" },
        { DDIM, { AG_V, 1, 1, 1, 0.5, -0.01, 0 }, AG_ERR_VALUE, "eta is -0.01" },
        { DDIM, { AG_V, 1, 1, 1, 0.5, 1.01, 0 }, AG_ERR_VALUE, "eta is 1.01" },
        { DDIM, { AG_V, 1, 1, 1, 0.5, NAN, 0 }, AG_ERR_VALUE, "eta is nan" },
        { DDIM, { AG_EPS, 0, 1, 1, 0.5, 0, 0 }, AG_ERR_VALUE, "x0 from eps is undefined at alpha 0, sigma 1" },
        { DDIM, { AG_EPS, 0, 1, 0, 1, 0, 0 }, AG_ERR_VALUE, "x0 from eps" },
        { DDIM, { AG_SCORE, 1, 0, 1, 0, 0, 0 }, AG_ERR_VALUE, "x0 from score is undefined at alpha 1, sigma 0" },
        { DDIM, { AG_X0, 1, 0, 0.8, 0.6, 0, 0 }, AG_ERR_VALUE, "eps from x0 is undefined at alpha 1, sigma 0" },
        { DDIM, { AG_EPS, 1, 0, 0.8, 0.6, 0.5, 0 }, AG_ERR_VALUE, "sigma_to / sigma is undefined" },
        { DDIM, { AG_EPS, 1, 1, 0, 1, 0.5, 0 }, AG_ERR_VALUE, "alpha / alpha_to is undefined" },
        { DDIM, { AG_EPS, 0.8, 0.6, 0.6, 0.8, 0.5, 0 }, AG_ERR_VALUE, "noisier" },
        { DDIM, { (ag_prediction)-1, 1, 1, 1, 1, 0, 0 }, AG_ERR_TYPE, "from is -1" },
        { DDIM, { AG_V, 0, 0, 1, 1, 0, 0 }, AG_ERR_VALUE, "both 0" },
        { EULER, { 0, 0, NAN, 0, 1, 0, 0 }, AG_ERR_VALUE, "sigma is nan" },
        { EULER, { 0, 0, 1, 0, -1, 0, 0 }, AG_ERR_VALUE, "sigma_to is -1" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char why[AG_MESSAGE_SIZE] = "";
        double w[3] = { 123, 123, 123 };
        const ag_status status = weigh(wrong[i].step, &wrong[i].s, w, why);
        ck_assert_msg(status == wrong[i].status && strstr(why, wrong[i].says), "%zu: status %d: %s", i, (int)status,
                      why);
        ck_assert_msg(w[0] == 123 && w[1] == 123 && w[2] == 123, "%zu has written", i);
    }
    for (int step = 0; step < STEPS; step++) {
        char why[AG_MESSAGE_SIZE] = "";
        const oracle_step s = { AG_V, 1, 1, 1, 1, 0, AG_VARIANCE_SMALL };
        ck_assert(weigh(step, &s, NULL, why) == AG_ERR_NULL && !strcmp(why, "weights is NULL"));
    }
}
END_TEST

START_TEST(wrong_min_snr_is_refused)
{
    static const struct {
        int from;
        double alpha, sigma, gamma;
        ag_status status;
        const char *says;
    } wrong[] = {
        { AG_EPS, 1, 1, 0, AG_ERR_VALUE, "gamma is 0" },
        { AG_EPS, 1, 1, -5, AG_ERR_VALUE, "gamma is -5" },
        { AG_EPS, 1, 1, NAN, AG_ERR_VALUE, "gamma is nan" },
        { AG_EPS, 1, 1, INFINITY, AG_ERR_VALUE, "gamma is inf" },
        { AG_EPS, 0, 0, 5, AG_ERR_VALUE, "alpha and sigma are both 0" },
        { AG_V, -1, 1, 5, AG_ERR_VALUE, "alpha is -1" },
        { AG_SCORE, 1, 1, 5, AG_ERR_TYPE, "min-SNR weight of score is undefined" },
        { AG_FLOW, 1, 1, 5, AG_ERR_TYPE, "min-SNR weight of flow is undefined" },
        { 9, 1, 1, 5, AG_ERR_TYPE, "from is 9" },
    };
    char why[AG_MESSAGE_SIZE] = "";
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        double weight = 123;
        const ag_status status = ag_weight_min_snr(&weight, (ag_prediction)wrong[i].from, wrong[i].alpha,
                                                   wrong[i].sigma, wrong[i].gamma, why, sizeof why);
        ck_assert_msg(status == wrong[i].status && strstr(why, wrong[i].says) && weight == 123, "%zu: status %d: %s", i,
                      (int)status, why);
    }
    ck_assert_int_eq(ag_weight_min_snr(NULL, AG_EPS, 1, 1, 5, why, sizeof why), AG_ERR_NULL);
}
END_TEST

/* ---- what is the same ----------------------------------------------------------------------------------------- */

/* To the same level every step is x, by weights that are exact. */
START_TEST(neutral_steps_are_exact)
{
    random_state r = { (uint64_t)_i };
    for (int from = 0; from < PREDICTIONS; from++)
        for (int step = 0; step < STEPS; step++) {
            const double alpha = random_between(&r, 0.001, 3), sigma = random_between(&r, 0.001, 90);
            const double eta = random_chance(&r, 3) ? random_between(&r, 0, 1) : 0;
            const oracle_step s = { (ag_prediction)from, alpha, sigma, alpha, sigma, eta, (ag_variance)(_i % 2) };
            double w[3] = { 0 };
            ck_assert(!weigh(step, &s, w, NULL));
            ck_assert_msg(w[0] == 1 && w[1] == 0 && w[2] == 0, "%s of %d from and to %g, %g: %g, %g, %g", names[step],
                          from, alpha, sigma, w[0] - 1, w[1], w[2]);
        }
}
END_TEST

START_TEST(edges_are_exact)
{
    static const struct {
        int step;
        oracle_step s;
        double want[3];
    } edges[] = {
        { NOISE, { 0, 1, 0, 0.3, 0.7, 0, 0 }, { 0.3, 0.7 } },
        { NOISE, { 0, 1, 0, 1, 0, 0, 0 }, { 1, 0 } },
        { NOISE, { 0, 0.7, 0.3, 0, 1.1, 0, 0 }, { 0, 1.1 } },
        { NOISE, { 0, 1, 1, 1, 1 - 1e-13, 0, 0 }, { 1, 0 } },
        { NOISE, { 0, 1, 1e300, 0, 1e300, 0, 0 }, { 0, 1e300 } },
        { NOISE, { 0, 1, 0, 1, 1e-300, 0, 0 }, { 1, 1e-300 } },
        { DDPM, { AG_X0, 0, 1, 0.3, 0.7, 0, AG_VARIANCE_SMALL }, { 0, 0.3, 0.7 } },
        { DDPM, { AG_X0, 0, 1, 0.3, 0.7, 0, AG_VARIANCE_LARGE }, { 0, 0.3, 1 } },
        { DDPM, { AG_X0, 0.8, 0.6, 1, 0, 0, AG_VARIANCE_LARGE }, { 0, 1, 0 } },
        { DDIM, { AG_X0, 0.8, 0.6, 0.9, 0, 0, 0 }, { 0, 0.9, 0 } },
        { DDIM, { AG_X0, 1, 0, 0.9, 0, 0, 0 }, { 0, 0.9, 0 } },
        { DDIM, { AG_X0, 1, 0, 1, 0, 0, 0 }, { 1, 0, 0 } },
        { DDIM, { AG_EPS, 1, 0, 0.8, 0.6, 0, 0 }, { 0.8, 0.6, 0 } },
        { DDIM, { AG_EPS, 0.8, 0.6, 0, 1, 0, 0 }, { 0, 1, 0 } },
        { DDIM, { AG_X0, 0, 1, 0.3, 0.7, 1, 0 }, { 0, 0.3, 0.7 } },
        { EULER, { 0, 0, 0, 0, 0, 0, 0 }, { 1, 0 } },
        { EULER, { 0, 0, 0.75, 0, 0.5, 0, 0 }, { 1, -0.25 } },
    };
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        double w[3] = { 0 };
        char why[AG_MESSAGE_SIZE] = "";
        ck_assert_msg(!weigh(edges[i].step, &edges[i].s, w, why), "%zu: %s", i, why);
        for (int k = 0; k < 3; k++) ck_assert_msg(w[k] == edges[i].want[k], "%zu: weight %d is %.17g", i, k, w[k]);
    }
}
END_TEST

/* Two levels, the second the less noisy by far enough that V has its digits. */
static oracle_step any_step_back(random_state *r, int from)
{
    oracle_step s = { (ag_prediction)from, 0, 0, 0, 0, 0, AG_VARIANCE_SMALL };
    s.alpha = random_between(r, 0.05, 2);
    s.sigma = random_between(r, 0.05, 20);
    s.alpha_to = random_between(r, 0.05, 2);
    s.sigma_to = s.alpha_to * s.sigma / s.alpha * random_between(r, 0.1, 0.9);
    return s;
}

static void same_weights(const double *a, const double *b, int n, const char *what)
{
    for (int k = 0; k < n; k++)
        ck_assert_msg(fabs(a[k] - b[k]) <= 1e-12 * (1 + fabs(b[k])), "%s: weight %d is %.17g for %.17g", what, k, a[k],
                      b[k]);
}

START_TEST(ddim_of_eta_1_is_ddpm)
{
    random_state r = { (uint64_t)_i };
    for (int from = 0; from < PREDICTIONS; from++) {
        oracle_step s = any_step_back(&r, from);
        double one[3], other[3];
        s.eta = 1;
        ck_assert(!weigh(DDIM, &s, one, NULL) && !weigh(DDPM, &s, other, NULL));
        same_weights(one, other, 3, "DDIM with eta 1");
    }
}
END_TEST

START_TEST(ddim_of_a_flow_is_euler)
{
    random_state r = { (uint64_t)_i };
    const double sigma = random_between(&r, 0, 1), to = random_between(&r, 0, 1);
    const oracle_step s = { AG_FLOW, 1 - sigma, sigma, 1 - to, to, 0, AG_VARIANCE_SMALL };
    double ddim[3], euler[2];
    ck_assert(!weigh(DDIM, &s, ddim, NULL) && !weigh(EULER, &s, euler, NULL));
    same_weights(ddim, euler, 2, "DDIM of a flow");
    ck_assert(ddim[2] == 0);
}
END_TEST

/* (alpha'/alpha) (x - (V^2/sigma) eps) + d z, with V from the noise that goes the other way. */
START_TEST(ddpm_is_the_paper_s)
{
    random_state r = { (uint64_t)_i };
    oracle_step s = any_step_back(&r, AG_EPS);
    double ddpm[3], noise[2];
    ck_assert(!ag_weights_noise(noise, s.alpha_to, s.sigma_to, s.alpha, s.sigma, NULL, 0));
    const double v = noise[1], by = s.alpha_to / s.alpha;
    const double small[3] = { by, -by * v * v / s.sigma, s.sigma_to * v / s.sigma }, large[3] = { by, small[1], v };
    ck_assert(!weigh(DDPM, &s, ddpm, NULL));
    same_weights(ddpm, small, 3, "DDPM small");
    s.variance = AG_VARIANCE_LARGE;
    ck_assert(!weigh(DDPM, &s, ddpm, NULL));
    same_weights(ddpm, large, 3, "DDPM large");
}
END_TEST

START_TEST(two_noises_are_one)
{
    random_state r = { (uint64_t)_i };
    const oracle_step far = any_step_back(&r, AG_EPS);
    const double alpha = random_between(&r, 0.05, 2), sigma = alpha * far.sigma_to / far.alpha_to * 0.5;
    double first[2], second[2], both[2];
    ck_assert(!ag_weights_noise(first, alpha, sigma, far.alpha_to, far.sigma_to, NULL, 0));
    ck_assert(!ag_weights_noise(second, far.alpha_to, far.sigma_to, far.alpha, far.sigma, NULL, 0));
    ck_assert(!ag_weights_noise(both, alpha, sigma, far.alpha, far.sigma, NULL, 0));
    const double composed[2] = { first[0] * second[0], hypot(second[0] * first[1], second[1]) };
    same_weights(composed, both, 2, "noise after noise");
}
END_TEST

Suite *suite_sampler(void)
{
    Suite *s = suite_create("sampler");
    TCase *c = tcase_create("sampler");
    add_loop(c, steps_are_right, 0, 20);
    add_loop(c, min_snr_is_right, 0, 10);
    add_test(c, min_snr_has_limits);
    add_test(c, wrong_steps_are_refused);
    add_test(c, wrong_min_snr_is_refused);
    add_loop(c, neutral_steps_are_exact, 0, 20);
    add_test(c, edges_are_exact);
    add_loop(c, ddim_of_eta_1_is_ddpm, 0, 20);
    add_loop(c, ddim_of_a_flow_is_euler, 0, 20);
    add_loop(c, ddpm_is_the_paper_s, 0, 20);
    add_loop(c, two_noises_are_one, 0, 20);
    suite_add_tcase(s, c);
    return s;
}
