/* os.h - the operating system, in two dozen calls. os*.c are the only files to change for a new platform. */
/* clang-format off */
#ifndef AG_OS_H
#define AG_OS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct ag_lock ag_lock;      /* a mutex with one condition */
typedef struct ag_thread ag_thread;

void *ag_os_alloc(size_t bytes);     /* aligned to AG_ALIGNMENT; NULL: none to be had */
void  ag_os_free(void *p);
void  ag_os_yield(void);
void  ag_os_pause(void);             /* what a loop that watches memory does between two looks */
unsigned ag_os_generation(void);     /* differs in a child, however it was split off with memory of its own */

/* Runs first() once, whichever thread comes first; the others wait. */
typedef pthread_once_t ag_once;
#define AG_ONCE PTHREAD_ONCE_INIT
void ag_os_once(ag_once *once, void (*first)(void));

/* A shared library, never unloaded; NULL: not there. By its absolute path, or by a bare name where the system looks for
 * libraries. Never from the working directory: another path is refused, and where LD_LIBRARY_PATH has an entry that is
 * not absolute a bare name is that of a library that is already loaded. */
void *ag_os_library(const char *name);
void *ag_os_symbol(void *library, const char *name); /* NULL: not in it */
const char *ag_os_library_trouble(void);             /* why ag_os_library() gave NULL just now on this thread */
const char *ag_os_variable(const char *name);        /* of the environment; NULL: not set, or not to be trusted */

/* The path of `name` as seen from the folder of the file that holds this code: an absolute one, or "" where the system
 * does not tell the folder for certain. */
void ag_os_beside(char *path, size_t size, const char *name);

/* os_processors.c: processors that this process may use by its affinity, at least 1; those that its group's quota of
 * time allows, INT_MAX where there is none, the system's files being looked for under `root`, "" but in tests. */
int  ag_os_processors(void);
int  ag_os_quota(const char *root);
void ag_thread_pin(int i);           /* the calling thread stays on the i-th processor of its affinity */

ag_lock *ag_lock_create(void);
void     ag_lock_free(ag_lock *l);
void     ag_lock_take(ag_lock *l);
bool     ag_lock_try(ag_lock *l);
void     ag_lock_give(ag_lock *l);
void     ag_lock_wait(ag_lock *l);   /* give, sleep until woken, take */
void     ag_lock_wake_all(ag_lock *l);

/* Signals find other threads: of its own it takes only those that its own instructions raise. NULL: none to be had. */
ag_thread *ag_thread_start(void (*body)(void *), void *arg);
void       ag_thread_join(ag_thread *t);

#endif
