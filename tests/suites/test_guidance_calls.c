/* test_guidance_calls.c - combinations refused: one wrong value at a time, one sentence, nothing written. */
#include <math.h>
#include <string.h>

#include "../harness/combination.h"
#include "../harness/kernels.h"
#include "suites.h"

/** How to spoil a combination, and what must come of it. `names` is part of the sentence. */
typedef struct refusal {
    ag_rule rule;
    int inputs;
    void (*spoil)(combination *x);
    ag_status status;
    const char *names;
} refusal;

static void nothing(combination *x) { (void)x; }
static void size_0(combination *x) { x->g.size = 0; }
static void size_3(combination *x) { x->a.size = 3; }
static void rule_99(combination *x) { x->g.rule = (ag_rule)99; }
static void place_5(combination *x) { x->g.place = (ag_place)5; }
static void inputs_0(combination *x) { x->g.inputs = 0; }
static void inputs_9(combination *x) { x->g.inputs = 9; }
static void samples_0(combination *x) { x->g.samples = 0; }
static void samples_huge(combination *x) { x->g.samples = INT64_MAX; }
static void count_0(combination *x) { x->g.count = 0; }
static void count_below(combination *x) { x->g.count = -4; }
static void count_huge(combination *x) { x->g.count = INT64_MAX; }
static void type_none(combination *x) { x->g.dtype[1] = AG_NONE; }
static void type_u8(combination *x) { x->g.dtype[0] = AG_U8; }
static void out_type_9(combination *x) { x->g.out_dtype = (ag_dtype)9; }
static void stride_below(combination *x) { x->g.stride[1] = -7; }
static void stride_huge(combination *x) { x->g.stride[0] = INT64_MAX; }
static void out_overlaps(combination *x) { x->g.out_stride = x->g.count - 1; }
static void out_shared(combination *x) { x->g.out_stride = 0; }
static void workers_below(combination *x) { x->g.workers = -2; }
static void workers_many(combination *x) { x->g.workers = 5000; }
static void weights_null(combination *x) { x->a.weights = NULL; }
static void weight_nan(combination *x) { x->weights[1] = NAN; }
static void weight_of_sample(combination *x) { x->g.weights_per_sample = 1, x->weights[3] = INFINITY; }
static void phi_inf(combination *x) { x->parameters[AG_RESCALE_PHI] = INFINITY; }
static void scale_inf(combination *x) { x->parameters[AG_CFG_ZERO_SCALE] = INFINITY; }
static void eta_far(combination *x) { x->parameters[AG_APG_ETA] = -2e15; }
static void radius_inf(combination *x) { x->parameters[AG_APG_RADIUS] = INFINITY; }
static void momentum_far(combination *x) { x->parameters[AG_APG_MOMENTUM] = 1.1e15; }
static void base_2(combination *x) { x->parameters[AG_APG_BASE] = 2; }
static void base_half(combination *x) { x->parameters[AG_APG_BASE] = 0.5; }
static void tau_inf(combination *x) { x->parameters[AG_NAG_TAU] = INFINITY; }
static void alpha_far(combination *x) { x->parameters[AG_NAG_ALPHA] = -INFINITY; }
static void norm_3(combination *x) { x->parameters[AG_NAG_NORM] = 3; }
static void norm_between(combination *x) { x->parameters[AG_NAG_NORM] = 1.5; }
static void one_parameter_more(combination *x) { x->a.parameters = x->parameters, x->a.parameter_count++; }
static void parameters_null(combination *x) { x->a.parameters = NULL; }
static void parameters_uncounted(combination *x) { x->a.parameters = x->parameters, x->a.parameter_count = 0; }
static void parameters_below(combination *x) { x->a.parameter_count = -3; }
static void parameters_odd(combination *x) { x->a.parameters = (double *)(void *)((char *)x->parameters + 4); }
static void input_null(combination *x) { x->a.input[1] = NULL; }
static void out_null(combination *x) { x->a.out = NULL; }
static void lse_null(combination *x) { x->a.lse[1] = NULL; }
static void out_is_wider(combination *x) { x->a.input[1] = x->a.out, x->g.dtype[1] = AG_F16; }
static void out_is_elsewhere(combination *x) { x->a.input[0] = x->a.out, x->g.stride[0] += 8; }
static void at(float **pointer, void *base, size_t bytes) { *pointer = (float *)(void *)((char *)base + bytes); }
static void state_is_out(combination *x) { x->a.state = x->a.out; }
static void state_in_input(combination *x) { at(&x->a.state, x->in[0].data, 8); }
static void out_behind_input(combination *x) { x->a.out = x->in[1].data + 4; }
static void out_in_weights(combination *x) { x->a.out = x->weights; }
static void out_in_parameters(combination *x) { x->a.out = &x->parameters[1]; }
static void lse_out_between(combination *x) { at(&x->a.lse_out, (void *)(uintptr_t)x->a.lse[0], 4); }
static void lse_out_in_out(combination *x) { at(&x->a.lse_out, x->a.out, 4); }
static void state_missing(combination *x) { x->a.state = NULL; }
static void out_odd(combination *x) { x->a.out = x->out.data + 2; }
static void input_odd(combination *x) { x->a.input[1] = x->in[1].data + 1; }
static void state_odd(combination *x) { at(&x->a.state, x->state.data, 2); }
static void lse_odd(combination *x) { x->a.lse[0] = (float *)(void *)((char *)x->lse[0].data + 1); }
static void weights_odd(combination *x) { x->a.weights = (double *)(void *)((char *)x->weights + 4); }

/* Set where the rule does not use it. */
static void weights_unused(combination *x) { x->a.weights = x->weights; }
static void state_unused(combination *x) { x->a.state = (float *)x->state.data; }
static void lse_unused(combination *x) { x->a.lse[1] = (float *)x->out.data; }
static void lse_out_unused(combination *x) { x->a.lse_out = (float *)x->out.data; }
static void input_unused(combination *x) { x->a.input[5] = x->in[0].data; }
static void per_sample_unused(combination *x) { x->g.weights_per_sample = 1; }

static void group_of(combination *x, int64_t outer, int64_t reduced, int64_t inner)
{
    x->g.group[0] = outer, x->g.group[1] = reduced, x->g.group[2] = inner;
}

static void group_unused(combination *x) { group_of(x, 1, 300, 1); }
static void group_short(combination *x) { group_of(x, 4, 8, 9); }
static void group_half(combination *x) { group_of(x, 4, 80, 0); }
static void group_below(combination *x) { group_of(x, -4, -80, 1); }
static void group_huge(combination *x) { group_of(x, INT64_MAX / 2, 1 << 20, 1 << 20); }
static void first_step_unused(combination *x) { x->a.first_step = 1; }
static void bounds_crossed(combination *x) { x->parameters[AG_RENORM_MIN] = 2, x->parameters[AG_RENORM_MAX] = 1; }
static void ratio_below(combination *x) { x->parameters[AG_RENORM_RATIO] = -1; }
static void bound_infinite(combination *x) { x->parameters[AG_RENORM_MIN] = INFINITY; }
static void damping_below(combination *x) { x->parameters[AG_MAMBO_DAMPING] = -0.5; }
static void decay_above(combination *x) { x->parameters[AG_MOMENTUM_DECAY] = 1.5; }
static void switch_2(combination *x) { x->parameters[AG_SMC_SWITCH] = 2; }
static void picture_unused(combination *x) { x->g.picture[2] = 300; }
static void levels_unused(combination *x) { x->g.levels = 2; }
static void picture_none(combination *x) { x->g.picture[0] = x->g.picture[1] = x->g.picture[2] = 0; }
static void picture_short(combination *x) { x->g.picture[0] = 3; }
static void levels_9(combination *x) { x->g.levels = 9; }
static void levels_below(combination *x) { x->g.levels = -1; }
static void levels_many(combination *x) { x->g.levels = 4; }
static void plane_odd(combination *x) { x->g.picture[0] = 1, x->g.picture[1] = 5, x->g.picture[2] = 64; }
static void plane_narrow(combination *x) { x->g.picture[0] = 2, x->g.picture[1] = 80, x->g.picture[2] = 2; }
static void scale_of_none(combination *x) { x->parameters[AG_FDG_SCALES + 2] = 3; }
static void part_of_none(combination *x) { x->parameters[AG_FDG_PARALLEL + 7] = 0; }
static void state_in_out(combination *x) { x->a.state = (float *)(void *)x->out.data; }

static const refusal refusals[] = {
    { AG_CFG_ZERO, 3, nothing, AG_ERR_COMBINATION, "3" },
    { AG_CFG_ZERO, 1, nothing, AG_ERR_COMBINATION, "1" },
    { AG_NAG, 3, nothing, AG_ERR_COMBINATION, "3" },
    { AG_MERGE, 1, nothing, AG_ERR_COMBINATION, "1" },
    { AG_APG, 1, nothing, AG_ERR_COMBINATION, "1" },
    { AG_APG, 4, nothing, AG_ERR_COMBINATION, "4" },
    { AG_APG, 3, nothing, AG_ERR_COMBINATION, "guidance.inputs is 3, but apg takes 2" },
    { AG_LINEAR, 2, size_0, AG_ERR_STRUCT, "guidance.size is 0, but an ag_guidance has" },
    { AG_LINEAR, 2, size_3, AG_ERR_STRUCT, "but an ag_guidance_args has" },
    { AG_LINEAR, 2, rule_99, AG_ERR_TYPE, "guidance.rule is number 99" },
    { AG_LINEAR, 2, place_5, AG_ERR_TYPE, "5" },
    { AG_LINEAR, 2, inputs_0, AG_ERR_VALUE, "0" },
    { AG_LINEAR, 2, inputs_9, AG_ERR_VALUE, "9" },
    { AG_LINEAR, 2, samples_0, AG_ERR_SHAPE, "0" },
    { AG_LINEAR, 2, samples_huge, AG_ERR_SHAPE, "samples" },
    { AG_LINEAR, 2, count_0, AG_ERR_SHAPE, "0" },
    { AG_LINEAR, 2, count_below, AG_ERR_SHAPE, "-4" },
    { AG_LINEAR, 2, count_huge, AG_ERR_SHAPE, "count" },
    { AG_LINEAR, 2, type_none, AG_ERR_TYPE, "dtype[1] is none" },
    { AG_LINEAR, 2, type_u8, AG_ERR_TYPE, "dtype[0] is uint8" },
    { AG_LINEAR, 2, out_type_9, AG_ERR_TYPE, "9" },
    { AG_LINEAR, 2, stride_below, AG_ERR_STRIDE, "-7" },
    { AG_LINEAR, 2, stride_huge, AG_ERR_STRIDE, "stride[0]" },
    { AG_LINEAR, 2, out_overlaps, AG_ERR_STRIDE, "out" },
    { AG_LINEAR, 2, out_shared, AG_ERR_STRIDE, "out" },
    { AG_LINEAR, 2, workers_below, AG_ERR_VALUE, "-2" },
    { AG_LINEAR, 2, workers_many, AG_ERR_VALUE, "5000" },
    { AG_LINEAR, 2, weights_null, AG_ERR_NULL, "weights" },
    { AG_RESCALE, 2, weights_null, AG_ERR_NULL, "weights" },
    { AG_LINEAR, 2, weight_nan, AG_ERR_VALUE, "nan" },
    { AG_RESCALE, 2, weight_of_sample, AG_ERR_VALUE, "weights[3]" },
    { AG_RESCALE, 2, phi_inf, AG_ERR_VALUE, "rescale is inf, not between -1e+15 and 1e+15" },
    { AG_CFG_ZERO, 2, scale_inf, AG_ERR_VALUE, "cfg_scale" },
    { AG_APG, 2, eta_far, AG_ERR_VALUE, "eta is -2e+15" },
    { AG_APG, 2, radius_inf, AG_ERR_VALUE, "radius" },
    { AG_APG, 2, momentum_far, AG_ERR_VALUE, "momentum" },
    { AG_APG, 2, base_2, AG_ERR_VALUE, "base is 2, not between 0 and 1" },
    { AG_APG, 2, base_half, AG_ERR_VALUE, "base is 0.5, not a whole number" },
    { AG_NAG, 2, tau_inf, AG_ERR_VALUE, "tau" },
    { AG_NAG, 2, alpha_far, AG_ERR_VALUE, "alpha" },
    { AG_NAG, 2, norm_3, AG_ERR_VALUE, "norm is 3, not between 1 and 2" },
    { AG_NAG, 2, norm_between, AG_ERR_VALUE, "norm is 1.5" },
    { AG_LINEAR, 2, one_parameter_more, AG_ERR_COMBINATION, "parameter_count is 1, but linear has 0" },
    { AG_RESCALE, 2, one_parameter_more, AG_ERR_COMBINATION, "parameter_count is 2, but rescale has 1" },
    { AG_APG, 2, one_parameter_more, AG_ERR_COMBINATION, "parameter_count is 7, but apg has 6" },
    { AG_MERGE, 2, one_parameter_more, AG_ERR_COMBINATION, "but merge has 0" },
    { AG_NAG, 2, parameters_null, AG_ERR_NULL, "parameters is NULL, but parameter_count is 4" },
    { AG_NAG, 2, parameters_uncounted, AG_ERR_COMBINATION, "parameters is given, but parameter_count is 0" },
    { AG_LINEAR, 2, parameters_uncounted, AG_ERR_COMBINATION, "parameters" },
    { AG_NAG, 2, parameters_below, AG_ERR_VALUE, "parameter_count is -3" },
    { AG_APG, 2, parameters_odd, AG_ERR_STRIDE, "parameters" },
    { AG_LINEAR, 2, input_null, AG_ERR_NULL, "input[1]" },
    { AG_LINEAR, 2, out_null, AG_ERR_NULL, "out" },
    { AG_MERGE, 2, lse_null, AG_ERR_NULL, "lse" },
    { AG_LINEAR, 2, out_is_wider, AG_ERR_ALIAS, "input[1]" },
    { AG_LINEAR, 2, out_is_elsewhere, AG_ERR_ALIAS, "input[0]" },
    { AG_APG, 2, state_is_out, AG_ERR_ALIAS, "state" },
    { AG_APG, 2, state_in_input, AG_ERR_ALIAS, "state overlaps input[0]" },
    { AG_LINEAR, 2, out_behind_input, AG_ERR_ALIAS, "out overlaps input[1], which begins 4 bytes before" },
    { AG_LINEAR, 2, out_in_weights, AG_ERR_ALIAS, "out overlaps weights" },
    { AG_NAG, 2, out_in_parameters, AG_ERR_ALIAS, "out overlaps parameters" },
    { AG_MERGE, 2, lse_out_between, AG_ERR_ALIAS, "lse_out overlaps lse[0]" },
    { AG_MERGE, 2, lse_out_in_out, AG_ERR_ALIAS, "lse_out" },
    { AG_APG, 2, state_missing, AG_ERR_NULL, "state" },
    { AG_LINEAR, 2, out_odd, AG_ERR_STRIDE, "out" },
    { AG_LINEAR, 2, input_odd, AG_ERR_STRIDE, "input[1]" },
    { AG_APG, 2, state_odd, AG_ERR_STRIDE, "state" },
    { AG_MERGE, 2, lse_odd, AG_ERR_STRIDE, "lse[0]" },
    { AG_RESCALE, 2, weights_odd, AG_ERR_STRIDE, "weights" },
    { AG_APG, 2, weights_unused, AG_ERR_COMBINATION, "weights" },
    { AG_MERGE, 2, weights_unused, AG_ERR_COMBINATION, "weights" },
    { AG_LINEAR, 2, state_unused, AG_ERR_COMBINATION, "state" },
    { AG_NAG, 2, lse_unused, AG_ERR_COMBINATION, "lse[1]" },
    { AG_LINEAR, 2, lse_out_unused, AG_ERR_COMBINATION, "lse_out" },
    { AG_NAG, 2, input_unused, AG_ERR_COMBINATION, "input[5]" },
    { AG_NAG, 2, per_sample_unused, AG_ERR_COMBINATION, "weights_per_sample" },
    { AG_LINEAR, 2, group_unused, AG_ERR_COMBINATION, "guidance.group is 1 x 300 x 1, but linear has no statistics" },
    { AG_MOMENTUM_GUIDANCE, 2, group_unused, AG_ERR_COMBINATION, "momentum_guidance has no statistics" },
    { AG_TCFG, 2, group_short, AG_ERR_SHAPE, "guidance.group is 4 x 8 x 9, but guidance.count is 320" },
    { AG_TAG, 2, group_half, AG_ERR_SHAPE, "guidance.group is 4 x 80 x 0: all three must be at least 1" },
    { AG_RENORM, 2, group_below, AG_ERR_SHAPE, "guidance.group is -4 x -80 x 1" },
    { AG_MAHIRO, 2, group_huge, AG_ERR_SHAPE, "guidance.group" },
    { AG_LINEAR, 2, first_step_unused, AG_ERR_COMBINATION, "first_step is 1, but linear has no state" },
    { AG_RENORM, 2, bounds_crossed, AG_ERR_VALUE, "renorm_min is 2, more than renorm_max, 1" },
    { AG_RENORM, 2, ratio_below, AG_ERR_VALUE, "renorm_ratio is -1" },
    { AG_RENORM, 2, bound_infinite, AG_ERR_VALUE, "renorm_min is inf" },
    { AG_RENORM, 2, weights_null, AG_ERR_NULL, "weights" },
    { AG_MAMBO, 2, damping_below, AG_ERR_VALUE, "damping is -0.5" },
    { AG_PERP_NEG, 3, input_null, AG_ERR_NULL, "input[1]" },
    { AG_MOMENTUM_GUIDANCE, 2, decay_above, AG_ERR_VALUE, "decay is 1.5, not between 0 and 1" },
    { AG_MOMENTUM_GUIDANCE, 2, state_missing, AG_ERR_NULL, "state is NULL, but momentum_guidance needs it" },
    { AG_SMC, 2, state_missing, AG_ERR_NULL, "state is NULL, but smc needs it" },
    { AG_SMC, 2, state_in_out, AG_ERR_ALIAS, "state" },
    { AG_SMC, 2, switch_2, AG_ERR_VALUE, "switch is 2" },
    { AG_APG, 2, picture_unused, AG_ERR_COMBINATION, "guidance.picture is set, but apg does not use it" },
    { AG_APG, 2, levels_unused, AG_ERR_COMBINATION, "guidance.levels is set, but apg does not use it" },
    { AG_FDG, 2, group_unused, AG_ERR_COMBINATION, "guidance.group" },
    { AG_FDG, 2, picture_none, AG_ERR_SHAPE, "guidance.picture is not set, but fdg needs channels, height and width" },
    { AG_FDG, 2, picture_short, AG_ERR_SHAPE, "but guidance.count is 320" },
    { AG_FDG, 2, levels_9, AG_ERR_VALUE, "guidance.levels is 9, not between 1 and 8" },
    { AG_FDG, 2, levels_below, AG_ERR_VALUE, "guidance.levels is -1" },
    { AG_FDG, 2, levels_many, AG_ERR_SHAPE, "guidance.picture has height 4, no multiple of 8, which 4 levels need" },
    { AG_FDG, 2, plane_odd, AG_ERR_SHAPE, "guidance.picture has height 5, no multiple of 2" },
    { AG_FDG, 2, plane_narrow, AG_ERR_SHAPE, "guidance.picture has width 2, less than 3, which 2 levels need" },
    { AG_FDG, 2, scale_of_none, AG_ERR_COMBINATION, "scales of level 3 is 3, but guidance.levels is 2" },
    { AG_FDG, 2, part_of_none, AG_ERR_COMBINATION, "parallel of level 8 is 0, but guidance.levels is 2" },
};
enum { REFUSALS = sizeof refusals / sizeof *refusals };

/* Data for two inputs and a state; what the rule takes is set after. */
static void set_base(combination *x, ag_rule rule, int inputs)
{
    if (rule > AG_MERGE) {
        combination_init(x, rule, inputs, 2, 320);
        ck_assert(!combination_build(x, 3));
        combination_begin(x);
        return;
    }
    combination_init(x, rule == AG_MERGE ? rule : AG_APG, rule == AG_MERGE ? 2 : 3, 2, 300);
    ck_assert(!combination_build(x, 3));
    combination_begin(x);
    combination_rule(x, rule);
    x->g.inputs = inputs;
    if (rule == AG_APG) x->parameters[AG_APG_MOMENTUM] = -0.5;
    else x->a.state = NULL;
}

START_TEST(refused)
{
    const refusal *r = &refusals[_i];
    ag_context *context = kernels_context(1);
    combination x;
    char why[AG_MESSAGE_SIZE + 1] = "", short_why[8];
    memset(why, '~', AG_MESSAGE_SIZE);
    set_base(&x, r->rule, r->inputs);
    r->spoil(&x);
    const ag_status status = ag_guidance_combine(context, &x.g, &x.a, why, AG_MESSAGE_SIZE);
    ck_assert_msg(status == r->status, "refusal %d, %s: status %d: %s", _i, r->names, (int)status, why);
    ck_assert_msg(*why && strlen(why) < AG_MESSAGE_SIZE - 1 && !strchr(why, '\n') && strstr(why, r->names),
                  "refusal %d does not name %s: %s", _i, r->names, why);
    ck_assert_int_eq(ag_guidance_combine(context, &x.g, &x.a, NULL, 0), r->status);
    ck_assert_int_eq(ag_guidance_combine(context, &x.g, &x.a, short_why, sizeof short_why), r->status);
    ck_assert(memchr(short_why, 0, sizeof short_why) != NULL);
    ck_assert(buffer_is_poison(&x.out) && buffer_is_poison(&x.lse_out));
    ck_assert(!x.start.pages || !memcmp(x.start.data, x.state.data, x.start.size));
    combination_free(&x);
    ag_context_free(context);
}
END_TEST

START_TEST(forced_kernels_and_null_structs_are_refused)
{
    ag_context *context = kernels_context(1);
    combination x;
    ag_plan *plan = (ag_plan *)context;
    set_base(&x, AG_LINEAR, 2);
    ck_assert_int_eq(ag_guidance_combine(NULL, &x.g, &x.a, NULL, 0), AG_ERR_NULL);
    ck_assert_int_eq(ag_guidance_combine(context, NULL, &x.a, NULL, 0), AG_ERR_NULL);
    ck_assert_int_eq(ag_guidance_combine(context, &x.g, NULL, NULL, 0), AG_ERR_NULL);
    ck_assert_int_eq(ag_guidance_plan(context, &x.g, NULL, NULL, 0), AG_ERR_NULL);
    x.g.kernel = "combine_by_prayer";
    ck_assert_int_eq(ag_guidance_plan(context, &x.g, &plan, NULL, 0), AG_ERR_KERNEL);
    ck_assert_ptr_null(plan);
    x.g.kernel = NULL;
    ck_assert_int_eq(ag_guidance_plan(context, &x.g, &plan, NULL, 0), AG_OK);
    ck_assert_int_eq(ag_guidance_run(plan, NULL, NULL, 0), AG_ERR_NULL);
    ck_assert_int_eq(ag_guidance_check(NULL, &x.a, NULL, 0), AG_ERR_NULL);
    ck_assert_int_eq(ag_guidance_run_part(plan, NULL, 0, 0, 1, 0), AG_ERR_NULL);
    ck_assert_int_eq(ag_guidance_run_share(NULL, &x.a, 0, 0, 1), AG_ERR_NULL);
    ck_assert(buffer_is_poison(&x.out));
    ag_plan_free(plan);
    combination_free(&x);
    ag_context_free(context);
}
END_TEST

/* What is set before each rule's refusals is right. */
START_TEST(the_base_is_right)
{
    ag_context *context = kernels_context(1);
    combination x;
    char why[AG_MESSAGE_SIZE] = "";
    set_base(&x, (ag_rule)_i, 2);
    ck_assert_msg(!ag_guidance_combine(context, &x.g, &x.a, why, sizeof why), "%s", why);
    combination_free(&x);
    ag_context_free(context);
}
END_TEST

Suite *suite_guidance_calls(void)
{
    Suite *s = suite_create("guidance_calls");
    TCase *c = tcase_create("guidance_calls");
    tcase_set_timeout(c, 600);
    add_loop(c, refused, 0, REFUSALS);
    add_test(c, forced_kernels_and_null_structs_are_refused);
    add_loop(c, the_base_is_right, 0, combination_rules());
    suite_add_tcase(s, c);
    return s;
}
