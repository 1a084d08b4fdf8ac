/* test_methods.c - what the table says of each method is what the library does. */
#include "../harness/methods.h"

#include <math.h>
#include <string.h>

#include "../harness/kernels.h"
#include "suites.h"

enum { N = 24 };

/* One row of method `number`, all picture, every number to begin with. */
static ag_row *set_up(problem *x, int number)
{
    problem_init(x, 1, 2, N, N, 8);
    ag_row *row = problem_perturb(x, 0, number);
    row->grid[0] = 1;
    row->grid[1] = 4;
    row->grid[2] = 6;
    return row;
}

static ag_status judge(const problem *x, char *why)
{
    ag_plan *plan = NULL;
    ag_context *context = kernels_context(1);
    const ag_status status = ag_plan_create(context, &x->p, &plan, why, AG_MESSAGE_SIZE);
    ag_plan_free(plan);
    ag_context_free(context);
    return status;
}

/* The problem is taken exactly if `taken`. */
static void expect(const problem *x, int taken, const char *what)
{
    char why[AG_MESSAGE_SIZE] = "";
    const ag_status status = judge(x, why);
    char text[PROBLEM_TEXT];
    problem_describe(x, text, sizeof text);
    ck_assert_msg(!status == !!taken, "%s: status %d, %s: %s", what, (int)status, why, text);
    ck_assert(!status || *why);
}

START_TEST(every_method_is_listed)
{
    int of[64] = { 0 };
    ag_method_info info, before = { 0 };
    ck_assert_int_eq(methods_info(0).method, AG_STANDARD);
    for (int i = 0; i < methods_count(); i++, before = info) {
        info = methods_info(i);
        ck_assert(info.name && *info.name && info.formula && *info.formula);
        ck_assert_int_ge((int)info.method, (int)before.method);
        ck_assert_int_eq(methods_number(info.method, info.kind), i);
        ck_assert_int_eq(methods_named(info.name, info.variant), i);
        of[info.method]++;
    }
    for (int i = 0; i <= (int)info.method; i++) ck_assert_msg(of[i], "method %d is not listed", i);
    ck_assert_int_eq(methods_number((ag_method)(info.method + 1), AG_GATHER), -1);
}
END_TEST

START_TEST(tables_end)
{
    ag_method_info method;
    ag_parameter_info parameter;
    ag_method_info_init(&method);
    ag_parameter_info_init(&parameter);
    ck_assert_int_eq(ag_method_at(-1, &method), AG_ERR_VALUE);
    ck_assert_int_eq(ag_method_at(methods_count(), &method), AG_ERR_VALUE);
    ck_assert_int_eq(ag_method_at(0, NULL), AG_ERR_NULL);
    for (int i = -1; i <= methods_count(); i++) {
        const int count = i < 0 || i == methods_count() ? 0 : methods_info(i).parameter_count;
        ck_assert_int_eq(ag_parameter_at(i, -1, &parameter), AG_ERR_VALUE);
        ck_assert_int_eq(ag_parameter_at(i, count, &parameter), AG_ERR_VALUE);
        ck_assert_int_eq(ag_parameter_at(i, 0, NULL), AG_ERR_NULL);
    }
    method.size = 3;
    parameter.size = 3;
    ck_assert_int_eq(ag_method_at(0, &method), AG_ERR_STRUCT);
    ck_assert_int_eq(ag_parameter_at(methods_count() - 1, 0, &parameter), AG_ERR_STRUCT);
}
END_TEST

START_TEST(takes_what_it_says)
{
    const uint32_t takes = methods_info(_i).takes;
    const int perturbs = (takes & AG_TAKES_IMAGE) != 0;
    problem x;
    ag_row *row = set_up(&x, _i);
    expect(&x, 1, "as it is");
    x.p.causal = 1;
    expect(&x, takes & AG_TAKES_CAUSAL, "causal");
    x.p.causal = 0;
    problem_bias(&x, AG_F32);
    expect(&x, takes & AG_TAKES_BIAS, "bias");
    x.p.bias_dtype = AG_NONE;
    x.p.want_lse = 1;
    expect(&x, takes & AG_TAKES_LSE, "lse");
    x.p.want_lse = 0;
    problem_mask(&x);
    expect(&x, 1, "a key mask");
    x.p.has_key_mask = 0;
    if (perturbs) {
        row->blend = 1;
        expect(&x, takes & AG_TAKES_BLEND, "blend");
        row->blend = 0;
        row->indexed = 1;
        expect(&x, takes & AG_TAKES_INDEX, "index");
        row->indexed = 0;
        memset(row->grid, 0, sizeof row->grid);
        expect(&x, !(takes & AG_TAKES_GRID), "no grid");
    }
    set_up(&x, _i);
    x.p.operation = AG_BLUR;
    expect(&x, takes & AG_TAKES_BLUR, "a blur");
    x.p.operation = AG_ENERGY;
    expect(&x, !perturbs, "energy");
    problem_init(&x, 1, 2, N, N + 1, 8);
    problem_perturb(&x, 0, _i);
    memcpy(x.rows[0].grid, (int64_t[3]){ 1, 4, 6 }, sizeof x.rows[0].grid);
    expect(&x, takes & AG_TAKES_CROSS, "keys of another sequence");
}
END_TEST

static unsigned needs_of(const problem *x)
{
    unsigned needs = 0;
    ck_assert(!ag_problem_needs(&x->p, 0, &needs, NULL, 0));
    return needs;
}

START_TEST(reads_what_it_says)
{
    problem x;
    ag_row *row = set_up(&x, _i);
    ck_assert_uint_eq(needs_of(&x), methods_info(_i).reads);
    row->image_length = N - 1;
    memcpy(row->grid, (int64_t[3]){ 1, 1, N - 1 }, sizeof row->grid);
    ck_assert_uint_eq(needs_of(&x), AG_NEEDS_Q | AG_NEEDS_K | AG_NEEDS_V);
}
END_TEST

/* A run with this value of a parameter is taken or refused, at the plan or at the arguments. */
static ag_status judge_value(problem *x, ag_context *context, const ag_parameter_info *p, double value, char *why)
{
    row_put(&x->rows[0], &x->run[0], p, value);
    return problem_execute(x, context, NULL, why, AG_MESSAGE_SIZE);
}

START_TEST(ranges_are_what_they_say)
{
    ag_context *context = kernels_context(1);
    ag_parameter_info p;
    for (int i = 0; methods_parameter(_i, i, &p); i++) {
        const double out[] = { p.least - (p.whole ? 1 : 1e-9), p.most + (p.whole ? 1 : p.most * 1e-6),
                               p.whole ? p.least - 1 : NAN, isinf(p.most) || p.whole ? p.least - 1 : INFINITY };
        const double in[] = { p.least, p.most, p.usual, isnan(p.initial) ? p.usual : p.initial,
                              isnan(p.neutral) ? p.usual : p.neutral };
        ck_assert(p.least <= p.usual && p.usual <= p.most && *p.meaning);
        char why[AG_MESSAGE_SIZE];
        problem x;
        set_up(&x, _i);
        x.p.scale = 1e-290; /* so that no product of a number with it is too large */
        ck_assert(!problem_build(&x, 1));
        for (int v = 0; v < 5; v++) {
            if (p.whole && in[v] > 1000) continue;
            ck_assert_msg(!judge_value(&x, context, &p, in[v], why), "%s %g: %s", p.name, in[v], why);
        }
        for (int v = 0; v < 4; v++) {
            if (p.whole && (p.most == 1 || out[v] > INT32_MAX)) continue; /* any switch that is not 0 is on */
            if (out[v] >= p.least && out[v] <= p.most) continue;
            ck_assert_msg(judge_value(&x, context, &p, out[v], why), "%s %g is taken", p.name, out[v]);
            ck_assert_msg(strstr(why, p.name) != NULL, "%s is not in: %s", p.name, why);
        }
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

/* What the init functions set. */
START_TEST(defaults_are_what_they_say)
{
    ag_row row;
    ag_row_args run;
    ag_parameter_info p;
    ag_row_init(&row, methods_info(_i).method);
    ag_row_args_init(&run);
    for (int i = 0; methods_parameter(_i, i, &p); i++) {
        const double set = row_get(&row, &run, &p);
        ck_assert_msg(isnan(p.initial) ? isnan(set) : set == p.initial, "%s is %g, not %g", p.name, set, p.initial);
    }
}
END_TEST

Suite *suite_methods(void)
{
    Suite *s = suite_create("methods");
    TCase *c = tcase_create("methods");
    tcase_set_timeout(c, 600);
    add_test(c, every_method_is_listed);
    add_test(c, tables_end);
    add_loop(c, takes_what_it_says, 0, methods_count());
    add_loop(c, reads_what_it_says, 0, methods_count());
    add_loop(c, ranges_are_what_they_say, 0, methods_count());
    add_loop(c, defaults_are_what_they_say, 0, methods_count());
    suite_add_tcase(s, c);
    return s;
}
