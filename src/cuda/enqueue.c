/* enqueue.c - a run on the device: every batch of the plan, in order, on the caller's stream. Nothing is allocated,
 * copied or waited for, so that a run can be captured in a graph. */
#include <string.h>

#include "device.h"
#include "runtime.h"

/* ---- what changes from run to run ---- */

static ag_status take_rows(const ag_plan *p, const ag_bound *run, ag_launch *l, ag_why why)
{
    const ag_args *args = run->args;
    const int64_t rows = args->row_count ? args->row_count : 1;
    l->rows = args->device_rows;
    l->row_count = l->rows ? p->c.p.batch : rows;
    if (l->rows) return AG_OK;
    if (rows > AG_LAUNCH_ROWS)
        return ag_refuse(why, AG_ERR_SHAPE,
                         "args.row_count is %lld, but a launch holds %d rows: device_rows holds more", (long long)rows,
                         AG_LAUNCH_ROWS);
    for (int64_t b = 0; b < rows; b++) {
        const ag_row_args x = ag_row_values(run, b);
        const int shared = args->row_count < 2 && (!args->row_count || args->rows->random_stream == AG_STREAM_DEFAULT);
        l->u.row[b] = (ag_row_value){ .strength = x.strength,
                                      .gain = x.gain,
                                      .mix = x.mix,
                                      .seed = x.seed,
                                      .random_stream = shared ? AG_STREAM_DEFAULT : x.random_stream,
                                      .index = x.index };
        l->u.lambda[b] = x.lambda;
    }
    return AG_OK;
}

static ag_status take_combining(const ag_plan *p, const ag_combining *given, ag_launch *l, ag_why why)
{
    const ag_guidance *g = &p->c.g;
    ag_combining *mine = &l->u.combine.run;
    *mine = *given;
    mine->weights = NULL;
    if (!given->weights) return AG_OK;
    const int64_t weights = (g->weights_per_sample ? g->samples : 1) * g->inputs;
    if (weights > AG_LAUNCH_WEIGHTS)
        return ag_refuse(why, AG_ERR_SHAPE, "weights of %lld samples with %d each: a launch holds %d weights",
                         (long long)g->samples, (int)g->inputs, AG_LAUNCH_WEIGHTS);
    memcpy(l->u.combine.weights, given->weights, (size_t)weights * sizeof *given->weights);
    return AG_OK;
}

static ag_status fill_in(const ag_plan *p, const ag_bound *run, ag_launch *l, ag_why why)
{
    const ag_args *args = run->args;
    memcpy(l->base, run->base, sizeof l->base);
    if (p->c.combines) return take_combining(p, &run->combining, l, why);
    l->key_mask = args->key_mask;
    l->key_lengths = args->key_lengths;
    l->bias = run->bias;
    return take_rows(p, run, l, why);
}

/* ---- launches ---- */

static ag_status enqueue(const ag_plan *p, const ag_batch *b, ag_launch *l, void *stream, ag_why why)
{
    const ag_cuda_plan *d = p->device;
    if (!b->entry) {
        const ag_library_call call = { .plan = p,
                                       .step = &p->program.steps[b->step],
                                       .launch = l,
                                       .built = d->built[b->step],
                                       .scratch = l->base[AG_WORK] + p->program.work_size,
                                       .stream = stream };
        return b->kernel->enqueue(&call, why);
    }
    l->tasks = d->launch.tasks + b->first;
    const int error = ag_rt_launch(&(ag_rt_call){ .entry = b->entry,
                                                  .blocks = b->count,
                                                  .threads = b->kernel->threads,
                                                  .shared = b->shared,
                                                  .parameter = l,
                                                  .size = sizeof *l,
                                                  .stream = stream });
    if (!error) return AG_OK;
    return ag_refuse(why, AG_ERR_DEVICE, "kernel %s: %s", b->kernel->kernel.name, ag_rt_text(error));
}

ag_status ag_cuda_run(const ag_plan *p, const ag_bound *run, ag_why why)
{
    const ag_cuda_plan *d = p->device;
    const int device = p->c.device;
    void *stream = run->stream;
    ag_launch launch = d->launch;
    int before, error;
    ag_status s = fill_in(p, run, &launch, why);
    if (s) return s;
    if ((error = ag_rt_current(&before)) || (before != device && (error = ag_rt_use(device))))
        return ag_refuse(why, AG_ERR_DEVICE, "device %d: %s", device, ag_rt_text(error));
    for (int64_t i = 0; i < d->n_batches && !s; i++) s = enqueue(p, &d->batches[i], &launch, stream, why);
    if (before != device && (error = ag_rt_use(before)) && !s)
        s = ag_refuse(why, AG_ERR_DEVICE, "device %d, which was current: %s", before, ag_rt_text(error));
    return s;
}
