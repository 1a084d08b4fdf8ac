/* openmp.c - an executor on a host's OpenMP runtime. Nothing is linked: the host tells where its GOMP_parallel is. */
#include <stdatomic.h>
#include <string.h>

#include "attnguide.h"

/* Runs body(data) on so many threads, or on fewer, and returns when all are done: what compilers call for a parallel
 * region. */
typedef void gomp_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);

typedef struct loop {
    int64_t count;
    void (*task)(void *arg, int64_t i);
    void *arg;
    atomic_llong next;
} loop;

/* A thread takes whatever number nobody has taken yet: there may be fewer threads than were asked for. */
static void take_turns(void *at)
{
    loop *l = at;
    for (int64_t i; (i = atomic_fetch_add(&l->next, 1)) < l->count;) l->task(l->arg, i);
}

void ag_parallel_openmp(void *host, int64_t count, void (*task)(void *arg, int64_t i), void *arg)
{
    loop l = { count, task, arg, 0 };
    gomp_parallel *parallel;
    memcpy(&parallel, &host, sizeof parallel);
    if (parallel && count > 1) parallel(take_turns, &l, count < 1024 ? (unsigned)count : 1024, 0);
    else take_turns(&l);
}
