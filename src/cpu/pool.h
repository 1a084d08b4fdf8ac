/* pool.h - the threads of a context. */
/* clang-format off */
#ifndef AG_POOL_H
#define AG_POOL_H

typedef struct ag_pool ag_pool;

ag_pool *ag_pool_create(int threads, int pin); /* of fewer where no more can be started; NULL: no memory */
void     ag_pool_free(ag_pool *pool);
int      ag_pool_threads(const ag_pool *pool); /* how many it has, the caller counted; of no pool, 1 */

/* Runs body(arg, worker) once on each of the first `workers` threads, the caller as worker 0, and returns when all are
 * back. Returns 0 without calling anything if the pool is busy. */
int ag_pool_run(ag_pool *pool, int workers, void (*body)(void *arg, int worker), void *arg);

#endif
