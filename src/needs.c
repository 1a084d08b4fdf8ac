/* needs.c - which of q, k, v a row reads: read off its steps, so that it can never disagree with them. */
#include "step.h"

static unsigned of_ref(const ag_ref *r)
{
    switch (r->source) {
    case AG_IN_Q: return AG_NEEDS_Q;
    case AG_IN_K: return AG_NEEDS_K;
    case AG_IN_V: return AG_NEEDS_V;
    default: return 0;
    }
}

static unsigned of_attend(const ag_attend *a)
{
    unsigned needs = 0;
    for (int p = 0; p < a->n_passes; p++) {
        const ag_pass *pass = &a->pass[p];
        for (int i = 0; i < (pass->ready ? 1 : a->n_spans); i++) needs |= of_ref(&pass->q[i]);
        for (int i = 0; i < pass->n_keys; i++) needs |= of_ref(&pass->keys[i].k) | of_ref(&pass->keys[i].v);
        if (pass->own != AG_OWN_NONE) needs |= of_ref(&pass->own_k) | of_ref(&pass->own_v);
    }
    return needs;
}

unsigned ag_step_needs(const ag_step *s)
{
    switch (s->kind) {
    case AG_STEP_PERMUTE: return of_ref(&s->u.permute.src);
    case AG_STEP_TALLY:
    case AG_STEP_GATHER: return of_ref(&s->u.gather.src);
    case AG_STEP_MEAN: return of_ref(&s->u.mean.src);
    case AG_STEP_SPLIT: return of_ref(&s->u.split.q) | of_ref(&s->u.split.k);
    case AG_STEP_BLUR: return of_ref(&s->u.blur.src);
    case AG_STEP_ATTEND: return of_attend(&s->u.attend);
    case AG_STEP_COPY: return of_ref(&s->u.copy.src);
    case AG_STEP_RECEIVED:
    case AG_STEP_ENERGY:
    case AG_STEP_MAP: return of_ref(&s->u.study.q) | of_ref(&s->u.study.k);
    case AG_STEP_STATISTICS:
    case AG_STEP_COMBINE:
    case AG_STEP_DRAW:
    case AG_STEP_KINDS: break;
    }
    return 0;
}

unsigned ag_program_needs(const ag_program *program, int64_t b)
{
    unsigned needs = 0;
    for (int64_t i = 0; i < program->n_steps; i++)
        if (program->steps[i].b == b) needs |= ag_step_needs(&program->steps[i]);
    return needs;
}
