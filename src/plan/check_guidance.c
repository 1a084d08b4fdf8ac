/* check_guidance.c - the only place a combination of predictions, and its arguments, are validated. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../rules/rule.h"
#include "check.h"

typedef long long ll;

static int uses(const ag_guidance *g, uint32_t what) { return (ag_rule_find(g->rule)->info.uses & what) != 0; }

static ag_status check_inputs(const ag_guidance *g, ag_why why)
{
    const ag_rule_room *room = ag_rule_find(g->rule);
    if (!room)
        return ag_refuse(why, AG_ERR_TYPE, "guidance.rule is %s, which does not exist", ag_rule_name(g->rule).text);
    const int least = room->info.least_inputs, most = room->info.most_inputs;
    if (g->inputs < 1 || g->inputs > AG_MOST_INPUTS)
        return ag_refuse(why, AG_ERR_VALUE, "guidance.inputs is %d, not between 1 and %d", (int)g->inputs,
                         AG_MOST_INPUTS);
    if (g->inputs >= least && g->inputs <= most) return AG_OK;
    const char *kept = uses(g, AG_USES_STATE) ? ": its state is not one of them" : "";
    if (least == most)
        return ag_refuse(why, AG_ERR_COMBINATION, "guidance.inputs is %d, but %s takes %d%s", (int)g->inputs,
                         room->info.name, most, kept);
    return ag_refuse(why, AG_ERR_COMBINATION, "guidance.inputs is %d, but %s takes %d to %d%s", (int)g->inputs,
                     room->info.name, least, most, kept);
}

static ag_status check_extents(const ag_guidance *g, ag_why why)
{
    int64_t all;
    if (g->samples < 1 || g->samples > INT32_MAX)
        return ag_refuse(why, AG_ERR_SHAPE, "guidance.samples is %lld, not between 1 and %lld", (ll)g->samples,
                         (ll)INT32_MAX);
    if (g->count < 1) return ag_refuse(why, AG_ERR_SHAPE, "guidance.count is %lld, less than 1", (ll)g->count);
    if (!__builtin_mul_overflow(g->count, g->samples, &all) && all <= PTRDIFF_MAX / 8) return AG_OK;
    return ag_refuse(why, AG_ERR_SHAPE, "guidance.count is %lld: %lld samples of that are beyond the address space",
                     (ll)g->count, (ll)g->samples);
}

/* A tensor [samples, count]; `field` follows its dtype and stride: "[1]". */
typedef struct tensor {
    const char *prefix, *field;
    ag_dtype dtype;
    int64_t stride, least; /* of the stride */
} tensor;

static ag_status check_tensor(const ag_guidance *g, const tensor *t, ag_why why)
{
    int64_t last;
    if (t->dtype != AG_F32 && t->dtype != AG_F16 && t->dtype != AG_BF16)
        return ag_refuse(why, AG_ERR_TYPE, "guidance.%sdtype%s is %s: it must be float32, float16 or bfloat16",
                         t->prefix, t->field, ag_type_name(t->dtype).text);
    if (g->samples > 1 && t->stride < t->least)
        return ag_refuse(why, AG_ERR_STRIDE, "guidance.%sstride%s is %lld, less than %lld: samples have %lld elements",
                         t->prefix, t->field, (ll)t->stride, (ll)t->least, (ll)g->count);
    if (!__builtin_mul_overflow(g->samples - 1, t->stride, &last) && last <= PTRDIFF_MAX / 4 - g->count) return AG_OK;
    return ag_refuse(why, AG_ERR_STRIDE, "guidance.%sstride%s is %lld: the last sample is beyond the address space",
                     t->prefix, t->field, (ll)t->stride);
}

static ag_status check_tensors(const ag_guidance *g, ag_why why)
{
    for (int k = 0; k < g->inputs; k++) {
        const char field[] = { '[', (char)('0' + k), ']', 0 };
        const ag_status s = check_tensor(g, &(tensor){ "", field, g->dtype[k], g->stride[k], 0 }, why);
        if (s) return s;
    }
    return check_tensor(g, &(tensor){ "out_", "", g->out_dtype, g->out_stride, g->count }, why);
}

static int is_set(const int64_t extent[3]) { return extent[0] || extent[1] || extent[2]; }

/* Three extents whose product is the count. */
static ag_status check_product(const ag_guidance *g, const char *name, const int64_t extent[3], ag_why why)
{
    int64_t two, three;
    const ll a = extent[0], b = extent[1], c = extent[2];
    if (a < 1 || b < 1 || c < 1)
        return ag_refuse(why, AG_ERR_SHAPE, "guidance.%s is %lld x %lld x %lld: all three must be at least 1", name, a,
                         b, c);
    const int over =
        __builtin_mul_overflow(extent[0], extent[1], &two) || __builtin_mul_overflow(two, extent[2], &three);
    if (!over && three == g->count) return AG_OK;
    return ag_refuse(why, AG_ERR_SHAPE, "guidance.%s is %lld x %lld x %lld, but guidance.count is %lld", name, a, b, c,
                     (ll)g->count);
}

/* Fills in what a sample is by default: one group. */
static ag_status check_group(ag_guidance *g, ag_why why)
{
    if (is_set(g->group) && !uses(g, AG_USES_GROUPS))
        return ag_refuse(why, AG_ERR_COMBINATION,
                         "guidance.group is %lld x %lld x %lld, but %s has no statistics of it", (ll)g->group[0],
                         (ll)g->group[1], (ll)g->group[2], ag_rule_name(g->rule).text);
    if (is_set(g->group)) return check_product(g, "group", g->group, why);
    g->group[0] = g->group[2] = 1;
    g->group[1] = g->count;
    return AG_OK;
}

/* Blurring a side reflects two cells beyond its edge; every level but the finest halves both sides. */
static ag_status check_side(const ag_guidance *g, const char *name, int64_t side, ag_why why)
{
    const int64_t parts = (int64_t)1 << (g->levels - 1);
    if (side % parts)
        return ag_refuse(why, AG_ERR_SHAPE, "guidance.picture has %s %lld, no multiple of %lld, which %d levels need",
                         name, (ll)side, (ll)parts, (int)g->levels);
    if (g->levels == 1 || side >= 3 * parts / 2) return AG_OK;
    return ag_refuse(why, AG_ERR_SHAPE, "guidance.picture has %s %lld, less than %lld, which %d levels need", name,
                     (ll)side, (ll)(3 * parts / 2), (int)g->levels);
}

static ag_status check_picture(ag_guidance *g, ag_why why)
{
    enum { MOST = 8 };
    if (!uses(g, AG_USES_PICTURE)) {
        if (!is_set(g->picture) && !g->levels) return AG_OK;
        return ag_refuse(why, AG_ERR_COMBINATION, "guidance.%s is set, but %s does not use it",
                         g->levels ? "levels" : "picture", ag_rule_name(g->rule).text);
    }
    if (!is_set(g->picture))
        return ag_refuse(why, AG_ERR_SHAPE, "guidance.picture is not set, but %s needs channels, height and width",
                         ag_rule_name(g->rule).text);
    if (!g->levels) g->levels = 2;
    if (g->levels < 1 || g->levels > MOST)
        return ag_refuse(why, AG_ERR_VALUE, "guidance.levels is %d, not between 1 and %d", (int)g->levels, MOST);
    ag_status s = check_product(g, "picture", g->picture, why);
    if (!s) s = check_side(g, "height", g->picture[1], why);
    return s ? s : check_side(g, "width", g->picture[2], why);
}

static ag_status check_options(ag_guidance *g, ag_why why)
{
    if (g->weights_per_sample && !uses(g, AG_USES_WEIGHTS))
        return ag_refuse(why, AG_ERR_COMBINATION, "guidance.weights_per_sample is %d, but %s does not use it",
                         (int)g->weights_per_sample, ag_rule_name(g->rule).text);
    const ag_status s = check_group(g, why);
    return s ? s : check_picture(g, why);
}

ag_status ag_check_guidance(const ag_guidance *guidance, ag_checked *c, ag_why why)
{
    memset(c, 0, sizeof *c);
    c->combines = 1;
    ag_guidance_init(&c->g, (ag_rule)0, 1, 1, 1);
    ag_status s = ag_struct_take(&c->g, sizeof c->g, guidance, (ag_struct){ "guidance", "ag_guidance" }, why);
    const ag_guidance *g = &c->g;
    if (!s) s = check_inputs(g, why);
    if (!s) s = check_extents(g, why);
    if (!s) s = check_tensors(g, why);
    if (!s) s = check_options(&c->g, why);
    if (s) return s;
    if ((unsigned)g->place > AG_CUDA)
        return ag_refuse(why, AG_ERR_TYPE, "guidance.place is %d, neither AG_HOST nor AG_CUDA", (int)g->place);
    if (g->workers < 0 || g->workers > 1024)
        return ag_refuse(why, AG_ERR_VALUE, "guidance.workers is %d, not between 0 and 1024", (int)g->workers);
    if (g->kernel && strlen(g->kernel) >= sizeof c->kernel)
        return ag_refuse(why, AG_ERR_KERNEL, "guidance.kernel has %zu characters, more than %zu: %.40s ...",
                         strlen(g->kernel), sizeof c->kernel - 1, g->kernel);
    if (g->kernel) strcpy(c->kernel, g->kernel);
    c->g.kernel = NULL;
    c->place = g->place;
    c->device = g->device;
    c->workers = g->workers;
    return AG_OK;
}

/* ---- values of a run ---- */

static ag_status check_weights(const ag_guidance *g, const double *weights, ag_why why)
{
    if (!uses(g, AG_USES_WEIGHTS) && weights)
        return ag_refuse(why, AG_ERR_COMBINATION, "weights is given, but %s does not use it",
                         ag_rule_name(g->rule).text);
    if (!uses(g, AG_USES_WEIGHTS)) return AG_OK;
    if (!weights)
        return ag_refuse(why, AG_ERR_NULL, "weights is NULL, but %s needs one for each input",
                         ag_rule_name(g->rule).text);
    const ag_status s = ag_check_address("weights", weights, sizeof *weights, why);
    for (int64_t i = 0; !s && i < (g->weights_per_sample ? g->samples : 1) * g->inputs; i++)
        if (!(fabs(weights[i]) <= AG_LARGEST))
            return ag_refuse(why, AG_ERR_VALUE, "weights[%lld] is %g, not a number within %g", (ll)i, weights[i],
                             AG_LARGEST);
    return s;
}

/* parameters[i] of the caller, or its default. */
static ag_status check_parameter(const ag_parameter_info *p, int i, double value, ag_why why)
{
    if (!(value >= p->least && value <= p->most))
        return ag_refuse(why, AG_ERR_VALUE, "%s is %g, not between %g and %g: parameters[%d]", p->name, value, p->least,
                         p->most, i);
    if (p->whole && value != rint(value))
        return ag_refuse(why, AG_ERR_VALUE, "%s is %g, not a whole number: parameters[%d]", p->name, value, i);
    return AG_OK;
}

static ag_status check_parameters(const ag_guidance *g, const ag_guidance_args *a, ag_why why)
{
    const ag_rule_room *room = ag_rule_find(g->rule);
    const int n = a->parameter_count;
    double value[AG_MOST_PARAMETERS];
    if (n < 0) return ag_refuse(why, AG_ERR_VALUE, "parameter_count is %d, less than 0", n);
    if (n > room->info.parameter_count)
        return ag_refuse(why, AG_ERR_COMBINATION, "parameter_count is %d, but %s has %d", n, room->info.name,
                         room->info.parameter_count);
    if (!n && a->parameters) return ag_refuse(why, AG_ERR_COMBINATION, "parameters is given, but parameter_count is 0");
    if (n && !a->parameters) return ag_refuse(why, AG_ERR_NULL, "parameters is NULL, but parameter_count is %d", n);
    ag_status s = ag_check_address("parameters", a->parameters, sizeof(double), why);
    for (int i = 0; i < room->info.parameter_count && !s; i++) {
        value[i] = ag_rule_parameter(room, a, i);
        s = check_parameter(&room->parameters[i], i, value[i], why);
    }
    return s || !room->check ? s : room->check(g, a, value, why);
}

/* Pointers that another rule would use; lse and state of this one. */
static ag_status check_arrays(const ag_guidance *g, const ag_guidance_args *a, ag_why why)
{
    const int lse = uses(g, AG_USES_LSE);
    if (a->first_step && !uses(g, AG_USES_STATE))
        return ag_refuse(why, AG_ERR_COMBINATION, "first_step is %d, but %s has no state", (int)a->first_step,
                         ag_rule_name(g->rule).text);
    const struct {
        const char *name;
        const void *at;
        int used, needed;
    } array[] = {
        { "state", a->state, uses(g, AG_USES_STATE), uses(g, AG_NEEDS_STATE) },
        { "lse[0]", a->lse[0], lse, lse },
        { "lse[1]", a->lse[1], lse, lse },
        { "lse_out", a->lse_out, lse, 0 },
    };
    for (size_t i = 0; i < sizeof array / sizeof *array; i++) {
        if (!array[i].used && array[i].at)
            return ag_refuse(why, AG_ERR_COMBINATION, "%s is given, but %s does not use it", array[i].name,
                             ag_rule_name(g->rule).text);
        if (array[i].needed && !array[i].at)
            return ag_refuse(why, AG_ERR_NULL, "%s is NULL, but %s needs it", array[i].name,
                             ag_rule_name(g->rule).text);
        const ag_status s = ag_check_address(array[i].name, array[i].at, sizeof(float), why);
        if (s) return s;
    }
    for (int k = g->inputs; k < AG_MOST_INPUTS; k++)
        if (a->input[k])
            return ag_refuse(why, AG_ERR_COMBINATION, "input[%d] is given, but guidance.inputs is %d", k,
                             (int)g->inputs);
    return AG_OK;
}

/* ---- memory of a run ---- */

enum { OUT, STATE, LSE, WORK, WRITTEN };
enum { WEIGHTS = AG_MOST_INPUTS, PARAMETERS, LSE_0, LSE_1, READ };

static const char *const inputs[] = { "input[0]", "input[1]", "input[2]", "input[3]",
                                      "input[4]", "input[5]", "input[6]", "input[7]" };

static ag_region region(const ag_guidance *g, const char *name, const void *at, ag_dtype type, int64_t stride)
{
    const int64_t size = (int64_t)ag_size_of(type);
    return (ag_region){ .name = name,
                        .at = at,
                        .axes = 1,
                        .extent = { g->samples },
                        .stride = { g->samples > 1 ? stride * size : 0 },
                        .width = g->count * size };
}

static ag_status check_given(const ag_guidance *g, const ag_guidance_args *a, ag_why why)
{
    for (int k = 0; k < g->inputs; k++) {
        if (!a->input[k])
            return ag_refuse(why, AG_ERR_NULL, "%s is NULL, but guidance.inputs is %d", inputs[k], (int)g->inputs);
        const ag_status s = ag_check_address(inputs[k], a->input[k], ag_size_of(g->dtype[k]), why);
        if (s) return s;
    }
    if (!a->out) return ag_refuse(why, AG_ERR_NULL, "out is NULL");
    for (int k = 0; k < g->inputs; k++)
        if (a->out == a->input[k] && (g->dtype[k] != g->out_dtype || g->stride[k] != g->out_stride))
            return ag_refuse(why, AG_ERR_ALIAS, "out is %s, but their types or strides differ", inputs[k]);
    return ag_check_address("out", a->out, ag_size_of(g->out_dtype), why);
}

/* Allowed is: out at the address of an input, which has been validated, and lse_out at that of an lse. */
static int is_allowed(int w, int r, const ag_region *written, const ag_region *read)
{
    return written->at == read->at && ((w == OUT && r < WEIGHTS) || (w == LSE && r >= LSE_0));
}

static void list_read(const ag_guidance *g, const ag_guidance_args *a, ag_region read[READ])
{
    const int on_host = g->place == AG_HOST; /* weights and parameters are the host's; a device is given a copy */
    const int64_t sets = g->weights_per_sample ? g->samples : 1;
    memset(read, 0, READ * sizeof *read);
    for (int k = 0; k < g->inputs; k++) read[k] = region(g, inputs[k], a->input[k], g->dtype[k], g->stride[k]);
    read[WEIGHTS] = ag_region_packed("weights", on_host ? a->weights : NULL, sets * g->inputs, sizeof(double));
    read[PARAMETERS] =
        ag_region_packed("parameters", on_host ? a->parameters : NULL, a->parameter_count, sizeof(double));
    read[LSE_0] = ag_region_packed("lse[0]", a->lse[0], g->samples, sizeof(float));
    read[LSE_1] = ag_region_packed("lse[1]", a->lse[1], g->samples, sizeof(float));
}

static ag_status check_memory(const ag_plan *plan, const ag_guidance_args *a, ag_why why)
{
    const ag_guidance *g = &plan->c.g;
    ag_region written[WRITTEN], read[READ];
    ag_status s = check_given(g, a, why);
    if (!s) s = ag_check_workspace(plan, a->workspace, a->workspace_size, &written[WORK], why);
    written[OUT] = region(g, "out", a->out, g->out_dtype, g->out_stride);
    written[STATE] = region(g, "state", a->state, AG_F32, g->count);
    written[LSE] = ag_region_packed("lse_out", a->lse_out, g->samples, sizeof(float));
    list_read(g, a, read);
    for (int w = 0; w < WRITTEN && !s; w++) {
        for (int i = w + 1; i < WRITTEN && !s; i++) s = ag_check_apart(&written[w], &written[i], why);
        for (int i = 0; i < READ && !s; i++)
            if (!is_allowed(w, i, &written[w], &read[i])) s = ag_check_apart(&written[w], &read[i], why);
    }
    return s;
}

ag_status ag_take_guidance_args(ag_guidance_args *mine, const ag_guidance_args *theirs, ag_why why)
{
    ag_guidance_args_init(mine);
    const ag_status s = ag_check_address("the struct of guidance arguments", theirs, sizeof(double), why);
    return s ? s : ag_struct_take(mine, sizeof *mine, theirs, (ag_struct){ "guidance args", "ag_guidance_args" }, why);
}

ag_status ag_check_guidance_args(const ag_plan *plan, const ag_guidance_args *args, ag_guidance_args *taken, ag_why why)
{
    if (!plan) return ag_refuse(why, AG_ERR_NULL, "plan is NULL");
    if (!plan->c.combines)
        return ag_refuse(why, AG_ERR_COMBINATION, "this plan computes attention: ag_plan_run runs it");
    const ag_guidance *g = &plan->c.g;
    ag_status s = ag_take_guidance_args(taken, args, why);
    if (!s) s = ag_check_runner(plan, &(ag_runner){ taken->executor, taken->cuda_stream, "cuda_stream" }, why);
    if (!s) s = check_weights(g, taken->weights, why);
    if (!s) s = check_parameters(g, taken, why);
    if (!s) s = check_arrays(g, taken, why);
    return s ? s : check_memory(plan, taken, why);
}
