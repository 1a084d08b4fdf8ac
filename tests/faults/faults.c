/* faults.c - see faults.h. Threads allocate and free too: everything is counted atomically. */
#include "faults.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static atomic_long asked, live;
static atomic_long refused_at = -1;
static atomic_int refuse_all;

void faults_begin(long at, int all)
{
    atomic_store(&asked, 0);
    atomic_store(&refuse_all, all);
    atomic_store(&refused_at, at);
}

long faults_end(void)
{
    atomic_store(&refused_at, -1);
    return atomic_load(&asked);
}

long faults_live(void) { return atomic_load(&live); }

static int refused(void)
{
    const long at = atomic_load(&refused_at);
    if (at < 0) return 0;
    const long number = atomic_fetch_add(&asked, 1) + 1;
    return at && (number == at || (number > at && atomic_load(&refuse_all)));
}

static void *counted(void *memory)
{
    if (memory) atomic_fetch_add(&live, 1);
    return memory;
}

/* ---- what the linker puts in place of the C library's ---- */

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t n, size_t bytes);
void *__real_realloc(void *memory, size_t bytes);
int __real_posix_memalign(void **memory, size_t alignment, size_t bytes);
void __real_free(void *memory);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*body)(void *), void *arg);
int __real_pthread_join(pthread_t thread, void **result);

void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t n, size_t bytes);
void *__wrap_realloc(void *memory, size_t bytes);
int __wrap_posix_memalign(void **memory, size_t alignment, size_t bytes);
void __wrap_free(void *memory);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*body)(void *), void *arg);
int __wrap_pthread_join(pthread_t thread, void **result);

void *__wrap_malloc(size_t bytes) { return refused() ? NULL : counted(__real_malloc(bytes)); }
void *__wrap_calloc(size_t n, size_t bytes) { return refused() ? NULL : counted(__real_calloc(n, bytes)); }

void *__wrap_realloc(void *memory, size_t bytes)
{
    if (refused()) return NULL;
    return memory ? __real_realloc(memory, bytes) : counted(__real_realloc(NULL, bytes));
}

int __wrap_posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    if (refused()) return ENOMEM;
    const int error = __real_posix_memalign(memory, alignment, bytes);
    if (!error) atomic_fetch_add(&live, 1);
    return error;
}

void __wrap_free(void *memory)
{
    if (memory) atomic_fetch_sub(&live, 1);
    __real_free(memory);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*body)(void *), void *arg)
{
    if (refused()) return EAGAIN;
    const int error = __real_pthread_create(thread, how, body, arg);
    if (!error) atomic_fetch_add(&live, 1);
    return error;
}

int __wrap_pthread_join(pthread_t thread, void **result)
{
    const int error = __real_pthread_join(thread, result);
    if (!error) atomic_fetch_sub(&live, 1);
    return error;
}
