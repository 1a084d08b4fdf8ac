/* problem_part.c - problems that compute some of the queries of a longer sequence. */
#include "problem.h"
#include "random.h"

/* The row makes an image query's result of other queries. */
static int needs_others(const ag_row *r)
{
    const int blurs = (r->sigma > 0 && (r->grid[1] > 1 || r->grid[2] > 1)) || (r->sigma_t > 0 && r->grid[0] > 1);
    if (r->method == AG_SMOOTHED || r->method == AG_ORTHOGONAL) return blurs;
    return r->method == AG_SCRAMBLED && r->kind == AG_TOKENS && r->image_length != 1;
}

int problem_has_part(const ag_problem *p, int64_t first, int64_t end)
{
    for (int64_t b = 0; b < p->row_count; b++) {
        const ag_row *r = &p->rows[b];
        const int64_t o = r->image_offset, n = r->image_length == AG_ALL_TOKENS ? p->global_n_q - o : r->image_length;
        if (!needs_others(r) || n == 1 || end <= o || first >= o + n || (first <= o && end >= o + n)) continue;
        return 0;
    }
    return 1;
}

/* From an edge of the image, or from anywhere, to another. */
static void random_queries(const problem *x, random_state *r, int64_t *first, int64_t *end)
{
    const int64_t all = x->p.n_q;
    int64_t edge[5] = { 0, all, random_below(r, all + 1), random_below(r, all + 1), all };
    if (x->p.row_count) {
        const ag_row *row = &x->rows[random_below(r, x->p.row_count)];
        edge[3] = row->image_offset;
        if (row->image_length != AG_ALL_TOKENS) edge[4] = row->image_offset + row->image_length;
    }
    const int64_t a = edge[random_below(r, 5)], b = edge[random_below(r, 5)];
    *first = a < b ? a : b;
    *end = a < b ? b : a;
    if (*first == *end) *first = *first == all ? all - 1 : *first, *end = *first + 1;
}

int problem_random_part(problem *x, uint64_t seed)
{
    random_state r = { seed ^ 0x9e3779b97f4a7c15 };
    int64_t first, end;
    problem_random(x, seed);
    if (x->p.operation > AG_BLUR || x->p.n_q != x->p.n_k || x->p.global_n_q != x->p.n_q) return 0;
    random_queries(x, &r, &first, &end);
    if (!problem_has_part(&x->p, first, end)) return 0;
    x->p.q_offset = first;
    x->p.n_q = end - first;
    return 1;
}
