/* test_weights.c - the plain functions beside the rules: weights, conversions between predictions, schedules. */
#include <math.h>
#include <string.h>

#include "attnguide.h"
#include "../oracle/oracle_guidance.h"
#include "../harness/random.h"
#include "suites.h"

enum { PREDICTIONS = AG_DENOISED + 1 };

static int near(double got, double want, double scale) { return fabs(got - want) <= 1e-12 * (scale + fabs(want)); }

static double applied(const double *weights, const double *inputs, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += weights[i] * inputs[i];
    return sum;
}

START_TEST(weights_are_the_formulas)
{
    random_state r = { (uint64_t)_i };
    const double c = random_between(&r, -1, 1), u = random_between(&r, -1, 1), p = random_between(&r, -1, 1);
    const double g = random_between(&r, -2, 15), w = random_between(&r, -2, 9), sigma = random_between(&r, 0, 20);
    const double cu[] = { c, u }, cp[] = { c, p }, cup[] = { c, u, p };
    double two[2], three[3], four[4] = { 0.5, 0, 0, 0.25 };
    ag_weights_cfg(two, g);
    ck_assert(near(applied(two, cu, 2), u + g * (c - u), 20));
    ag_weights_perturbed(two, w);
    ck_assert(near(applied(two, cp, 2), c + w * (c - p), 20));
    ag_weights_cfg_perturbed(three, g, w);
    ck_assert(near(applied(three, cup, 3), u + g * (c - u) + w * (c - p), 20));
    ag_weights_oseg(three, g, w);
    ck_assert(near(applied(three, cup, 3), c + (g - 1) * (c - u) + w * (c - p), 20));
    ag_weights_classifier(two, w, sigma);
    ck_assert(near(applied(two, cp, 2), c - w * sigma * p, 200));
    ag_weights_add(four, 1, 3, w);
    ck_assert(four[0] == 0.5 && four[1] == w && four[2] == 0 && near(four[3], 0.25 - w, 1));
}
END_TEST

START_TEST(neutral_weights_are_exact)
{
    double w[3];
    ag_weights_cfg(w, 1);
    ck_assert(w[0] == 1 && w[1] == 0);
    ag_weights_perturbed(w, 0);
    ck_assert(w[0] == 1 && w[1] == 0);
    ag_weights_cfg_perturbed(w, 1, 0);
    ck_assert(w[0] == 1 && w[1] == 0 && w[2] == 0);
    ag_weights_oseg(w, 1, 0);
    ck_assert(w[0] == 1 && w[1] == 0 && w[2] == 0);
    ag_weights_classifier(w, 0, 3);
    ck_assert(w[0] == 1 && w[1] == 0);
}
END_TEST

/* ---- conversions ---------------------------------------------------------------------------------------------- */

static void try_pair(ag_prediction from, ag_prediction to, double alpha, double sigma, double x, double prediction)
{
    double weights[2] = { 123, 456 };
    char why[AG_MESSAGE_SIZE] = "";
    const ag_status status = ag_weights_convert(weights, from, to, alpha, sigma, why, sizeof why);
    const double want = oracle_convert(from, to, alpha, sigma, x, prediction);
    if (isnan(want)) {
        ck_assert_msg(status == AG_ERR_VALUE, "%d to %d at %g, %g is status %d", from, to, alpha, sigma, (int)status);
        ck_assert(*why && weights[0] == 123 && weights[1] == 456);
        return;
    }
    ck_assert_msg(status == AG_OK, "%d to %d at %g, %g: %s", from, to, alpha, sigma, why);
    const double got = weights[0] * x + weights[1] * prediction;
    ck_assert_msg(near(got, want, fabs(weights[0]) + fabs(weights[1])), "%d to %d at %g, %g is %g for %g", from, to,
                  alpha, sigma, got, want);
}

/* Every pair, on the variance-preserving circle, on the flow's line, anywhere, and where it is undefined. */
START_TEST(conversions_are_right)
{
    random_state r = { (uint64_t)_i };
    const double angle = random_between(&r, 0.01, 1.56), t = random_between(&r, 0.01, 0.99);
    const double at[][2] = { { cos(angle), sin(angle) },
                             { 1 - t, t },
                             { random_between(&r, 0.1, 2), random_between(&r, 0.1, 80) },
                             { 1, random_between(&r, 0.002, 80) },
                             { 0, 1 },
                             { 1, 0 },
                             { 0, 0 },
                             { 0.5, -0.5 } };
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        for (int from = 0; from < PREDICTIONS; from++)
            for (int to = 0; to < PREDICTIONS; to++)
                try_pair((ag_prediction)from, (ag_prediction)to, at[i][0], at[i][1], random_between(&r, -3, 3),
                         random_between(&r, -3, 3));
}
END_TEST

/* From the definitions: x and every prediction of one known x0 and eps. */
START_TEST(definitions_agree)
{
    random_state r = { (uint64_t)_i };
    const double alpha = random_between(&r, 0.1, 1), sigma = random_between(&r, 0.1, 1);
    const double x0 = random_between(&r, -1, 1), eps = random_between(&r, -1, 1), x = alpha * x0 + sigma * eps;
    const double is[PREDICTIONS] = { [AG_EPS] = eps,
                                     [AG_X0] = x0,
                                     [AG_V] = alpha * eps - sigma * x0,
                                     [AG_SCORE] = -eps / sigma,
                                     [AG_FLOW] = eps - x0,
                                     [AG_DENOISED] = x / alpha - sigma / alpha * eps };
    for (int from = 0; from < PREDICTIONS; from++)
        for (int to = 0; to < PREDICTIONS; to++) {
            double w[2];
            ck_assert(!ag_weights_convert(w, (ag_prediction)from, (ag_prediction)to, alpha, sigma, NULL, 0));
            ck_assert(near(w[0] * x + w[1] * is[from], is[to], fabs(w[0]) + fabs(w[1])));
        }
}
END_TEST

START_TEST(wrong_conversions_are_refused)
{
    static const struct {
        int from, to;
        double alpha, sigma;
        ag_status status;
        const char *names;
    } wrong[] = {
        { AG_EPS, AG_X0, 0, 1, AG_ERR_VALUE, "alpha 0" },
        { AG_SCORE, AG_X0, 0, 1, AG_ERR_VALUE, "alpha 0" },
        { AG_X0, AG_EPS, 1, 0, AG_ERR_VALUE, "sigma 0" },
        { AG_SCORE, AG_SCORE, 1, 0, AG_ERR_VALUE, "sigma 0" },
        { AG_EPS, AG_SCORE, 1, 0, AG_ERR_VALUE, "score" },
        { AG_V, AG_SCORE, 1, 0, AG_ERR_VALUE, "score" },
        { AG_FLOW, AG_EPS, 0.5, -0.5, AG_ERR_VALUE, "flow" },
        { AG_V, AG_X0, 0, 0, AG_ERR_VALUE, "v" },
        { AG_EPS, AG_V, NAN, 1, AG_ERR_VALUE, "nan" },
        { AG_EPS, AG_V, 1, INFINITY, AG_ERR_VALUE, "inf" },
        { 6, AG_V, 1, 1, AG_ERR_TYPE, "6" },
        { AG_EPS, -2, 1, 1, AG_ERR_TYPE, "-2" },
    };
    char why[AG_MESSAGE_SIZE] = "";
    double w[2];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const ag_status status = ag_weights_convert(w, (ag_prediction)wrong[i].from, (ag_prediction)wrong[i].to,
                                                    wrong[i].alpha, wrong[i].sigma, why, sizeof why);
        ck_assert_msg(status == wrong[i].status && strstr(why, wrong[i].names), "%zu: status %d: %s", i, (int)status,
                      why);
    }
    ck_assert_int_eq(ag_weights_convert(NULL, AG_EPS, AG_V, 1, 1, why, sizeof why), AG_ERR_NULL);
}
END_TEST

/* ---- schedules ------------------------------------------------------------------------------------------------ */

START_TEST(schedules_are_right)
{
    ck_assert(ag_schedule_adaptive(3, 0.01, 1000) == 3);
    ck_assert(near(ag_schedule_adaptive(3, 0.01, 900), 2, 1));
    ck_assert(ag_schedule_adaptive(3, 0.01, 600) == 0 && ag_schedule_adaptive(3, 0.01, 0) == 0);
    ck_assert(ag_schedule_adaptive(3, 0, 0) == 3 && ag_schedule_adaptive(-1, 0, 500) == 0);
    ck_assert(ag_schedule_interval(3, 0.28, 0.28, 5.42) == 0 && ag_schedule_interval(3, 0.281, 0.28, 5.42) == 3);
    ck_assert(ag_schedule_interval(3, 5.42, 0.28, 5.42) == 3 && ag_schedule_interval(3, 5.43, 0.28, 5.42) == 0);
    ck_assert(ag_schedule_interval(3, NAN, 0.28, 5.42) == 0 && ag_schedule_interval(3, 80, 0.28, INFINITY) == 3);
}
END_TEST

Suite *suite_weights(void)
{
    Suite *s = suite_create("weights");
    TCase *c = tcase_create("weights");
    add_loop(c, weights_are_the_formulas, 0, 20);
    add_test(c, neutral_weights_are_exact);
    add_loop(c, conversions_are_right, 0, 20);
    add_loop(c, definitions_agree, 0, 20);
    add_test(c, wrong_conversions_are_refused);
    add_test(c, schedules_are_right);
    suite_add_tcase(s, c);
    return s;
}
