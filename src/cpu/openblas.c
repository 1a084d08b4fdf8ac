/* openblas.c - see openblas.h. */
#include "openblas.h"

#include <stdatomic.h>
#include <stdio.h>

#include "../os.h"

enum { UNTRIED, LOADING, LOADED, MISSING };

static atomic_int state = UNTRIED;
static ag_openblas found;
static char detail[128];

static int load(void)
{
    void *library = ag_os_library("libopenblas.so.0");
    if (!library) return MISSING;
    *(void **)&found.sgemm = ag_os_symbol(library, "cblas_sgemm");
    *(void **)&found.config = ag_os_symbol(library, "openblas_get_config");
    *(void **)&found.corename = ag_os_symbol(library, "openblas_get_corename");
    if (!found.sgemm || !found.config || !found.corename) return MISSING;
    snprintf(detail, sizeof detail, "%.90s, core %.20s", found.config(), found.corename());
    return LOADED;
}

const ag_openblas *ag_openblas_here(void)
{
    int was = UNTRIED;
    if (atomic_compare_exchange_strong(&state, &was, LOADING)) atomic_store(&state, load());
    while (atomic_load(&state) == LOADING) ag_os_yield();
    return atomic_load(&state) == LOADED ? &found : NULL;
}

const char *ag_openblas_unavailable(void) { return ag_openblas_here() ? NULL : "libopenblas.so.0 is not installed"; }
const char *ag_openblas_detail(void) { return ag_openblas_here() ? detail : NULL; }

/* ---- what its kernels do between the products ---- */

extern const ag_backend ag_cpu;

/* Fastest first; the last needs nothing. */
static const ag_softmax *const softmaxes[] = {
#if defined(__x86_64__)
    &ag_softmax_avx512,
    &ag_softmax_avx2,
#elif defined(__aarch64__)
    &ag_softmax_neon,
#endif
    &ag_softmax_base,
};

const ag_softmax *ag_softmax_here(void)
{
    const ag_softmax *const *softmax = softmaxes;
    while ((*softmax)->needs & ~ag_cpu.features()) softmax++;
    return *softmax;
}
