/* pyramid.c - a combination level by level becomes steps: scales one after the other, sums over every level, and the
 * way back. Whether sums are wanted, and so scales of y, is known in a run alone: steps do nothing where they are
 * not. */
#include "../rules/rule.h"
#include "../program/lower.h"

enum { TASK = 16384, LEAST_ROWS = 8 }; /* elements of a task; rows of one, so that few are made twice */

static int64_t rows_of(const ag_scale *s)
{
    const int64_t rows = TASK / s->width;
    return rows > LEAST_ROWS ? rows : LEAST_ROWS;
}

static int64_t take_plane(lower *l, const ag_pyramid *p, const ag_scale *s)
{
    return ag_lower_take(l, 4 * ag_lower_product(l, p->planes, s->height, s->width));
}

static void emit(lower *l, ag_step_kind kind, int phase, const ag_pyramid *p, int level, const ag_scale *scales)
{
    ag_pyramid mine = *p;
    mine.level = level;
    mine.fine = scales[level];
    if (level + 1 < p->levels) mine.coarse = scales[level + 1];
    const ag_scale *rows = kind == AG_STEP_REDUCE ? &mine.coarse : &mine.fine;
    mine.rows = rows_of(rows);
    if (p->planes > INT32_MAX / ((rows->height - 1) / mine.rows + 1)) l->status = AG_ERR_SHAPE;
    ag_lower_emit(l, kind, phase, (head_list){ NULL, 0 })->u.pyramid = mine;
}

void ag_lower_pyramid(lower *l)
{
    const ag_guidance *g = &l->c->g;
    ag_scale scales[AG_MOST_LEVELS] = { { .height = g->picture[1], .width = g->picture[2] } };
    ag_pyramid p = { .planes = ag_lower_product(l, g->samples, g->picture[0], 1), .levels = g->levels };
    p.channels = g->picture[0];
    for (int i = 0; i < p.levels; i++) {
        if (i) scales[i] = (ag_scale){ .height = scales[i - 1].height / 2, .width = scales[i - 1].width / 2 };
        if (i) scales[i].x = take_plane(l, &p, &scales[i]);
        if (i) scales[i].y = take_plane(l, &p, &scales[i]);
        p.parts[i] = p.channels * ((scales[i].height - 1) / rows_of(&scales[i]) + 1);
        p.sums[i] = ag_lower_take(l, 16 * ag_lower_product(l, g->samples, p.parts[i], 1));
    }
    int phase = 0;
    for (int i = 0; i + 1 < p.levels; i++) emit(l, AG_STEP_REDUCE, phase++, &p, i, scales);
    for (int i = 0; i < p.levels; i++) emit(l, AG_STEP_LEVELS, phase, &p, i, scales);
    phase++;
    for (int i = p.levels - 2; i > 0; i--) emit(l, AG_STEP_EXPAND, phase++, &p, i, scales);
    emit(l, AG_STEP_EXPAND, phase, &p, 0, scales);
}
