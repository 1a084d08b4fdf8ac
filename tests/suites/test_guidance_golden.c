/* test_guidance_golden.c - the golden cases of guidance: the library and the oracle against them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../emulated/emulated.h"
#include "../harness/combination.h"
#include "../harness/golden.h"
#include "../harness/golden_sampler.h"
#include "../harness/kernels.h"
#include "../oracle/oracle_guidance.h"
#include "suites.h"

static char guidance_folder[600];

/* Linear combinations by their names; those of every other are its rule's, which tells of its inputs. */
static const struct {
    const char *operation, *inputs;
} linear[] = { { "combine", "cond uncond perturbed" }, { "convert", "x prediction" } };

typedef struct golden_run {
    const golden *g;
    combination x; /* g, a and weights alone */
    array in[AG_MOST_INPUTS], lse[2];
    float *state;
} golden_run;

static void golden_weights(golden_run *r, int has_uncond)
{
    const double cfg = golden_number(r->g, "cfg_scale", 1), w = golden_number(r->g, "perturbed_scale", 0);
    double *weights = r->x.weights, three[3];
    if (!strcmp(r->g->operation, "convert")) {
        ck_assert(!ag_weights_convert(weights, golden_prediction(r->g, "from"), golden_prediction(r->g, "to"),
                                      golden_number(r->g, "alpha", 0), golden_number(r->g, "sigma", 0), NULL, 0));
        return;
    }
    if (!strncmp(r->g->name, "combine_oseg", 12)) ag_weights_oseg(three, cfg, w);
    else ag_weights_cfg_perturbed(three, cfg, w);
    for (int i = 0, k = 0; i < 3; i++)
        if (i != 1 || has_uncond) weights[k++] = three[i];
}

static int is_word(const char *text, const char *word, size_t length)
{
    return !strncmp(text, word, length) && (text[length] == ' ' || text[length] == '\n' || text[length] == 0);
}

/* Number `n` of a list such as "10,5"; absent: not set. */
static double golden_listed(const char *list, int n)
{
    for (; list && n > 0; n--)
        list = strpbrk(list, ", ") && *strpbrk(list, ", ") == ',' ? strpbrk(list, ",") + 1 : NULL;
    return list ? atof(list) : AG_NOT_SET;
}

/* The value of a word: its place in p->words. */
static double golden_word(const ag_parameter_info *p, const char *text)
{
    double value = p->least;
    const char *word = p->words;
    for (; text && *word; value++) {
        const size_t length = strcspn(word, " ");
        if (is_word(text, word, length)) return value;
        word += length + strspn(word + length, " ");
    }
    return AG_NOT_SET;
}

/* A parameter's name is its key. Where several have one name, they are listed. */
static void golden_parameters(golden_run *r)
{
    ag_parameter_info p;
    char before[32] = "";
    int listed = 0;
    ag_parameter_info_init(&p);
    for (int i = 0; !ag_rule_parameter_at(r->x.g.rule, i, &p); i++) {
        listed = !strcmp(before, p.name) ? listed + 1 : 0;
        snprintf(before, sizeof before, "%s", p.name);
        const char *text = golden_value(r->g, p.name);
        r->x.parameters[i] = p.words ? golden_word(&p, text) : golden_listed(text, listed);
    }
}

/* What a sample is: its groups, or a picture, whose levels the first list counts. */
static void golden_shape(golden_run *r, const array *a)
{
    ag_guidance *g = &r->x.g;
    long long n[3];
    if (golden_value(r->g, "group") && sscanf(golden_value(r->g, "group"), "%lldx%lldx%lld", &n[0], &n[1], &n[2]) == 3)
        for (int i = 0; i < 3; i++) g->group[i] = n[i];
    if (!(combination_info(g->rule).uses & AG_USES_PICTURE)) return;
    for (int i = 0; i < 3; i++) g->picture[i] = a->shape[i + 1];
    for (g->levels = 1; !isnan(golden_listed(golden_value(r->g, "scales"), g->levels));) g->levels++;
}

/* The rule of a case and the names of its inputs; NULL: no rule is called so. */
static const char *golden_inputs(const golden *g, ag_rule_info *info)
{
    ag_rule_info_init(info);
    for (size_t i = 0; i < sizeof linear / sizeof *linear; i++)
        if (!strcmp(g->operation, linear[i].operation)) return !ag_rule_at(AG_LINEAR, info) ? linear[i].inputs : NULL;
    for (int i = 0; !ag_rule_at(i, info); i++)
        if (!strcmp(g->operation, info->name)) return info->inputs ? info->inputs : linear[0].inputs;
    return NULL;
}

/* The arrays of those names that the case has, in order; whether uncond is among them. */
static int golden_arrays(golden_run *r, const char *names, int *has_uncond)
{
    char name[32];
    int inputs = 0, length;
    for (*has_uncond = 0; sscanf(names, "%31s%n", name, &length) == 1; names += length) {
        const array a = golden_array(r->g, name);
        if (!a.data) continue;
        r->in[inputs++] = a;
        *has_uncond |= !strcmp(name, "uncond");
    }
    return inputs;
}

/* The state before: absent, this is the first step. */
static void golden_state(golden_run *r, size_t count)
{
    const array previous = golden_array(r->g, "previous");
    r->x.a.state = r->state = previous.data ? previous.data : malloc(count * sizeof(float));
    if (previous.data) return;
    r->x.a.first_step = 1;
    memset(r->state, 0xff, count * sizeof(float));
}

static void golden_open(golden_run *r, const ag_rule_info *rule, const char *names)
{
    const golden *g = r->g;
    int has_uncond;
    const int inputs = golden_arrays(r, names, &has_uncond);
    const array *a = &r->in[0];
    const int64_t samples = rule->by_rows ? a->count / a->shape[a->rank - 1] : a->shape[0];
    combination_init(&r->x, rule->rule, inputs, samples, a->count / samples);
    for (int k = 0; k < inputs; k++) r->x.a.input[k] = r->in[k].data;
    if (golden_value(g, "rescale")) combination_rule(&r->x, AG_RESCALE);
    golden_parameters(r);
    golden_shape(r, a);
    golden_weights(r, has_uncond);
    for (int i = 0; i < 2 && (rule->uses & AG_USES_LSE); i++) r->lse[i] = golden_array(g, i ? "lse_b" : "lse_a");
    for (int i = 0; i < 2; i++) r->x.a.lse[i] = r->lse[i].data;
    if (rule->uses & AG_USES_STATE) golden_state(r, (size_t)a->count);
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

static int golden_has(const golden_run *r, const char *name)
{
    const array a = golden_array(r->g, name);
    free(a.data);
    return a.data != NULL;
}

/* On the emulated device everything that the call is given is made the device's while it runs. */
static ag_status golden_combine(golden_run *r, ag_context *context, char *why, size_t size)
{
    const ag_guidance_args *a = &r->x.a;
    const size_t all = (size_t)r->in[0].count * sizeof(float), lse = (size_t)r->x.g.samples * sizeof(float);
    const void *at[AG_MOST_INPUTS + 5] = { a->out, a->state, a->lse[0], a->lse[1], a->lse_out };
    const size_t bytes[] = { all, all, lse, lse, lse };
    for (int k = 0; k < AG_MOST_INPUTS; k++) at[5 + k] = a->input[k];
    if (problem_where != AG_CUDA) return ag_guidance_combine(context, &r->x.g, a, why, size);
    for (int i = 0; i < AG_MOST_INPUTS + 5; i++)
        if (at[i]) emulated->adopt((void *)(uintptr_t)at[i], i < 5 ? bytes[i] : all);
    const ag_status status = ag_guidance_combine(context, &r->x.g, a, why, size);
    for (int i = 0; i < AG_MOST_INPUTS + 5; i++)
        if (at[i]) emulated->forget((void *)(uintptr_t)at[i]);
    return status;
}

static void golden_step(golden_run *r, ag_context *context, const char *name)
{
    const size_t all = (size_t)r->in[0].count, samples = (size_t)r->x.g.samples;
    float *out = malloc(all * sizeof *out), *lse = malloc(samples * sizeof *lse);
    double *want = calloc(2 * all, sizeof *want), *want_lse = malloc(samples * sizeof *want_lse);
    char why[AG_MESSAGE_SIZE] = "";
    memset(out, 0xff, all * sizeof *out);
    memset(lse, 0xff, samples * sizeof *lse);
    r->x.a.out = out;
    const int merges = (combination_info(r->x.g.rule).uses & AG_USES_LSE) != 0;
    if (merges) r->x.a.lse_out = lse;
    oracle_guidance(&r->x.g, &r->x.a, want, want + all, want_lse);
    ck_assert_msg(!golden_combine(r, context, why, sizeof why), "%s: %s", r->g->name, why);
    compare(r, name, out, want);
    const int more = !strcmp(name, "out") && golden_has(r, "cond2");
    if (golden_has(r, "state") && !more) compare(r, "state", r->state, want + all);
    r->x.a.first_step = 0;
    if (merges) compare(r, "lse", lse, want_lse);
    free(out);
    free(lse);
    free(want);
    free(want_lse);
}

/* The second step, with the state of the first. */
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
    const char *wrong = golden_is_sampler(&g) && problem_where == AG_HOST ? golden_sampler(&g, context) : NULL;
    ck_assert_msg(!wrong, "%s: %s", g.name, wrong);
    golden_run r = { .g = &g };
    ag_rule_info rule;
    const char *inputs = golden_inputs(&g, &rule);
    if (inputs) {
        golden_open(&r, &rule, inputs);
        golden_step(&r, context, "out");
        golden_second_step(&r, context);
        for (int k = 0; k < AG_MOST_INPUTS; k++) free(r.in[k].data);
        for (int k = 0; k < 2; k++) free(r.lse[k].data);
        free(r.state);
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
    add_test(c, golden_is_there);
    add_loop(c, golden_cases_are_right, 0, count_golden());
    suite_add_tcase(s, c);
    return s;
}
