/* check_args.c - the only place the values of a run are validated, every entry of index and length arrays included; its
 * memory is in check_memory.c. Whatever the plan would not use is refused: ignored, it would surely not do what the
 * caller meant. */
#include <stdio.h>

#include "../methods/method.h"
#include "check.h"

typedef long long ll;

/* ---- arrays that a problem has or has not ---- */

typedef struct array {
    const char *name, *made_by; /* what in the problem asks for it */
    const void *at;
    int wanted, needed;
    size_t element;
} array;

static ag_status check_array(const array *x, ag_why why)
{
    if (!x->wanted && x->at)
        return ag_refuse(why, AG_ERR_COMBINATION, "%s is given, but the problem does not use it: %s", x->name,
                         x->made_by);
    if (x->needed && !x->at)
        return ag_refuse(why, AG_ERR_NULL, "%s is NULL, but the problem needs it: %s", x->name, x->made_by);
    return ag_check_address(x->name, x->at, x->element, why);
}

static ag_status check_arrays(const ag_plan *plan, const ag_args *a, ag_why why)
{
    const ag_problem *p = &plan->c.p;
    const int energy = p->operation == AG_ENERGY, bias = p->bias_dtype != AG_NONE;
    const array arrays[] = {
        { "lse", p->want_lse ? "want_lse is set" : "want_lse is 0", a->lse, p->want_lse, p->want_lse, 4 },
        { "curvature", "only operation energy has one", a->curvature, energy, 0, 4 },
        { "key_mask", p->has_key_mask ? "has_key_mask is set" : "has_key_mask is 0", a->key_mask, p->has_key_mask,
          p->has_key_mask, 1 },
        { "key_lengths", p->has_key_lengths ? "has_key_lengths is set" : "has_key_lengths is 0", a->key_lengths,
          p->has_key_lengths, p->has_key_lengths, 4 },
        { "bias", bias ? "bias_dtype is set" : "bias_dtype is AG_NONE", a->bias, bias, bias,
          bias ? ag_size_of(p->bias_dtype) : 1 },
    };
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        const ag_status s = check_array(&arrays[i], why);
        if (s) return s;
    }
    return AG_OK;
}

static ag_status check_lengths(const ag_problem *p, const int32_t *lengths, ag_why why)
{
    if (p->place == AG_CUDA) return AG_OK; /* it cannot be read from here: a length beyond its keys hides none */
    for (int64_t b = 0; lengths && b < p->batch; b++)
        if (lengths[b] < 0 || lengths[b] > p->length_end - p->length_first)
            return ag_refuse(why, AG_ERR_INDEX,
                             "key_lengths[%lld] is %d, not between 0 and the %lld keys that it counts", (ll)b,
                             lengths[b], (ll)(p->length_end - p->length_first));
    return AG_OK;
}

/* What runs it: of a device the stream, of the host an executor. */
ag_status ag_check_runner(const ag_plan *plan, const ag_runner *by, ag_why why)
{
    const ag_executor *e = by->executor;
    ag_executor mine;
    if (!plan->backend->run_part && e)
        return ag_refuse(why, AG_ERR_COMBINATION,
                         "executor is given, but the plan is for AG_CUDA, which does not use it");
    if (!plan->backend->has_streams && by->stream)
        return ag_refuse(why, AG_ERR_COMBINATION, "%s is given, but the plan is for AG_HOST, which does not use it",
                         by->stream_name);
    if (!e) return AG_OK;
    ag_executor_init(&mine, NULL, NULL);
    const ag_status s = ag_struct_take(&mine, sizeof mine, e, (ag_struct){ "executor", "ag_executor" }, why);
    if (!s && !mine.parallel_for) return ag_refuse(why, AG_ERR_NULL, "executor.parallel_for is NULL");
    return s;
}

/* ---- values per row: an entry is validated by what the rows that it serves use ---- */

/* An entry of rows, and what its rows use. */
typedef struct entry {
    int64_t number;
    ag_row_args x;
    uint32_t takes; /* AG_TAKES_SEED, _BLEND and _INDEX of any of them */
    uint64_t rooms; /* numbers of their methods, as bits */
} entry;

/* A seed beside an index is documented to be idle. */
static uint32_t takes_of(const ag_row_checked *r)
{
    const uint32_t takes = ag_method_number(r->method)->info.takes;
    return (takes & AG_TAKES_SEED) | (r->ask.blend ? AG_TAKES_BLEND : 0) | (r->ask.indexed ? AG_TAKES_INDEX : 0);
}

static ag_status check_unused(const entry *e, ag_why why)
{
    const ag_row_args *x = &e->x;
    if (!(e->takes & AG_TAKES_BLEND) && x->strength != 1)
        return ag_refuse(why, AG_ERR_VALUE, "args.rows[%lld].strength is %g, but its row has blend 0", (ll)e->number,
                         x->strength);
    if (!(e->takes & AG_TAKES_INDEX) && x->index)
        return ag_refuse(why, AG_ERR_COMBINATION,
                         "args.rows[%lld].index is given, but its row does not use one: indexed is 0", (ll)e->number);
    if (e->takes & AG_TAKES_SEED) return AG_OK;
    if (x->seed)
        return ag_refuse(why, AG_ERR_COMBINATION, "args.rows[%lld].seed is %llu, but its row draws no random numbers",
                         (ll)e->number, (unsigned long long)x->seed);
    if (x->random_stream != AG_STREAM_DEFAULT)
        return ag_refuse(why, AG_ERR_COMBINATION,
                         "args.rows[%lld].random_stream is %lld, but its row draws no random numbers", (ll)e->number,
                         (ll)x->random_stream);
    return AG_OK;
}

/* Some row of the entry has a method that takes this number. */
static int takes_number(const entry *e, const ag_parameter_info *p)
{
    const ag_method_room *room;
    for (int i = 0; (room = ag_method_number(i)); i++)
        if (e->rooms >> i & 1 && ag_method_takes(room, p)) return 1;
    return 0;
}

/* Numbers of a run, of every method: in their range where they are used, at their default elsewhere. */
static ag_status check_numbers(const entry *e, ag_why why)
{
    char where[40];
    const ag_method_room *room;
    for (int i = 0; (room = ag_method_number(i)); i++)
        for (int at = 0; at < room->info.parameter_count; at++) {
            const ag_parameter_info *p = &room->parameters[at];
            const double value = p->at_run ? ag_number_get(p, &e->x) : 0;
            if (!p->at_run || value == p->initial) continue;
            if (!takes_number(e, p))
                return ag_refuse(why, AG_ERR_COMBINATION, "args.rows[%lld].%s is %g, but only rows of %s use it",
                                 (ll)e->number, p->name, value, ag_room_name(room).text);
            snprintf(where, sizeof where, "args.rows[%lld].", (ll)e->number);
            const ag_status s = ag_number_check(p, value, room->info.name, where, why);
            if (s) return s;
        }
    return AG_OK;
}

static ag_status check_values(const entry *e, ag_why why)
{
    const ag_row_args *x = &e->x;
    if ((e->takes & AG_TAKES_BLEND) && !(x->strength >= 0 && x->strength <= 1))
        return ag_refuse(why, AG_ERR_VALUE, "args.rows[%lld].strength is %g, not between 0 and 1", (ll)e->number,
                         x->strength);
    const ag_status s = check_numbers(e, why);
    if (s) return s;
    if ((e->takes & AG_TAKES_SEED) && x->random_stream != AG_STREAM_DEFAULT &&
        (x->random_stream < 0 || x->random_stream > UINT32_MAX))
        return ag_refuse(why, AG_ERR_VALUE, "args.rows[%lld].random_stream is %lld, not between 0 and 2^32-1",
                         (ll)e->number, (ll)x->random_stream);
    if ((e->takes & AG_TAKES_INDEX) && !x->index)
        return ag_refuse(why, AG_ERR_NULL, "args.rows[%lld].index is NULL, but its row needs one: indexed is set",
                         (ll)e->number);
    return ag_check_address("an index array of args.rows", x->index, sizeof *x->index, why);
}

/* A row's own part: what is not blended is not given a strength by an entry that it shares with others either. */
static ag_status check_row(const ag_row_checked *r, const entry *e, ag_place place, int64_t b, ag_why why)
{
    if (r->method != 0 && !r->ask.blend && e->x.strength != 1)
        return ag_refuse(why, AG_ERR_VALUE, "args.rows[%lld].strength is %g, but row %lld has blend 0", (ll)e->number,
                         e->x.strength, (ll)b);
    if (!r->ask.indexed || place == AG_CUDA) return AG_OK; /* there kernels write NaN where an entry is wrong */
    for (int64_t i = 0; i < r->n * r->ask.draws; i++)
        if (e->x.index[i] < 0 || e->x.index[i] >= r->n)
            return ag_refuse(
                why, AG_ERR_INDEX,
                "args.rows[%lld].index[%lld] is %d, not between 0 and %lld, the last image token of row %lld",
                (ll)e->number, (ll)i, e->x.index[i], (ll)r->n - 1, (ll)b);
    return AG_OK;
}

/* Entry i of the arguments' rows, for output rows [first, last). */
static ag_status check_entry(const ag_plan *plan, const ag_args *a, int64_t i, int64_t first, int64_t last, ag_why why)
{
    const ag_checked *c = &plan->c;
    entry e = { .number = i };
    ag_row_args_init(&e.x);
    for (int64_t b = first; b < last; b++) {
        e.takes |= takes_of(&c->rows[b]);
        e.rooms |= UINT64_C(1) << c->rows[b].method;
    }
    ag_status s = AG_OK;
    if (a->row_count) s = ag_take_row_args(&e.x, a->rows, i, why);
    if (!s) s = check_unused(&e, why);
    if (!s) s = check_values(&e, why);
    for (int64_t b = first; b < last && !s; b++) s = check_row(&c->rows[b], &e, c->p.place, b, why);
    return s;
}

static ag_status check_rows(const ag_plan *plan, const ag_args *a, ag_why why)
{
    const int64_t batch = plan->c.p.batch;
    if (!a->row_count && a->rows)
        return ag_refuse(why, AG_ERR_COMBINATION,
                         "args.rows is given, but args.row_count is 0: 1 is one entry for every "
                         "row, %lld one for each",
                         (ll)batch);
    if (a->device_rows && (plan->c.p.place != AG_CUDA || a->row_count))
        return ag_refuse(why, AG_ERR_COMBINATION, "device_rows is given, but it needs place AG_CUDA and no args.rows");
    if (a->device_rows) return ag_check_address("device_rows", a->device_rows, 8, why); /* all that the host can see */
    if (a->row_count != 0 && a->row_count != 1 && a->row_count != batch)
        return ag_refuse(why, AG_ERR_SHAPE, "args.row_count is %lld: it must be 0, 1 or batch, which is %lld",
                         (ll)a->row_count, (ll)batch);
    if (a->row_count && !a->rows)
        return ag_refuse(why, AG_ERR_NULL, "args.rows is NULL, but args.row_count is %lld", (ll)a->row_count);
    ag_status s = ag_check_address("args.rows", a->rows, 8, why);
    if (!s && a->row_count < 2) s = check_entry(plan, a, 0, 0, batch, why);
    for (int64_t b = 0; b < batch && a->row_count > 1 && !s; b++) s = check_entry(plan, a, b, b, b + 1, why);
    return s;
}

/* ---- all of it ---- */

ag_status ag_check_arg_values(const ag_plan *plan, const ag_args *args, ag_args *taken, ag_why why)
{
    if (!plan) return ag_refuse(why, AG_ERR_NULL, "plan is NULL");
    if (plan->c.combines)
        return ag_refuse(why, AG_ERR_COMBINATION, "this plan combines predictions: ag_guidance_run runs it");
    ag_status s = ag_take_args(taken, args, why);
    if (!s) s = ag_check_runner(plan, &(ag_runner){ taken->executor, taken->cuda_stream, "cuda_stream" }, why);
    if (!s) s = check_arrays(plan, taken, why);
    if (!s) s = check_lengths(&plan->c.p, taken->key_lengths, why);
    return s ? s : check_rows(plan, taken, why);
}

ag_status ag_check_args(const ag_plan *plan, const ag_args *args, ag_args *taken, ag_why why)
{
    const ag_status s = ag_check_arg_values(plan, args, taken, why);
    return s ? s : ag_check_memory(plan, taken, why);
}
