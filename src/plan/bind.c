/* bind.c - a run's arguments as kernels want them: bases of tensors, parameters of a rule with defaults filled in. */
#include <string.h>

#include "../rules/rule.h"
#include "plan.h"

void ag_run_bind(const ag_plan *plan, const ag_args *args, ag_bound *run)
{
    *run = (ag_bound){ .c = &plan->c, .args = args, .executor = args->executor, .stream = args->cuda_stream };
    const ag_problem *p = &plan->c.p;
    const uint64_t before = (uint64_t)ag_first_query(p) * (uint64_t)p->bias_stride[2] * ag_size_of(p->bias_dtype);
    run->bias = (const char *)((uintptr_t)args->bias - before);
    run->base[AG_IN_Q] = (char *)(uintptr_t)args->q;
    run->base[AG_IN_K] = (char *)(uintptr_t)args->k;
    run->base[AG_IN_V] = (char *)(uintptr_t)args->v;
    run->base[AG_TO_OUT] = args->out;
    run->base[AG_TO_LSE] = (char *)args->lse;
    run->base[AG_TO_CURVATURE] = (char *)args->curvature;
    run->base[AG_WORK] = ag_aligned_workspace(plan, args->workspace);
}

void ag_guidance_bind(const ag_plan *plan, const ag_guidance_args *args, ag_bound *run)
{
    const ag_rule_room *room = ag_rule_find(plan->c.g.rule);
    *run = (ag_bound){ .c = &plan->c, .executor = args->executor, .stream = args->cuda_stream };
    run->base[AG_WORK] = ag_aligned_workspace(plan, args->workspace);
    ag_combining *c = &run->combining;
    memcpy(c->input, args->input, sizeof c->input);
    memcpy(c->lse, args->lse, sizeof c->lse);
    c->out = args->out;
    c->weights = args->weights;
    c->state = args->state;
    c->first_step = args->first_step != 0;
    c->lse_out = args->lse_out;
    for (int i = 0; i < room->info.parameter_count; i++) c->parameter[i] = ag_rule_parameter(room, args, i);
    c->sums = room->sums_of ? room->sums_of(c->parameter) : room->sums;
}
