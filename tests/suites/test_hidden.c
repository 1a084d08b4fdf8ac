/* test_hidden.c - NaN and infinity in keys and values reach the queries that see them, and no others: every attend
 * kernel, every way to hide a pair. The oracle says who sees a key: the rows that another number there changes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/kernels.h"
#include "../harness/methods.h"
#include "../oracle/number.h"
#include "../oracle/oracle.h"
#include "../harness/random.h"
#include "suites.h"

enum { TOKENS = 135, WIDTH = 20, ROWS = 2 * TOKENS, OUT = ROWS * WIDTH };

/* Keys at the edges of a block of 128, and in the middle of the image. */
static const int planted[] = { 2, 61, 127, 128, 134 };

typedef enum hider { BOOLEAN, BIAS_F32, BIAS_F16, BIAS_BF16, CAUSAL, NOTHING, HIDERS } hider;

typedef struct expected {
    double out[OUT], lse[ROWS];
} expected;

static void fill(const buffer *b, ag_dtype type, int64_t count, random_state *r)
{
    for (int64_t at = 0; at < count; at++) number_write(type, b->data, at, random_between(r, -1, 1));
}

/* The rows of the planted keys, in both heads. */
static void plant(problem *x, int values, double number)
{
    const ag_dtype type = values ? x->p.v.dtype : x->p.k.dtype;
    for (size_t n = 0; n < sizeof planted / sizeof *planted; n++)
        for (int h = 0; h < 2; h++)
            for (int c = 0; c < WIDTH; c++)
                number_write(type, values ? x->v.data : x->k.data, (h * TOKENS + planted[n]) * WIDTH + c,
                             number * (values || c % 2 ? 1 : 0.5));
}

static void hide(problem *x, hider how)
{
    static const ag_dtype types[] = { AG_U8, AG_F32, AG_F16, AG_BF16 };
    if (how == CAUSAL) x->p.causal = 1;
    if (how < CAUSAL) problem_bias(x, types[how]);
}

static void fill_bias(problem *x, random_state *r)
{
    const ag_dtype type = x->p.bias_dtype;
    for (int64_t at = 0; type && at < ROWS * TOKENS; at++) {
        const int64_t i = at / TOKENS % TOKENS;
        const int hidden = i == 40 || random_chance(r, 2);
        number_write(type, x->bias.data, at, type == AG_U8 ? !hidden : hidden ? -INFINITY : random_between(r, -2, 2));
    }
}

static void build(problem *x, ag_dtype type, hider how, int perturbation, int blend)
{
    random_state r = { 5 };
    problem_init(x, 1, 2, TOKENS, TOKENS, WIDTH);
    problem_place(x, PLACE_HEADS, type, type, type);
    ag_row *row = problem_perturb(x, 0, perturbation);
    row->image_offset = 3;
    row->image_length = 130;
    row->grid[0] = 1;
    row->grid[1] = 10;
    row->grid[2] = 13;
    row->sigma = 1;
    row->blend = blend;
    if (blend) x->run[0].strength = 0.375;
    problem_tidy(x, 0);
    x->p.want_lse = !row->blend && methods_info(perturbation).takes & AG_TAKES_LSE;
    hide(x, how);
    ck_assert(!problem_allocate(x));
    fill(&x->q, type, OUT, &r);
    fill(&x->k, type, OUT, &r);
    fill(&x->v, type, OUT, &r);
    fill_bias(x, &r);
}

static void answer(const problem *x, expected *to)
{
    ck_assert(!oracle(&x->p, &x->a, to->out, x->p.want_lse ? to->lse : NULL, NULL));
}

/* `a` and `b` are the answers for two numbers in the planted rows; a row that is the same in both has to be right, and
 * the others have to tell what is there now, unless `quiet`. */
static void judge(const problem *x, const char *kernel, const expected *a, const expected *b, int quiet)
{
    const ag_dtype type = x->p.out.dtype;
    const double allowed = type == AG_BF16 || strstr(kernel, "bf16") ? 0.03 : type == AG_F16 ? 3e-3 : 2e-5;
    for (int at = 0; at < OUT; at++) {
        const double got = number_read(type, x->out.data, at);
        if (a->out[at] == b->out[at])
            ck_assert_msg(fabs(got - a->out[at]) <= allowed,
                          "%s: method %d, row %d is %g for %g: a hidden number shows", kernel, (int)x->rows[0].method,
                          at / WIDTH, got, a->out[at]);
        else if (!quiet)
            ck_assert_msg(!isfinite(got), "%s: method %d, row %d is %g: a number that is seen is lost", kernel,
                          (int)x->rows[0].method, at / WIDTH, got);
    }
    for (int row = 0; row < ROWS && x->p.want_lse; row++) {
        const double got = ((const float *)x->lse.data)[row];
        if (a->lse[row] == b->lse[row])
            ck_assert_msg(got == a->lse[row] || fabs(got - a->lse[row]) <= allowed, "%s: lse %d is %g for %g", kernel,
                          row, got, a->lse[row]);
    }
}

static void run(problem *x, ag_context *context, int values, double number)
{
    static expected a, b;
    char why[AG_MESSAGE_SIZE] = "";
    plant(x, values, 0.5);
    answer(x, &a);
    plant(x, values, values ? 100 : 2);
    answer(x, &b);
    plant(x, values, number);
    for (int k = 0; k < kernels_count(); k++) {
        const ag_kernel_info info = kernels_info(k);
        if (info.unavailable || strcmp(info.backend, "cpu") || strcmp(info.step, "attend")) continue;
        x->p.products = strstr(info.name, "bf16") ? AG_BF16 : AG_NONE;
        const ag_status status = problem_execute(x, context, info.name, why, sizeof why);
        if (status == AG_ERR_KERNEL) continue;
        ck_assert_msg(!status, "%s: %s", info.name, why);
        judge(x, info.name, &a, &b, !values && isinf(number));
    }
}

/* A bias or causality is refused with identity and uniform. Gathered rows are means, and see no keys. */
static int is_asked(hider how, int perturbation)
{
    if (perturbation == methods_number(AG_SCRAMBLED, AG_GATHER)) return 0;
    return how == NOTHING || (perturbation != AG_IDENTITY && perturbation != AG_UNIFORM);
}

/* Orthogonal divides by the keys of image tokens, whoever sees them: their numbers are finite. */
static void run_all(ag_context *context, ag_dtype type, hider how, int perturbation)
{
    static const double numbers[] = { NAN, INFINITY, -INFINITY };
    const int last = perturbation == AG_STANDARD || perturbation == methods_number(AG_MASKED, AG_GATHER) ? 3 : 1;
    for (int blend = 0; blend < 2; blend++) {
        problem x;
        if (blend && (perturbation == AG_STANDARD || !is_asked(how, perturbation))) continue;
        build(&x, type, how, perturbation, blend);
        for (int n = 0; n < last; n++) {
            run(&x, context, 1, numbers[n]);
            plant(&x, 1, 0.5);
            if (perturbation != AG_ORTHOGONAL) run(&x, context, 0, numbers[n]);
            plant(&x, 0, 0.5);
        }
        problem_free(&x);
    }
}

START_TEST(hidden_numbers_do_not_show)
{
    static const ag_dtype types[] = { AG_F32, AG_F16, AG_BF16 };
    ag_context *context = kernels_context(1);
    for (int perturbation = 0; perturbation < methods_count(); perturbation++)
        for (int type = 0; type < (perturbation % 3 ? 1 : 3); type++) /* all of a few */
            if (is_asked((hider)_i, perturbation)) run_all(context, types[type], (hider)_i, perturbation);
    ag_context_free(context);
}
END_TEST

Suite *suite_hidden(void)
{
    Suite *s = suite_create("hidden");
    TCase *c = tcase_create("hidden");
    tcase_set_timeout(c, 600);
    add_loop(c, hidden_numbers_do_not_show, 0, HIDERS);
    suite_add_tcase(s, c);
    return s;
}
