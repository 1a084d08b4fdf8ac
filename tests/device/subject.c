/* subject.c - see subject.h. */
#include "subject.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../oracle/number.h"
#include "device.h"

int subject_open(subject *s, problem *x, combination *c)
{
    memset(s, 0, sizeof *s);
    s->x = x;
    s->c = c;
    return x ? mirror_problem(&s->m, x) : mirror_combination(&s->m, c);
}

void subject_close(subject *s) { mirror_close(&s->m); }

ag_status subject_plan(subject *s, ag_context *context, const char *kernel, ag_plan **plan)
{
    *s->why = 0;
    if (s->c) {
        s->c->g.kernel = kernel;
        return ag_guidance_plan(context, &s->c->g, plan, s->why, sizeof s->why);
    }
    s->x->p.kernel = kernel;
    return ag_plan_create(context, &s->x->p, plan, s->why, sizeof s->why);
}

int subject_send(subject *s, const ag_plan *plan) { return mirror_workspace(&s->m, plan) || subject_refill(s, s); }

int subject_refill(subject *s, subject *from)
{
    if (s->c) {
        combination_begin(from->c);
        return mirror_send_combination(&s->m, from->c);
    }
    buffer_poison(&from->x->out);
    buffer_poison(&from->x->lse);
    buffer_poison(&from->x->curvature);
    return mirror_send_problem(&s->m, from->x);
}

ag_status subject_enqueue(subject *s, const ag_plan *plan, void *stream)
{
    *s->why = 0;
    s->m.args.cuda_stream = s->m.guidance.cuda_stream = stream;
    if (s->c) return ag_guidance_run(plan, &s->m.guidance, s->why, sizeof s->why);
    return ag_plan_run(plan, &s->m.args, s->why, sizeof s->why);
}

const char *subject_reason(const subject *s)
{
    if (*s->why) return s->why;
    return *device_fault() ? device_fault() : "it failed without a reason";
}

/* ---- judging ---- */

static int type_class(ag_dtype a, ag_dtype b)
{
    if (a == AG_BF16 || b == AG_BF16) return 2;
    return a == AG_F16 || b == AG_F16;
}

static double combination_error(const combination *c)
{
    double error = 0, norm = 0;
    for (int64_t b = 0; b < c->g.samples; b++)
        for (int64_t i = 0; i < c->g.count; i++) {
            const double want = c->want[b * c->g.count + i];
            const double e = number_read(c->g.out_dtype, c->out.data, b * c->g.out_stride + i) - want;
            error += e * e;
            norm += want * want;
        }
    return norm > 0 ? sqrt(error / norm) : 0;
}

static const char *judge_combination(subject *s, marks *m)
{
    const char *wrong = combination_judge(s->c, s->why, sizeof s->why);
    *m = (marks){ .type = type_class(s->c->g.dtype[0], s->c->g.out_dtype), .error = combination_error(s->c) };
    return wrong;
}

static const char *judge_problem(subject *s, marks *m)
{
    const verdict v = problem_judge(s->x);
    *m = (marks){ type_class(s->x->p.k.dtype, s->x->p.out.dtype), v.error, v.allowed };
    if (v.outcome == OUTCOME_RIGHT) return NULL;
    snprintf(s->why, sizeof s->why, "%s", v.text);
    return s->why;
}

const char *subject_judge(subject *s, const subject *at, marks *m)
{
    const int lost = s->c ? mirror_fetch_combination(&at->m, s->c) : mirror_fetch_problem(&at->m, s->x);
    if (lost) return device_fault();
    return s->c ? judge_combination(s, m) : judge_problem(s, m);
}
