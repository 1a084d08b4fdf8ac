/* needs.c - which of q, k, v a row reads, and which tokens of them: read off its steps, so that it can never disagree
 * with them. */
#include "plan.h"

/* Told of rows [first, end) of r, in the numbers of the step. */
typedef struct reader {
    void (*read)(void *to, const ag_ref *r, int64_t first, int64_t end);
    void *to;
} reader;

static void tell(const reader *by, const ag_ref *r, int64_t first, int64_t count)
{
    if (count > 0) by->read(by->to, r, first, first + count);
}

/* The rows to which a map leads the tokens of a span. */
static void tell_mapped(const reader *by, const ag_ref *r, const ag_map *m, ag_span span)
{
    const int64_t first = (span.first - m->o) / m->div, last = (span.first + span.count - 1 - m->o) / m->div;
    const int64_t from = first % m->mod, to = last % m->mod;
    if (last - first < m->mod && from <= to) tell(by, r, m->base + from, to - from + 1);
    else tell(by, r, m->base, m->mod);
}

static void tell_attend(const reader *by, const ag_attend *a)
{
    for (int p = 0; p < a->n_passes; p++) {
        const ag_pass *pass = &a->pass[p];
        for (int i = 0; i < a->n_spans; i++) {
            const ag_span span = a->spans[i];
            if (pass->ready) tell_mapped(by, &pass->q[0], &pass->map, span);
            else tell(by, &pass->q[i], span.first, span.count);
            if (pass->own == AG_OWN_SELF) {
                tell(by, &pass->own_k, span.first, span.count);
                tell(by, &pass->own_v, span.first, span.count);
            }
        }
        for (int i = 0; i < pass->n_keys; i++) {
            tell(by, &pass->keys[i].k, pass->keys[i].first, pass->keys[i].count);
            tell(by, &pass->keys[i].v, pass->keys[i].first, pass->keys[i].count);
        }
    }
}

static void tell_blur(const reader *by, const ag_blur *b)
{
    tell(by, &b->src, b->o, b->axis[0].in * b->axis[1].in * b->axis[2].in);
}

/* What a step reads of whatever source; an image mean in the workspace aside, which is of no token. */
static void tell_step(const reader *by, const ag_step *s)
{
    switch (s->kind) {
    case AG_STEP_PERMUTE: tell(by, &s->u.permute.src, s->u.permute.o, s->u.permute.n); return;
    case AG_STEP_TALLY:
    case AG_STEP_GATHER: tell(by, &s->u.gather.src, s->u.gather.o, s->u.gather.n); return;
    case AG_STEP_MEAN: tell(by, &s->u.mean.src, s->u.mean.o, s->u.mean.n); return;
    case AG_STEP_SPLIT:
        tell(by, &s->u.split.q, s->u.split.o, s->u.split.n);
        tell(by, &s->u.split.k, s->u.split.o, s->u.split.n);
        return;
    case AG_STEP_BLUR: tell_blur(by, &s->u.blur); return;
    case AG_STEP_ATTEND: tell_attend(by, &s->u.attend); return;
    case AG_STEP_COPY:
        tell_mapped(by, &s->u.copy.src, &s->u.copy.map, (ag_span){ s->u.copy.first, s->u.copy.count });
        return;
    case AG_STEP_RECEIVED:
    case AG_STEP_ENERGY:
    case AG_STEP_MAP:
        tell(by, &s->u.study.q, 0, s->u.study.n_q);
        tell(by, &s->u.study.k, 0, s->u.study.n_k);
        return;
    case AG_STEP_STATISTICS:
    case AG_STEP_COMBINE:
    case AG_STEP_REDUCE:
    case AG_STEP_LEVELS:
    case AG_STEP_EXPAND:
    case AG_STEP_DRAW:
    case AG_STEP_KINDS: return;
    }
}

/* ---- which tensors ---- */

static unsigned bit_of(const ag_ref *r)
{
    switch (r->source) {
    case AG_IN_Q: return AG_NEEDS_Q;
    case AG_IN_K: return AG_NEEDS_K;
    case AG_IN_V: return AG_NEEDS_V;
    default: return 0;
    }
}

static void note_bit(void *to, const ag_ref *r, int64_t first, int64_t end)
{
    (void)first, (void)end;
    *(unsigned *)to |= bit_of(r);
}

unsigned ag_step_needs(const ag_step *s)
{
    unsigned needs = 0;
    tell_step(&(reader){ note_bit, &needs }, s);
    return needs;
}

ag_row_steps ag_steps_of(const ag_program *program, int64_t b, int64_t from)
{
    while (from < program->n_steps && program->steps[from].b < b) from++;
    int64_t end = from;
    while (end < program->n_steps && program->steps[end].b == b) end++;
    return (ag_row_steps){ program->steps + from, end - from, end };
}

unsigned ag_program_needs(const ag_program *program, int64_t b)
{
    unsigned needs = 0;
    const ag_row_steps row = ag_steps_of(program, b, 0);
    for (int64_t i = 0; i < row.n; i++) needs |= ag_step_needs(&row.at[i]);
    return needs;
}

/* ---- which tokens ---- */

/* The next range from `from` on as far as it is known; grew: something was added to it. */
typedef struct next {
    unsigned bit;
    int64_t from;
    ag_range range;
    int grew;
} next;

static void note_first(void *to, const ag_ref *r, int64_t first, int64_t end)
{
    next *n = to;
    if (bit_of(r) != n->bit || end <= n->from || first >= n->range.first) return;
    n->range = (ag_range){ first, end };
}

/* Ranges that touch are one. */
static void note_more(void *to, const ag_ref *r, int64_t first, int64_t end)
{
    next *n = to;
    if (bit_of(r) != n->bit || first > n->range.end || end <= n->range.end) return;
    n->range.end = end;
    n->grew = 1;
}

int ag_next_read(const ag_row_steps *row, unsigned bit, int64_t from, ag_range *range)
{
    next n = { .bit = bit, .from = from, .range = { INT64_MAX, INT64_MAX }, .grew = 1 };
    for (int64_t i = 0; i < row->n; i++) tell_step(&(reader){ note_first, &n }, &row->at[i]);
    if (n.range.first == INT64_MAX) return 0;
    while (n.grew) {
        n.grew = 0;
        for (int64_t i = 0; i < row->n; i++) tell_step(&(reader){ note_more, &n }, &row->at[i]);
    }
    *range = n.range;
    return 1;
}
