/* context.h - what a context holds: its threads, its cached plans, its workspaces. */
/* clang-format off */
#ifndef AG_CONTEXT_H
#define AG_CONTEXT_H

#include "../os.h"
#include "../cpu/pool.h"
#include "backends.h"

struct ag_context {
    int              threads;
    ag_pool         *pool;       /* NULL with one thread */
    ag_lock         *lock;       /* of everything below */
    struct cached   *cached;     /* most recently used first */
    int              n_cached, most_cached;
    struct ag_space *spaces;     /* workspaces no call is using */
};

/* A plan for the context's threads, of the backend that the problem's place names. Takes over `checked`. */
ag_status ag_context_plan(const ag_context *c, ag_checked *checked, ag_plan **plan, ag_why why);

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

/* A plan out of the cache, its place there, and a workspace for it. */
typedef struct ag_loan {
    const ag_plan *plan;
    struct cached *entry;
    ag_space      *space;
} ag_loan;

/* One-shot: the plan for this problem, from the cache or made now; and its workspace on that stream. Takes over
 * `checked`. */
ag_status ag_context_lend(ag_context *c, ag_checked *checked, void *stream, ag_loan *loan, ag_why why);
void      ag_context_return(ag_context *c, ag_loan loan);

#endif
