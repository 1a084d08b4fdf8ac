/* test_calls.c - the one-shot calls: each is its planned problem, and the cache of plans is never seen. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/kernels.h"
#include "../harness/methods.h"
#include "suites.h"

enum { CALLS = 16, N = 24, TEXT_TOKENS = 5 };

/** A one-shot call by number and the row it stands for. */
typedef struct call {
    int number;
    ag_context *context;
    ag_problem p; /* without rows */
    ag_args a;
    ag_image image;
} call;

/* What each call computes; sigma 1.5, and numbers of other methods to begin with. */
static const struct {
    ag_method method;
    ag_kind kind;
    ag_operation operation;
    int drops_parallel, draws;
} calls[CALLS] = {
    { .method = AG_STANDARD },
    { .method = AG_IDENTITY },
    { .method = AG_UNIFORM },
    { .method = AG_SMOOTHED },
    { .method = AG_ORTHOGONAL },
    { .method = AG_ORTHOGONAL, .drops_parallel = 1 },
    { .method = AG_SCRAMBLED, .kind = AG_GATHER, .draws = 3 },
    { .method = AG_SCRAMBLED, .kind = AG_PERMUTE },
    { .method = AG_SCRAMBLED, .kind = AG_TOKENS },
    { .method = AG_SMOOTHED, .operation = AG_BLUR },
    { .method = AG_STANDARD, .operation = AG_RECEIVED },
    { .method = AG_STANDARD, .operation = AG_MAP },
    { .method = AG_SOFTENED },
    { .method = AG_MASKED },
    { .method = AG_NOISY },
    { .method = AG_SPARSE },
};

/* The problem of call `number`, its rows set as the call would set them. */
static void set_problem(problem *x, int number)
{
    problem_init(x, 2, 2, N + TEXT_TOKENS, N + TEXT_TOKENS, 8);
    x->p.operation = calls[number].operation;
    for (int64_t b = 0; b < 2; b++) {
        ag_row *row = problem_perturb(x, b, methods_number(calls[number].method, calls[number].kind));
        row->image_offset = 2;
        row->image_length = N;
        row->grid[0] = 1;
        row->grid[1] = 4;
        row->grid[2] = 6;
        row_set(row, &x->run[b], "sigma", 1.5);
        if (calls[number].drops_parallel) row_set(row, &x->run[b], "keep_parallel", 0);
        if (calls[number].draws) row_set(row, &x->run[b], "draws", calls[number].draws);
        x->run[b].seed = 11;
    }
    ck_assert(!problem_build(x, (uint64_t)number));
}

static ag_status make(const call *c, char *why)
{
    const ag_problem *p = &c->p;
    switch (c->number) {
    case 0: return ag_attention_standard(c->context, p, &c->a, why, AG_MESSAGE_SIZE);
    case 1: return ag_attention_identity(c->context, p, &c->image, &c->a, why, AG_MESSAGE_SIZE);
    case 2: return ag_attention_uniform(c->context, p, &c->image, &c->a, why, AG_MESSAGE_SIZE);
    case 3: return ag_attention_smoothed(c->context, p, &c->image, 1.5, &c->a, why, AG_MESSAGE_SIZE);
    case 4: return ag_attention_orthogonal(c->context, p, &c->image, 1.5, 1, &c->a, why, AG_MESSAGE_SIZE);
    case 5: return ag_attention_orthogonal(c->context, p, &c->image, 1.5, 0, &c->a, why, AG_MESSAGE_SIZE);
    case 6: return ag_attention_scrambled(c->context, p, &c->image, AG_GATHER, 3, &c->a, why, AG_MESSAGE_SIZE);
    case 7: return ag_attention_scrambled(c->context, p, &c->image, AG_PERMUTE, 1, &c->a, why, AG_MESSAGE_SIZE);
    case 8: return ag_attention_scrambled(c->context, p, &c->image, AG_TOKENS, 1, &c->a, why, AG_MESSAGE_SIZE);
    case 9: return ag_query_blur(c->context, p, &c->image, 1.5, &c->a, why, AG_MESSAGE_SIZE);
    case 10: return ag_attention_received(c->context, p, &c->a, why, AG_MESSAGE_SIZE);
    case 12: return ag_attention_softened(c->context, p, &c->image, 0.5, &c->a, why, AG_MESSAGE_SIZE);
    case 13: return ag_attention_masked(c->context, p, &c->image, 0.5, &c->a, why, AG_MESSAGE_SIZE);
    case 14: return ag_attention_noisy(c->context, p, &c->image, 1, &c->a, why, AG_MESSAGE_SIZE);
    case 15: return ag_attention_sparse(c->context, p, &c->image, 1.5, &c->a, why, AG_MESSAGE_SIZE);
    default: return ag_attention_map(c->context, p, &c->a, why, AG_MESSAGE_SIZE);
    }
}

static call call_of(const problem *x, int number, ag_context *context)
{
    call c = { number, context, x->p, x->a, { 0 } };
    c.p.rows = NULL;
    c.p.row_count = 0;
    c.p.operation = AG_ATTENTION; /* the call says which */
    ag_image_init(&c.image, 1, 4, 6);
    c.image.image_offset = 2;
    c.image.image_length = N;
    return c;
}

START_TEST(calls_equal_their_plans)
{
    char why[AG_MESSAGE_SIZE] = "";
    ag_context *context = kernels_context(0);
    problem x;
    set_problem(&x, _i);
    call c = call_of(&x, _i, context);
    unsigned char *planned = problem_bytes(&x, context, NULL, why, sizeof why);
    ck_assert_msg(planned != NULL, "%s", why);
    ck_assert_msg(!make(&c, why), "%s", why);
    ck_assert(!memcmp(planned, x.out.pages, x.out.pages_size));
    const verdict v = problem_judge(&x);
    ck_assert_msg(v.outcome == OUTCOME_RIGHT, "%s", v.text);
    free(planned);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

START_TEST(energy_equals_its_plan)
{
    char why[AG_MESSAGE_SIZE] = "";
    ag_context *context = kernels_context(0);
    problem x;
    problem_init(&x, 2, 2, 9, 14, 8);
    x.p.operation = AG_ENERGY;
    ck_assert(!problem_build(&x, 4));
    ag_problem p = x.p;
    p.operation = AG_ATTENTION;
    ck_assert_msg(!ag_attention_energy(context, &p, &x.a, why, sizeof why), "%s", why);
    const verdict v = problem_judge(&x);
    ck_assert_msg(v.outcome == OUTCOME_RIGHT, "%s", v.text);
    x.a.curvature = NULL; /* not wanted */
    ck_assert_msg(!ag_attention_energy(context, &p, &x.a, why, sizeof why), "%s", why);
    ck_assert(buffer_is_poison(&x.curvature));
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* Without an image all tokens are the image. */
START_TEST(no_image_is_every_token)
{
    char why[AG_MESSAGE_SIZE] = "";
    ag_context *context = kernels_context(0);
    problem x;
    problem_init(&x, 1, 2, 20, 20, 8);
    problem_row(&x, 0, AG_IDENTITY);
    ck_assert(!problem_build(&x, 4));
    call c = call_of(&x, 1, context);
    ck_assert_msg(!ag_attention_identity(context, &c.p, NULL, &c.a, why, sizeof why), "%s", why);
    const verdict v = problem_judge(&x);
    ck_assert_msg(v.outcome == OUTCOME_RIGHT, "%s", v.text);
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* ---- The cache ---------------------------------------------------------------------------------------------- */

static ag_context *cache_of(int plans)
{
    ag_context_options options;
    ag_context *context = NULL;
    ag_context_options_init(&options);
    options.cached_plans = plans;
    ck_assert(!ag_context_create(&options, &context, NULL, 0));
    return context;
}

/* All calls in turn, several times, in a context that keeps one plan, two, or all. */
START_TEST(evicted_plans_come_back)
{
    static const int kept[] = { 1, 2, 64 };
    ag_context *context = cache_of(kept[_i]);
    char why[AG_MESSAGE_SIZE] = "";
    for (int round = 0; round < 3 * CALLS; round++) {
        problem x;
        set_problem(&x, round * 3 % CALLS);
        const call c = call_of(&x, round * 3 % CALLS, context);
        ck_assert_msg(!make(&c, why), "%s", why);
        const verdict v = problem_judge(&x);
        ck_assert_msg(v.outcome == OUTCOME_RIGHT, "call %d: %s", c.number, v.text);
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

/* Problems that differ in one field only never share a plan. */
START_TEST(plans_differ_by_every_field)
{
    static const double sigmas[] = { 0, 1, 1.0000001, 2, INFINITY };
    ag_context *context = cache_of(64);
    for (int i = 0; i < 40; i++) {
        problem x;
        problem_init(&x, 2, 2, 24, 24, 8);
        ag_row *row = problem_row(&x, i % 2, AG_SMOOTHED);
        row->grid[0] = i % 4 < 2 ? 1 : 2;
        row->grid[1] = 24 / 6 / row->grid[0];
        row->grid[2] = 6;
        row->sigma = sigmas[i % 5];
        row->blend = i % 3 == 0;
        x.run[i % 2].strength = row->blend ? 0.5 : 1;
        memcpy(x.heads[i % 2], (const uint8_t[]){ i < 20, 1 }, 2);
        row->heads = x.heads[i % 2];
        x.p.scale = i % 7 ? 0.25 : 0.5;
        x.p.causal = i % 11 == 0;
        x.p.want_lse = !row->blend && i % 4 == 1;
        ck_assert(!problem_build(&x, (uint64_t)i));
        char why[AG_MESSAGE_SIZE] = "";
        for (int twice = 0; twice < 2; twice++) {
            ck_assert_msg(!ag_attention_guided(context, &x.p, &x.a, why, sizeof why), "%s", why);
            const verdict v = problem_judge(&x);
            ck_assert_msg(v.outcome == OUTCOME_RIGHT, "%s", v.text);
        }
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

static void *call_often(void *arg)
{
    ag_context *context = arg;
    char why[AG_MESSAGE_SIZE];
    for (int round = 0; round < 4 * CALLS; round++) {
        problem x;
        set_problem(&x, round % CALLS);
        const call c = call_of(&x, round % CALLS, context);
        const int wrong = make(&c, why) || problem_judge(&x).outcome != OUTCOME_RIGHT;
        problem_free(&x);
        if (wrong) return context;
    }
    return NULL;
}

/* Threads of one context take plans from a cache of one and throw each other's out. */
START_TEST(calls_from_several_threads)
{
    pthread_t thread[3];
    ag_context *context = cache_of(1);
    for (int i = 0; i < 3; i++) ck_assert(!pthread_create(&thread[i], NULL, call_often, context));
    for (int i = 0; i < 3; i++) {
        void *failed;
        pthread_join(thread[i], &failed);
        ck_assert_ptr_null(failed);
    }
    ag_context_free(context);
}
END_TEST

Suite *suite_calls(void)
{
    Suite *s = suite_create("calls");
    TCase *c = tcase_create("calls");
    tcase_set_timeout(c, 600);
    add_loop(c, calls_equal_their_plans, 0, CALLS);
    add_test(c, energy_equals_its_plan);
    add_test(c, no_image_is_every_token);
    add_loop(c, evicted_plans_come_back, 0, 3);
    add_test(c, plans_differ_by_every_field);
    add_test(c, calls_from_several_threads);
    suite_add_tcase(s, c);
    return s;
}
