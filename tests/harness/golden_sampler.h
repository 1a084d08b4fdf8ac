/* golden_sampler.h - the golden cases of sampler steps, which lie in tests/golden/guidance. */
#ifndef AG_TEST_GOLDEN_SAMPLER_H
#define AG_TEST_GOLDEN_SAMPLER_H

#include "golden.h"

/* The case is one of a sampler's step. */
int golden_is_sampler(const golden *g);

/* The library and the oracle against it. NULL: both are right; else what is wrong, which the next call overwrites. */
const char *golden_sampler(const golden *g, ag_context *context);

#endif
