/* guidance.c - the public calls that combine predictions, and the plain functions beside them: weights of the linear
 * rules, schedules. */
#include <string.h>

#include "../plan/check.h"
#include "context.h"

void ag_guidance_init_sized(void *guidance, size_t size, ag_rule rule, int inputs, int64_t samples, int64_t count)
{
    ag_guidance mine = {
        .rule = rule,
        .inputs = inputs,
        .samples = samples,
        .count = count,
        .out_dtype = AG_F32,
        .out_stride = count,
    };
    for (int k = 0; k < AG_MOST_INPUTS; k++) {
        mine.dtype[k] = AG_F32;
        mine.stride[k] = count;
    }
    ag_struct_hand_out(guidance, size, &mine, sizeof mine);
}

void ag_guidance_args_init_sized(void *args, size_t size)
{
    const ag_guidance_args mine = { .size = 0 };
    ag_struct_hand_out(args, size, &mine, sizeof mine);
}

ag_status ag_guidance_plan(ag_context *context, const ag_guidance *g, ag_plan **plan, char *text, size_t size)
{
    const ag_why why = { text, size };
    if (!plan) return ag_refuse(why, AG_ERR_NULL, "plan is NULL: there is nowhere to put it");
    *plan = NULL;
    if (!context) return ag_refuse(why, AG_ERR_NULL, "context is NULL");
    ag_checked checked;
    const ag_status s = ag_check_guidance(g, &checked, why);
    return s ? s : ag_context_plan(context, &checked, plan, why);
}

ag_status ag_guidance_combine(ag_context *context, const ag_guidance *g, const ag_guidance_args *args, char *text,
                              size_t size)
{
    const ag_why why = { text, size };
    if (!context) return ag_refuse(why, AG_ERR_NULL, "context is NULL");
    ag_checked checked;
    ag_guidance_args mine;
    ag_loan loan;
    ag_status s = ag_take_guidance_args(&mine, args, why);
    if (!s) s = ag_check_guidance(g, &checked, why);
    if (!s) s = ag_context_lend(context, &checked, mine.cuda_stream, &loan, why);
    if (s) return s;
    mine.workspace = loan.space->memory;
    mine.workspace_size = ag_plan_workspace(loan.plan);
    s = ag_guidance_run(loan.plan, &mine, text, size);
    ag_context_return(context, loan);
    return s;
}

/* ---- weights ---- */

void ag_weights_cfg(double weights[2], double g)
{
    weights[0] = g;
    weights[1] = 1 - g;
}

void ag_weights_perturbed(double weights[2], double w)
{
    weights[0] = 1 + w;
    weights[1] = -w;
}

void ag_weights_cfg_perturbed(double weights[3], double g, double w)
{
    weights[0] = g + w;
    weights[1] = 1 - g;
    weights[2] = -w;
}

void ag_weights_oseg(double weights[3], double g, double w)
{
    weights[0] = g + w;
    weights[1] = 1 - g;
    weights[2] = -w;
}

void ag_weights_classifier(double weights[2], double w, double sigma)
{
    weights[0] = 1;
    weights[1] = -w * sigma;
}

void ag_weights_add(double *weights, int plus, int minus, double w)
{
    weights[plus] += w;
    weights[minus] -= w;
}

/* ---- schedules ---- */

double ag_schedule_adaptive(double w, double a, double t)
{
    const double faded = w - a * (1000 - t);
    return faded > 0 ? faded : 0;
}

double ag_schedule_interval(double w, double sigma, double low, double high)
{
    return low < sigma && sigma <= high ? w : 0;
}
