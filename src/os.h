/* os.h - the operating system, in a dozen calls. os.c is the only file to change for a new platform. */
/* clang-format off */
#ifndef AG_OS_H
#define AG_OS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct ag_lock ag_lock;      /* a mutex with one condition */
typedef struct ag_thread ag_thread;

void *ag_os_alloc(size_t bytes);     /* aligned to AG_ALIGNMENT; NULL: none to be had */
void  ag_os_free(void *p);
int   ag_os_processors(void);        /* those this process may use, at least 1 */
void  ag_os_yield(void);
int   ag_os_process(void);                           /* differs after fork() */
void *ag_os_library(const char *name);               /* a shared library, never unloaded; NULL: not there */
void *ag_os_symbol(void *library, const char *name); /* NULL: not in it */
const char *ag_os_library_trouble(void);             /* why ag_os_library() gave NULL just now on this thread */
const char *ag_os_variable(const char *name);        /* of the environment; NULL: not set, or not to be trusted */

/* The path of `name` as seen from the folder of the file that holds this code; "" where that is not known. */
void ag_os_beside(char *path, size_t size, const char *name);

ag_lock *ag_lock_create(void);
void     ag_lock_free(ag_lock *l);
void     ag_lock_take(ag_lock *l);
bool     ag_lock_try(ag_lock *l);
void     ag_lock_give(ag_lock *l);
void     ag_lock_wait(ag_lock *l);   /* give, sleep until woken, take */
void     ag_lock_wake_all(ag_lock *l);

ag_thread *ag_thread_start(void (*body)(void *), void *arg);
void       ag_thread_pin(int i);     /* the calling thread stays on the i-th processor this process may use */
void       ag_thread_join(ag_thread *t);

#endif
