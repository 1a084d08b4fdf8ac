/* context.c - a context: its threads, a bounded cache of one-shot plans, and workspaces for them. */
#include "context.h"

#include <stdlib.h>
#include <string.h>

/* A one-shot plan. In use while users > 0; dropped from the list it lives until the last user is done. */
struct cached {
    struct cached *next;
    ag_plan *plan;
    int users;
};

typedef struct cached cached;

enum { MOST_THREADS = 1024 };

static int least(int a, int b) { return a < b ? a : b; }

void ag_context_options_init_sized(void *options, size_t size)
{
    const int threads = least(least(ag_os_processors(), ag_os_quota("")), MOST_THREADS);
    const ag_context_options mine = { .threads = threads, .cached_plans = 64 };
    ag_struct_hand_out(options, size, &mine, sizeof mine);
}

ag_status ag_context_create(const ag_context_options *options, ag_context **context, char *text, size_t size)
{
    const ag_why why = { text, size };
    ag_context_options o;
    ag_context_options_init(&o);
    if (!context) return ag_refuse(why, AG_ERR_NULL, "context is NULL: there is nowhere to put it");
    *context = NULL;
    if (options) {
        const ag_status s = ag_struct_take(&o, sizeof o, options, (ag_struct){ "options", "ag_context_options" }, why);
        if (s) return s;
    }
    if (o.threads < 1 || o.threads > MOST_THREADS)
        return ag_refuse(why, AG_ERR_VALUE, "threads is %d, not between 1 and %d", (int)o.threads, (int)MOST_THREADS);
    if (o.cached_plans < 1) return ag_refuse(why, AG_ERR_VALUE, "cached_plans is %d, less than 1", (int)o.cached_plans);

    ag_context *c = calloc(1, sizeof *c);
    if (c) {
        c->most_cached = o.cached_plans;
        c->lock = ag_lock_create();
        c->pool = c->lock && o.threads > 1 ? ag_pool_create(o.threads, o.pin) : NULL;
        c->threads = c->pool ? ag_pool_threads(c->pool) : 1;
    }
    if (!c || !c->lock || (o.threads > 1 && !c->pool)) {
        ag_context_free(c);
        return ag_refuse(why, AG_ERR_MEMORY, "no memory for a context of %d threads", (int)o.threads);
    }
    *context = c;
    return AG_OK;
}

static void free_space(ag_space *x)
{
    if (x) x->backend->free(x->device, x->memory);
    free(x);
}

static void free_entry(cached *x)
{
    if (x) ag_plan_free(x->plan);
    free(x);
}

void ag_context_free(ag_context *c)
{
    if (!c) return;
    ag_pool_free(c->pool);
    while (c->cached) {
        cached *x = c->cached;
        c->cached = x->next;
        free_entry(x);
    }
    while (c->spaces) {
        ag_space *x = c->spaces;
        c->spaces = x->next;
        free_space(x);
    }
    ag_lock_free(c->lock);
    free(c);
}

int ag_context_threads(const ag_context *c) { return c ? c->threads : 0; }

/* ---- plans ---- */

ag_status ag_context_plan(const ag_context *c, ag_checked *checked, ag_plan **plan, ag_why why)
{
    ag_maker by = { .pool = c->pool, .threads = c->threads };
    const ag_status s = ag_backend_for(checked->place, &by.backend, why);
    if (!s) return ag_plan_make(&by, checked, plan, why);
    ag_checked_free(checked);
    return s;
}

/* Checked problems hold no pointers but to rows and heads, and no uninitialised padding: both are zeroed and copied
 * field by field, or whole from a caller whose padding can only cost a second plan. */
static int same_problem(const ag_checked *a, const ag_checked *b)
{
    if (memcmp(&a->p, &b->p, sizeof a->p) || memcmp(&a->g, &b->g, sizeof a->g) || strcmp(a->kernel, b->kernel))
        return 0;
    if (a->heads_size != b->heads_size || (a->heads_size && memcmp(a->heads, b->heads, a->heads_size))) return 0;
    return !a->rows || !memcmp(a->rows, b->rows, (size_t)a->p.batch * sizeof *a->rows);
}

/* One user fewer. Returns the entry if that was the last, for free_entry() without the lock; else NULL. */
static cached *drop(cached *x) { return --x->users ? NULL : x; }

/* The entry for this problem, first in the list from now on; NULL if there is none. The list counts as a user. */
static cached *find(ag_context *c, const ag_checked *checked)
{
    for (cached **at = &c->cached; *at; at = &(*at)->next) {
        cached *x = *at;
        if (!same_problem(&x->plan->c, checked)) continue;
        *at = x->next;
        x->next = c->cached;
        c->cached = x;
        x->users++;
        return x;
    }
    return NULL;
}

/* Returns an entry that nobody needs any more, or NULL. */
static cached *insert(ag_context *c, cached *x)
{
    x->next = c->cached;
    c->cached = x;
    x->users++;
    if (++c->n_cached <= c->most_cached) return NULL;
    cached **last = &c->cached;
    while ((*last)->next) last = &(*last)->next;
    cached *oldest = *last;
    *last = NULL;
    c->n_cached--;
    return drop(oldest);
}

/* Plans are made without the lock, so that another thread may have made the same: one is kept, and that is used. */
static ag_loan keep(ag_context *c, cached *made)
{
    ag_lock_take(c->lock);
    cached *x = find(c, &made->plan->c);
    cached *old = x ? made : insert(c, made);
    if (!x) x = made;
    ag_lock_give(c->lock);
    free_entry(old);
    return (ag_loan){ .plan = x->plan, .entry = x };
}

/* Takes over `checked`. */
static ag_status borrow(ag_context *c, ag_checked *checked, ag_loan *loan, ag_why why)
{
    ag_lock_take(c->lock);
    cached *x = find(c, checked);
    ag_lock_give(c->lock);
    if (x) {
        ag_checked_free(checked);
        *loan = (ag_loan){ .plan = x->plan, .entry = x };
        return AG_OK;
    }
    ag_plan *made;
    const ag_status s = ag_context_plan(c, checked, &made, why);
    if (s) return s;
    if (!(x = malloc(sizeof *x))) {
        ag_plan_free(made);
        return ag_refuse(why, AG_ERR_MEMORY, "no memory for a cached plan");
    }
    *x = (cached){ .plan = made, .users = 1 };
    *loan = keep(c, x);
    return AG_OK;
}

/* ---- workspaces ---- */

static int fits(const ag_space *x, const ag_plan *plan, const void *stream)
{
    return x->backend == plan->backend && x->device == plan->c.device && x->stream == stream;
}

static ag_space *new_space(const ag_plan *plan, void *stream, size_t bytes)
{
    ag_space *x = malloc(sizeof *x);
    if (!x) return NULL;
    *x = (ag_space){ .backend = plan->backend, .device = plan->c.device, .stream = stream, .bytes = bytes ? bytes : 1 };
    x->memory = plan->backend->alloc(x->device, x->bytes);
    if (x->memory) return x;
    free(x);
    return NULL;
}

static ag_space *take_space(ag_context *c, const ag_plan *plan, void *stream)
{
    const size_t bytes = ag_plan_workspace(plan);
    ag_space **found = NULL;
    ag_lock_take(c->lock);
    for (ag_space **at = &c->spaces; *at; at = &(*at)->next)
        if (fits(*at, plan, stream) && (!found || (*found)->bytes < bytes)) found = at;
    ag_space *x = found ? *found : NULL;
    if (x) *found = x->next;
    ag_lock_give(c->lock);
    if (x && x->bytes >= bytes) return x;
    free_space(x); /* too small: replaced by a larger one, so that they do not pile up */
    return new_space(plan, stream, bytes);
}

/* ---- both ---- */

static void give_back(ag_context *c, cached *entry, ag_space *space)
{
    ag_lock_take(c->lock);
    if (space) {
        space->next = c->spaces;
        c->spaces = space;
    }
    cached *old = drop(entry);
    ag_lock_give(c->lock);
    free_entry(old);
}

ag_status ag_context_lend(ag_context *c, ag_checked *checked, void *stream, ag_loan *loan, ag_why why)
{
    const ag_status s = borrow(c, checked, loan, why);
    if (s) return s;
    loan->space = take_space(c, loan->plan, stream);
    if (loan->space) return AG_OK;
    const size_t bytes = ag_plan_workspace(loan->plan);
    give_back(c, loan->entry, NULL);
    return ag_refuse(why, AG_ERR_MEMORY, "no memory for a workspace of %zu bytes", bytes);
}

void ag_context_return(ag_context *c, ag_loan loan) { give_back(c, loan.entry, loan.space); }
