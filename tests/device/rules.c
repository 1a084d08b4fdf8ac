/* rules.c - see rules.h. */
#include "rules.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../harness/methods.h"
#include "cases.h"
#include "device.h"
#include "record.h"
#include "subject.h"

enum { COMBINATIONS = 30, MOST_CHUNKS = 4096, TURNS = 6 };

/* One plan, and two subjects that ask alike and differ in their data, each with memory of its own on the device. */
typedef struct pair {
    int number;
    char name[64], text[128];
    ag_context *context;
    ag_plan *plan;
    problem x[2];
    combination c[2];
    subject s[2];
    void *stream[2];
} pair;

/* ---- the operations: whatever can be asked of attention in two types, then combinations of every rule ---- */

static int count_pairs(void) { return 2 * cases_asks() + COMBINATIONS; }

static void name_problem(pair *p)
{
    static const char *const operations[] = { "attention", "blur", "received", "energy", "map" };
    const problem *x = &p->x[0];
    const ag_row *row = &x->rows[x->p.batch - 1];
    const int number = methods_number(x->p.row_count ? row->method : AG_STANDARD, row->kind);
    const char *method = x->p.operation ? operations[x->p.operation] : methods_word(number);
    snprintf(p->name, sizeof p->name, "%s %s%s%s%s%s", method, x->p.k.dtype == AG_F32 ? "f32" : "bf16",
             x->p.causal ? " causal" : "", x->p.has_key_mask ? " mask" : "", x->p.bias_dtype ? " bias" : "",
             row->blend ? " blended" : "");
}

static int build_problem(pair *p, int number, int i)
{
    case_ask(number / 2, number % 2, &p->x[i]);
    const int failed = problem_build(&p->x[i], (uint64_t)(2 * number + i));
    name_problem(p);
    return failed || subject_open(&p->s[i], &p->x[i], NULL);
}

static int build_combination(pair *p, int number, int i)
{
    combination_random(&p->c[i], (uint64_t)number);
    snprintf(p->name, sizeof p->name, "combine %s %d", combination_info(p->c[i].g.rule).name, number);
    return combination_build(&p->c[i], (uint64_t)(2 * number + i)) || subject_open(&p->s[i], NULL, &p->c[i]);
}

/* Row arguments are fixed when a run is captured: both ask with the same. */
static int open_pair(pair *p, ag_context *context, int number)
{
    const int problems = 2 * cases_asks();
    memset(p, 0, sizeof *p);
    p->context = context;
    p->number = number;
    for (int i = 0; i < 2; i++) {
        if (!(p->stream[i] = device_stream())) return 1;
        if (number < problems ? build_problem(p, number, i) : build_combination(p, number - problems, i)) return 1;
    }
    return subject_plan(&p->s[0], context, NULL, &p->plan) != AG_OK;
}

static void close_pair(pair *p)
{
    for (int i = 0; i < 2; i++) {
        device_stream_end(p->stream[i]);
        subject_close(&p->s[i]);
        problem_free(&p->x[i]);
        combination_free(&p->c[i]);
    }
    ag_plan_free(p->plan);
}

/* ---- a run ---- */

static int send(pair *p, int i) { return subject_send(&p->s[i], p->plan); }
static int enqueue(pair *p, int i) { return subject_enqueue(&p->s[i], p->plan, p->stream[i]) != AG_OK; }
static const char *reason(const pair *p) { return subject_reason(&p->s[0]); }

/* NULL: the memory of `at` holds the right answer of i. */
static const char *judged(pair *p, int i, int at)
{
    marks m;
    return subject_judge(&p->s[i], &p->s[at], &m);
}

/* ---- the rules: NULL, or how it was broken ---- */

static int body(void *arg, void *stream)
{
    pair *p = arg;
    return subject_enqueue(&p->s[0], p->plan, stream) != AG_OK;
}

/* The graph reads the first one's memory, which holds the data of both in turn. */
static const char *captured(pair *p)
{
    device_graph graph;
    const char *wrong = NULL;
    if (send(p, 0)) return reason(p);
    if (device_record(&graph, body, p, p->stream[0])) wrong = reason(p);
    for (int turn = 0; turn < 4 && !wrong; turn++) {
        if (subject_refill(&p->s[0], &p->s[turn % 2]) || device_replay(&graph, p->stream[0])) wrong = reason(p);
        else if (device_wait(p->stream[0])) wrong = reason(p);
        else wrong = judged(p, turn % 2, 0);
    }
    device_graph_end(&graph);
    return wrong;
}

static int has_rows(const pair *p) { return p->x[0].p.row_count > 0; }

/* Row values of problem x into device memory, from where the graph reads them. */
static int write_rows(subject *memory, const problem *x, ag_device_row *rows)
{
    ag_device_row values[PROBLEM_ROWS] = { { .strength = 1 } };
    for (int64_t b = 0; b < x->p.batch; b++) {
        const ag_row_args *r = &x->run[b];
        values[b] = (ag_device_row){ r->strength, r->gain, r->mix, r->seed, b, NULL };
    }
    memory->m.args.rows = NULL;
    memory->m.args.row_count = 0;
    memory->m.args.device_rows = rows;
    return device_write(rows, values, sizeof values);
}

static const char *replayed_with_rows(pair *p, subject *other, ag_device_row *rows)
{
    subject *memory = &p->s[0];
    device_graph graph;
    const char *wrong = NULL;
    marks m;
    if (send(p, 0) || write_rows(memory, &p->x[0], rows)) return reason(p);
    if (device_record(&graph, body, p, p->stream[0])) wrong = reason(p);
    for (int turn = 0; turn < 4 && !wrong; turn++) {
        subject *now = turn % 2 ? other : memory;
        const int bad = subject_refill(memory, now) || write_rows(memory, now->x, rows);
        if (bad || device_replay(&graph, p->stream[0]) || device_wait(p->stream[0])) wrong = reason(p);
        else wrong = subject_judge(now, memory, &m);
    }
    device_graph_end(&graph);
    return wrong;
}

/* The same question with other seeds, strengths and mixes, which are written between the replays. */
static const char *given_new_values(pair *p)
{
    problem x;
    subject other;
    const char *wrong = "no memory";
    ag_device_row *rows = device_take(PROBLEM_ROWS * sizeof *rows);
    case_ask(p->number / 2, p->number % 2, &x);
    for (int64_t b = 0; b < x.p.batch; b++) {
        x.run[b].seed += 66;
        x.run[b].mix -= 0.3;
        if (x.rows[b].blend) x.run[b].strength = 0.25;
    }
    const int built = !problem_build(&x, (uint64_t)p->number + 1000);
    if (!subject_open(&other, &x, NULL) && built && rows) wrong = replayed_with_rows(p, &other, rows);
    subject_close(&other);
    problem_free(&x);
    device_give(rows);
    return wrong;
}

static const char *on_two_streams(pair *p)
{
    const char *wrong = NULL;
    for (int turn = 0; turn < TURNS && !wrong; turn++) {
        if (send(p, 0) || send(p, 1) || enqueue(p, 0) || enqueue(p, 1)) return reason(p);
        if (device_wait(p->stream[0]) || device_wait(p->stream[1])) return reason(p);
        for (int i = 0; i < 2 && !wrong; i++) wrong = judged(p, i, i);
    }
    return wrong;
}

static const char *takes_no_memory(pair *p)
{
    if (send(p, 0)) return reason(p);
    const size_t before = device_memory_left();
    if (enqueue(p, 0) || device_wait(p->stream[0])) return reason(p);
    const size_t after = device_memory_left();
    if (before == after) return NULL;
    snprintf(p->text, sizeof p->text, "%zu bytes were free before the run, %zu after", before, after);
    return p->text;
}

static const char *leaves_the_host_alone(pair *p)
{
    if (send(p, 0)) return reason(p);
    device_leave_error();
    const int device = device_current();
    const char *before = device_error_left();
    const int refused = enqueue(p, 0);
    const char *after = device_error_left();
    device_fetch_error();
    if (refused || device_wait(p->stream[0])) return reason(p);
    if (strcmp(before, after) != 0) return "the host's unfetched error was changed";
    return device_current() == device ? NULL : "the current device was changed";
}

/* All memory taken, a new plan and a run are a status at worst; with memory again everything is right. */
static const char *without_memory(pair *p)
{
    static void *chunk[MOST_CHUNKS];
    int n = 0;
    ag_plan *late = NULL;
    if (send(p, 0)) return reason(p);
    for (size_t size = (size_t)1 << 32; size >= (size_t)1 << 20; size /= 2)
        while (n < MOST_CHUNKS && (chunk[n] = device_take(size))) n++;
    device_forget();
    const ag_status planned = subject_plan(&p->s[0], p->context, NULL, &late);
    const int mute = planned && !*p->s[0].why;
    const ag_status ran = subject_enqueue(&p->s[0], p->plan, p->stream[0]);
    const int broken = device_wait(p->stream[0]);
    ag_plan_free(late);
    while (n > 0) device_give(chunk[--n]);
    if (broken) return reason(p);
    if (mute || (ran && !*p->s[0].why)) return "it failed without a sentence";
    if (send(p, 0) || enqueue(p, 0) || device_wait(p->stream[0])) return reason(p);
    return judged(p, 0, 0);
}

/* A pointer that breaks the promise of 16 bytes: a status, or a run; never a device that failed. */
static const char *misaligned(pair *p)
{
    const ag_problem *q = &p->x[0].p;
    if (send(p, 0)) return reason(p);
    p->s[0].m.args.q = (const char *)p->s[0].m.args.q - (q->q.dtype == AG_F32 ? 4 : 2);
    const ag_status status = subject_enqueue(&p->s[0], p->plan, p->stream[0]);
    if (device_wait(p->stream[0])) return reason(p);
    return status && !*p->s[0].why ? "it was refused without a sentence" : NULL;
}

/* ---- records ---- */

typedef struct rule {
    const char *name;
    const char *(*broken)(pair *p);
    int (*applies)(const pair *p); /* NULL: always */
} rule;

static const rule for_all[] = {
    { "a run takes no device memory", takes_no_memory, NULL },
    { "captured in global mode, replayed with changed inputs", captured, NULL },
    { "values of rows changed in device memory between replays", given_new_values, has_rows },
    { "two streams at once", on_two_streams, NULL },
    { "current device and unfetched error left alone", leaves_the_host_alone, NULL },
};

/* Of standard attention alone; last, because a device that they break stays broken. */
static const rule at_last[] = {
    { "nothing is lost where memory runs out", without_memory, NULL },
    { "a pointer off its promised alignment does no harm", misaligned, NULL },
};

static int record_rule(const char *name, const char *operation, const char *broken)
{
    record_begin("rule");
    record_text("name", name);
    record_text("operation", operation);
    record_text("status", broken ? "fail" : "pass");
    record_text("reason", broken ? broken : "");
    record_end();
    if (broken) printf("%s: %s: %.200s\n", name, operation, broken);
    return broken != NULL;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int try_rules(ag_context *context, int number, const rule *list, int n)
{
    static pair p;
    int broken = 0;
    device_forget();
    if (open_pair(&p, context, number)) broken = record_rule("a plan on the device", p.name, reason(&p));
    for (int i = 0; i < n && p.plan; i++) {
        if (list[i].applies && !list[i].applies(&p)) continue;
        device_forget();
        broken += record_rule(list[i].name, p.name, list[i].broken(&p));
    }
    close_pair(&p);
    return broken;
}

int rules(double seconds)
{
    const double until = now() + seconds;
    ag_context_options options;
    ag_context *context;
    char why[AG_MESSAGE_SIZE] = "";
    int broken = 0;
    ag_context_options_init(&options);
    options.threads = 1;
    if (ag_context_create(&options, &context, why, sizeof why)) return record_rule("a context", "", why);
    for (int i = 0; i < count_pairs() && now() < until; i++)
        broken += try_rules(context, i, for_all, sizeof for_all / sizeof *for_all);
    for (int float32 = 0; float32 < 2 && now() < until; float32++)
        broken += try_rules(context, float32, at_last, sizeof at_last / sizeof *at_last);
    ag_context_free(context);
    return broken;
}
