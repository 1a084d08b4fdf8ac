/* sampler_run.c - one step of a sampler: arrays from files through the library into a file. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "execute.h"
#include "half.h"
#include "npy.h"
#include "options.h"

typedef struct job {
    npy_array in[STEP_FILES]; /* those that the step reads, in the order of its weights; x is the first */
    int inputs;
    double weights[STEP_FILES];
} job;

static bool read_one(job *j, const options *o, int file, fault *why)
{
    npy_array *a = &j->in[j->inputs++], *x = &j->in[0];
    if (!npy_read_as(o->step.file[file], NPY_F32, a, why)) return false;
    if (a->count == 0) return fault_set(why, "%s: it has no elements", o->step.file[file]);
    if (a->axes != x->axes || memcmp(a->extent, x->extent, (size_t)a->axes * sizeof *a->extent) != 0)
        return fault_set(why, "the shape of %s does not fit: %s, where x is %s", sampler_file_name(file),
                         npy_shape_of(a).text, npy_shape_of(x).text);
    half_convert(a->data, a->count, o->dtype);
    return true;
}

static bool combine(const job *j, ag_context *context, const options *o, float *out, fault *why)
{
    ag_guidance g;
    ag_guidance_args args;
    ag_guidance_init(&g, AG_LINEAR, j->inputs, 1, (int64_t)j->in[0].count);
    ag_guidance_args_init(&args);
    for (int k = 0; k < j->inputs; k++) {
        g.dtype[k] = o->dtype;
        args.input[k] = j->in[k].data;
    }
    args.weights = j->weights;
    args.out = out;
    g.place = o->place;
    g.kernel = o->kernel;
    return place_is_reachable(o->place, why) &&
           ag_guidance_combine(context, &g, &args, why->text, sizeof why->text) == AG_OK;
}

static bool step(job *j, ag_context *context, const options *o, fault *why)
{
    for (int i = 0; i < STEP_FILES; i++)
        if (sampler_reads(o->sampler, &o->step, i) && !read_one(j, o, i, why)) return false;
    if (o->sampler->weigh(&o->step, j->weights, why) != AG_OK) return false;
    if (j->inputs == 0) {
        if (!(fabs(j->weights[0]) <= FLT_MAX)) return fault_set(why, "the weight %g is beyond float32", j->weights[0]);
        const float weight = (float)j->weights[0];
        return npy_write(o->out, &weight, 1, (const int64_t[]){ 1 }, why);
    }
    float *out = malloc(j->in[0].count * sizeof *out);
    if (out == NULL) return fault_set(why, "there is no memory for the result");
    const bool good = combine(j, context, o, out, why) && npy_write(o->out, out, j->in[0].axes, j->in[0].extent, why);
    free(out);
    return good;
}

bool sampler_run(ag_context *context, const options *o, fault *why)
{
    job j = { .inputs = 0 };
    const bool good = sampler_complete(o, why) && step(&j, context, o, why);
    for (int i = 0; i < j.inputs; i++) npy_free(&j.in[i]);
    return good;
}
