/* context.h - what a context holds: its threads, its cached plans, its workspaces. */
/* clang-format off */
#ifndef AG_CONTEXT_H
#define AG_CONTEXT_H

#include "os.h"
#include "step.h"

typedef struct ag_pool ag_pool;

struct ag_context {
    int              threads;
    ag_pool         *pool;       /* NULL with one thread */
    ag_lock         *lock;       /* of everything below */
    struct cached   *cached;     /* most recently used first */
    int              n_cached, most_cached;
    struct ag_space *spaces;     /* workspaces no call is using */
};

/* cpu/pool.c */
ag_pool *ag_pool_create(int threads, int pin);
void     ag_pool_free(ag_pool *pool);

/* Runs body(arg, worker) once on each of the first `workers` threads, the caller as worker 0, and returns when all are
 * back. Returns 0 without calling anything if the pool is busy. */
int ag_pool_run(ag_pool *pool, int workers, void (*body)(void *arg, int worker), void *arg);

/* One-shot: the plan for this problem, from the cache or made now; and a workspace for it. */
ag_status ag_context_borrow(ag_context *c, ag_checked *checked, const ag_plan **plan, ag_why why);
ag_status ag_context_run_once(ag_context *c, ag_checked *checked, const ag_args *args, ag_why why);
void      ag_context_return(ag_context *c, const ag_plan *plan);

/* A workspace, where its backend's kernels can reach it. One that was used on a stream is used on that stream again:
 * the run before may not be over. */
typedef struct ag_space {
    struct ag_space  *next;
    const ag_backend *backend;
    int               device;
    void             *stream;
    size_t            bytes;
    void             *memory;
} ag_space;

ag_space *ag_context_space(ag_context *c, const ag_plan *plan, void *stream);  /* NULL: no memory */
void      ag_context_space_back(ag_context *c, ag_space *space);

#endif
