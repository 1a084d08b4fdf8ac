/* count.c - the counter of count.h. */
#include "count.h"

atomic_llong ag_counted_flop;
