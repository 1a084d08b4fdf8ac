/* fibres.cpp - see fibres.h. */
#include "fibres.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

enum { MOST_THREADS = 1024, MOST_WARPS = MOST_THREADS / 32, POISON = 0xff };
enum { STACK = 128 << 10, MOST_SHARED = 256 << 10, MARGIN = 256 };

enum state { READY, AT_BARRIER, AT_EXCHANGE, FINISHED };

struct fibre {
    fibre_place place;
    state is;
    jmp_buf at;
    ucontext_t start;
};

/* An exchange in the making. Lanes read from one set of slots while those that are ahead fill the other. */
struct warp {
    uint64_t slot[2][32];
    int arrived, turn;
};

static fibre fibres[MOST_THREADS];
static warp warps[MOST_WARPS];
static fibre *running;
static jmp_buf scheduler;
static const fibre_grid *grid;
static char *stacks, *shared_end;
static int started, at_barrier, finished;
static uint64_t random_state = 88172645463325252u;

static uint64_t random_word()
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

const fibre_place *fibre_here(void) { return &running->place; }

/* ---- switching ---- */

static void wait_as(state is)
{
    fibre *me = running;
    me->is = is;
    if (!_setjmp(me->at)) _longjmp(scheduler, 1);
}

/* A fibre lives for ever: block after block of kernel after kernel. */
static void live()
{
    for (;;) {
        grid->entry(grid->parameter);
        finished++;
        wait_as(FINISHED);
    }
}

static void step(fibre *f)
{
    running = f;
    if (!_setjmp(scheduler)) _longjmp(f->at, 1);
    running = NULL;
}

/* The first time round a fibre is entered through its own stack, and comes back before it has begun. */
static void begin_life()
{
    if (!_setjmp(running->at)) _longjmp(scheduler, 1);
    live();
}

static int start_fibres(int threads)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    if (!stacks) {
        stacks = (char *)mmap(NULL, (size_t)STACK * MOST_THREADS, PROT_READ | PROT_WRITE, flags, -1, 0);
        char *map = (char *)mmap(NULL, MOST_SHARED + 2 * page, PROT_NONE, flags, -1, 0);
        if (stacks == MAP_FAILED || map == MAP_FAILED) return 0;
        if (mprotect(map + page, MOST_SHARED, PROT_READ | PROT_WRITE)) return 0;
        shared_end = map + page + MOST_SHARED;
    }
    for (; started < threads; started++) {
        fibre *f = &fibres[started];
        if (getcontext(&f->start)) return 0;
        f->start.uc_stack.ss_sp = stacks + (size_t)STACK * (size_t)started;
        f->start.uc_stack.ss_size = STACK;
        f->start.uc_link = NULL;
        makecontext(&f->start, begin_life, 0);
        running = f;
        if (!_setjmp(scheduler)) setcontext(&f->start);
    }
    return 1;
}

/* ---- waiting for each other ---- */

static void wake(int first, int last, state from)
{
    for (int t = first; t < last; t++)
        if (fibres[t].is == from) fibres[t].is = READY;
}

void fibre_block_barrier(void)
{
    if (++at_barrier == grid->threads) {
        at_barrier = 0;
        wake(0, grid->threads, AT_BARRIER);
        return;
    }
    wait_as(AT_BARRIER);
}

uint64_t fibre_exchange(uint64_t mine, int from)
{
    const int lane = running->place.thread & 31, first = running->place.thread - lane;
    warp *w = &warps[first / 32];
    uint64_t *slot = w->slot[w->turn];
    slot[lane] = mine;
    if (++w->arrived == 32) {
        w->arrived = 0;
        w->turn ^= 1;
        wake(first, first + 32, AT_EXCHANGE);
    } else wait_as(AT_EXCHANGE);
    return slot[from];
}

/* ---- a block ---- */

static void begin_block(int64_t block)
{
    char *shared = shared_end - grid->shared;
    memset(shared - MARGIN, POISON, grid->shared + MARGIN);
    memset(warps, 0, sizeof warps);
    at_barrier = finished = 0;
    for (int t = 0; t < grid->threads; t++) {
        fibres[t].place.thread = t;
        fibres[t].place.block = block;
        fibres[t].place.shared = shared;
        fibres[t].is = READY;
    }
}

/* Each lane of a warp that can goes on to where it waits next. Returns how many did. */
static int step_warp(int w)
{
    const unsigned odd = (unsigned)random_word() | 1, shift = (unsigned)(random_word() >> 32);
    int moved = 0;
    for (unsigned x = 0; x < 32; x++) {
        fibre *f = &fibres[w * 32 + (int)((x * odd + shift) & 31)];
        if (f->is != READY) continue;
        step(f);
        moved++;
    }
    return moved;
}

/* A turn for every warp: a step, or as far as it gets before the block's barrier stops it, so that some run far ahead
 * of others. Returns how many lanes moved. */
static int take_turns()
{
    const int n = grid->threads / 32;
    int order[MOST_WARPS], moved = 0;
    for (int i = 0; i < n; i++) {
        const int other = (int)(random_word() % (unsigned)(i + 1));
        order[i] = order[other];
        order[other] = i;
    }
    for (int i = 0; i < n; i++) {
        const int far = random_word() >> 63;
        int steps;
        do moved += steps = step_warp(order[i]);
        while (far && steps);
    }
    return moved;
}

static const char *run_block(int64_t block)
{
    begin_block(block);
    while (take_turns()) continue;
    const char *margin = shared_end - grid->shared - MARGIN;
    for (int i = 0; i < MARGIN; i++)
        if ((unsigned char)margin[i] != POISON) return "something was written in front of shared memory";
    if (finished == grid->threads) return NULL;
    started = 0; /* those that wait for ever are given up */
    return at_barrier ? "some threads wait at a barrier that others never reach" : "a warp collective lacks lanes";
}

const char *fibre_run(const fibre_grid *g)
{
    fibre_grid mine = *g;
    mine.shared = (g->shared + 15) / 16 * 16;
    if (g->threads < 32 || g->threads > MOST_THREADS || g->threads % 32) return "a block is not of 1 to 32 whole warps";
    if (mine.shared > MOST_SHARED - MARGIN) return "more shared memory than a device has";
    int64_t *order = (int64_t *)malloc((size_t)g->blocks * sizeof *order + 1);
    grid = &mine;
    const char *trouble = order && start_fibres(g->threads) ? NULL : "no memory for fibres";
    for (int64_t i = 0; i < g->blocks && !trouble; i++) {
        const int64_t other = (int64_t)(random_word() % (uint64_t)(i + 1));
        order[i] = order[other];
        order[other] = i;
    }
    for (int64_t i = 0; i < g->blocks && !trouble; i++) trouble = run_block(order[i]);
    free(order);
    return trouble;
}
