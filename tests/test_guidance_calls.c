/* test_guidance_calls.c - combinations refused: one wrong value at a time, one sentence, nothing written. */
#include <math.h>
#include <string.h>

#include "combination.h"
#include "kernels.h"
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
static void rule_6(combination *x) { x->g.rule = (ag_rule)6; }
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
static void momentum_f16(combination *x) { x->g.dtype[2] = AG_F16; }
static void stride_below(combination *x) { x->g.stride[1] = -7; }
static void stride_huge(combination *x) { x->g.stride[0] = INT64_MAX; }
static void out_overlaps(combination *x) { x->g.out_stride = x->g.count - 1; }
static void out_shared(combination *x) { x->g.out_stride = 0; }
static void momentum_shared(combination *x) { x->g.stride[2] = 0; }
static void norm_3(combination *x) { x->g.norm = 3; }
static void workers_below(combination *x) { x->g.workers = -2; }
static void workers_many(combination *x) { x->g.workers = 5000; }
static void weights_null(combination *x) { x->a.weights = NULL; }
static void weight_nan(combination *x) { x->weights[1] = NAN; }
static void weight_of_sample(combination *x) { x->g.weights_per_sample = 1, x->weights[3] = INFINITY; }
static void rescale_nan(combination *x) { x->a.rescale = NAN; }
static void scale_inf(combination *x) { x->a.scale = INFINITY; }
static void eta_nan(combination *x) { x->a.eta = NAN; }
static void radius_inf(combination *x) { x->a.radius = INFINITY; }
static void momentum_nan(combination *x) { x->a.momentum = NAN; }
static void tau_inf(combination *x) { x->a.tau = INFINITY; }
static void alpha_nan(combination *x) { x->a.alpha = NAN; }
static void input_null(combination *x) { x->a.input[1] = NULL; }
static void out_null(combination *x) { x->a.out = NULL; }
static void lse_null(combination *x) { x->a.lse[1] = NULL; }
static void out_is_wider(combination *x) { x->a.input[1] = x->a.out, x->g.dtype[1] = AG_F16; }
static void out_is_elsewhere(combination *x) { x->a.input[0] = x->a.out, x->g.stride[0] += 8; }
static void out_is_momentum(combination *x) { x->a.input[2] = x->a.out; }

static const refusal refusals[] = {
    { AG_CFG_ZERO, 3, nothing, AG_ERR_COMBINATION, "3" },
    { AG_CFG_ZERO, 1, nothing, AG_ERR_COMBINATION, "1" },
    { AG_NAG, 3, nothing, AG_ERR_COMBINATION, "3" },
    { AG_MERGE, 1, nothing, AG_ERR_COMBINATION, "1" },
    { AG_APG, 1, nothing, AG_ERR_COMBINATION, "1" },
    { AG_APG, 4, nothing, AG_ERR_COMBINATION, "4" },
    { AG_LINEAR, 2, size_0, AG_ERR_STRUCT, "0" },
    { AG_LINEAR, 2, size_3, AG_ERR_STRUCT, "3" },
    { AG_LINEAR, 2, rule_6, AG_ERR_TYPE, "6" },
    { AG_LINEAR, 2, place_5, AG_ERR_TYPE, "5" },
    { AG_LINEAR, 2, inputs_0, AG_ERR_VALUE, "0" },
    { AG_LINEAR, 2, inputs_9, AG_ERR_VALUE, "9" },
    { AG_LINEAR, 2, samples_0, AG_ERR_SHAPE, "0" },
    { AG_LINEAR, 2, samples_huge, AG_ERR_SHAPE, "samples" },
    { AG_LINEAR, 2, count_0, AG_ERR_SHAPE, "0" },
    { AG_LINEAR, 2, count_below, AG_ERR_SHAPE, "-4" },
    { AG_LINEAR, 2, count_huge, AG_ERR_SHAPE, "count" },
    { AG_LINEAR, 2, type_none, AG_ERR_TYPE, "input 1" },
    { AG_LINEAR, 2, type_u8, AG_ERR_TYPE, "input 0" },
    { AG_LINEAR, 2, out_type_9, AG_ERR_TYPE, "9" },
    { AG_APG, 3, momentum_f16, AG_ERR_TYPE, "momentum" },
    { AG_LINEAR, 2, stride_below, AG_ERR_STRIDE, "-7" },
    { AG_LINEAR, 2, stride_huge, AG_ERR_STRIDE, "input 0" },
    { AG_LINEAR, 2, out_overlaps, AG_ERR_STRIDE, "out" },
    { AG_LINEAR, 2, out_shared, AG_ERR_STRIDE, "out" },
    { AG_APG, 3, momentum_shared, AG_ERR_STRIDE, "input 2" },
    { AG_NAG, 2, norm_3, AG_ERR_VALUE, "3" },
    { AG_LINEAR, 2, workers_below, AG_ERR_VALUE, "-2" },
    { AG_LINEAR, 2, workers_many, AG_ERR_VALUE, "5000" },
    { AG_LINEAR, 2, weights_null, AG_ERR_NULL, "weights" },
    { AG_RESCALE, 2, weights_null, AG_ERR_NULL, "weights" },
    { AG_LINEAR, 2, weight_nan, AG_ERR_VALUE, "nan" },
    { AG_RESCALE, 2, weight_of_sample, AG_ERR_VALUE, "weights[3]" },
    { AG_RESCALE, 2, rescale_nan, AG_ERR_VALUE, "rescale" },
    { AG_CFG_ZERO, 2, scale_inf, AG_ERR_VALUE, "scale" },
    { AG_APG, 2, eta_nan, AG_ERR_VALUE, "eta" },
    { AG_APG, 2, radius_inf, AG_ERR_VALUE, "radius" },
    { AG_APG, 3, momentum_nan, AG_ERR_VALUE, "momentum" },
    { AG_NAG, 2, tau_inf, AG_ERR_VALUE, "tau" },
    { AG_NAG, 2, alpha_nan, AG_ERR_VALUE, "alpha" },
    { AG_LINEAR, 2, input_null, AG_ERR_NULL, "input 1" },
    { AG_LINEAR, 2, out_null, AG_ERR_NULL, "out" },
    { AG_MERGE, 2, lse_null, AG_ERR_NULL, "lse" },
    { AG_LINEAR, 2, out_is_wider, AG_ERR_ALIAS, "input 1" },
    { AG_LINEAR, 2, out_is_elsewhere, AG_ERR_ALIAS, "input 0" },
    { AG_APG, 3, out_is_momentum, AG_ERR_ALIAS, "momentum" },
};
enum { REFUSALS = sizeof refusals / sizeof *refusals };

/* Data for three inputs; what the rule takes is set after. */
static void set_base(combination *x, ag_rule rule, int inputs)
{
    combination_init(x, rule == AG_MERGE ? rule : AG_APG, rule == AG_MERGE ? 2 : 3, 2, 300);
    ck_assert(!combination_build(x, 3));
    combination_begin(x);
    x->g.rule = rule;
    x->g.inputs = inputs;
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
    ck_assert(!x.start.pages || !memcmp(x.start.data, x.in[2].data, x.start.size));
    combination_free(&x);
    ag_context_free(context);
}
END_TEST

START_TEST(forced_kernels_and_null_structs_are_refused)
{
    ag_context *context = kernels_context(1);
    combination x;
    ag_plan *plan = (ag_plan *)context;
    ag_args args;
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
    ag_args_init(&args, NULL, NULL, NULL, NULL);
    ck_assert_int_eq(ag_plan_run(plan, &args, NULL, 0), AG_ERR_NULL);
    ck_assert(buffer_is_poison(&x.out));
    ag_plan_free(plan);
    combination_free(&x);
    ag_context_free(context);
}
END_TEST

/* An attention plan does not take guidance. */
START_TEST(attention_refuses_guidance)
{
    ag_context *context = kernels_context(1);
    ag_problem p;
    ag_plan *plan;
    ag_args args;
    combination x;
    float q[64] = { 0 }, out[64];
    set_base(&x, AG_LINEAR, 2);
    ag_problem_init(&p, 1, 1, 8, 8, 8);
    ck_assert_int_eq(ag_plan_create(context, &p, &plan, NULL, 0), AG_OK);
    ag_args_init(&args, q, q, q, out);
    args.guidance = &x.a;
    ck_assert_int_eq(ag_plan_run(plan, &args, NULL, 0), AG_ERR_COMBINATION);
    ag_plan_free(plan);
    combination_free(&x);
    ag_context_free(context);
}
END_TEST

Suite *suite_guidance_calls(void)
{
    Suite *s = suite_create("guidance_calls");
    TCase *c = tcase_create("guidance_calls");
    tcase_set_timeout(c, 600);
    tcase_add_loop_test(c, refused, 0, REFUSALS);
    tcase_add_test(c, forced_kernels_and_null_structs_are_refused);
    tcase_add_test(c, attention_refuses_guidance);
    suite_add_tcase(s, c);
    return s;
}
