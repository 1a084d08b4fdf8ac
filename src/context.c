/* context.c - a context: its threads, a bounded cache of one-shot plans, and workspaces for them. */
#include "context.h"

#include <stdlib.h>
#include <string.h>

/* A one-shot plan. In use while users > 0; dropped from the list it lives until the last user is done. */
typedef struct cached {
    struct cached *next;
    ag_plan *plan;
    int users;
} cached;

void ag_context_options_init(ag_context_options *o)
{
    *o = (ag_context_options){ .size = sizeof *o, .threads = ag_os_processors(), .cached_plans = 64 };
}

ag_status ag_context_create(const ag_context_options *options, ag_context **context, char *text, size_t size)
{
    const ag_why why = { text, size };
    ag_context_options o;
    ag_context_options_init(&o);
    if (!context) return ag_refuse(why, AG_ERR_NULL, "context is NULL: there is nowhere to put it");
    *context = NULL;
    if (options) {
        const ag_status s = ag_take_struct(&o, sizeof o, options, "options", why);
        if (s) return s;
    }
    if (o.threads < 1 || o.threads > 1024)
        return ag_refuse(why, AG_ERR_VALUE, "threads is %d, not between 1 and 1024", (int)o.threads);
    if (o.cached_plans < 1) return ag_refuse(why, AG_ERR_VALUE, "cached_plans is %d, less than 1", (int)o.cached_plans);

    ag_context *c = calloc(1, sizeof *c);
    if (c) {
        c->threads = o.threads;
        c->most_cached = o.cached_plans;
        c->lock = ag_lock_create();
        c->pool = c->lock && o.threads > 1 ? ag_pool_create(o.threads, o.pin) : NULL;
    }
    if (!c || !c->lock || (o.threads > 1 && !c->pool)) {
        ag_context_free(c);
        return ag_refuse(why, AG_ERR_MEMORY, "%d threads and their memory could not be had", (int)o.threads);
    }
    *context = c;
    return AG_OK;
}

static void free_space(ag_space *x)
{
    if (x && x->backend->free) x->backend->free(x->device, x->memory);
    else if (x) ag_os_free(x->memory);
    free(x);
}

void ag_context_free(ag_context *c)
{
    if (!c) return;
    ag_pool_free(c->pool);
    while (c->cached) {
        cached *x = c->cached;
        c->cached = x->next;
        ag_plan_free(x->plan);
        free(x);
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

/* Checked problems hold no pointers but to rows and heads, and no uninitialised padding: both are zeroed and copied
 * field by field, or whole from a caller whose padding can only cost a second plan. */
static int same_problem(const ag_checked *a, const ag_checked *b)
{
    if (memcmp(&a->p, &b->p, sizeof a->p) || memcmp(&a->g, &b->g, sizeof a->g) || strcmp(a->kernel, b->kernel))
        return 0;
    if (a->heads_size != b->heads_size || (a->heads_size && memcmp(a->heads, b->heads, a->heads_size))) return 0;
    return !a->rows || !memcmp(a->rows, b->rows, (size_t)a->p.batch * sizeof *a->rows);
}

static void drop(cached *x)
{
    if (--x->users) return;
    ag_plan_free(x->plan);
    free(x);
}

/* Takes the entry out of the list and puts it first; NULL if there is none. The list itself counts as a user. */
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

static void insert(ag_context *c, cached *x)
{
    x->next = c->cached;
    c->cached = x;
    x->users++;
    if (++c->n_cached <= c->most_cached) return;
    cached **last = &c->cached;
    while ((*last)->next) last = &(*last)->next;
    cached *oldest = *last;
    *last = NULL;
    c->n_cached--;
    drop(oldest);
}

/* Takes over `checked`. */
ag_status ag_context_borrow(ag_context *c, ag_checked *checked, const ag_plan **plan, ag_why why)
{
    ag_lock_take(c->lock);
    cached *x = find(c, checked);
    ag_lock_give(c->lock);
    if (x) {
        ag_checked_free(checked);
        *plan = x->plan;
        return AG_OK;
    }
    ag_plan *made;
    const ag_status s = ag_plan_make(c, checked, &made, why);
    if (s) return s;
    if (!(x = calloc(1, sizeof *x))) {
        ag_plan_free(made);
        return ag_refuse(why, AG_ERR_MEMORY, "no memory for a cached plan");
    }
    *x = (cached){ .plan = made, .users = 1 };
    ag_lock_take(c->lock);
    insert(c, x);
    ag_lock_give(c->lock);
    made->entry = x;
    *plan = made;
    return AG_OK;
}

void ag_context_return(ag_context *c, const ag_plan *plan)
{
    ag_lock_take(c->lock);
    drop(plan->entry);
    ag_lock_give(c->lock);
}

/* ---- workspaces ---- */

static int fits(const ag_space *x, const ag_plan *plan, const void *stream)
{
    return x->backend == plan->backend && x->device == ag_plan_device(plan) && x->stream == stream;
}

static ag_space *new_space(const ag_plan *plan, void *stream, size_t bytes)
{
    ag_space *x = malloc(sizeof *x);
    if (!x) return NULL;
    *x = (ag_space){
        .backend = plan->backend, .device = ag_plan_device(plan), .stream = stream, .bytes = bytes ? bytes : 1
    };
    x->memory = plan->backend->alloc ? plan->backend->alloc(x->device, x->bytes) : ag_os_alloc(x->bytes);
    if (x->memory) return x;
    free(x);
    return NULL;
}

ag_space *ag_context_space(ag_context *c, const ag_plan *plan, void *stream)
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

void ag_context_space_back(ag_context *c, ag_space *x)
{
    ag_lock_take(c->lock);
    x->next = c->spaces;
    c->spaces = x;
    ag_lock_give(c->lock);
}
