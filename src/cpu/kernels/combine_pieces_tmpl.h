/* combine_pieces_tmpl.h - what the statistics and combine steps share, written over the vector verbs that the including
 * file chose: a sample's groups, parts of them, and inputs, widened block by block. */
#ifndef AG_COMBINE_PIECES_TMPL_H
#define AG_COMBINE_PIECES_TMPL_H

#include "../../rules/dispatch.h"
#include "../cpu.h"
#include "../verbs/rows_vector.h"

enum { COMBINE_BLOCK_SIZE = 512 };

/* One group, or part of one; or columns, which are groups side by side. */
typedef struct combine_piece {
    ag_sample s;
    const ag_forms *forms; /* of the sample */
    int64_t at;            /* where the group, or the first column, begins in the sample */
    int64_t first, last;   /* elements of the group */
} combine_piece;

/* Room for the inputs of a block that are not float32. */
typedef struct combine_room {
    float row[AG_MOST_TERMS][COMBINE_BLOCK_SIZE];
} combine_room;

/* Element i from where the piece begins. */
static const char *combine_input_at(const combine_piece *p, int k, int64_t i)
{
    return ag_term_at(&p->s, k) + (p->at + i) * (int64_t)ag_size_of(ag_term_type(&p->s, k));
}

static void *combine_output_at(const combine_piece *p, int64_t i)
{
    const ag_guidance *g = p->s.g;
    return (char *)p->s.run->out + (p->s.number * g->out_stride + p->at + i) * (int64_t)ag_size_of(g->out_dtype);
}

static float *combine_state_at(const combine_piece *p, int64_t i)
{
    return p->s.run->state + p->s.number * p->s.g->count + p->at + i;
}

/* Elements [i, i + n) of input k, widened: the caller's own where they are float32 and whole vectors. What fills the
 * last vector is `rest`. */
static const float *combine_widened(const combine_piece *p, int k, int64_t i, int n, float rest, float *row)
{
    if (ag_term_type(&p->s, k) == AG_F32 && n % LANES == 0) return (const float *)combine_input_at(p, k, i);
    row_load(row, combine_input_at(p, k, i), ag_term_type(&p->s, k), n);
    for (int t = n; t % LANES; t++) row[t] = rest;
    return row;
}

/* ---- tasks ---- */

static int64_t combine_tasks(const ag_step *s)
{
    const ag_combine *c = &s->u.combine;
    return c->lines * ag_combine_blocks(c, c->run) * c->chunks;
}

/* The piece of a task that begins with `group`, a number in the task's line. A sample's forms are found once. */
static combine_piece combine_piece_of(const ag_combine *c, const ag_bound *bound, const ag_combine_part *part,
                                      int64_t group, ag_forms *forms)
{
    const int64_t line = c->inner == 1 ? part->line * c->width + group : part->line; /* (sample, o) */
    const int64_t column = c->inner == 1 ? 0 : group;
    combine_piece p = { .s = { &bound->c->g, &bound->combining, line / c->outer }, .forms = forms };
    p.at = line % c->outer * c->reduced * c->inner + column;
    p.first = part->begin;
    p.last = part->end;
    if (group == part->first || line % c->outer == 0) ag_rule_forms(&p.s, forms);
    return p;
}

#endif
