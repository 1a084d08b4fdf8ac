/* guided.c - one combination of predictions: arrays from files through the library into files. */
#include "guided.h"

#include <stdlib.h>
#include <string.h>

#include "execute.h"
#include "half.h"
#include "npy.h"
#include "options.h"

/* Everything a combination owns. */
typedef struct job {
    npy_array file[GUIDED_FILES];
    ag_guidance g;
    ag_guidance_args args;
    double weights[3], parameters[AG_MOST_PARAMETERS];
    float *out, *lse;
} job;

static const npy_array *first_of(const job *j)
{
    const npy_array *first = j->file;
    while (first->data == NULL) first++;
    return first;
}

/* An lse has one number for each row of the others. */
static bool fits(const job *j, int number, fault *why)
{
    const npy_array *a = &j->file[number], *first = first_of(j);
    const int axes = number < FILE_INPUTS ? first->axes : first->axes - 1;
    bool good = a->axes == axes;
    for (int axis = 0; good && axis < axes; axis++) good = a->extent[axis] == first->extent[axis];
    if (good) return true;
    const char *rows = number < FILE_INPUTS ? "" : " without its last axis";
    return fault_set(why, "the shape of %s does not fit: %s, where %s is %s%s", guided_files[number].name,
                     npy_shape_of(a).text, guided_files[first - j->file].name, npy_shape_of(first).text, rows);
}

static bool read_files(job *j, const options *o, fault *why)
{
    for (int i = 0; i < GUIDED_FILES; i++) {
        npy_array *a = &j->file[i];
        if (o->file[i] == NULL) continue;
        if (!npy_read_as(o->file[i], NPY_F32, a, why)) return false;
        if (a->count == 0) return fault_set(why, "%s: it has no elements", o->file[i]);
        if (!fits(j, i, why)) return false;
        if (i < FILE_STATE) half_convert(a->data, a->count, o->dtype);
    }
    return true;
}

static bool uses(const options *o, uint32_t what) { return (guided_info(o->rule->rule).uses & what) != 0; }

/* That of a first step is not read. */
static bool start_state(job *j, const options *o, fault *why)
{
    npy_array *state = &j->file[FILE_STATE];
    j->args.first_step = uses(o, AG_USES_STATE) && state->data == NULL;
    if (!j->args.first_step) return true;
    *state = *first_of(j);
    state->data = malloc(state->count * sizeof(float));
    return state->data != NULL ? true : fault_set(why, "there is no memory for the state");
}

/* A picture [samples, channels, height, width], of as many levels as scales were given. */
static bool set_picture(job *j, const options *o, fault *why)
{
    const npy_array *first = first_of(j);
    if (!uses(o, AG_USES_PICTURE)) return true;
    if (first->axes != 4)
        return fault_set(why, "%s needs arrays [samples,channels,height,width], not %s", o->rule->name,
                         npy_shape_of(first).text);
    for (int i = 0; i < 3; i++) j->g.picture[i] = first->extent[i + 1];
    const int scales = options_listed(o, "scales"), parts = options_listed(o, "parallel");
    j->g.levels = scales > parts ? scales : parts;
    return true;
}

static void set_shapes(job *j, const options *o)
{
    const npy_array *first = first_of(j);
    const int64_t all = (int64_t)first->count, last = first->axes > 0 ? first->extent[first->axes - 1] : 1;
    const int64_t samples = o->rule->by_rows ? all / last : first->axes > 0 ? first->extent[0] : 1;
    ag_guidance *g = &j->g;
    ag_guidance_init(g, guided_rule(o), 0, samples, all / samples);
    for (int i = 0; i < 3; i++) g->group[i] = o->group[i];
    for (int i = 0; i < FILE_STATE; i++) {
        if (j->file[i].data == NULL) continue;
        g->dtype[g->inputs] = o->dtype;
        j->args.input[g->inputs++] = j->file[i].data;
    }
    j->args.state = j->file[FILE_STATE].data;
    g->place = o->place;
    g->kernel = o->kernel;
}

static bool set_weights(job *j, const options *o, fault *why)
{
    const bool uncond = j->file[FILE_UNCOND].data != NULL, perturbed = j->file[FILE_PERTURBED].data != NULL;
    if (!uses(o, AG_USES_WEIGHTS)) return true;
    if (j->file[FILE_X].data != NULL)
        return ag_weights_convert(j->weights, o->from, o->to, o->alpha, o->sigma, why->text, sizeof why->text) == AG_OK;
    j->weights[0] = 1;
    if (uncond && perturbed) ag_weights_cfg_perturbed(j->weights, o->cfg_scale, o->perturbed_scale);
    else if (uncond) ag_weights_cfg(j->weights, o->cfg_scale);
    else if (perturbed) ag_weights_perturbed(j->weights, o->perturbed_scale);
    return true;
}

static void set_args(job *j, const options *o)
{
    ag_guidance_args *args = &j->args;
    ag_parameter_info p;
    ag_parameter_info_init(&p);
    args->out = j->out;
    args->weights = uses(o, AG_USES_WEIGHTS) ? j->weights : NULL;
    const char *before = "";
    int listed = 0;
    for (int i = 0; ag_rule_parameter_at(j->g.rule, i, &p) == AG_OK; args->parameter_count = ++i) {
        listed = strcmp(before, p.name) == 0 ? listed + 1 : 0; /* several of one name are a list */
        before = p.name;
        j->parameters[i] = options_parameter(o, p.name, listed, AG_NOT_SET);
    }
    args->parameters = args->parameter_count > 0 ? j->parameters : NULL;
    args->lse[0] = j->file[FILE_LSE_A].data;
    args->lse[1] = j->file[FILE_LSE_B].data;
    args->lse_out = j->lse;
}

static bool compute(job *j, ag_context *context, const options *o, fault *why)
{
    ag_guidance_args_init(&j->args);
    if (!read_files(j, o, why) || !start_state(j, o, why)) return false;
    set_shapes(j, o);
    if (!set_picture(j, o, why)) return false;
    j->out = malloc(first_of(j)->count * sizeof *j->out);
    if (uses(o, AG_USES_LSE)) j->lse = malloc((size_t)j->g.samples * sizeof *j->lse);
    if (j->out == NULL || (uses(o, AG_USES_LSE) && j->lse == NULL))
        return fault_set(why, "there is no memory for the result");
    if (!set_weights(j, o, why)) return false;
    set_args(j, o);
    if (!place_is_reachable(o->place, why)) return false;
    return ag_guidance_combine(context, &j->g, &j->args, why->text, sizeof why->text) == AG_OK;
}

static bool write_all(const job *j, const options *o, fault *why)
{
    const npy_array *first = first_of(j);
    return npy_write(o->out, j->out, first->axes, first->extent, why) &&
           (o->lse == NULL || npy_write(o->lse, j->lse, first->axes - 1, first->extent, why)) &&
           (o->state_out == NULL || npy_write(o->state_out, j->file[FILE_STATE].data, first->axes, first->extent, why));
}

bool guided_run(ag_context *context, const options *o, fault *why)
{
    job j = { 0 };
    if (o->rule->needs & 1u << FILE_RECEIVED) return guided_complete(o, why) && sag_run(o, why);
    bool good = guided_complete(o, why) && compute(&j, context, o, why) && write_all(&j, o, why);
    for (int i = 0; i < GUIDED_FILES; i++) npy_free(&j.file[i]);
    free(j.out);
    free(j.lse);
    return good;
}
