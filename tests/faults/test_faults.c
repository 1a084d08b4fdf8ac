/* test_faults.c - every allocation and every thread that the library asks for, refused in turn: the call says so, keeps
 * nothing, writes nothing, and the next call works. Linked with the wrappers of faults.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attnguide.h"
#include "../harness/methods.h"
#include "faults.h"

enum { B = 12, H = 4, H_KV = 2, N = 37, D = 5, FIRST = 3, IMAGE = 30 };

/** One call to be tried: what it computes, and how. */
typedef struct trial {
    const char *name;
    ag_method method;
    ag_kind kind;
    ag_operation operation;
    double sigma;
    int blend, lse, some_heads, drops_parallel, indexed;
    int batch; /* 0: one row; else that many rows of every method */
} trial;

static const trial trials[] = {
    { .name = "standard", .lse = 1 },
    { .name = "identity", .method = AG_IDENTITY },
    { .name = "identity of some heads", .method = AG_IDENTITY, .some_heads = 1 },
    { .name = "identity of some heads, blended", .method = AG_IDENTITY, .some_heads = 1, .blend = 1 },
    { .name = "uniform", .method = AG_UNIFORM, .lse = 1 },
    { .name = "uniform of some heads, blended", .method = AG_UNIFORM, .some_heads = 1, .blend = 1 },
    { .name = "smoothed", .method = AG_SMOOTHED, .sigma = 2 },
    { .name = "smoothed of some heads", .method = AG_SMOOTHED, .sigma = 2, .some_heads = 1 },
    { .name = "smoothed to the mean", .method = AG_SMOOTHED, .sigma = 10000, .lse = 1, .some_heads = 1 },
    { .name = "smoothed to the mean, blended", .method = AG_SMOOTHED, .sigma = 10000, .blend = 1 },
    { .name = "orthogonal", .method = AG_ORTHOGONAL, .sigma = 2, .some_heads = 1 },
    { .name = "orthogonal alone", .method = AG_ORTHOGONAL, .sigma = 10000, .drops_parallel = 1 },
    { .name = "gather", .method = AG_SCRAMBLED, .kind = AG_GATHER, .some_heads = 1 },
    { .name = "gather, blended", .method = AG_SCRAMBLED, .kind = AG_GATHER, .blend = 1 },
    { .name = "gather, indexed", .method = AG_SCRAMBLED, .kind = AG_GATHER, .indexed = 1 },
    { .name = "permute", .method = AG_SCRAMBLED, .kind = AG_PERMUTE, .some_heads = 1 },
    { .name = "tokens", .method = AG_SCRAMBLED, .kind = AG_TOKENS, .some_heads = 1, .blend = 1 },
    { .name = "softened, blended", .method = AG_SOFTENED, .blend = 1 },
    { .name = "masked of some heads", .method = AG_MASKED, .some_heads = 1, .lse = 1 },
    { .name = "noisy", .method = AG_NOISY },
    { .name = "blur", .method = AG_SMOOTHED, .operation = AG_BLUR, .sigma = 1 },
    { .name = "received", .operation = AG_RECEIVED },
    { .name = "energy", .operation = AG_ENERGY },
    { .name = "map", .operation = AG_MAP },
    { .name = "every method at once", .some_heads = 1, .batch = B },
};

/** The problem of a trial and its arguments. */
typedef struct setting {
    ag_problem p;
    ag_args a;
    ag_row rows[B];
    ag_row_args run[B];
    ag_context *context;
} setting;

static float q[B * H * N * D], k[B * H_KV * N * D], v[B * H_KV * N * D];
static float out[B * H * N * N], want[B * H * N * N], lse[B * H * N];
static int32_t drawn[N];
static const uint8_t some_heads[H] = { 1, 0, 0, 1 };
static int failed, passed;

static void fill(float *x, int n)
{
    for (int i = 0; i < n; i++) x[i] = (float)(i * 7919 % 2003) / 1001.5f - 1;
}

static void set_row(ag_row *row, ag_row_args *run, const trial *t, int number)
{
    const ag_method_info info = methods_info(number);
    ag_row_init(row, info.method);
    row->kind = info.kind;
    row_usual(row, run);
    row_set(row, run, "sigma", t->sigma + !!t->batch);
    row_set(row, run, "keep_parallel", !t->drops_parallel);
    row->blend = t->blend && info.takes & AG_TAKES_BLEND;
    row->indexed = t->indexed;
    row->image_offset = FIRST;
    row->image_length = IMAGE;
    row->grid[0] = 2;
    row->grid[1] = 3;
    row->grid[2] = 5;
    row->heads = t->some_heads && info.takes & AG_TAKES_IMAGE ? some_heads : NULL;
}

static void set_up(setting *s, const trial *t)
{
    const int batch = t->batch ? t->batch : 1;
    ag_problem_init(&s->p, batch, H, N, N, D);
    s->p.kv_heads = H_KV;
    s->p.k = s->p.v = ag_layout_bhnd(AG_F32, H_KV, N, D);
    s->p.operation = t->operation;
    s->p.want_lse = t->lse;
    s->p.wave_bytes = 1;
    s->p.rows = s->rows;
    s->p.row_count = batch;
    ag_args_init(&s->a, q, k, v, out);
    s->a.lse = t->lse ? lse : NULL;
    s->a.rows = s->run;
    s->a.row_count = batch;
    for (int b = 0; b < batch; b++) {
        ag_row_args_init(&s->run[b]);
        set_row(&s->rows[b], &s->run[b], t, t->batch ? b % methods_count() : methods_number(t->method, t->kind));
        s->run[b].strength = s->rows[b].blend ? 0.5 : 1;
        s->run[b].index = t->indexed ? drawn : NULL;
    }
    memset(out, 0xff, sizeof out);
}

/* ---- what is tried -------------------------------------------------------------------------------------------- */

typedef ag_status attempt(setting *s, char *why);

enum { THREADS = 4 };

static ag_status create_context(ag_context **context, char *why)
{
    ag_context_options options;
    ag_context_options_init(&options);
    options.threads = THREADS;
    return ag_context_create(&options, context, why, AG_MESSAGE_SIZE);
}

/* One of fewer threads counts as refused: try_fewer_threads() sees what it is good for. */
static ag_status make_context(setting *s, char *why)
{
    ag_context *context = (ag_context *)s;
    ag_status status = create_context(&context, why);
    if (status && context) return AG_OK; /* it must be NULL then */
    const int threads = ag_context_threads(context);
    if (!status && threads >= 1 && threads < THREADS) {
        snprintf(why, AG_MESSAGE_SIZE, "%d threads", threads);
        status = AG_ERR_MEMORY;
    }
    ag_context_free(context);
    return status;
}

static ag_status make_plan(setting *s, char *why)
{
    ag_plan *plan = (ag_plan *)s;
    const ag_status status = ag_plan_create(s->context, &s->p, &plan, why, AG_MESSAGE_SIZE);
    if (status && plan) return AG_OK;
    ag_plan_free(plan);
    return status;
}

static ag_status ask_needs(setting *s, char *why)
{
    unsigned needs;
    return ag_problem_needs(&s->p, s->p.batch - 1, &needs, why, AG_MESSAGE_SIZE);
}

static ag_status ask_reads(setting *s, char *why)
{
    ag_range range;
    int64_t count;
    return ag_problem_reads(&s->p, s->p.batch - 1, AG_NEEDS_V, &range, 1, &count, why, AG_MESSAGE_SIZE);
}

/* In a context of its own, which takes everything with it. */
static ag_status call_once(setting *s, char *why)
{
    return ag_attention_guided(s->context, &s->p, &s->a, why, AG_MESSAGE_SIZE);
}

/* ---- refusing -------------------------------------------------------------------------------------------------- */

static void judge(int good, const char *what, const char *name, long at)
{
    passed += good;
    failed += !good;
    if (!good) printf("FAILED: %s: %s, allocation %ld\n", name, what, at);
}

static int untouched(void)
{
    const unsigned char *bytes = (const unsigned char *)out;
    return bytes[0] == 0xff && !memcmp(bytes, bytes + 1, sizeof out - 1);
}

static ag_context *new_context(int threads)
{
    ag_context_options options;
    ag_context *context;
    ag_context_options_init(&options);
    options.threads = threads;
    if (ag_context_create(&options, &context, NULL, 0)) abort();
    return context;
}

/* Allocation `at`, or that and all later ones, cannot be had; then the same once more, undisturbed. */
static void refuse(setting *s, const char *name, attempt *try, long at, int all)
{
    char why[AG_MESSAGE_SIZE] = "";
    const long before = faults_live();
    const int own = try == call_once;
    if (own) s->context = new_context(2);
    memset(out, 0xff, sizeof out);
    faults_begin(at, all);
    ag_status status = try(s, why);
    faults_end();
    judge(status == AG_ERR_MEMORY && *why, "it was not refused", name, at);
    judge(untouched(), "something was written", name, at);
    if (!own) judge(faults_live() == before, "something was kept", name, at);
    status = try(s, why);
    judge(!status && (!own || !memcmp(out, want, sizeof out)), "the next call is wrong", name, at);
    if (!own) return;
    ag_context_free(s->context);
    judge(faults_live() == before, "something was kept", name, at);
}

static void refuse_each(setting *s, const char *name, attempt *try)
{
    char why[AG_MESSAGE_SIZE] = "";
    if (try == call_once) s->context = new_context(2);
    faults_begin(0, 0);
    const ag_status status = try(s, why);
    const long sites = faults_end();
    if (try == call_once) ag_context_free(s->context);
    memcpy(want, out, sizeof out);
    judge(!status && (sites > 0), why, name, 0);
    for (long at = 1; at <= sites; at++)
        for (int all = 0; all < 2; all++) refuse(s, name, try, at, all);
    printf("%s: %ld allocations\n", name, sites);
}

static void try_everything(const trial *t)
{
    char name[128];
    setting s;
    set_up(&s, t);
    s.context = new_context(1);
    ag_context *const mine = s.context;
    snprintf(name, sizeof name, "%s, its plan", t->name);
    refuse_each(&s, name, make_plan);
    snprintf(name, sizeof name, "%s, its needs", t->name);
    refuse_each(&s, name, ask_needs);
    refuse_each(&s, name, ask_reads);
    snprintf(name, sizeof name, "%s, one shot", t->name);
    refuse_each(&s, name, call_once);
    ag_context_free(mine);
}

/* From some thread on no more can be started, or one alone cannot: those that are there give the same bytes. */
static void try_fewer_threads(void)
{
    static const trial every = { .name = "fewer threads", .some_heads = 1, .batch = B };
    char why[AG_MESSAGE_SIZE] = "";
    int seen[THREADS + 1] = { 0 };
    setting s;
    set_up(&s, &every);
    s.context = new_context(THREADS);
    judge(!call_once(&s, why), why, every.name, 0);
    memcpy(want, out, sizeof out);
    ag_context_free(s.context);
    const long before = faults_live();
    for (long at = 1; at < 3 * THREADS; at++) {
        for (int all = 0; all < 2; all++) {
            faults_begin(at, all);
            const ag_status status = create_context(&s.context, why);
            faults_end();
            if (status) continue;
            memset(out, 0xff, sizeof out);
            seen[ag_context_threads(s.context)]++;
            judge(!call_once(&s, why) && !memcmp(out, want, sizeof out), "wrong bytes", every.name, at);
            ag_context_free(s.context);
            judge(faults_live() == before, "something was kept", every.name, at);
        }
    }
    for (int n = 1; n <= THREADS; n++) judge(seen[n] > 0, "a number of threads was never had", every.name, n);
}

/* Methods that no trial above names, blended on some heads. */
static void try_the_rest(void)
{
    for (int i = 0; i < methods_count(); i++) {
        const ag_method_info info = methods_info(i);
        int named = 0;
        for (size_t j = 0; j < sizeof trials / sizeof *trials; j++)
            named |= !trials[j].batch && methods_number(trials[j].method, trials[j].kind) == i;
        const trial t = {
            .name = methods_word(i), .method = info.method, .kind = info.kind, .sigma = 2, .some_heads = 1, .blend = 1
        };
        if (!named) try_everything(&t);
    }
    judge(methods_count() <= B, "a batch does not hold every method", "all of it", 0);
}

int main(void)
{
    setting none = { .context = NULL };
    fill(q, B * H * N * D);
    fill(k, B * H_KV * N * D);
    fill(v, B * H_KV * N * D);
    for (int i = 0; i < N; i++) drawn[i] = i * 7 % IMAGE;
    setvbuf(stdout, NULL, _IONBF, 0);
    refuse_each(&none, "a context", make_context);
    try_fewer_threads();
    for (size_t i = 0; i < sizeof trials / sizeof *trials; i++) try_everything(&trials[i]);
    try_the_rest();
    judge(faults_live() == 0, "something was kept", "all of it", 0);
    printf("%d passed, %d failed, 0 skipped\n", passed, failed);
    return failed != 0;
}
