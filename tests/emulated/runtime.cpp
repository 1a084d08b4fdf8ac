/* runtime.cpp - runtime.h over fibres: two devices whose memory is pages of their own. Stricter than a device: a
 * kernel's parameter and uploaded tables may hold no address of the host's, a kernel must have been preloaded. */
#include "../../src/cuda/runtime.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emulation.h"
#include "fibres.h"

enum { OUT_OF_MEMORY = 2, BAD_DEVICE = 101, NOT_WHILE_CAPTURING = 900, LAUNCH_FAILED = 719, WRONG = 999 };
enum { MOST_RANGES = 4096, MOST_KERNELS = 64 };

struct range {
    const char *at;
    size_t bytes, mapped; /* mapped: pages of ours, a page nobody may touch behind them; 0: adopted */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static range ranges[MOST_RANGES];
static int n_ranges;
static const void *preloaded[AG_EMULATED_DEVICES][MOST_KERNELS];

/* ---- memory ---- */

static void add(const void *at, size_t bytes, size_t mapped)
{
    pthread_mutex_lock(&lock);
    if (n_ranges < MOST_RANGES) ranges[n_ranges++] = { (const char *)at, bytes, mapped };
    pthread_mutex_unlock(&lock);
}

static range take(const void *at)
{
    range found = {};
    pthread_mutex_lock(&lock);
    for (int i = 0; i < n_ranges && !found.at; i++) {
        if (ranges[i].at != at) continue;
        found = ranges[i];
        ranges[i] = ranges[--n_ranges];
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static void adopt(const void *at, size_t bytes) { add(at, bytes, 0); }
static void forget(const void *at) { take(at); }

static ag_emulation emulation = {
    .adopt = adopt, .forget = forget, .major = 9, .memory_left = -1, .launches_left = -1
};

ag_emulation *ag_emulated(void) { return &emulation; }

/* The words of a block that are addresses of mapped memory which is not the device's: a pointer that was forgotten. */
static int has_host_address(const void *block, size_t bytes)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i + sizeof(uintptr_t) <= bytes; i += sizeof(uintptr_t)) {
        uintptr_t word;
        memcpy(&word, (const char *)block + i, sizeof word);
        if (word < 1 << 16 || word >> 47) continue;
        int is_device = 0;
        for (int r = 0; r < n_ranges && !is_device; r++)
            is_device = word >= (uintptr_t)ranges[r].at && word <= (uintptr_t)ranges[r].at + ranges[r].bytes;
        if (!is_device && !msync((void *)(word / page * page), 1, MS_ASYNC)) return 1;
    }
    return 0;
}

/* ---- devices ---- */

static int count(int *which)
{
    ++*which;
    return emulation.capturing ? NOT_WHILE_CAPTURING : 0;
}

int ag_rt_count(int *devices)
{
    *devices = AG_EMULATED_DEVICES;
    return 0;
}

int ag_rt_current(int *device)
{
    *device = emulation.current;
    return 0;
}

int ag_rt_use(int device)
{
    if (device < 0 || device >= AG_EMULATED_DEVICES) return BAD_DEVICE;
    emulation.current = device;
    return 0;
}

int ag_rt_describe(int device, ag_rt_device *is)
{
    if (device < 0 || device >= AG_EMULATED_DEVICES) return BAD_DEVICE;
    snprintf(is->name, sizeof is->name, "emulated");
    is->major = emulation.major;
    is->minor = 0;
    is->driver = 13000;
    return 0;
}

const char *ag_rt_text(int error)
{
    switch (error) {
    case OUT_OF_MEMORY: return "out of memory";
    case BAD_DEVICE: return "invalid device ordinal";
    case NOT_WHILE_CAPTURING: return "operation not permitted when stream is capturing";
    case LAUNCH_FAILED: return "unspecified launch failure";
    case WRONG: return emulation.trouble;
    default: return "no error";
    }
}

int ag_rt_is_memory(int error) { return error == OUT_OF_MEMORY; }

/* Poison, up to 15 bytes before a page nobody may touch. */
int ag_rt_alloc(void **memory, size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (bytes + 255) / 256 * 256;
    const size_t mapped = (room + page - 1) / page * page;
    const int error = count(&emulation.allocations);
    if (error) return error;
    if (emulation.memory_left == 0) return OUT_OF_MEMORY;
    if (emulation.memory_left > 0) emulation.memory_left--;
    char *map = (char *)mmap(NULL, mapped + page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || mprotect(map, mapped, PROT_READ | PROT_WRITE)) return OUT_OF_MEMORY;
    memset(map, 0xff, mapped);
    *memory = map + mapped - room;
    add(*memory, room, mapped);
    return 0;
}

int ag_rt_free(void *memory)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const int error = count(&emulation.frees);
    const range r = take(memory);
    if (error) return error;
    if (!r.mapped) return WRONG;
    munmap((void *)(r.at + r.bytes - r.mapped), r.mapped + page);
    return 0;
}

int ag_rt_upload(void *to, const void *from, size_t bytes)
{
    const int error = count(&emulation.uploads);
    if (error) return error;
    memcpy(to, from, bytes); /* not searched for addresses of the host's: what pads a struct may look like one */
    return 0;
}

/* ---- kernels ---- */

int ag_rt_preload(const void *entry)
{
    const int error = count(&emulation.preloads);
    for (int i = 0; i < MOST_KERNELS && !error; i++) {
        const void **slot = &preloaded[emulation.current][i];
        if (*slot && *slot != entry) continue;
        *slot = entry;
        return 0;
    }
    return error ? error : WRONG;
}

static int is_preloaded(const void *entry)
{
    for (int i = 0; i < MOST_KERNELS; i++)
        if (preloaded[emulation.current][i] == entry) return 1;
    return 0;
}

int ag_rt_launch(const ag_rt_call *c)
{
    emulation.launches++;
    emulation.stream = c->stream;
    emulation.launch_device = emulation.current;
    if (emulation.launches_left == 0) return LAUNCH_FAILED;
    if (emulation.launches_left > 0) emulation.launches_left--;
    pthread_mutex_lock(&lock);
    const char *trouble = NULL;
    if (!is_preloaded(c->entry)) trouble = "a kernel is loaded by its first launch";
    else if (c->blocks < 1 || c->blocks > INT32_MAX) trouble = "a grid of no size a device takes";
    else if (has_host_address(c->parameter, c->size)) trouble = "a kernel gets an address of the host's";
    const fibre_grid grid = { (void (*)(const void *))c->entry, c->parameter, c->blocks, c->threads, c->shared };
    if (!trouble) trouble = fibre_run(&grid);
    pthread_mutex_unlock(&lock);
    if (!trouble) return 0;
    snprintf(emulation.trouble, sizeof emulation.trouble, "%s", trouble);
    return WRONG;
}
