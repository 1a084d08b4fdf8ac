/* cpu.h - the CPU backend's kernels and features. */
#ifndef AG_CPU_H
#define AG_CPU_H

#include "../step.h"

enum { AG_CPU_AVX2 = 1, AG_CPU_AVX512 = 2, AG_CPU_AVX512BF16 = 4 };

extern const ag_kernel ag_draw_ref, ag_permute_ref, ag_tally_f64_ref, ag_gather_f32_ref, ag_mean_f64_ref,
    ag_split_f64_ref;
extern const ag_kernel ag_draw_avx2, ag_permute_avx2, ag_tally_f64_avx2, ag_gather_f32_avx2, ag_mean_f64_avx2,
    ag_split_f64_avx2, ag_copy_avx2;
extern const ag_kernel ag_draw_avx512, ag_permute_avx512, ag_tally_f64_avx512, ag_gather_f32_avx512, ag_mean_f64_avx512,
    ag_split_f64_avx512, ag_copy_avx512;
extern const ag_kernel ag_draw_neon, ag_permute_neon, ag_tally_f64_neon, ag_gather_f32_neon, ag_mean_f64_neon,
    ag_split_f64_neon, ag_copy_neon;
extern const ag_kernel ag_energy_f32_base, ag_energy_f32_avx2, ag_energy_f32_avx512, ag_energy_f32_neon;
extern const ag_kernel ag_received_f32_base, ag_received_f32_avx2, ag_received_f32_avx512, ag_received_f32_neon;
extern const ag_kernel ag_copy_ref, ag_received_f64_ref, ag_energy_f64_ref, ag_map_f64_ref;
extern const ag_kernel ag_blur_f64_ref, ag_blur_f32_base, ag_blur_f32_avx2, ag_blur_f32_avx512, ag_blur_f32_neon;
extern const ag_kernel ag_attend_f64_ref, ag_attend_f32_base, ag_attend_f32_avx2, ag_attend_f32_avx512,
    ag_attend_bf16_avx512bf16, ag_attend_f32_neon;

extern const ag_kernel ag_statistics_f64_base, ag_statistics_f64_avx2, ag_statistics_f64_avx512, ag_statistics_f64_neon;
extern const ag_kernel ag_combine_f32_base, ag_combine_f32_avx2, ag_combine_f32_avx512, ag_combine_f32_neon;

/* With OPENBLAS=0 these two are not in the build. */
extern const ag_kernel ag_attend_openblas, ag_map_openblas;

/* refuse() of a kernel that takes everything. */
static inline const char *ag_refuses_nothing(const ag_step *s)
{
    (void)s;
    return NULL;
}

/* tasks() of steps that move rows: chunks of AG_CHUNK tokens for each head. */
static inline int64_t ag_chunks(int64_t tokens) { return (tokens + AG_CHUNK - 1) / AG_CHUNK; }

/* Task `task` of a step that moves rows: head number and the image-local tokens [first, last). */
typedef struct ag_part {
    int64_t h, first, last;
} ag_part;

static inline ag_part ag_part_in(const ag_step *s, int64_t task, int64_t tokens, int64_t chunk)
{
    const int64_t chunks = (tokens + chunk - 1) / chunk, first = task % chunks * chunk;
    const int64_t last = first + chunk < tokens ? first + chunk : tokens;
    return (ag_part){ s->heads[task / chunks], first, last };
}

static inline ag_part ag_part_of(const ag_step *s, int64_t task, int64_t tokens)
{
    return ag_part_in(s, task, tokens, AG_CHUNK);
}

#endif
