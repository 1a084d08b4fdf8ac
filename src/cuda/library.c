/* library.c - see library.h. */
#include "library.h"

#include <stdlib.h>

#include "../os.h"

void *ag_library_open(const char *variable, const char *const *names)
{
    const char *path = ag_os_variable(variable);
    if (path && *path) return *path == '/' ? ag_os_library(path) : NULL;
    void *library = NULL;
    for (; *names && !library; names++) library = ag_os_library(*names);
    return library;
}

/* ---- the lock ---- */

static _Atomic(ag_lock *) lock;

int ag_library_lock(void)
{
    ag_lock *here = atomic_load(&lock);
    if (!here) {
        ag_lock *made = ag_lock_create(), *none = NULL;
        if (!made) return 0;
        here = made;
        if (!atomic_compare_exchange_strong(&lock, &none, made)) {
            ag_lock_free(made);
            here = none;
        }
    }
    ag_lock_take(here);
    return 1;
}

void ag_library_unlock(void) { ag_lock_give(atomic_load(&lock)); }

/* ---- handles ---- */

void ag_busy_take(atomic_int *busy)
{
    int idle = 0;
    while (!atomic_compare_exchange_weak(busy, &idle, 1)) {
        idle = 0;
        ag_os_yield();
    }
}

void ag_busy_give(atomic_int *busy) { atomic_store(busy, 0); }

int ag_handles_fill(ag_handles *all, int device, int (*create)(void **))
{
    int n = atomic_load(&all->count), have = 0;
    for (int i = 0; i < n; i++) have += all->handle[i].device == device;
    for (; have < AG_HANDLES_EACH; have++) {
        if (n == AG_HANDLES) return -1;
        const int status = create(&all->handle[n].at);
        if (status) return status;
        all->handle[n].device = device;
        atomic_store(&all->count, ++n); /* last: a run may be looking */
    }
    return 0;
}

ag_handle *ag_handles_take(ag_handles *all, int device)
{
    for (;;) {
        int have = 0;
        const int n = atomic_load(&all->count);
        for (int i = 0; i < n; i++) {
            ag_handle *h = &all->handle[i];
            int idle = 0;
            if (h->device != device) continue;
            if (atomic_compare_exchange_strong(&h->busy, &idle, 1)) return h;
            have = 1;
        }
        if (!have) return NULL;
        ag_os_yield();
    }
}

void ag_handles_give(ag_handle *handle) { ag_busy_give(&handle->busy); }
