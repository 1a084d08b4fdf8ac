/* guide.c - see guide.h. */
#include "guide.h"
#include "random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CONTRAST .1
#define DIRECTION_SEED 0x7261 /* apart from those of data and noise */

struct guide {
    const setting *s;
    int64_t pictures;
    engine *all, *early, *alone; /* alone: C by itself, where guidance is for an interval of times */
    ag_plan *rule, *pair;        /* pair: two inputs, weighed */
    ag_rule_info info;
    float *state, *other, *x0; /* other: R or K */
    void *workspace;
    size_t workspace_size;
    bool started;
};

/* ---- Creation ---------------------------------------------------------------------------------------------- */

static bool make_rule(guide *g, ag_context *context, char *why)
{
    const setting *s = g->s;
    const bool latent = s->rule == AG_TAG; /* its inputs are a guided x0 and the latent */
    ag_guidance rule, pair;
    for (int i = 0; ag_rule_info_init(&g->info), ag_rule_at(i, &g->info) == AG_OK && g->info.rule != s->rule;) i++;
    ag_guidance_init(&rule, s->rule, latent ? 2 : (int)strlen(s->inputs), g->pictures, PICTURE);
    ag_guidance_init(&pair, AG_LINEAR, 2, g->pictures, PICTURE);
    if (s->by_position) memcpy(rule.group, (int64_t[3]){ 1, CHANNELS, SIDE * SIDE }, sizeof rule.group);
    if (s->rule == AG_FDG) memcpy(rule.picture, (int64_t[3]){ CHANNELS, SIDE, SIDE }, sizeof rule.picture);
    rule.levels = s->levels;
    if (ag_guidance_plan(context, &rule, &g->rule, why, AG_MESSAGE_SIZE) ||
        ag_guidance_plan(context, &pair, &g->pair, why, AG_MESSAGE_SIZE))
        return false;
    const size_t a = ag_plan_workspace(g->rule), b = ag_plan_workspace(g->pair);
    g->workspace_size = a > b ? a : b;
    return true;
}

static bool make_engines(guide *g, ag_context *context, const device *d, const network *n, const network *early,
                         bool fork, char *why)
{
    branch branches[MOST_BRANCHES];
    setting plain = *g->s;
    int count = branches_of(g->s, fork, branches);
    strcpy(plain.inputs, "C");
    plain.layers = 0, plain.inside = false;
    if (setting_has(g->s, 'A') && !early) return strcpy(why, "input A needs an early network"), false;
    if (!count) branches[count++] = (branch){ 'C', false, ROOT };
    g->all = engine_create(context, d, n, g->s, branches, count, g->pictures, why);
    branches[0] = (branch){ 'C', false, ROOT };
    if (g->all && setting_has(g->s, 'A'))
        g->early = engine_create(context, d, early, &plain, branches, 1, g->pictures, why);
    if (g->all && (g->s->from >= 0 || g->s->to < 1))
        g->alone = engine_create(context, d, n, &plain, branches, 1, g->pictures, why);
    return g->all && (g->early || !setting_has(g->s, 'A')) && (g->alone || !(g->s->from >= 0 || g->s->to < 1));
}

guide *guide_create(ag_context *context, const device *d, const network *n, const network *early, const setting *s,
                    bool fork, int64_t pictures, char *why)
{
    guide *g = calloc(1, sizeof *g);
    const size_t bytes = (size_t)pictures * PICTURE * sizeof(float);
    if (!g) return strcpy(why, "there is no memory for a guide"), NULL;
    g->s = s, g->pictures = pictures;
    if (!make_engines(g, context, d, n, early, fork, why) || (!s->inside && !make_rule(g, context, why)))
        return guide_free(g), NULL;
    g->state = calloc(1, bytes), g->other = malloc(bytes), g->x0 = malloc(bytes);
    g->workspace = malloc(g->workspace_size + 1);
    if (!g->state || !g->other || !g->x0 || !g->workspace)
        return strcpy(why, "there is no memory for a guide"), guide_free(g), NULL;
    return g;
}

void guide_free(guide *g)
{
    if (!g) return;
    engine_free(g->all), engine_free(g->early), engine_free(g->alone);
    ag_plan_free(g->rule), ag_plan_free(g->pair);
    free(g->state), free(g->other), free(g->x0), free(g->workspace);
    free(g);
}

/* ---- A velocity ---------------------------------------------------------------------------------------------- */

/* out = weights[0] a + weights[1] b */
static bool weigh(guide *g, const double *weights, const float *a, const float *b, float *out, char *why)
{
    ag_guidance_args args;
    ag_guidance_args_init(&args);
    args.input[0] = a, args.input[1] = b, args.out = out, args.weights = weights;
    args.workspace = g->workspace, args.workspace_size = g->workspace_size;
    return ag_guidance_run(g->pair, &args, why, AG_MESSAGE_SIZE) == AG_OK;
}

/* other = C - u |C - P|/|u|, u normal numbers: a step as long as the perturbation's, in no particular direction. */
static void make_random(guide *g, int evaluation, int64_t first)
{
    const float *c = engine_prediction(g->all, 'C'), *p = engine_prediction(g->all, 'P');
    for (int64_t b = 0; b < g->pictures; b++) {
        generator r;
        float *u = g->other + b * PICTURE;
        double length = 0, wanted = 0;
        generator_seed(&r, DIRECTION_SEED + (uint64_t)evaluation, (uint64_t)(first + b));
        generator_normals(&r, u, PICTURE);
        for (int i = 0; i < PICTURE; i++) {
            const double d = c[b * PICTURE + i] - p[b * PICTURE + i];
            length += (double)u[i] * u[i], wanted += d * d;
        }
        for (int i = 0; i < PICTURE; i++) u[i] = (float)(c[b * PICTURE + i] - u[i] * sqrt(wanted / length));
    }
}

/* other = C + .1 x0: away from it is towards more contrast. */
static bool make_contrast(guide *g, const float *x, double t, char *why)
{
    double weights[2];
    if (ag_weights_convert(weights, AG_FLOW, AG_X0, 1 - t, t, why, AG_MESSAGE_SIZE)) return false;
    weights[0] *= CONTRAST, weights[1] = 1 + CONTRAST * weights[1];
    return weigh(g, weights, x, engine_prediction(g->all, 'C'), g->other, why);
}

static void set_weights(const setting *s, double *weights)
{
    const size_t count = strlen(s->inputs);
    if (count == 1) weights[0] = 1;
    else if (count == 2 && s->inputs[1] == 'U') ag_weights_cfg(weights, s->g);
    else if (count == 2) ag_weights_perturbed(weights, s->w);
    else if (s->inputs[1] == 'Q') ag_weights_oseg(weights, s->g, s->w);
    else ag_weights_cfg_perturbed(weights, s->g, s->w);
}

static const float *prediction(const guide *g, char input)
{
    if (input == 'A') return engine_prediction(g->early, 'C');
    return input == 'R' || input == 'K' ? g->other : engine_prediction(g->all, input);
}

static bool run_rule(guide *g, const float *a, const float *b, float *out, char *why)
{
    const setting *s = g->s;
    double weights[AG_MOST_INPUTS] = { 0 };
    ag_guidance_args args;
    ag_guidance_args_init(&args);
    for (int i = 0; s->inputs[i]; i++) args.input[i] = prediction(g, s->inputs[i]);
    if (a) args.input[0] = a, args.input[1] = b;
    set_weights(s, weights);
    if (g->info.uses & AG_USES_WEIGHTS) args.weights = weights;
    if (g->info.uses & AG_USES_STATE) args.state = g->state, args.first_step = !g->started;
    if (g->info.parameter_count) args.parameters = s->parameters, args.parameter_count = g->info.parameter_count;
    args.out = out, args.workspace = g->workspace, args.workspace_size = g->workspace_size;
    g->started = true;
    return ag_guidance_run(g->rule, &args, why, AG_MESSAGE_SIZE) == AG_OK;
}

/* TAG takes x0 apart along the latent: the velocity C + w (C - P) becomes an x0, and what the rule makes of it a
 * velocity again. */
static bool run_latent_rule(guide *g, const float *x, double t, float *out, char *why)
{
    double to_x0[2], to_velocity[2], weights[AG_MOST_INPUTS];
    set_weights(g->s, weights);
    return ag_weights_convert(to_x0, AG_FLOW, AG_X0, 1 - t, t, why, AG_MESSAGE_SIZE) == AG_OK &&
           ag_weights_convert(to_velocity, AG_X0, AG_FLOW, 1 - t, t, why, AG_MESSAGE_SIZE) == AG_OK &&
           weigh(g, weights, prediction(g, g->s->inputs[0]), prediction(g, g->s->inputs[1]), out, why) &&
           weigh(g, to_x0, x, out, g->x0, why) && run_rule(g, g->x0, x, out, why) &&
           weigh(g, to_velocity, x, out, out, why);
}

bool guide_velocity(guide *g, const float *x, double t, const int *labels, int evaluation, int64_t first, float *out,
                    char *why)
{
    const bool guided = t > g->s->from && t <= g->s->to;
    const uint64_t seed = (uint64_t)evaluation;
    engine *e = guided ? g->all : g->alone;
    if (!evaluation) g->started = false;
    if (!engine_predict(e, x, t, labels, seed, first, why) ||
        (guided && g->early && !engine_predict(g->early, x, t, labels, seed, first, why)))
        return false;
    if (!guided || g->s->inside) {
        memcpy(out, engine_prediction(e, 'C'), (size_t)g->pictures * PICTURE * sizeof *out);
        return true;
    }
    if (setting_has(g->s, 'R')) make_random(g, evaluation, first);
    if (setting_has(g->s, 'K') && !make_contrast(g, x, t, why)) return false;
    return g->s->rule == AG_TAG ? run_latent_rule(g, x, t, out, why) : run_rule(g, NULL, NULL, out, why);
}
