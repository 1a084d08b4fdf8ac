/* attempt.c - see attempt.h. */
#include "attempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "subject.h"

/* ---- the table ---- */

/* Read once: asking about a kernel may mean asking its library. */
static ag_kernel_info table[MOST_KERNELS];
static int table_size = -1;

int kernels_on_device(void)
{
    ag_kernel_info info = { .size = sizeof info };
    if (table_size >= 0) return table_size;
    table_size = 0;
    for (int i = 0; table_size < MOST_KERNELS && !ag_kernel_at(i, &info); i++)
        if (!strcmp(info.backend, "cuda")) table[table_size++] = info;
    return table_size;
}

ag_kernel_info kernel_on_device(int number) { return table[number]; }

/* ---- tallies ---- */

void tally_wrong(tally *t, const char *text)
{
    if (!t->wrong++) snprintf(t->first, sizeof t->first, "%s", text);
    t->judged++;
}

static void tally_right(tally *t, const marks *m)
{
    t->judged++;
    if (!(m->error <= t->error[m->type])) t->error[m->type] = m->error;
    if (m->allowed > 0 && !(m->error / m->allowed <= t->share)) t->share = m->error / m->allowed;
}

/* ---- one plan, one run ---- */

/* Nonzero: the device failed. */
static int run(subject *s, const ag_plan *plan, const attempts *t, tally *to)
{
    marks m;
    if (subject_send(s, plan)) {
        tally_wrong(to, device_fault());
        return 1;
    }
    const ag_status status = subject_enqueue(s, plan, t->stream);
    if (status) tally_wrong(to, subject_reason(s));
    if (device_wait(t->stream)) {
        tally_wrong(to, device_fault());
        return 1;
    }
    if (status) return 0;
    const char *wrong = subject_judge(s, s, &m);
    if (wrong) tally_wrong(to, wrong);
    else tally_right(to, &m);
    return 0;
}

/* ---- every kernel ---- */

static char *explained(const ag_plan *plan)
{
    const size_t size = ag_plan_explain(plan, NULL, 0) + 1;
    char *text = malloc(size);
    if (text) ag_plan_explain(plan, text, size);
    return text;
}

static int has_step(const char *text, const char *step)
{
    char pattern[64];
    snprintf(pattern, sizeof pattern, ": %s by ", step);
    return strstr(text, pattern) != NULL;
}

/* Steps that cuDNN takes, at most as many plans of its own. */
static int library_steps(const char *text)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, " by attend_")); at++) {
        const size_t length = strcspn(at + 4, ", \n");
        for (size_t i = 0; i + 5 <= length; i++) n += !strncmp(at + 4 + i, "cudnn", 5);
    }
    return n;
}

static int try_forced(subject *s, attempts *t, int number, const char *name)
{
    ag_plan *plan = NULL;
    tally *to = &t->tallies[number];
    const ag_status status = subject_plan(s, t->context, name, &plan);
    int failed = 0;
    *t->trying = number;
    if (status == AG_ERR_KERNEL) to->refused++;
    else if (status) tally_wrong(to, s->why);
    else failed = run(s, plan, t, to);
    ag_plan_free(plan);
    return failed;
}

static int try_all(subject *s, attempts *t)
{
    ag_plan *plan = NULL;
    *t->trying = CHOICE;
    if (subject_plan(s, t->context, NULL, &plan)) {
        tally_wrong(&t->tallies[CHOICE], s->why);
        return 0;
    }
    char *text = explained(plan);
    int failed = !text || run(s, plan, t, &t->tallies[CHOICE]);
    ag_plan_free(plan);
    if (text) atomic_fetch_sub(&t->all->plans_of_libraries, library_steps(text));
    for (int i = 0; !failed && i < kernels_on_device(); i++) {
        const ag_kernel_info info = kernel_on_device(i);
        if (!info.unavailable && has_step(text, info.step)) failed = try_forced(s, t, i, info.name);
    }
    free(text);
    atomic_fetch_add(&t->all->items, 1);
    return failed;
}

/* Only dense half precision is for cuDNN: what cannot be meant for it is always tried. */
static int no_plan_left(const attempts *t, const problem *x)
{
    const int half = x->p.k.dtype != AG_F32 && x->p.k.dtype == x->p.out.dtype && x->p.d % 8 == 0;
    if (!half || x->p.operation != AG_ATTENTION || atomic_load(&t->all->plans_of_libraries) > 0) return 0;
    atomic_fetch_add(&t->all->left_out, 1);
    return 1;
}

static int attempt(attempts *t, problem *x, combination *c)
{
    subject s;
    int failed = subject_open(&s, x, c);
    if (failed) tally_wrong(&t->tallies[CHOICE], device_fault());
    else failed = try_all(&s, t);
    subject_close(&s);
    return failed;
}

int attempt_problem(attempts *t, problem *x) { return no_plan_left(t, x) ? 0 : attempt(t, x, NULL); }
int attempt_combination(attempts *t, combination *x) { return attempt(t, NULL, x); }
