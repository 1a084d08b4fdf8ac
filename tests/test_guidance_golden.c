/* test_guidance_golden.c - the golden cases of guidance: the library and the oracle against them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "combination.h"
#include "golden.h"
#include "kernels.h"
#include "oracle_guidance.h"
#include "suites.h"

static char guidance_folder[600];

static const struct {
    const char *operation;
    ag_rule rule;
    const char *inputs[3];
    int by_rows;
} operations[] = {
    { "combine", AG_LINEAR, { "cond", "uncond", "perturbed" }, 0 },
    { "apg", AG_APG, { "cond", "uncond", NULL }, 0 },
    { "cfg_zero_star", AG_CFG_ZERO, { "cond", "uncond", NULL }, 0 },
    { "nag", AG_NAG, { "positive", "negative", NULL }, 1 },
    { "merge", AG_MERGE, { "out_a", "out_b", NULL }, 1 },
    { "convert", AG_LINEAR, { "x", "prediction", NULL }, 0 },
};

typedef struct golden_run {
    const golden *g;
    combination x; /* g, a and weights alone */
    array in[3], lse[2];
    float *momentum;
} golden_run;

static ag_prediction prediction_of(const golden *g, const char *key)
{
    static const char *const names[] = { "eps ", "x0 ", "v ", "score ", "flow " };
    int i = 0;
    while (i < 4 && strncmp(golden_value(g, key), names[i], strlen(names[i])) != 0) i++;
    return (ag_prediction)i;
}

static void golden_weights(golden_run *r, int has_uncond)
{
    const double cfg = golden_number(r->g, "cfg_scale", 1), w = golden_number(r->g, "perturbed_scale", 0);
    double *weights = r->x.weights, three[3];
    if (!strcmp(r->g->operation, "convert")) {
        ck_assert(!ag_weights_convert(weights, prediction_of(r->g, "from"), prediction_of(r->g, "to"),
                                      golden_number(r->g, "alpha", 0), golden_number(r->g, "sigma", 0), NULL, 0));
        return;
    }
    if (!strncmp(r->g->name, "combine_oseg", 12)) ag_weights_oseg(three, cfg, w);
    else ag_weights_cfg_perturbed(three, cfg, w);
    for (int i = 0, k = 0; i < 3; i++)
        if (i != 1 || has_uncond) weights[k++] = three[i];
}

static void golden_open(golden_run *r, int number)
{
    const golden *g = r->g;
    const int by_rows = operations[number].by_rows;
    int inputs = 0, has_uncond = 0;
    for (int i = 0; i < 3 && operations[number].inputs[i]; i++) {
        const array a = golden_array(g, operations[number].inputs[i]);
        if (a.data) r->in[inputs++] = a;
        if (a.data && i == 1) has_uncond = 1;
    }
    const array *a = &r->in[0];
    const int64_t samples = by_rows ? a->count / a->shape[a->rank - 1] : a->shape[0];
    combination_init(&r->x, operations[number].rule, inputs, samples, a->count / samples);
    for (int k = 0; k < inputs; k++) r->x.a.input[k] = r->in[k].data;
    if (golden_value(g, "rescale")) r->x.g.rule = AG_RESCALE;
    r->x.g.norm = (int)golden_number(g, "norm", 1);
    r->x.g.from_uncond = golden_value(g, "base") && !strncmp(golden_value(g, "base"), "uncond", 6);
    r->x.a.rescale = golden_number(g, "rescale", 0);
    r->x.a.scale = golden_number(g, golden_value(g, "nag_scale") ? "nag_scale" : "cfg_scale", 1);
    r->x.a.eta = golden_number(g, "eta", 1);
    r->x.a.radius = golden_number(g, "radius", 0);
    r->x.a.momentum = golden_number(g, "momentum", 0);
    r->x.a.tau = golden_number(g, "tau", 2.5);
    r->x.a.alpha = golden_number(g, "alpha", 0.25);
    golden_weights(r, has_uncond);
    for (int i = 0; i < 2 && r->x.g.rule == AG_MERGE; i++) r->lse[i] = golden_array(g, i ? "lse_b" : "lse_a");
    for (int i = 0; i < 2; i++) r->x.a.lse[i] = r->lse[i].data;
    if (r->x.g.rule != AG_APG) return;
    r->x.a.input[2] = r->momentum = calloc((size_t)a->count, sizeof(float));
    r->x.g.inputs = 3;
}

static void compare(const golden_run *r, const char *name, const float *got, const double *oracle)
{
    array want = golden_array(r->g, name);
    double error = 0, of_oracle = 0, norm = 0;
    for (int64_t i = 0; i < want.count; i++) {
        const double w = ((const float *)want.data)[i];
        if (isinf(w)) ck_assert_msg(got[i] == w && oracle[i] == w, "%s/%s", r->g->name, name);
        if (isinf(w)) continue;
        error += (got[i] - w) * (got[i] - w);
        of_oracle += (oracle[i] - w) * (oracle[i] - w);
        norm += w * w;
    }
    ck_assert_msg(want.data && sqrt(error) <= 1e-6 * sqrt(norm), "%s/%s is off by %g", r->g->name, name,
                  sqrt(error / norm));
    ck_assert_msg(sqrt(of_oracle) <= 1e-6 * sqrt(norm), "the oracle's %s/%s is off by %g", r->g->name, name,
                  sqrt(of_oracle / norm));
    free(want.data);
}

static void golden_step(golden_run *r, ag_context *context, const char *name)
{
    const size_t all = (size_t)r->in[0].count, samples = (size_t)r->x.g.samples;
    float *out = malloc(all * sizeof *out), *lse = malloc(samples * sizeof *lse);
    double *want = malloc(2 * all * sizeof *want), *want_lse = malloc(samples * sizeof *want_lse);
    char why[AG_MESSAGE_SIZE] = "";
    memset(out, 0xff, all * sizeof *out);
    memset(lse, 0xff, samples * sizeof *lse);
    r->x.a.out = out;
    r->x.a.lse_out = lse;
    r->x.a.weights = r->x.weights;
    oracle_guidance(&r->x.g, &r->x.a, want, want + all, want_lse);
    ck_assert_msg(!ag_guidance_combine(context, &r->x.g, &r->x.a, why, sizeof why), "%s: %s", r->g->name, why);
    compare(r, name, out, want);
    if (r->x.g.rule == AG_MERGE) compare(r, "lse", lse, want_lse);
    free(out);
    free(lse);
    free(want);
    free(want_lse);
}

/* The second step of APG, with the momentum of the first. */
static void golden_second_step(golden_run *r, ag_context *context)
{
    array cond = golden_array(r->g, "cond2"), uncond = golden_array(r->g, "uncond2");
    r->x.a.input[0] = cond.data;
    r->x.a.input[1] = uncond.data;
    if (cond.data) golden_step(r, context, "out2");
    free(cond.data);
    free(uncond.data);
}

START_TEST(golden_cases_are_right)
{
    const char *kept = golden_folder;
    golden g;
    golden_folder = guidance_folder;
    ck_assert(!golden_case(_i, &g));
    ag_context *context = kernels_context(2);
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        golden_run r = { .g = &g };
        if (strcmp(g.operation, operations[i].operation)) continue;
        golden_open(&r, (int)i);
        golden_step(&r, context, "out");
        golden_second_step(&r, context);
        for (int k = 0; k < 3; k++) free(r.in[k].data);
        for (int k = 0; k < 2; k++) free(r.lse[k].data);
        free(r.momentum);
    }
    ag_context_free(context);
    golden_folder = kept;
}
END_TEST

static int count_golden(void)
{
    const char *kept = golden_folder;
    snprintf(guidance_folder, sizeof guidance_folder, "%s/../guidance", kept);
    golden_folder = guidance_folder;
    const int count = golden_count();
    golden_folder = kept;
    return count;
}

START_TEST(golden_is_there) { ck_assert_int_gt(count_golden(), 0); }
END_TEST

Suite *suite_guidance_golden(void)
{
    Suite *s = suite_create("guidance_golden");
    TCase *c = tcase_create("guidance_golden");
    tcase_add_test(c, golden_is_there);
    tcase_add_loop_test(c, golden_cases_are_right, 0, count_golden());
    suite_add_tcase(s, c);
    return s;
}
