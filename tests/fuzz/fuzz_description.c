/* fuzz_description.c - any bytes as a description: judged, planned, explained and, where it is small, run, with every
 * array and every text buffer exactly as long as it says. The sanitizers are the judges. */
#include <stdlib.h>

#include "description.h"

/* A million tasks, list entries or steps is what a plan of these extents holds, rightly; it only takes time here. */
enum { MOST_PLANNED = 1 << 13, MOST_WORK = 1 << 16, MOST_JUDGED_ROWS = 1 << 14, MOST_WORKSPACE = 1 << 22 };

/* The caller's buffer for a sentence, of any size; a refusal must end it. */
typedef struct sentence {
    char *text;
    size_t size;
} sentence;

static sentence any_sentence(bytes *b)
{
    sentence s = { .size = (size_t)bytes_below(b, AG_MESSAGE_SIZE) };
    s.text = malloc(s.size ? s.size : 1);
    if (s.text) memset(s.text, '~', s.size ? s.size : 1);
    return s;
}

static void expect_ended(const sentence *s, ag_status status)
{
    if (status && s->size && !memchr(s->text, 0, s->size)) abort();
}

static void explain(const ag_plan *plan)
{
    static const size_t sizes[] = { 0, 1, 2, 63, 300 };
    const size_t whole = ag_plan_explain(plan, NULL, 0);
    for (int i = 0; i < 5; i++) {
        char *text = malloc(sizes[i] + !sizes[i]);
        if (!text || ag_plan_explain(plan, text, sizes[i]) != whole) abort();
        if (sizes[i] && !memchr(text, 0, sizes[i])) abort();
        free(text);
    }
}

/* Parts, shares and values that may not exist: refused, or run. The phases before are run first, as the header asks:
 * a wave of heads overwrites the workspace of the wave before. */
static void run_parts(const ag_plan *plan, const ag_args *a, bytes *b)
{
    const int phase = bytes_below(b, 9) - 1;
    const int64_t first = bytes_number(b), last = bytes_number(b), tasks = ag_plan_tasks(plan, phase);
    for (int i = 0; i < phase; i++)
        if (ag_plan_run_part(plan, a, i, 0, ag_plan_tasks(plan, i), 0)) return; /* kernels with threads of their own */
    ag_plan_run_part(plan, a, phase, first, last, (int)bytes_number(b));
    if (!tasks) return;
    ag_plan_run_part(plan, a, phase, (int64_t)((uint64_t)first % (uint64_t)tasks), tasks, 0);
    ag_plan_run_share(plan, a, phase, bytes_below(b, 5), 1 + bytes_below(b, 4));
}

static void backwards(void *host, int64_t count, void (*task)(void *arg, int64_t i), void *arg)
{
    (void)host;
    while (count-- > 0) task(arg, count);
}

static void run(ag_context *context, const ag_plan *plan, description *x, bytes *b, const sentence *why)
{
    static const ag_executor executor = { .size = sizeof executor, .parallel_for = backwards };
    if (ag_plan_workspace(plan) > MOST_WORKSPACE || description_work(&x->p) > MOST_WORK) return;
    if (!description_arguments(x, b, ag_plan_workspace(plan))) return;
    if (bytes_below(b, 3) == 0) x->args.executor = &executor;
    const ag_status status = ag_plan_check(plan, &x->args, why->text, why->size);
    expect_ended(why, status);
    if (ag_plan_run(plan, &x->args, why->text, why->size) != status) abort();
    if (!status) run_parts(plan, &x->args, b);
    if (bytes_below(b, 4) == 0) ag_attention_guided(context, x->problem, &x->args, why->text, why->size);
}

/* The library has defaults for what a struct of an older header lacks: these arrays are not for such a problem. */
static int is_older(const description *x)
{
    return x->p.size < sizeof x->p || (x->p.row_count && x->rows[0].size < sizeof *x->rows);
}

static void try_description(ag_context *context, description *x, bytes *b, const sentence *why)
{
    unsigned needs;
    int64_t reads;
    ag_plan *plan;
    if (x->p.batch > MOST_JUDGED_ROWS) return;
    /* Row -1 does not exist: the problem is judged whatever its extents, and nothing is made of it. */
    ag_status status = ag_problem_needs(x->problem, -1, &needs, why->text, why->size);
    if (!status) abort();
    expect_ended(why, status);
    if (description_plan_size(&x->p) > MOST_PLANNED) return;
    status = ag_plan_create(context, x->problem, &plan, why->text, why->size);
    expect_ended(why, status);
    if (status) return;
    if (is_older(x)) {
        ag_plan_free(plan);
        return;
    }
    if (ag_problem_needs(x->problem, bytes_below(b, (int)x->p.batch), &needs, why->text, why->size)) abort();
    if (ag_problem_reads(x->problem, 0, AG_NEEDS_Q, NULL, 0, &reads, why->text, why->size)) abort();
    explain(plan);
    run(context, plan, x, b, why);
    ag_plan_free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ag_context *context;
    ag_context_options options;
    ag_context_options_init(&options);
    options.threads = 1;
    options.cached_plans = 4;
    if (!context && ag_context_create(&options, &context, NULL, 0)) return 0;

    bytes b = { data, size };
    description x;
    sentence why = any_sentence(&b);
    description_read(&x, &b);
    if (x.problem && why.text) try_description(context, &x, &b, &why);
    description_free(&x);
    free(why.text);
    return 0;
}
