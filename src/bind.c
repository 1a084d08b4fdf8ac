/* bind.c - a run's arguments as kernels want them: bases of tensors, values of each output row with defaults filled
 * in. Also a part of the CUDA plugin. */
#include "step.h"

ag_row_args ag_row_values(const ag_bound *run, int64_t b)
{
    ag_row_args row;
    ag_row_args_init(&row);
    if (run->args->row_count) {
        const char *entry =
            (const char *)run->args->rows + (run->args->row_count > 1 ? (size_t)b * run->args->rows->size : 0);
        row = *(const ag_row_args *)entry;
    }
    if (row.stream == AG_STREAM_DEFAULT) row.stream = (int64_t)(uint32_t)((uint64_t)b + (uint64_t)run->c->p.row_offset);
    return row;
}

void ag_run_bind(const ag_plan *plan, const ag_args *args, ag_bound *run)
{
    *run = (ag_bound){ .c = &plan->c, .args = args };
    run->base[AG_IN_Q] = (char *)(uintptr_t)args->q;
    run->base[AG_IN_K] = (char *)(uintptr_t)args->k;
    run->base[AG_IN_V] = (char *)(uintptr_t)args->v;
    run->base[AG_TO_OUT] = args->out;
    run->base[AG_TO_LSE] = (char *)args->lse;
    run->base[AG_TO_CURVATURE] = (char *)args->curvature;
    const uintptr_t work = (uintptr_t)args->workspace + ag_work_alignment(plan) - 1;
    run->base[AG_WORK] = (char *)(work - work % ag_work_alignment(plan));
}
