/* explain.c - a plan in words: what each row needs, which steps, which kernels, why not others. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "plan.h"

/* Text that is counted whole and kept as far as it fits. */
typedef struct text {
    char *at;
    size_t size, length;
} text;

static void say(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(text *t, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    const size_t left = t->length < t->size ? t->size - t->length : 0;
    const int n = vsnprintf(left ? t->at + t->length : NULL, left, format, values);
    va_end(values);
    if (n > 0) t->length += (size_t)n;
}

static void say_attend(text *t, const ag_attend *a)
{
    int64_t queries = 0, keys = 0;
    const ag_pass *last = &a->pass[a->n_passes - 1];
    for (int i = 0; i < a->n_spans; i++) queries += a->spans[i].count;
    for (int i = 0; i < last->n_keys; i++) keys += last->keys[i].count;
    say(t, ", %lld queries", (long long)queries);
    if (last->ready) say(t, " blended with rows already made");
    else
        say(t, " x %lld keys%s%s", (long long)keys,
            last->own == AG_OWN_SELF                     ? " and their own"
            : last->own == AG_OWN_MEAN                   ? " and the mean key"
            : last->disturbance.kind == AG_DISTURB_MASK  ? ", some hidden at random"
            : last->disturbance.kind == AG_DISTURB_NOISE ? ", with noise"
            : last->power != 0                           ? ", with entmax"
                                                         : "",
            a->n_passes == 2 ? ", blended with standard" : "");
}

static void say_step(text *t, const ag_plan *p, int64_t i)
{
    const ag_step *s = &p->program.steps[i];
    say(t, "  row %lld: %s by %s, %lld tasks", (long long)s->b, ag_step_name(s->kind), p->kernels[i]->name,
        (long long)p->kernels[i]->tasks(s));
    if (s->n_heads) say(t, ", %lld heads", (long long)s->n_heads);
    if (s->kind == AG_STEP_ATTEND) say_attend(t, &s->u.attend);
    const char *remark = p->backend->remark(p->kernels[i], p->c.device);
    if (remark) say(t, ", %s", remark);
    say(t, "\n");
    const char *kernel, *reason;
    for (int64_t j = 0; !ag_plan_passed_over(p, i, j, &kernel, &reason); j++)
        say(t, "    not %s: %s\n", kernel, reason);
}

size_t ag_plan_explain(const ag_plan *p, char *at, size_t size)
{
    text t = { at, at ? size : 0, 0 };
    if (t.size) *at = 0;
    if (!p) return 0;
    say(&t, "%s backend, %d workers, workspace %zu bytes\n", p->backend->name, p->workers, ag_plan_workspace(p));
    for (int phase = 0; phase < p->n_phases; phase++) {
        say(&t, "phase %d: %lld tasks\n", phase, (long long)p->phases[phase].n_tasks);
        for (int64_t i = 0; i < p->program.n_steps; i++)
            if (p->program.steps[i].phase == phase) say_step(&t, p, i);
    }
    for (int64_t b = 0; b < p->c.p.batch; b++) {
        const unsigned needs = ag_program_needs(&p->program, b);
        say(&t, "row %lld reads %s%s%s\n", (long long)b, needs & AG_NEEDS_Q ? "q " : "", needs & AG_NEEDS_K ? "k " : "",
            needs & AG_NEEDS_V ? "v" : "");
    }
    return t.length;
}

void ag_step_info_init_sized(void *info, size_t size)
{
    const ag_step_info mine = { .size = 0 };
    ag_struct_hand_out(info, size, &mine, sizeof mine);
}

ag_status ag_plan_step_at(const ag_plan *p, int64_t i, ag_step_info *info)
{
    if (!p || !info) return AG_ERR_NULL;
    const size_t size = info->size;
    if (size < 2 * sizeof size) return AG_ERR_STRUCT;
    if (i < 0 || i >= p->program.n_steps) return AG_ERR_VALUE;
    const ag_step *s = &p->program.steps[i];
    const ag_step_info found = { .row = s->b,
                                 .phase = s->phase,
                                 .step = ag_step_name(s->kind),
                                 .kernel = p->kernels[i]->name,
                                 .tasks = p->kernels[i]->tasks(s) };
    ag_struct_hand_out(info, size, &found, sizeof found);
    return AG_OK;
}

ag_status ag_plan_passed_over(const ag_plan *p, int64_t i, int64_t j, const char **kernel, const char **reason)
{
    if (!p || !kernel || !reason) return AG_ERR_NULL;
    if (i < 0 || i >= p->program.n_steps || j < 0) return AG_ERR_VALUE;
    const ag_step *s = &p->program.steps[i];
    for (const ag_kernel *const *k = p->backend->kernels(); *k != p->kernels[i]; k++) {
        if ((*k)->step != s->kind || j--) continue;
        const char *refusal = ag_pick_refusal(p->backend, *k, s, 0);
        *kernel = (*k)->name;
        *reason = refusal        ? refusal
                  : *p->c.kernel ? "problem.kernel names another"
                                 : "its library made no plan for this device";
        return AG_OK;
    }
    return AG_ERR_VALUE;
}
