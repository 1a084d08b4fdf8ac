/* check_row.c - each output row, validated: its method, image, numbers, and how they go together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../methods/method.h"
#include "check.h"

typedef long long ll;

static ag_status check_image(const ag_problem *p, const ag_row *in, int64_t b, ag_row_checked *r, ag_why why)
{
    r->o = in->image_offset;
    const int64_t all_tokens = p->global_n_q;
    r->n = in->image_length == AG_ALL_TOKENS && r->o >= 0 ? all_tokens - r->o : in->image_length;
    if (r->o < 0 || r->o >= all_tokens)
        return ag_refuse(why, AG_ERR_SHAPE, "row %lld: image_offset is %lld, not one of %s = %lld tokens", (ll)b,
                         (ll)r->o, all_tokens == p->n_q ? "n_q" : "global_n_q", (ll)all_tokens);
    if (r->n < 1 || r->o > all_tokens - r->n)
        return ag_refuse(why, AG_ERR_SHAPE,
                         "row %lld: image_length is %lld, not between 1 and the %lld tokens from "
                         "image_offset %lld on",
                         (ll)b, (ll)in->image_length, (ll)(all_tokens - r->o), (ll)r->o);
    const int64_t *g = in->grid;
    if (!g[0] && !g[1] && !g[2]) {
        if (!(ag_method_number(r->method)->info.takes & AG_TAKES_GRID)) return AG_OK;
        return ag_refuse(why, AG_ERR_SHAPE, "row %lld: grid is not set, but %s needs that of its %lld image tokens",
                         (ll)b, ag_method_name(in->method).text, (ll)r->n);
    }
    int64_t frame, all;
    if (g[0] < 1 || g[1] < 1 || g[2] < 1 || __builtin_mul_overflow(g[1], g[2], &frame) ||
        __builtin_mul_overflow(g[0], frame, &all) || all != r->n)
        return ag_refuse(why, AG_ERR_SHAPE, "row %lld: grid is %lldx%lldx%lld, which is not that of %lld image tokens",
                         (ll)b, (ll)g[0], (ll)g[1], (ll)g[2], (ll)r->n);
    return AG_OK;
}

/* ---- numbers ---- */

/* A number that the row does not use is not ignored: on the wrong method it is a mistake that would give another
 * picture. */
static ag_status check_unused_numbers(const ag_method_room *room, const ag_row *in, int64_t b, ag_why why)
{
    const ag_method_room *other;
    for (int i = 0; (other = ag_method_number(i)); i++)
        for (int at = 0; at < other->info.parameter_count; at++) {
            const ag_parameter_info *p = &other->parameters[at];
            if (p->at_run || ag_method_takes(room, p) || ag_number_unset(p, ag_number_get(p, in))) continue;
            return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: %s is %g, but %s does not use it", (ll)b, p->name,
                             ag_number_get(p, in), ag_room_name(room).text);
        }
    return AG_OK;
}

static ag_status check_unused(const ag_method_room *room, const ag_row *in, int64_t b, ag_why why)
{
    const uint32_t takes = room->info.takes;
    if (!room->info.variant && in->kind != 0)
        return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: kind is %s, but %s does not use it", (ll)b,
                         ag_kind_name(in->kind).text, room->info.name);
    if (!(takes & AG_TAKES_INDEX) && in->indexed)
        return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: indexed is %d, but %s does not use it", (ll)b,
                         (int)in->indexed, room->info.name);
    if (!(takes & AG_TAKES_BLEND) && in->blend)
        return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: blend is %d, but %s does not use it", (ll)b,
                         (int)in->blend, room->info.name);
    if (!(takes & AG_TAKES_IMAGE) && in->heads)
        return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: heads is given, but %s does not use it", (ll)b,
                         room->info.name);
    return check_unused_numbers(room, in, b, why);
}

static ag_status check_numbers(const ag_method_room *room, const ag_row *in, int64_t b, ag_why why)
{
    char where[32];
    snprintf(where, sizeof where, "row %lld: ", (ll)b);
    for (int i = 0; i < room->info.parameter_count; i++) {
        const ag_parameter_info *p = &room->parameters[i];
        if (p->at_run) continue;
        const ag_status s = ag_number_check(p, ag_number_get(p, in), room->info.name, where, why);
        if (s) return s;
    }
    return AG_OK;
}

/* What the method does not use is kept as one value, so that equal problems have equal plans. */
static void keep_values(const ag_method_room *room, const ag_row *in, ag_row_checked *r)
{
    ag_row_init(&r->ask, room->info.method);
    r->ask.kind = room->info.kind;
    r->ask.blend = in->blend != 0;
    r->ask.indexed = in->indexed != 0;
    if (room->info.takes & AG_TAKES_IMAGE) memcpy(r->ask.grid, in->grid, sizeof r->ask.grid);
    for (int i = 0; i < room->info.parameter_count; i++) {
        const ag_parameter_info *p = &room->parameters[i];
        const double value = p->at_run ? 0 : ag_number_get(p, in);
        if (!p->at_run) ag_number_set(p, &r->ask, ag_is_switch(p) ? value != 0 : value);
    }
}

/* ---- together ---- */

static ag_status check_together(const ag_problem *p, const ag_method_room *room, const ag_row *in, int64_t b,
                                ag_why why)
{
    const uint32_t takes = room->info.takes;
    const char *barred = p->causal && !(takes & AG_TAKES_CAUSAL)                ? "problem.causal"
                         : p->bias_dtype != AG_NONE && !(takes & AG_TAKES_BIAS) ? "problem.bias_dtype"
                                                                                : NULL;
    if (barred)
        return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: %s is set, but %s is not defined with it", (ll)b, barred,
                         ag_room_name(room).text);
    if (p->want_lse && in->blend)
        return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: want_lse is set, but a blend of two results has no lse",
                         (ll)b);
    if (p->want_lse && !(takes & AG_TAKES_LSE))
        return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: want_lse is set, but %s has no lse", (ll)b,
                         ag_room_name(room).text);
    return room->check ? room->check(p, in, b, why) : AG_OK;
}

static ag_status check_self(const ag_problem *p, int64_t b, ag_why why)
{
    if (p->operation == AG_BLUR) return AG_OK; /* reads queries only */
    const int whole = p->global_n_q == p->n_q && p->global_n_k == p->n_k;
    if (p->global_n_q != p->global_n_k)
        return ag_refuse(why, AG_ERR_SHAPE, "row %lld: a perturbation needs self-attention, but %s is %lld and %s %lld",
                         (ll)b, whole ? "n_q" : "global_n_q", (ll)p->global_n_q, whole ? "n_k" : "global_n_k",
                         (ll)p->global_n_k);
    if (p->global_n_k != p->n_k)
        return ag_refuse(why, AG_ERR_COMBINATION,
                         "row %lld: a perturbation needs every key, but these are n_k = %lld from k_offset %lld on, of "
                         "global_n_k = %lld",
                         (ll)b, (ll)p->n_k, (ll)p->k_offset, (ll)p->global_n_k);
    return AG_OK;
}

static ag_status check_enums(const ag_row *in, int64_t b, int32_t *number, ag_why why)
{
    const ag_method_room *room;
    int methods = 0, kinds = in->kind == 0;
    for (int i = 0; (room = ag_method_number(i)); i++) {
        methods += room->info.method == in->method;
        kinds += room->info.variant && room->info.kind == in->kind;
    }
    *number = ag_method_find(in->method, in->kind);
    if (!methods)
        return ag_refuse(why, AG_ERR_TYPE, "row %lld: method is %s, which does not exist", (ll)b,
                         ag_method_name(in->method).text);
    if (kinds && *number >= 0) return AG_OK;
    return ag_refuse(why, AG_ERR_TYPE, "row %lld: kind is %s, which does not exist", (ll)b,
                     ag_kind_name(in->kind).text);
}

static ag_status check_operation(const ag_problem *p, const ag_method_room *room, const ag_row *in, int64_t b,
                                 ag_why why)
{
    if (p->operation == AG_ATTENTION || !(room->info.takes & AG_TAKES_IMAGE)) return AG_OK;
    if (p->operation != AG_BLUR || !(room->info.takes & AG_TAKES_BLUR))
        return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: method is %s, but operation %s takes only rows of %s",
                         (ll)b, room->info.name, ag_operation_name(p->operation).text,
                         ag_operation_methods(p->operation).text);
    if (!in->blend && !in->heads) return AG_OK;
    return ag_refuse(why, AG_ERR_COMBINATION, "row %lld: %s is set, but operation blur blurs every head entirely",
                     (ll)b, in->blend ? "blend" : "heads");
}

static ag_status check_row(const ag_problem *p, const ag_row *in, int64_t b, ag_row_checked *r, ag_why why)
{
    ag_status s = check_enums(in, b, &r->method, why);
    if (s) return s;
    const ag_method_room *room = ag_method_number(r->method);
    s = check_operation(p, room, in, b, why);
    if (!s) s = check_unused(room, in, b, why);
    r->q_row = in->q_row == AG_ROW_SAME ? b : in->q_row;
    r->kv_row = in->kv_row == AG_ROW_SAME ? b : in->kv_row;
    r->heads_at = -1;
    keep_values(room, in, r);
    if (s || !(room->info.takes & AG_TAKES_IMAGE)) return s;
    if (!(room->info.takes & AG_TAKES_CROSS)) s = check_self(p, b, why);
    if (!s) s = check_image(p, in, b, r, why);
    if (!s) s = check_numbers(room, in, b, why);
    return s ? s : check_together(p, room, in, b, why);
}

static ag_status check_heads(const ag_problem *p, const ag_row *in, int64_t b, ag_why why)
{
    for (int64_t h = 0; h < p->heads && in->heads; h++)
        if (in->heads[h]) return AG_OK;
    if (!in->heads) return AG_OK;
    return ag_refuse(why, AG_ERR_VALUE, "row %lld: heads is all zero: of %lld heads none would be perturbed", (ll)b,
                     (ll)p->heads);
}

/* Copies row b's head set behind those of earlier rows; one entry for all rows is copied once. */
static void keep_heads(ag_checked *c, const ag_row *in, int64_t b, int shared)
{
    if (!in->heads) return;
    if (shared && b > 0) {
        c->rows[b].heads_at = c->rows[0].heads_at;
        return;
    }
    c->rows[b].heads_at = (int32_t)c->heads_size;
    for (int64_t h = 0; h < c->p.heads; h++) c->heads[c->heads_size++] = in->heads[h] != 0;
}

ag_status ag_check_rows(const ag_problem *p, ag_checked *c, ag_why why)
{
    if (p->row_count != 0 && p->row_count != 1 && p->row_count != p->batch)
        return ag_refuse(why, AG_ERR_SHAPE, "problem.row_count is %lld: it must be 0, 1 or batch, which is %lld",
                         (ll)p->row_count, (ll)p->batch);
    if (!p->row_count && p->rows)
        return ag_refuse(why, AG_ERR_COMBINATION,
                         "problem.rows is given, but problem.row_count is 0: 1 is one entry for "
                         "every row, %lld one for each",
                         (ll)p->batch);
    if (p->row_count && !p->rows)
        return ag_refuse(why, AG_ERR_NULL, "problem.rows is NULL, but problem.row_count is %lld", (ll)p->row_count);
    const ag_status placed = ag_check_address("problem.rows", p->row_count ? p->rows : NULL, sizeof(int64_t), why);
    if (placed) return placed;
    if (p->row_count > 1 && p->heads > INT32_MAX / p->row_count)
        return ag_refuse(why, AG_ERR_SHAPE, "problem.row_count %lld times heads %lld is more than 2^31-1",
                         (ll)p->row_count, (ll)p->heads);

    c->rows = calloc((size_t)p->batch, sizeof *c->rows);
    c->heads = malloc((size_t)p->heads * (size_t)(p->row_count ? p->row_count : 1));
    if (!c->rows || !c->heads) return ag_refuse(why, AG_ERR_MEMORY, "no memory for %lld rows", (ll)p->batch);
    ag_row standard;
    ag_row_init(&standard, ag_method_number(0)->info.method);
    for (int64_t b = 0; b < p->batch; b++) {
        ag_row in = standard; /* what an older header lacks */
        if (p->row_count) {
            const ag_status s = ag_struct_entry(&in, sizeof in, p->rows, p->row_count > 1 ? b : 0,
                                                (ag_struct){ "problem.rows", "ag_row" }, why);
            if (s) return s;
        }
        ag_status s = check_row(p, &in, b, &c->rows[b], why);
        if (!s && (b == 0 || p->row_count > 1)) s = check_heads(p, &in, b, why);
        if (s) return s;
        keep_heads(c, &in, b, p->row_count == 1);
    }
    return AG_OK;
}

/* A row map: the entry's field, and the extent of the tensor it counts in. */
typedef struct row_map {
    const char *name, *tensor, *extent;
    int64_t rows;
} row_map;

static ag_status check_map(row_map m, int64_t row, int reads, int64_t b, ag_why why)
{
    if (row == AG_ROW_NONE) {
        if (!reads) return AG_OK;
        return ag_refuse(why, AG_ERR_VALUE, "row %lld: %s is AG_ROW_NONE, but the row reads %s (ag_problem_needs)",
                         (ll)b, m.name, m.tensor);
    }
    if (row >= 0 && row < m.rows) return AG_OK;
    return ag_refuse(why, AG_ERR_VALUE,
                     "row %lld: %s is %lld, neither AG_ROW_NONE nor AG_ROW_SAME nor between 0 and %s - 1 = %lld", (ll)b,
                     m.name, (ll)row, m.extent, (ll)m.rows - 1);
}

/* Some methods make a query's result of other queries. */
ag_status ag_check_queries(const ag_checked *c, const ag_program *program, ag_why why)
{
    const int64_t first = ag_first_query(&c->p), end = first + c->p.n_q;
    for (int64_t b = 0, at = 0; b < c->p.batch; b++) {
        const ag_row_steps row = ag_steps_of(program, b, at);
        ag_range reads = { 0, 0 };
        for (at = row.behind; ag_next_read(&row, AG_NEEDS_Q, reads.end, &reads);)
            if (reads.first < first || reads.end > end)
                return ag_refuse(why, AG_ERR_COMBINATION,
                                 "row %lld: %s needs the queries of tokens %lld to %lld, but here are n_q = %lld from "
                                 "q_offset %lld on",
                                 (ll)b, ag_room_name(ag_method_number(c->rows[b].method)).text, (ll)reads.first,
                                 (ll)(reads.end - 1), (ll)c->p.n_q, (ll)first);
    }
    return AG_OK;
}

ag_status ag_check_row_map(const ag_checked *c, const ag_program *program, ag_why why)
{
    const row_map q = { "q_row", "q", "q_batch", c->p.q_batch }, kv = { "kv_row", "k or v", "kv_batch", c->p.kv_batch };
    for (int64_t b = 0, at = 0; b < c->p.batch; b++) {
        unsigned needs = 0;
        const ag_row_steps row = ag_steps_of(program, b, at);
        for (int64_t i = 0; i < row.n; i++) needs |= ag_step_needs(&row.at[i]);
        at = row.behind;
        ag_status s = check_map(q, c->rows[b].q_row, needs & AG_NEEDS_Q, b, why);
        if (!s) s = check_map(kv, c->rows[b].kv_row, needs & (AG_NEEDS_K | AG_NEEDS_V), b, why);
        if (s) return s;
    }
    return AG_OK;
}
