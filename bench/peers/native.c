/* native.c - what the comparison with the peers needs from the benchmark in C, as a shared object for Python: the
 * machine's limits by the same loops, the full matrix through OpenBLAS, random tensors. */
#include <stdlib.h>

#include "../../src/halves.h"
#include "../bench.h"

#if defined(AG_WITH_OPENBLAS)
#include "../../src/cpu/openblas.h"
#endif

#define PEERS_API __attribute__((visibility("default")))

PEERS_API crew *peers_crew(int threads);
PEERS_API double peers_limit(crew *c, int which);
PEERS_API void peers_fill(void *to, int dtype, int64_t n, uint32_t seed);
PEERS_API const char *peers_choose_core(const char *program);
PEERS_API const char *peers_openblas(void);
PEERS_API void peers_full_matrix(crew *c, int threads, const int64_t shape[5], const void *const tensors[4]);

/* Threads that live as long as the process. The caller is the first and not pinned here. NULL: there are none. */
crew *peers_crew(int threads) { return crew_make(threads); }

double peers_limit(crew *c, int which) { return limit_once((limit)which, c); }

/* Sums of three uniform numbers: logits spread as trained models' do, within [-3, 3]. */
static float next(uint64_t *state)
{
    float sum = -1.5f;
    for (int i = 0; i < 3; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        sum += (float)(*state >> 40) / 16777216.0f;
    }
    return 2 * sum;
}

void peers_fill(void *to, int dtype, int64_t n, uint32_t seed)
{
    uint64_t state = seed;
    for (int64_t i = 0; i < n; i++) {
        const float x = next(&state);
        if (dtype == AG_F32) ((float *)to)[i] = x;
        else ((uint16_t *)to)[i] = dtype == AG_F16 ? ag_to_half(x) : ag_to_bfloat(x);
    }
}

/* The core that suits OpenBLAS best, for OPENBLAS_CORETYPE; NULL where its own choice does. `program` is attnguide. */
const char *peers_choose_core(const char *program)
{
    baseline_choose_core(program);
    return getenv("OPENBLAS_CORETYPE");
}

/* What OpenBLAS says it is; NULL where it is not here. */
const char *peers_openblas(void)
{
#if defined(AG_WITH_OPENBLAS)
    return ag_openblas_here() ? ag_openblas_detail() : NULL;
#else
    return NULL;
#endif
}

/* Packed float32. shape: B, H, N, M, d; tensors: q, k, v, out. */
void peers_full_matrix(crew *c, int threads, const int64_t shape[5], const void *const tensors[4])
{
    subject s = { .threads = threads };
    ag_problem_init(&s.problem, shape[0], shape[1], shape[2], shape[3], shape[4]);
    ag_args_init(&s.args, tensors[0], tensors[1], tensors[2], (void *)tensors[3]);
    baseline_run(&s, c);
}
