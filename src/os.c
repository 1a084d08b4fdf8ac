/* os.c - the operating system: POSIX. */
#include "os.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attnguide.h"

struct ag_lock {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
};

struct ag_thread {
    pthread_t handle;
    void (*body)(void *);
    void *arg;
};

void *ag_os_alloc(size_t bytes)
{
    void *p = NULL;
    return posix_memalign(&p, AG_ALIGNMENT, bytes ? bytes : 1) ? NULL : p;
}

void ag_os_free(void *p) { free(p); }

int ag_os_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    const long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : (int)n;
}

void ag_os_yield(void) { sched_yield(); }

int ag_os_process(void) { return (int)getpid(); }

void *ag_os_library(const char *name) { return dlopen(name, RTLD_NOW | RTLD_LOCAL); }
const char *ag_os_library_trouble(void)
{
    const char *trouble = dlerror();
    return trouble ? trouble : "no reason is known";
}

const char *ag_os_variable(const char *name) { return secure_getenv(name); }

void ag_os_beside(char *path, size_t size, const char *name)
{
    Dl_info here;
    *path = 0;
    if (!dladdr((void *)(uintptr_t)ag_os_beside, &here) || !here.dli_fname) return;
    const char *slash = strrchr(here.dli_fname, '/');
    const int folder = slash ? (int)(slash - here.dli_fname) : 1;
    const int n = snprintf(path, size, "%.*s/%s", folder, slash ? here.dli_fname : ".", name);
    if (n < 0 || (size_t)n >= size) *path = 0;
}

void *ag_os_symbol(void *library, const char *name) { return dlsym(library, name); }

ag_lock *ag_lock_create(void)
{
    ag_lock *l = malloc(sizeof *l);
    if (!l) return NULL;
    if (pthread_mutex_init(&l->mutex, NULL)) {
        free(l);
        return NULL;
    }
    if (pthread_cond_init(&l->changed, NULL)) {
        pthread_mutex_destroy(&l->mutex);
        free(l);
        return NULL;
    }
    return l;
}

void ag_lock_free(ag_lock *l)
{
    if (!l) return;
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->mutex);
    free(l);
}

void ag_lock_take(ag_lock *l) { pthread_mutex_lock(&l->mutex); }
bool ag_lock_try(ag_lock *l) { return pthread_mutex_trylock(&l->mutex) == 0; }
void ag_lock_give(ag_lock *l) { pthread_mutex_unlock(&l->mutex); }
void ag_lock_wait(ag_lock *l) { pthread_cond_wait(&l->changed, &l->mutex); }
void ag_lock_wake_all(ag_lock *l) { pthread_cond_broadcast(&l->changed); }

static void *enter(void *p)
{
    ag_thread *t = p;
    t->body(t->arg);
    return NULL;
}

ag_thread *ag_thread_start(void (*body)(void *), void *arg)
{
    ag_thread *t = malloc(sizeof *t);
    if (!t) return NULL;
    t->body = body;
    t->arg = arg;
    if (pthread_create(&t->handle, NULL, enter, t)) {
        free(t);
        return NULL;
    }
    return t;
}

void ag_thread_pin(int i)
{
    cpu_set_t may, one;
    if (sched_getaffinity(0, sizeof may, &may)) return;
    i %= CPU_COUNT(&may);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &may) || i--) continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        sched_setaffinity(0, sizeof one, &one);
        return;
    }
}

void ag_thread_join(ag_thread *t)
{
    if (!t) return;
    pthread_join(t->handle, NULL);
    free(t);
}
