/* library.h - NVIDIA's libraries, each optional: opened when first wanted, locked while plans are made, with handles of
 * which a running call has one to itself. */
#ifndef AG_LIBRARY_H
#define AG_LIBRARY_H

#include <stdatomic.h>
#include <stddef.h>

/* The library at the absolute path that environment variable `variable` names, and nothing else where it is set; else
 * the first of `names` (NULL-ended) that there is, which is the one a host has already loaded under that name. */
void *ag_library_open(const char *variable, const char *const *names);

/* Held while plans are made, never in a run. 0: there is no memory for it. */
int ag_library_lock(void);
void ag_library_unlock(void);

/* Handles of one library, all devices. They are made while plans are made, for creating one allocates; a run takes a
 * free one, or waits for the microseconds that another call needs to enqueue its work. */
enum { AG_HANDLES = 64, AG_HANDLES_EACH = 2 };

typedef struct ag_handle {
    void *at;
    int device;
    atomic_int busy;
} ag_handle;

typedef struct ag_handles {
    atomic_int count;
    ag_handle handle[AG_HANDLES];
} ag_handles;

/* Sees to it that `device`, which must be the current one, has its handles. Under the lock. 0, or the status of create;
 * -1 where there is no room. */
int ag_handles_fill(ag_handles *all, int device, int (*create)(void **));

ag_handle *ag_handles_take(ag_handles *all, int device); /* NULL: none was ever made for this device */
void ag_handles_give(ag_handle *handle);

/* Waits until a flag is free, and takes it. */
void ag_busy_take(atomic_int *busy);
void ag_busy_give(atomic_int *busy);

#endif
