/* pool.c - the context's own threads: they wait until a run wants them, and run it together with the caller. Whoever
 * waits looks out for a few tens of microseconds, which is how soon a model's next layer comes, and then sleeps. */
#include "pool.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "../os.h"

typedef struct member {
    struct ag_pool *pool;
    int worker;
    ag_thread *thread;
} member;

struct ag_pool {
    ag_lock *lock; /* of everything below */
    int threads;   /* the caller counts as worker 0 */
    int pin;
    unsigned generation; /* the threads live there; a forked child has none of them */
    int wanted, quit;    /* workers wanted this round */
    atomic_int busy;     /* those not yet back; written under the lock, like round, and watched without it */
    atomic_int round;
    void (*body)(void *, int);
    void *arg;
    int taken;        /* a caller is inside ag_pool_run */
    member members[]; /* [threads], members[0] unused */
};

enum { LOOKS = 2000 };

/* Looks at `x` for a while, until it is no longer `old`. */
static void look_out(atomic_int *x, int old)
{
    for (int i = 0; i < LOOKS && atomic_load_explicit(x, memory_order_relaxed) == old; i++) ag_os_pause();
}

static void look_out_for(atomic_int *x, int wanted)
{
    for (int i = 0; i < LOOKS && atomic_load_explicit(x, memory_order_relaxed) != wanted; i++) ag_os_pause();
}

static void serve(void *arg)
{
    const member *m = arg;
    ag_pool *p = m->pool;
    int round = 0;
    if (p->pin) ag_thread_pin(m->worker);
    ag_lock_take(p->lock);
    for (;;) {
        if (!p->quit && p->round == round) {
            ag_lock_give(p->lock);
            look_out(&p->round, round);
            ag_lock_take(p->lock);
        }
        while (!p->quit && p->round == round) ag_lock_wait(p->lock);
        if (p->quit) break;
        round = p->round;
        if (m->worker >= p->wanted) continue;
        void (*body)(void *, int) = p->body;
        void *body_arg = p->arg;
        ag_lock_give(p->lock);
        body(body_arg, m->worker);
        ag_lock_take(p->lock);
        if (--p->busy == 0) ag_lock_wake_all(p->lock);
    }
    ag_lock_give(p->lock);
}

int ag_pool_threads(const ag_pool *p) { return p ? p->threads : 1; }

ag_pool *ag_pool_create(int threads, int pin)
{
    ag_pool *p = calloc(1, sizeof *p + (size_t)threads * sizeof *p->members);
    if (!p) return NULL;
    p->threads = 1;
    p->pin = pin;
    p->generation = ag_os_generation();
    if (!(p->lock = ag_lock_create())) {
        ag_pool_free(p);
        return NULL;
    }
    for (; p->threads < threads; p->threads++) {
        member *m = &p->members[p->threads];
        *m = (member){ .pool = p, .worker = p->threads };
        if (!(m->thread = ag_thread_start(serve, m))) break;
    }
    return p;
}

void ag_pool_free(ag_pool *p)
{
    if (!p) return;
    if (p->generation != ag_os_generation()) { /* nobody to wait for; a lock that was held at the fork stays held */
        free(p);
        return;
    }
    if (p->lock) {
        ag_lock_take(p->lock);
        p->quit = 1;
        ag_lock_wake_all(p->lock);
        ag_lock_give(p->lock);
    }
    for (int i = 1; i < p->threads; i++) ag_thread_join(p->members[i].thread);
    ag_lock_free(p->lock);
    free(p);
}

int ag_pool_run(ag_pool *p, int workers, void (*body)(void *, int), void *arg)
{
    if (p->generation != ag_os_generation()) return 0;
    ag_lock_take(p->lock);
    if (p->taken) {
        ag_lock_give(p->lock);
        return 0;
    }
    p->taken = 1;
    p->body = body;
    p->arg = arg;
    p->wanted = workers;
    p->busy = workers - 1;
    p->round++;
    ag_lock_wake_all(p->lock);
    ag_lock_give(p->lock);

    body(arg, 0);

    look_out_for(&p->busy, 0);
    ag_lock_take(p->lock);
    while (p->busy) ag_lock_wait(p->lock);
    p->taken = 0;
    ag_lock_give(p->lock);
    return 1;
}
