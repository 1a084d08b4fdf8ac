/* backend.c - the CPU backend: what this machine has, and which kernels there are. */
#include "cpu.h"

#include <limits.h>
#include <stdatomic.h>

#include "../os.h"
#include "instructions.h"
#include "run.h"

/* ---- kernels ---- */

extern const ag_kernel_set ag_isa_avx512bf16, ag_isa_avx512, ag_isa_avx2, ag_isa_neon, ag_isa_base, ag_openblas_kernels,
    ag_references;

/* The references are last: they need nothing. */
const ag_kernel_set *const ag_cpu_sets[] = {
#if defined(__x86_64__)
    &ag_isa_avx512bf16,   &ag_isa_avx512, &ag_isa_avx2,
#elif defined(__aarch64__)
    &ag_isa_neon,
#endif
    &ag_isa_base,
#if defined(AG_WITH_OPENBLAS)
    &ag_openblas_kernels,
#endif
    &ag_references,       NULL,
};

enum { MOST_KERNELS = 127 };
static const ag_kernel *joined[MOST_KERNELS + 1];

/* Step by step, each as the sets have it. */
static void join(void)
{
    int n = 0;
    for (int step = 0; step < AG_STEP_KINDS; step++)
        for (const ag_kernel_set *const *set = ag_cpu_sets; *set; set++)
            for (const ag_kernel *const *k = (*set)->kernels; *k; k++)
                if ((int)(*k)->step == step && n < MOST_KERNELS) joined[n++] = *k;
}

static const ag_kernel *const *kernels(void)
{
    static ag_once once = AG_ONCE;
    ag_os_once(&once, join);
    return joined;
}

/* ---- what the machine has ---- */

/* The processor is asked once: a virtual machine asks its host each time, for tens of microseconds. Threads that ask at
 * the same time find the same. */
static uint32_t features(void)
{
    enum { KNOWN = 1 << 30 };
    static atomic_uint found;
    uint32_t have = atomic_load_explicit(&found, memory_order_relaxed);
    if (!have) {
        ag_registers registers;
        ag_registers_read(&registers);
        atomic_store_explicit(&found, have = KNOWN | ag_features_of(&registers), memory_order_relaxed);
    }
    return have & ~(uint32_t)KNOWN;
}

static const char *lacking(uint32_t missing)
{
    if (missing & AG_CPU_AVX2) return "this processor has no AVX2 with FMA and F16C";
    if (missing & AG_CPU_AVX512) return "this processor has no AVX-512 (F, BW, DQ, VL)";
    return "this processor has no bfloat16 dot products (AVX512_BF16)";
}

static const char *unavailable(void) { return NULL; }

static const char *remark(const ag_kernel *kernel, int device)
{
    (void)device;
    return kernel->detail ? kernel->detail() : NULL;
}

/* ---- memory and plans: the host's, and nothing to make beside the steps ---- */

static void *allocate(int device, size_t bytes)
{
    (void)device;
    return ag_os_alloc(bytes);
}

static void release(int device, void *memory)
{
    (void)device;
    ag_os_free(memory);
}

static ag_status nothing_to_make(ag_plan *plan, ag_why why)
{
    (void)plan, (void)why;
    return AG_OK;
}

static ag_status nothing_to_build(ag_plan *plan, int64_t step, ag_why why)
{
    (void)plan, (void)step, (void)why;
    return AG_OK;
}

static void nothing_to_end(ag_plan *plan) { (void)plan; }

const ag_backend ag_cpu = {
    .name = "cpu",
    .place = AG_HOST,
    .unavailable = unavailable,
    .features = features,
    .lacking = lacking,
    .remark = remark,
    .kernels = kernels,
    .alignment = AG_ALIGNMENT,
    .most_workers = INT_MAX,
    .alloc = allocate,
    .free = release,
    .begin = nothing_to_make,
    .build = nothing_to_build,
    .prepare = nothing_to_make,
    .end = nothing_to_end,
    .run = ag_cpu_run,
    .run_part = ag_cpu_run_part,
};
