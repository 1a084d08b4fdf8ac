/* references.c - the kernels that are their steps' definitions: they need nothing and refuse nothing. */
#include "../cpu.h"

extern const ag_kernel ag_attend_f64_ref, ag_blur_f64_ref, ag_mean_f64_ref, ag_split_f64_ref, ag_copy_ref;
extern const ag_kernel ag_draw_ref, ag_permute_ref, ag_tally_f64_ref, ag_gather_f32_ref;
extern const ag_kernel ag_received_f64_ref, ag_energy_f64_ref, ag_map_f64_ref;

static const ag_kernel *const kernels[] = {
    &ag_attend_f64_ref,
    &ag_blur_f64_ref,
    &ag_mean_f64_ref,
    &ag_split_f64_ref,
    &ag_copy_ref,
    &ag_draw_ref,
    &ag_permute_ref,
    &ag_tally_f64_ref,
    &ag_gather_f32_ref,
    &ag_received_f64_ref,
    &ag_energy_f64_ref,
    &ag_map_f64_ref,
    NULL,
};

const ag_kernel_set ag_references = { .name = "reference", .kernels = kernels };
