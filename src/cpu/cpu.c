/* cpu.c - the CPU backend: what this machine has, and which kernels there are. */
#include "cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* For each step fastest first. The last of each step needs nothing and refuses nothing. */
/* clang-format off */
static const ag_kernel *const kernels[] = {
#if defined(__x86_64__)
    &ag_attend_bf16_avx512bf16,
    &ag_attend_f32_avx512,
    &ag_attend_f32_avx2,
#elif defined(__aarch64__)
    &ag_attend_f32_neon,
#endif
    &ag_attend_f32_base,
#if defined(AG_WITH_OPENBLAS)
    &ag_attend_openblas,
#endif
    &ag_attend_f64_ref,
#if defined(__x86_64__)
    &ag_blur_f32_avx512,
    &ag_blur_f32_avx2,
#elif defined(__aarch64__)
    &ag_blur_f32_neon,
#endif
    &ag_blur_f32_base,
    &ag_blur_f64_ref,
#if defined(__x86_64__)
    &ag_mean_f64_avx512,
    &ag_mean_f64_avx2,
#elif defined(__aarch64__)
    &ag_mean_f64_neon,
#endif
    &ag_mean_f64_ref,
#if defined(__x86_64__)
    &ag_split_f64_avx512,
    &ag_split_f64_avx2,
#elif defined(__aarch64__)
    &ag_split_f64_neon,
#endif
    &ag_split_f64_ref,
#if defined(__x86_64__)
    &ag_copy_avx512,
    &ag_copy_avx2,
#elif defined(__aarch64__)
    &ag_copy_neon,
#endif
    &ag_copy_ref,
#if defined(__x86_64__)
    &ag_draw_avx512,
    &ag_draw_avx2,
#elif defined(__aarch64__)
    &ag_draw_neon,
#endif
    &ag_draw_ref,
#if defined(__x86_64__)
    &ag_permute_avx512,
    &ag_permute_avx2,
#elif defined(__aarch64__)
    &ag_permute_neon,
#endif
    &ag_permute_ref,
#if defined(__x86_64__)
    &ag_tally_f64_avx512,
    &ag_tally_f64_avx2,
#elif defined(__aarch64__)
    &ag_tally_f64_neon,
#endif
    &ag_tally_f64_ref,
#if defined(__x86_64__)
    &ag_gather_f32_avx512,
    &ag_gather_f32_avx2,
#elif defined(__aarch64__)
    &ag_gather_f32_neon,
#endif
    &ag_gather_f32_ref,
#if defined(__x86_64__)
    &ag_received_f32_avx512,
    &ag_received_f32_avx2,
#elif defined(__aarch64__)
    &ag_received_f32_neon,
#endif
    &ag_received_f32_base,
    &ag_received_f64_ref,
#if defined(__x86_64__)
    &ag_energy_f32_avx512,
    &ag_energy_f32_avx2,
#elif defined(__aarch64__)
    &ag_energy_f32_neon,
#endif
    &ag_energy_f32_base,
    &ag_energy_f64_ref,
#if defined(AG_WITH_OPENBLAS)
    &ag_map_openblas,
#endif
    &ag_map_f64_ref,
#if defined(__x86_64__)
    &ag_statistics_f64_avx512,
    &ag_statistics_f64_avx2,
#elif defined(__aarch64__)
    &ag_statistics_f64_neon,
#endif
    &ag_statistics_f64_base,
#if defined(__x86_64__)
    &ag_combine_f32_avx512,
    &ag_combine_f32_avx2,
#elif defined(__aarch64__)
    &ag_combine_f32_neon,
#endif
    &ag_combine_f32_base,
    NULL,
};
/* clang-format on */

#if defined(__x86_64__)
/* Not every compiler's __builtin_cpu_supports knows it by name. Of use with AVX, which says that the system saves its
 * registers. */
static int has_f16c(void)
{
    unsigned a, b, c = 0, d;
    return __get_cpuid(1, &a, &b, &c, &d) && c & bit_F16C;
}
#endif

static uint32_t features(void)
{
    uint32_t have = 0;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c()) have |= AG_CPU_AVX2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        have |= AG_CPU_AVX512;
    if (__builtin_cpu_supports("avx512bf16")) have |= AG_CPU_AVX512BF16;
#endif
    return have;
}

static const char *lacking(uint32_t missing)
{
    if (missing & AG_CPU_AVX2) return "this processor has no AVX2 with FMA and F16C";
    if (missing & AG_CPU_AVX512) return "this processor has no AVX-512 (F, BW, DQ, VL)";
    return "this processor has no bfloat16 dot products (AVX512_BF16)";
}

static const char *unavailable(void) { return NULL; }

const ag_backend ag_cpu = {
    .name = "cpu",
    .place = AG_HOST,
    .unavailable = unavailable,
    .features = features,
    .lacking = lacking,
    .kernels = kernels,
};
