/* openblas.c - see openblas.h. */
#include "openblas.h"

#include <stdio.h>

#include "../os.h"

static ag_once once = AG_ONCE;
static int usable;
static ag_openblas found;
static char detail[128];

static void load(void)
{
    void *library = ag_os_library("libopenblas.so.0");
    if (!library) return;
    *(void **)&found.sgemm = ag_os_symbol(library, "cblas_sgemm");
    *(void **)&found.config = ag_os_symbol(library, "openblas_get_config");
    *(void **)&found.corename = ag_os_symbol(library, "openblas_get_corename");
    if (!found.sgemm || !found.config || !found.corename) return;
    snprintf(detail, sizeof detail, "%.90s, core %.20s", found.config(), found.corename());
    usable = 1;
}

const ag_openblas *ag_openblas_here(void)
{
    ag_os_once(&once, load);
    return usable ? &found : NULL;
}

const char *ag_openblas_unavailable(void) { return ag_openblas_here() ? NULL : "libopenblas.so.0 is not installed"; }
const char *ag_openblas_detail(void) { return ag_openblas_here() ? detail : NULL; }

/* ---- what is done to its products ---- */

extern const ag_backend ag_cpu;

const ag_softmax *ag_softmax_here(void)
{
    const ag_kernel_set *const *set = ag_cpu_sets;
    while (!(*set)->softmax.max || (*set)->needs & ~ag_cpu.features()) set++;
    return &(*set)->softmax;
}

/* ---- its kernel ---- */

extern const ag_kernel ag_map_openblas;

static const ag_kernel *const kernels[] = { &ag_map_openblas, NULL };

const ag_kernel_set ag_openblas_kernels = { .name = "openblas", .kernels = kernels };
