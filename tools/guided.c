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
    double weights[3];
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
    return good ? true : fault_set(why, "the shape of %s does not fit the others", guided_files[number].name);
}

static bool read_files(job *j, const options *o, fault *why)
{
    for (int i = 0; i < GUIDED_FILES; i++) {
        npy_array *a = &j->file[i];
        if (o->file[i] == NULL) continue;
        if (!npy_read_as(o->file[i], NPY_F32, a, why)) return false;
        if (a->count == 0) return fault_set(why, "%s: it has no elements", o->file[i]);
        if (!fits(j, i, why)) return false;
        if (i < FILE_MOMENTUM) half_convert(a->data, a->count, o->dtype);
    }
    return true;
}

/* The momentum of a first step is zero. */
static bool start_momentum(job *j, const options *o, fault *why)
{
    npy_array *m = &j->file[FILE_MOMENTUM];
    if (o->rule->rule != AG_APG || m->data != NULL || (!o->has_momentum && o->momentum_out == NULL)) return true;
    *m = *first_of(j);
    m->data = calloc(m->count, sizeof(float));
    return m->data != NULL ? true : fault_set(why, "there is no memory for the momentum");
}

static void set_shapes(job *j, const options *o)
{
    const npy_array *first = first_of(j);
    const int64_t all = (int64_t)first->count, last = first->axes > 0 ? first->extent[first->axes - 1] : 1;
    const int64_t samples = o->rule->by_rows ? all / last : first->axes > 0 ? first->extent[0] : 1;
    ag_guidance *g = &j->g;
    ag_guidance_init(g, o->has_rescale ? AG_RESCALE : o->rule->rule, 0, samples, all / samples);
    ag_guidance_args_init(&j->args);
    for (int i = 0; i < FILE_INPUTS; i++) {
        if (j->file[i].data == NULL) continue;
        g->dtype[g->inputs] = i == FILE_MOMENTUM ? AG_F32 : o->dtype;
        j->args.input[g->inputs++] = j->file[i].data;
    }
    g->place = o->place;
    g->kernel = o->kernel;
    g->from_uncond = o->from_uncond;
    g->norm = o->norm;
}

static bool set_weights(job *j, const options *o, fault *why)
{
    const bool uncond = j->file[FILE_UNCOND].data != NULL, perturbed = j->file[FILE_PERTURBED].data != NULL;
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
    args->out = j->out;
    args->weights = j->weights;
    args->rescale = o->rescale;
    args->scale = o->rule->rule == AG_NAG ? o->nag_scale : o->cfg_scale;
    args->eta = o->eta;
    args->radius = o->radius;
    args->momentum = o->momentum;
    args->tau = o->tau;
    if (o->has_alpha) args->alpha = o->alpha;
    args->lse[0] = j->file[FILE_LSE_A].data;
    args->lse[1] = j->file[FILE_LSE_B].data;
    args->lse_out = j->lse;
}

static bool compute(job *j, ag_context *context, const options *o, fault *why)
{
    if (!read_files(j, o, why) || !start_momentum(j, o, why)) return false;
    set_shapes(j, o);
    j->out = malloc(first_of(j)->count * sizeof *j->out);
    if (o->rule->rule == AG_MERGE) j->lse = malloc((size_t)j->g.samples * sizeof *j->lse);
    if (j->out == NULL || (o->rule->rule == AG_MERGE && j->lse == NULL))
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
           (o->momentum_out == NULL ||
            npy_write(o->momentum_out, j->file[FILE_MOMENTUM].data, first->axes, first->extent, why));
}

bool guided_run(ag_context *context, const options *o, fault *why)
{
    job j = { 0 };
    if (o->rule->needs & 1u << FILE_X0) return guided_complete(o, why) && sag_run(o, why);
    bool good = guided_complete(o, why) && compute(&j, context, o, why) && write_all(&j, o, why);
    for (int i = 0; i < GUIDED_FILES; i++) npy_free(&j.file[i]);
    free(j.out);
    free(j.lse);
    return good;
}
