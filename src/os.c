/* os.c - the operating system: POSIX. */
#include "os.h"

#include <dlfcn.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

void ag_os_yield(void) { sched_yield(); }

void ag_os_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#else
    sched_yield();
#endif
}

/* ---- once, and after a fork ---- */

void ag_os_once(ag_once *once, void (*first)(void)) { pthread_once(once, first); }

/* The number of this process lies in memory that is zero in a child: the kernel wipes it, for clone() as well as for
 * fork(); where it cannot, fork() does. Process numbers would not do: a child may have its parent's, in a PID
 * namespace of its own. */
static atomic_uint unwiped, last_generation;
static atomic_uint *generation = &unwiped;
static ag_once marked = AG_ONCE;

static void forget_generation(void) { atomic_store(generation, 0); }

static void mark(void)
{
#if defined(MADV_WIPEONFORK)
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *wiped = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (wiped != MAP_FAILED && !madvise(wiped, page, MADV_WIPEONFORK)) generation = wiped;
    else if (wiped != MAP_FAILED) munmap(wiped, page);
#endif
    if (generation == &unwiped) pthread_atfork(NULL, NULL, forget_generation);
}

unsigned ag_os_generation(void)
{
    ag_os_once(&marked, mark);
    unsigned none = 0;
    if (!atomic_load(generation))
        atomic_compare_exchange_strong(generation, &none, atomic_fetch_add(&last_generation, 1) + 1);
    return atomic_load(generation);
}

/* ---- signals ---- */

/* Those that an instruction raises in the thread that executes it: blocked, they would end the process past the host's
 * handler, which may be one that makes memory writable. */
static const int raised[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS };

/* Threads made before signals_back() block every other signal: a host may wait for its own in one of its threads. */
static void signals_off(sigset_t *before)
{
    sigset_t all;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof raised / sizeof *raised; i++) sigdelset(&all, raised[i]);
    pthread_sigmask(SIG_BLOCK, &all, before);
}

static void signals_back(const sigset_t *before) { pthread_sigmask(SIG_SETMASK, before, NULL); }

/* ---- libraries ---- */

/* The loader would look in the working directory for a bare name: for an empty entry too, as a colon too many makes. */
static int searches_here(void)
{
    const char *at = getenv("LD_LIBRARY_PATH");
    if (!at || !*at) return 0;
    for (;; at++) {
        if (*at != '/' && strncmp(at, "$ORIGIN", 7) && strncmp(at, "${ORIGIN}", 9)) return 1;
        if (!*(at += strcspn(at, ":;"))) return 0;
    }
}

/* Some start their threads as they are loaded. */
void *ag_os_library(const char *name)
{
    if (*name != '/' && strchr(name, '/')) return NULL;
    const int only_loaded = *name != '/' && searches_here();
    sigset_t before;
    signals_off(&before);
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL | (only_loaded ? RTLD_NOLOAD : 0));
    signals_back(&before);
    return library;
}

const char *ag_os_library_trouble(void)
{
    const char *trouble = dlerror();
    return trouble ? trouble : "no reason is known";
}

const char *ag_os_variable(const char *name) { return secure_getenv(name); }

/* Of the loaded files the one that holds this code; the first is the program. */
typedef struct holder {
    const char *name;
    int before, is_program;
} holder;

static int holds(struct dl_phdr_info *file, size_t size, void *arg)
{
    holder *h = arg;
    (void)size;
    for (int i = 0; i < file->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &file->dlpi_phdr[i];
        const uintptr_t at = (uintptr_t)holds - (file->dlpi_addr + part->p_vaddr);
        if (part->p_type != PT_LOAD || at >= part->p_memsz) continue;
        h->name = file->dlpi_name;
        h->is_program = !h->before;
        return 1;
    }
    h->before++;
    return 0;
}

/* A library's name is the loader's, and relative where it was found by a relative path; a program's would be what its
 * caller called it. */
void ag_os_beside(char *path, size_t size, const char *name)
{
    holder h = { .name = "" };
    char program[4096] = "";
    *path = 0;
    dl_iterate_phdr(holds, &h);
    if (h.is_program && readlink("/proc/self/exe", program, sizeof program - 1) > 0) h.name = program;
    const char *slash = strrchr(h.name, '/');
    if (*h.name != '/' || !slash) return;
    const int n = snprintf(path, size, "%.*s/%s", (int)(slash - h.name), h.name, name);
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
    sigset_t before;
    signals_off(&before);
    const int error = pthread_create(&t->handle, NULL, enter, t);
    signals_back(&before);
    if (!error) return t;
    free(t);
    return NULL;
}

void ag_thread_join(ag_thread *t)
{
    if (!t) return;
    pthread_join(t->handle, NULL);
    free(t);
}
