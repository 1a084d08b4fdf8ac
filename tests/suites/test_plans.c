/* test_plans.c - contexts, plans and what the library says about itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "../harness/kernels.h"
#include "suites.h"

/* Needs a workspace: permuted values. */
static void set_problem(problem *x)
{
    problem_init(x, 2, 2, 12, 12, 8);
    problem_row(x, 0, AG_IDENTITY)->image_offset = 4;
    problem_row(x, 1, AG_SCRAMBLED)->kind = AG_PERMUTE;
    ck_assert(!problem_build(x, 1));
}

START_TEST(contexts_are_judged)
{
    static const int32_t threads[] = { 0, -1, 1025 };
    ag_context *context = NULL;
    ag_context_options options;
    char why[AG_MESSAGE_SIZE] = "";
    for (int i = 0; i < 3; i++) {
        ag_context_options_init(&options);
        options.threads = threads[i];
        ck_assert_int_eq(ag_context_create(&options, &context, why, sizeof why), AG_ERR_VALUE);
        ck_assert(*why && !context);
    }
    ag_context_options_init(&options);
    options.cached_plans = 0;
    ck_assert_int_eq(ag_context_create(&options, &context, why, sizeof why), AG_ERR_VALUE);
    options.size = 2;
    ck_assert_int_eq(ag_context_create(&options, &context, why, sizeof why), AG_ERR_STRUCT);
    context = kernels_context(3);
    ck_assert_int_eq(ag_context_threads(context), 3);
    ag_context_free(context);
    ck_assert_int_eq(ag_context_create(NULL, &context, why, sizeof why), AG_OK);
    ck_assert_int_ge(ag_context_threads(context), 1);
    ag_context_free(context);
}
END_TEST

/* A plan that needs workspace refuses none, too little, and one that overlaps out; any address will do. Parts refuse
 * what does not exist; the values alone are judged without pointers. */
START_TEST(workspaces_and_parts_are_judged)
{
    problem x;
    ag_plan *plan;
    char why[AG_MESSAGE_SIZE] = "";
    ag_context *context = kernels_context(2);
    set_problem(&x);
    ck_assert(!ag_plan_create(context, &x.p, &plan, why, sizeof why));
    const size_t size = ag_plan_workspace(plan);
    ck_assert_uint_gt(size, 0);
    char *memory = aligned_alloc(AG_ALIGNMENT, (size + 2 * AG_ALIGNMENT) / AG_ALIGNMENT * AG_ALIGNMENT);
    ag_args a = x.a;
    ck_assert_int_eq(ag_plan_run(plan, &a, why, sizeof why), AG_ERR_WORKSPACE);
    a.workspace = memory;
    a.workspace_size = size - 1;
    ck_assert_int_eq(ag_plan_run(plan, &a, why, sizeof why), AG_ERR_WORKSPACE);
    a.workspace_size = size;
    a.workspace = (char *)a.out - size + 1;
    ck_assert_int_eq(ag_plan_run(plan, &a, why, sizeof why), AG_ERR_ALIAS);
    a.workspace = memory + 1;
    ck_assert_int_eq(ag_plan_check(plan, &a, why, sizeof why), AG_OK);
    ag_args values = a;
    values.q = values.k = values.v = NULL;
    values.out = values.workspace = NULL;
    ck_assert_int_eq(ag_plan_check(plan, &values, why, sizeof why), AG_ERR_NULL);
    ck_assert_int_eq(ag_plan_check_values(plan, &values, why, sizeof why), AG_OK);
    values.row_count = 7;
    ck_assert_int_eq(ag_plan_check_values(plan, &values, why, sizeof why), AG_ERR_SHAPE);
    ck_assert_int_eq(ag_plan_run_share(plan, &a, 0, 3, 3), AG_ERR_VALUE);
    ck_assert_int_eq(ag_plan_run_share(plan, &a, 99, 0, 99), AG_ERR_VALUE);
    ck_assert_int_eq(ag_plan_run_share(plan, &a, 99, 98, 99), AG_ERR_VALUE); /* of a worker with nothing to do, too */
    ck_assert_int_eq(ag_plan_run_share(plan, &a, 0, ag_plan_workers(plan), ag_plan_workers(plan) + 1), AG_OK);
    const int64_t tasks = ag_plan_tasks(plan, 0);
    ck_assert_int_eq(ag_plan_run_part(plan, &a, -1, 0, 1, 0), AG_ERR_VALUE);
    ck_assert_int_eq(ag_plan_run_part(plan, &a, ag_plan_phases(plan), 0, 1, 0), AG_ERR_VALUE);
    ck_assert_int_eq(ag_plan_run_part(plan, &a, 0, -1, 1, 0), AG_ERR_VALUE);
    ck_assert_int_eq(ag_plan_run_part(plan, &a, 0, 0, tasks + 1, 0), AG_ERR_VALUE);
    ck_assert_int_eq(ag_plan_run_part(plan, &a, 0, 1, 0, 0), AG_ERR_VALUE);
    ck_assert_int_eq(ag_plan_run_part(plan, &a, 0, 0, 1, -1), AG_ERR_VALUE);
    ck_assert_int_eq(ag_plan_run_part(plan, &a, 0, 0, 1, ag_plan_workers(plan)), AG_ERR_VALUE);
    ck_assert_int_eq(ag_plan_tasks(plan, -1), 0);
    ck_assert_int_eq(ag_plan_tasks(plan, ag_plan_phases(plan)), 0);
    ck_assert(buffer_is_poison(&x.out));
    free(memory);
    ag_plan_free(plan);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* A workspace may begin at any address, and nothing around it is touched. */
START_TEST(workspaces_begin_anywhere)
{
    problem x;
    ag_plan *plan;
    ag_context *context = kernels_context(1);
    problem_init(&x, 2, 2, 16, 16, 16); /* with this kernel, scratch that is used to its last byte */
    x.p.kernel = "attend_f64_ref";
    ck_assert(!problem_build(&x, 1));
    ck_assert(!ag_plan_create(context, &x.p, &plan, NULL, 0));
    const size_t size = ag_plan_workspace(plan);
    for (size_t behind = 0; behind <= AG_ALIGNMENT; behind++) {
        buffer memory;
        ck_assert(!buffer_open(&memory, size + behind, 1)); /* `behind` bytes before the page nobody may touch */
        ag_args a = x.a;
        a.workspace = memory.data;
        a.workspace_size = size;
        ck_assert_int_eq(ag_plan_run(plan, &a, NULL, 0), AG_OK);
        const verdict v = problem_judge(&x);
        ck_assert_msg(v.outcome == OUTCOME_RIGHT, "%zu bytes behind: %s", behind, v.text);
        memset(memory.data, 0xff, size);
        ck_assert_msg(buffer_is_poison(&memory), "written outside, %zu bytes behind", behind);
        buffer_close(&memory);
    }
    ag_plan_free(plan);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* Where the CUDA backend is not usable, its place is refused with the reason. */
START_TEST(cuda_is_refused_where_it_is_not)
{
    ag_kernel_info info = { .size = sizeof info };
    int usable = 0;
    for (int i = 0; !ag_backend_at(i, &info); i++) usable |= !strcmp(info.backend, "cuda") && !info.unavailable;
    if (usable) return;
    problem x;
    char why[AG_MESSAGE_SIZE] = "";
    ag_context *context = kernels_context(0);
    set_problem(&x);
    x.p.place = AG_CUDA;
    ck_assert_int_eq(problem_execute(&x, context, NULL, why, sizeof why), AG_ERR_UNAVAILABLE);
    ck_assert(*why && buffer_is_poison(&x.out));
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* Half a million rows with no address space left. Sanitizers need that space themselves, and without a fork the tests
 * that follow would. */
START_TEST(memory_may_run_out)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return;
#endif
    const char *forks = getenv("CK_FORK");
    if (forks && !strcmp(forks, "no")) return;
    ag_context *context = kernels_context(1);
    ag_problem p;
    ag_plan *plan = NULL;
    char why[AG_MESSAGE_SIZE] = "";
    ag_problem_init(&p, 1 << 19, 1, 1, 1, 1);
    const struct rlimit none = { 1 << 20, 1 << 20 };
    ck_assert(!setrlimit(RLIMIT_AS, &none));
    const ag_status status = ag_plan_create(context, &p, &plan, why, sizeof why);
    ck_assert_msg(status == AG_ERR_MEMORY && *why && !plan, "%d: %s", (int)status, why);
}
END_TEST

/* explain returns the whole length, writes what fits, and always ends it. */
START_TEST(explanations_are_cut_cleanly)
{
    problem x;
    ag_plan *plan;
    char whole[8192], part[64];
    ag_context *context = kernels_context(2);
    set_problem(&x);
    ck_assert(!ag_plan_create(context, &x.p, &plan, NULL, 0));
    const size_t length = ag_plan_explain(plan, whole, sizeof whole);
    ck_assert_uint_eq(ag_plan_explain(plan, NULL, 0), length);
    ck_assert_uint_eq(strlen(whole), length);
    ck_assert(strstr(whole, "attend") && length > sizeof part);
    for (size_t size = 1; size <= sizeof part; size++) {
        memset(part, '~', sizeof part);
        ck_assert_uint_eq(ag_plan_explain(plan, part, size), length);
        ck_assert(strlen(part) == size - 1 && !memcmp(part, whole, size - 1));
        ck_assert(size == sizeof part || part[size] == '~');
    }
    ag_plan_free(plan);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* Every step names its kernel, and those that were passed over a reason each. */
START_TEST(steps_tell_their_kernels)
{
    problem x;
    ag_plan *plan;
    ag_step_info step;
    const char *kernel, *reason;
    int64_t n = 0;
    ag_context *context = kernels_context(2);
    set_problem(&x);
    x.p.kernel = "blur_f64_ref,attend_f64_ref"; /* one for each step */
    ck_assert(!ag_plan_create(context, &x.p, &plan, NULL, 0));
    ag_step_info_init(&step);
    for (; !ag_plan_step_at(plan, n, &step); n++) {
        int64_t over = 0;
        ck_assert(step.step && step.kernel && step.tasks > 0 && step.phase < ag_plan_phases(plan));
        if (!strcmp(step.step, "attend")) ck_assert_str_eq(step.kernel, "attend_f64_ref");
        if (!strcmp(step.step, "blur")) ck_assert_str_eq(step.kernel, "blur_f64_ref");
        while (!ag_plan_passed_over(plan, n, over, &kernel, &reason)) {
            ck_assert(kernel && *reason);
            over++;
        }
        if (!strcmp(step.step, "attend")) ck_assert_int_gt(over, 0);
    }
    ck_assert_int_gt(n, 0);
    ck_assert_int_eq(ag_plan_step_at(plan, -1, &step), AG_ERR_VALUE);
    ck_assert_int_eq(ag_plan_step_at(NULL, 0, &step), AG_ERR_NULL);
    ag_plan_free(plan);

    static const char *const wrong[] = { "attend_f64_ref,nothing", "nothing,attend_f64_ref",
                                         "attend_f64_ref,attend_f32_base" };
    for (int i = 0; i < 3; i++) {
        x.p.kernel = wrong[i];
        ck_assert_int_eq(ag_plan_create(context, &x.p, &plan, NULL, 0), AG_ERR_KERNEL);
    }
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* A kernel with threads of its own is never chosen, and never runs in parts. */
START_TEST(own_threads_are_by_name_only)
{
    static const float q[2] = { 1, 2 };
    static double space[8192];
    float map[4];
    char why[AG_MESSAGE_SIZE];
    ag_problem p;
    ag_args a;
    ag_plan *plan;
    ag_context *context = kernels_context(2);
    ag_step_info step;
    ag_problem_init(&p, 1, 1, 2, 2, 1);
    p.operation = AG_MAP;
    ag_args_init(&a, q, q, NULL, map);
    a.workspace = space;
    a.workspace_size = sizeof space;
    ag_step_info_init(&step);
    ck_assert(!ag_plan_create(context, &p, &plan, NULL, 0) && !ag_plan_step_at(plan, 0, &step));
    ck_assert_str_ne(step.kernel, "map_openblas");
    ck_assert_int_eq(ag_plan_check(plan, &a, NULL, 0), AG_OK);
    ck_assert_int_eq(ag_plan_run_part(plan, &a, 0, 0, 1, 0), AG_OK);
    ag_plan_free(plan);
    p.kernel = "map_openblas";
    const ag_status status = ag_plan_create(context, &p, &plan, why, sizeof why);
    if (status) {
        ck_assert_int_eq(status, AG_ERR_KERNEL);
        printf("skipped: %s\n", why);
    } else {
        ck_assert_int_eq(ag_plan_check(plan, &a, NULL, 0), AG_OK);
        ck_assert_int_eq(ag_plan_run_part(plan, &a, 0, 0, 1, 0), AG_ERR_KERNEL);
        ck_assert_int_eq(ag_plan_run_share(plan, &a, 0, 0, 1), AG_ERR_KERNEL);
        ag_plan_free(plan);
        p.workers = 2;
        ck_assert_int_eq(ag_plan_create(context, &p, &plan, why, sizeof why), AG_ERR_KERNEL);
        ck_assert_msg(strstr(why, "threads of its own"), "%s", why);
    }
    ag_context_free(context);
}
END_TEST

START_TEST(the_library_names_itself)
{
    ag_kernel_info info = { .size = sizeof info };
    ck_assert_uint_eq(ag_version(), AG_VERSION_MAJOR << 16 | AG_VERSION_MINOR << 8 | AG_VERSION_PATCH);
    ck_assert_str_eq(ag_version_string(), "0.1.0");
    for (int i = -2; i < 40; i++) ck_assert(ag_status_string((ag_status)i) && *ag_status_string((ag_status)i));
    ck_assert_int_eq(ag_backend_at(0, &info), AG_OK);
    ck_assert_str_eq(info.backend, "cpu");
    ck_assert(!info.unavailable && !info.name && !info.step);
    ck_assert_int_eq(ag_kernel_at(-1, &info), AG_ERR_VALUE);
    ck_assert_int_eq(ag_kernel_at(kernels_count(), &info), AG_ERR_VALUE);
    ck_assert_uint_eq(ag_dtype_size(AG_F32), 4);
    ck_assert_uint_eq(ag_dtype_size(AG_BF16), 2);
    ck_assert_uint_eq(ag_dtype_size(AG_U8), 1);
    ck_assert_uint_eq(ag_dtype_size((ag_dtype)99), 0);
}
END_TEST

Suite *suite_plans(void)
{
    Suite *s = suite_create("plans");
    TCase *c = tcase_create("plans");
    tcase_set_timeout(c, 600);
    add_test(c, contexts_are_judged);
    add_test(c, workspaces_and_parts_are_judged);
    add_test(c, workspaces_begin_anywhere);
    add_test(c, cuda_is_refused_where_it_is_not);
    add_test(c, memory_may_run_out);
    add_test(c, explanations_are_cut_cleanly);
    add_test(c, steps_tell_their_kernels);
    add_test(c, own_threads_are_by_name_only);
    add_test(c, the_library_names_itself);
    suite_add_tcase(s, c);
    return s;
}
