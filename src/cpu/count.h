/* count.h - work counted: with COUNT=1 the products of the tiled attend kernels add up the flop they really execute,
 * padding included; otherwise nothing. For tests/count, which compares them with the cost column of docs/methods.md. */
#ifndef AG_COUNT_H
#define AG_COUNT_H

#include <stdatomic.h>
#include <stdint.h>

extern atomic_llong ag_counted_flop;

static inline void ag_count_flop(int64_t flop)
{
#if defined(AG_COUNT)
    atomic_fetch_add(&ag_counted_flop, flop);
#else
    (void)flop;
#endif
}

#endif
