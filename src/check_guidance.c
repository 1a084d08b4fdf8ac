/* check_guidance.c - the only place a combination of predictions, and its arguments, are judged. */
#include <math.h>
#include <string.h>

#include "coefficients.h"
#include "step.h"

typedef long long ll;

/* Of weights and parameters: products of two still fit in float32. */
#define LARGEST 1e15

static ag_status check_inputs(const ag_guidance *g, ag_why why)
{
    if ((unsigned)g->rule > AG_MERGE)
        return ag_refuse(why, AG_ERR_TYPE, "rule is %d, which does not exist", (int)g->rule);
    if (g->inputs < 1 || g->inputs > AG_MOST_INPUTS)
        return ag_refuse(why, AG_ERR_VALUE, "inputs is %d, not between 1 and %d", (int)g->inputs, AG_MOST_INPUTS);
    if (g->rule <= AG_RESCALE || g->inputs == 2 || (g->rule == AG_APG && g->inputs == 3)) return AG_OK;
    return ag_refuse(why, AG_ERR_COMBINATION, "rule %d does not take %d inputs", (int)g->rule, (int)g->inputs);
}

static ag_status check_extents(const ag_guidance *g, ag_why why)
{
    int64_t all;
    if (g->samples < 1 || g->samples > INT32_MAX)
        return ag_refuse(why, AG_ERR_SHAPE, "samples is %lld, not between 1 and %lld", (ll)g->samples, (ll)INT32_MAX);
    if (g->count < 1 || __builtin_mul_overflow(g->count, g->samples, &all) || all > PTRDIFF_MAX / 8)
        return ag_refuse(why, AG_ERR_SHAPE, "count is %lld, below 1 or beyond the address space", (ll)g->count);
    return AG_OK;
}

static ag_status check_tensor(const ag_guidance *g, const char *name, ag_dtype dtype, int64_t stride, int64_t least,
                              ag_why why)
{
    int64_t last;
    if (dtype != AG_F32 && dtype != AG_F16 && dtype != AG_BF16)
        return ag_refuse(why, AG_ERR_TYPE, "%s has element type %d, not f32, f16 or bf16", name, (int)dtype);
    if (g->samples > 1 && stride < least)
        return ag_refuse(why, AG_ERR_STRIDE, "%s has stride %lld between samples of %lld elements", name, (ll)stride,
                         (ll)g->count);
    if (__builtin_mul_overflow(g->samples - 1, stride, &last) || last > PTRDIFF_MAX / 4 - g->count)
        return ag_refuse(why, AG_ERR_STRIDE, "%s reaches beyond the address space", name);
    return AG_OK;
}

static ag_status check_tensors(const ag_guidance *g, ag_why why)
{
    for (int k = 0; k < g->inputs; k++) {
        const int written = g->rule == AG_APG && k == 2;
        char name[16] = "input 0";
        name[6] = (char)('0' + k);
        const ag_status s = check_tensor(g, name, g->dtype[k], g->stride[k], written ? g->count : 0, why);
        if (s) return s;
        if (written && g->dtype[k] != AG_F32)
            return ag_refuse(why, AG_ERR_TYPE, "the momentum is of element type %d, not f32", (int)g->dtype[k]);
    }
    return check_tensor(g, "out", g->out_dtype, g->out_stride, g->count, why);
}

ag_status ag_check_guidance(const ag_guidance *guidance, ag_checked *c, ag_why why)
{
    memset(c, 0, sizeof *c);
    c->combines = 1;
    ag_status s = ag_take_struct(&c->g, sizeof c->g, guidance, "guidance", why);
    const ag_guidance *g = &c->g;
    if (!s) s = check_inputs(g, why);
    if (!s) s = check_extents(g, why);
    if (!s) s = check_tensors(g, why);
    if (s) return s;
    if ((unsigned)g->place > AG_CUDA)
        return ag_refuse(why, AG_ERR_TYPE, "place is %d, neither host nor CUDA", (int)g->place);
    if (g->workers < 0 || g->workers > 1024)
        return ag_refuse(why, AG_ERR_VALUE, "workers is %d, not between 0 and 1024", (int)g->workers);
    if (g->rule == AG_NAG && g->norm != 1 && g->norm != 2)
        return ag_refuse(why, AG_ERR_VALUE, "norm is %d, neither 1 nor 2", (int)g->norm);
    if (g->kernel && strlen(g->kernel) >= sizeof c->kernel)
        return ag_refuse(why, AG_ERR_KERNEL, "the forced kernel's name is longer than any kernel's");
    if (g->kernel) strcpy(c->kernel, g->kernel);
    c->g.kernel = NULL;
    return AG_OK;
}

/* ---- arguments ---- */

static ag_status check_weights(const ag_guidance *g, const double *weights, ag_why why)
{
    if (!weights) return ag_refuse(why, AG_ERR_NULL, "weights is NULL, but this rule needs them");
    for (int64_t i = 0; i < (g->weights_per_sample ? g->samples : 1) * g->inputs; i++)
        if (!(fabs(weights[i]) <= LARGEST))
            return ag_refuse(why, AG_ERR_VALUE, "weights[%lld] is %g, not a number within %g", (ll)i, weights[i],
                             LARGEST);
    return AG_OK;
}

ag_status ag_check_guidance_values(const ag_plan *plan, const ag_guidance_args *args, ag_why why)
{
    const ag_guidance *g = &plan->c.g;
    ag_guidance_args a;
    ag_status s = ag_take_struct(&a, sizeof a, args, "guidance", why);
    if (!s && g->rule <= AG_RESCALE) s = check_weights(g, a.weights, why);
    if (s) return s;
    const struct {
        const char *name;
        double value;
    } number[] = {
        { "rescale", a.rescale },   { "scale", a.scale }, { "eta", a.eta },     { "radius", a.radius },
        { "momentum", a.momentum }, { "tau", a.tau },     { "alpha", a.alpha },
    };
    for (size_t i = 0; i < sizeof number / sizeof *number; i++)
        if (!(fabs(number[i].value) <= LARGEST))
            return ag_refuse(why, AG_ERR_VALUE, "%s is %g, not a number within %g", number[i].name, number[i].value,
                             LARGEST);
    return AG_OK;
}

ag_status ag_check_guidance_tensors(const ag_plan *plan, const ag_guidance_args *a, ag_why why)
{
    const ag_guidance *g = &plan->c.g;
    for (int k = 0; k < g->inputs; k++)
        if (!a->input[k]) return ag_refuse(why, AG_ERR_NULL, "input %d is NULL", k);
    if (!a->out) return ag_refuse(why, AG_ERR_NULL, "out is NULL");
    if (g->rule == AG_MERGE && (!a->lse[0] || !a->lse[1])) return ag_refuse(why, AG_ERR_NULL, "merging needs both lse");
    for (int k = 0; k < g->inputs; k++) {
        if (a->out != a->input[k]) continue;
        if (g->rule == AG_APG && k == 2)
            return ag_refuse(why, AG_ERR_ALIAS, "out is the momentum, which is written too");
        if (g->dtype[k] != g->out_dtype || g->stride[k] != g->out_stride)
            return ag_refuse(why, AG_ERR_ALIAS, "out is input %d, but their types or strides differ", k);
    }
    return AG_OK;
}
