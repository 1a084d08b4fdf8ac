/* test_guidance_rules.c - what the library tells of its rules of guidance, their parameters, and the run calls of plans
 * that combine. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/combination.h"
#include "../harness/kernels.h"
#include "suites.h"

/* Two inputs, and a state where the rule has one. */
static void set_base(combination *x, ag_rule rule)
{
    combination_init(x, rule, combination_info(rule).uses & AG_USES_STATE ? 3 : 2, 2, 300);
    ck_assert(!combination_build(x, 3));
    combination_begin(x);
}

/* ---- parameters ----------------------------------------------------------------------------------------------- */

/* The value itself is in its range, the next beyond it is not; and the sentence has its name. */
static void try_ends(combination *x, ag_context *context, const ag_parameter_info *p, int i)
{
    const double ends[2][2] = { { p->least, nextafter(p->least, -INFINITY) },
                                { p->most, nextafter(p->most, INFINITY) } };
    char why[AG_MESSAGE_SIZE];
    for (int end = 0; end < 2; end++) {
        if (isinf(ends[end][0])) continue; /* nothing is beyond */
        x->parameters[i] = ends[end][0];
        ck_assert_msg(!ag_guidance_combine(context, &x->g, &x->a, why, sizeof why), "%s", why);
        x->parameters[i] = ends[end][1];
        ck_assert_int_eq(ag_guidance_combine(context, &x->g, &x->a, why, sizeof why), AG_ERR_VALUE);
        ck_assert_msg(!strncmp(why, p->name, strlen(p->name)), "%s is not named: %s", p->name, why);
    }
    x->parameters[i] = AG_NOT_SET;
}

START_TEST(parameters_have_their_ranges)
{
    ag_context *context = kernels_context(1);
    combination x;
    ag_parameter_info p;
    set_base(&x, (ag_rule)_i);
    ag_parameter_info_init(&p);
    for (int i = 0; !ag_rule_parameter_at((ag_rule)_i, i, &p); i++)
        if (_i != AG_FDG || i % AG_FDG_PARALLEL < x.g.levels) try_ends(&x, context, &p, i);
    combination_free(&x);
    ag_context_free(context);
}
END_TEST

/* ---- the table ------------------------------------------------------------------------------------------------- */

static int is_in(double value, const ag_parameter_info *p) { return value >= p->least && value <= p->most; }

START_TEST(the_table_tells_of_every_rule)
{
    const ag_rule_info info = combination_info((ag_rule)_i);
    ag_parameter_info p;
    ag_parameter_info_init(&p);
    ck_assert(info.size == sizeof info && (int)info.rule == _i && info.name && *info.name && info.formula);
    ck_assert(info.least_inputs >= 1 && info.least_inputs <= info.most_inputs && info.most_inputs <= AG_MOST_INPUTS);
    ck_assert(info.parameter_count >= 0 && info.parameter_count <= AG_MOST_PARAMETERS);
    for (int i = 0; i < info.parameter_count; i++) {
        ck_assert_int_eq(ag_rule_parameter_at(info.rule, i, &p), AG_OK);
        ck_assert(p.size == sizeof p && p.name && p.meaning && p.at_run && p.offset == (size_t)i * sizeof(double));
        ck_assert_msg(is_in(p.initial, &p) && is_in(p.usual, &p) && (isnan(p.neutral) || is_in(p.neutral, &p)), "%s %s",
                      info.name, p.name);
    }
    ck_assert_int_eq(ag_rule_parameter_at(info.rule, info.parameter_count, &p), AG_ERR_VALUE);
    ck_assert_int_eq(ag_rule_parameter_at(info.rule, -1, &p), AG_ERR_VALUE);
}
END_TEST

START_TEST(the_table_ends)
{
    ag_rule_info info;
    ag_parameter_info p;
    ag_rule_info_init(&info);
    ag_parameter_info_init(&p);
    ck_assert_int_gt(combination_rules(), AG_MERGE);
    ck_assert_int_eq(ag_rule_at(-1, &info), AG_ERR_VALUE);
    ck_assert_int_eq(ag_rule_at(combination_rules() + 1, &info), AG_ERR_VALUE);
    ck_assert_int_eq(ag_rule_at(0, NULL), AG_ERR_NULL);
    ck_assert_int_eq(ag_rule_parameter_at((ag_rule)-1, 0, &p), AG_ERR_VALUE);
    ck_assert_int_eq(ag_rule_parameter_at(AG_APG, 0, NULL), AG_ERR_NULL);
    info.size = 0;
    p.size = 3;
    ck_assert_int_eq(ag_rule_at(0, &info), AG_ERR_STRUCT);
    ck_assert_int_eq(ag_rule_parameter_at(AG_APG, 0, &p), AG_ERR_STRUCT);
}
END_TEST

/* An older caller's struct ends early, and nothing behind it is written. */
START_TEST(the_table_takes_older_structs)
{
    struct {
        ag_rule_info info;
        char behind[8];
    } x;
    memset(&x, 0x55, sizeof x);
    ag_rule_info_init_sized(&x, offsetof(ag_rule_info, uses));
    ck_assert_int_eq(ag_rule_at(AG_NAG, &x.info), AG_OK);
    ck_assert(!strcmp(x.info.name, "nag") && x.info.size == offsetof(ag_rule_info, uses));
    ck_assert_int_eq(x.info.uses, 0x55555555);
}
END_TEST

/* ---- each plan has its own run calls ---------------------------------------------------------------------------- */

START_TEST(combining_has_its_own_run_calls)
{
    ag_context *context = kernels_context(1);
    combination x;
    ag_plan *plan;
    ag_args args;
    char why[AG_MESSAGE_SIZE] = "";
    set_base(&x, AG_LINEAR);
    ck_assert(!ag_guidance_plan(context, &x.g, &plan, NULL, 0));
    ag_args_init(&args, NULL, NULL, NULL, NULL);
    ck_assert_int_eq(ag_plan_run(plan, &args, why, sizeof why), AG_ERR_COMBINATION);
    ck_assert_msg(strstr(why, "ag_guidance_run"), "%s", why);
    ck_assert_int_eq(ag_plan_check(plan, &args, NULL, 0), AG_ERR_COMBINATION);
    ck_assert_int_eq(ag_plan_check_values(plan, &args, NULL, 0), AG_ERR_COMBINATION);
    ck_assert_int_eq(ag_plan_run_part(plan, &args, 0, 0, 1, 0), AG_ERR_COMBINATION);
    ck_assert_int_eq(ag_plan_run_share(plan, &args, 0, 0, 1), AG_ERR_COMBINATION);
    ck_assert_int_eq(ag_plan_run_share(plan, &args, 0, 98, 99), AG_ERR_COMBINATION);
    ck_assert(buffer_is_poison(&x.out));
    ck_assert_msg(!ag_guidance_run(plan, &x.a, why, sizeof why), "%s", why);
    ag_plan_free(plan);
    combination_free(&x);
    ag_context_free(context);
}
END_TEST

START_TEST(attention_is_not_run_by_guidance)
{
    ag_context *context = kernels_context(1);
    ag_problem p;
    ag_plan *plan;
    combination x;
    char why[AG_MESSAGE_SIZE] = "";
    set_base(&x, AG_LINEAR);
    ag_problem_init(&p, 1, 1, 8, 8, 8);
    ck_assert_int_eq(ag_plan_create(context, &p, &plan, NULL, 0), AG_OK);
    ck_assert_int_eq(ag_guidance_run(plan, &x.a, why, sizeof why), AG_ERR_COMBINATION);
    ck_assert_msg(strstr(why, "ag_plan_run"), "%s", why);
    ck_assert_int_eq(ag_guidance_check(plan, &x.a, NULL, 0), AG_ERR_COMBINATION);
    ck_assert_int_eq(ag_guidance_run_part(plan, &x.a, 0, 0, 1, 0), AG_ERR_COMBINATION);
    ck_assert_int_eq(ag_guidance_run_share(plan, &x.a, 0, 0, 1), AG_ERR_COMBINATION);
    ck_assert_int_eq(ag_guidance_run_share(plan, &x.a, 0, 98, 99), AG_ERR_COMBINATION);
    ck_assert(buffer_is_poison(&x.out));
    ag_plan_free(plan);
    combination_free(&x);
    ag_context_free(context);
}
END_TEST

static void count_loop(void *host, int64_t count, void (*task)(void *arg, int64_t i), void *arg)
{
    ++*(int *)host;
    for (int64_t i = count - 1; i >= 0; i--) task(arg, i);
}

/* The workspace is judged, and an executor is used. */
START_TEST(a_planned_run_has_its_workspace_and_executor)
{
    enum { SAMPLES = 2, COUNT = 40000 }; /* more than one chunk: sums are kept in a workspace */
    ag_context *context = kernels_context(1);
    combination x;
    ag_plan *plan;
    ag_executor executor;
    int loops = 0;
    char why[AG_MESSAGE_SIZE] = "", text[512];
    combination_init(&x, AG_APG, 2, SAMPLES, COUNT);
    x.g.workers = 3;
    ck_assert(!combination_build(&x, 4) && !ag_guidance_plan(context, &x.g, &plan, NULL, 0));
    combination_begin(&x);
    ag_executor_init(&executor, &loops, count_loop);
    x.a.executor = &executor;
    ck_assert_int_eq(ag_guidance_run(plan, &x.a, why, sizeof why), AG_ERR_WORKSPACE);
    x.a.workspace_size = ag_plan_workspace(plan);
    char *memory = malloc(x.a.workspace_size + 1);
    x.a.workspace = memory + 1;
    x.a.workspace_size--;
    ck_assert_int_eq(ag_guidance_check(plan, &x.a, why, sizeof why), AG_ERR_WORKSPACE);
    ck_assert(buffer_is_poison(&x.out) && loops == 0);
    x.a.workspace_size++;
    x.a.cuda_stream = &x;
    ck_assert_int_eq(ag_guidance_check(plan, &x.a, why, sizeof why), AG_ERR_COMBINATION);
    ck_assert_msg(!strncmp(why, "cuda_stream", 11), "%s", why);
    x.a.cuda_stream = NULL;
    ck_assert_msg(!ag_guidance_run(plan, &x.a, why, sizeof why), "%s", why);
    ck_assert_msg(!combination_judge(&x, text, sizeof text), "%s", text);
    ck_assert_int_eq(loops, ag_plan_phases(plan));
    free(memory);
    ag_plan_free(plan);
    combination_free(&x);
    ag_context_free(context);
}
END_TEST

Suite *suite_guidance_rules(void)
{
    Suite *s = suite_create("guidance_rules");
    TCase *c = tcase_create("guidance_rules");
    const int rules = combination_rules();
    add_loop(c, parameters_have_their_ranges, 0, rules);
    add_loop(c, the_table_tells_of_every_rule, 0, rules);
    add_test(c, the_table_ends);
    add_test(c, the_table_takes_older_structs);
    add_test(c, combining_has_its_own_run_calls);
    add_test(c, attention_is_not_run_by_guidance);
    if (problem_where == AG_HOST) add_test(c, a_planned_run_has_its_workspace_and_executor);
    suite_add_tcase(s, c);
    return s;
}
