/* plan.c - what a plan is on the device: its tables, uploaded once, and its batches; kernels loaded, libraries' plans
 * built. A run then makes nothing. */
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "runtime.h"

static const ag_cuda_kernel *kernel_of(const ag_plan *p, int64_t step)
{
    return (const ag_cuda_kernel *)(const void *)p->kernels[step]; /* its first member */
}

static const void *entry_of(const ag_plan *p, int64_t step)
{
    const ag_cuda_kernel *k = kernel_of(p, step);
    return k->entry_for ? k->entry_for(&p->program.steps[step]) : k->entry;
}

/* ---- batches: for each phase, a launch for each own kernel, a call for each step of a library's ---- */

static int find_batch(const ag_cuda_plan *d, int64_t from, const void *entry)
{
    for (int64_t i = from; i < d->n_batches; i++)
        if (entry && d->batches[i].entry == entry) return (int)i;
    return -1;
}

/* Batches of the steps of one phase, with their numbers of tasks. */
static void list_batches(const ag_plan *p, ag_cuda_plan *d, int phase)
{
    const int64_t from = d->n_batches;
    for (int64_t s = 0; s < p->program.n_steps; s++) {
        const ag_step *step = &p->program.steps[s];
        const ag_cuda_kernel *k = kernel_of(p, s);
        if (step->phase != phase) continue;
        const int at = find_batch(d, from, entry_of(p, s));
        ag_batch *b = at < 0 ? &d->batches[d->n_batches++] : &d->batches[at];
        if (at < 0) *b = (ag_batch){ .kernel = k, .entry = entry_of(p, s), .step = s };
        const size_t shared = k->shared ? k->shared(step) : 0;
        if (shared > b->shared) b->shared = shared;
        if (k->entry) b->count += k->kernel.tasks(step);
    }
}

/* The phase's tasks, batch after batch, in the order in which the phase mixes them. */
static void list_tasks(const ag_plan *p, ag_cuda_plan *d, int phase, int64_t from, ag_task *tasks, int64_t *n_tasks)
{
    for (int64_t i = from; i < d->n_batches; i++) {
        ag_batch *b = &d->batches[i];
        if (!b->entry) continue;
        b->first = *n_tasks;
        for (int64_t at = 0; at < p->phases[phase].n_tasks; at++) {
            const ag_task *t = &p->phases[phase].tasks[at];
            if (entry_of(p, t->step) == b->entry) tasks[(*n_tasks)++] = *t;
        }
    }
}

/* ---- tables: one block of memory, laid out and filled in on the host with the addresses it will have ---- */

typedef struct tables {
    char *host, *device; /* NULL while sizes are only counted */
    size_t size;
} tables;

/* Room for `bytes`, filled from `from` where there is a host copy; returns its offset. */
static size_t put(tables *t, const void *from, size_t bytes)
{
    const size_t offset = t->size;
    if (t->host && bytes) memcpy(t->host + offset, from, bytes);
    t->size += (bytes + 15) / 16 * 16;
    return offset;
}

static void put_step(tables *t, const ag_step *step, size_t offset)
{
    ag_step *mine = t->host ? (ag_step *)(void *)(t->host + offset) : NULL;
    const size_t heads = put(t, step->heads, (size_t)step->n_heads * sizeof *step->heads);
    if (mine) mine->heads = (const int32_t *)(const void *)(t->device + heads);
    if (step->kind != AG_STEP_BLUR) return;
    for (int i = 0; i < 3; i++) {
        const ag_axis *axis = &step->u.blur.axis[i];
        const size_t taps = axis->tap ? put(t, axis->tap, (size_t)(axis->radius + 1) * sizeof *axis->tap) : 0;
        if (mine && axis->tap) mine->u.blur.axis[i].tap = (const double *)(const void *)(t->device + taps);
    }
}

static void lay_out(const ag_plan *p, const ag_task *tasks, int64_t n_tasks, tables *t, ag_launch *launch)
{
    t->size = 0;
    const size_t steps = put(t, p->program.steps, (size_t)p->program.n_steps * sizeof *p->program.steps);
    const size_t list = put(t, tasks, (size_t)n_tasks * sizeof *tasks);
    const size_t problem = put(t, &p->c.p, sizeof p->c.p), guidance = put(t, &p->c.g, sizeof p->c.g);
    for (int64_t s = 0; s < p->program.n_steps; s++)
        put_step(t, &p->program.steps[s], steps + (size_t)s * sizeof *p->program.steps);
    launch->steps = (const ag_step *)(const void *)(t->device + steps);
    launch->tasks = (const ag_task *)(const void *)(t->device + list);
    launch->problem = (const ag_problem *)(const void *)(t->device + problem);
    launch->guidance = (const ag_guidance *)(const void *)(t->device + guidance);
}

static ag_status failed(int error, ag_why why, const char *what)
{
    return ag_refuse(why, ag_rt_is_memory(error) ? AG_ERR_MEMORY : AG_ERR_DEVICE, "%s: %s", what, ag_rt_text(error));
}

static ag_status upload(const ag_plan *p, ag_cuda_plan *d, const ag_task *tasks, int64_t n_tasks, ag_why why)
{
    tables t = { 0 };
    lay_out(p, tasks, n_tasks, &t, &d->launch);
    const size_t size = t.size;
    int error = ag_rt_alloc(&d->memory, size);
    if (error) return failed(error, why, "device memory for the plan's tables");
    t.host = calloc(1, size);
    t.device = d->memory;
    if (!t.host) return ag_refuse(why, AG_ERR_MEMORY, "no memory for the plan's tables");
    lay_out(p, tasks, n_tasks, &t, &d->launch);
    error = ag_rt_upload(d->memory, t.host, size);
    free(t.host);
    return error ? failed(error, why, "the plan's tables") : AG_OK;
}

/* ---- kernels ---- */

static ag_status load_kernels(const ag_cuda_plan *d, ag_why why)
{
    for (int64_t i = 0; i < d->n_batches; i++) {
        const int error = d->batches[i].entry ? ag_rt_preload(d->batches[i].entry) : 0;
        if (error) return failed(error, why, d->batches[i].kernel->kernel.name);
    }
    return AG_OK;
}

static ag_status make(ag_plan *p, ag_cuda_plan *d, ag_why why)
{
    int64_t all = 0, n_tasks = 0;
    for (int i = 0; i < p->n_phases; i++) all += p->phases[i].n_tasks;
    d->batches = calloc((size_t)p->program.n_steps + 1, sizeof *d->batches);
    ag_task *tasks = malloc((size_t)all * sizeof *tasks + 1);
    if (!d->batches || !tasks) {
        free(tasks);
        return ag_refuse(why, AG_ERR_MEMORY, "no memory for the plan's tables");
    }
    for (int phase = 0; phase < p->n_phases; phase++) {
        const int64_t from = d->n_batches;
        list_batches(p, d, phase);
        list_tasks(p, d, phase, from, tasks, &n_tasks);
    }
    ag_status s = upload(p, d, tasks, n_tasks, why);
    free(tasks);
    if (!s) s = load_kernels(d, why);
    return s;
}

/* ---- the backend's hooks; the thread's current device is left as it was ---- */

static ag_status check_device(int device, ag_why why)
{
    int devices;
    ag_rt_device is;
    const int error = ag_rt_count(&devices);
    if (error) return failed(error, why, "devices");
    if (device < 0 || device >= devices)
        return ag_refuse(why, AG_ERR_VALUE, "device is %d, but this machine has %d, numbered from 0", device, devices);
    if (ag_rt_describe(device, &is)) return ag_refuse(why, AG_ERR_DEVICE, "device %d does not answer", device);
    if (is.major < 8)
        return ag_refuse(why, AG_ERR_UNAVAILABLE, "device %d, %s, is of compute capability %d.%d, below 8.0", device,
                         is.name, is.major, is.minor);
    return AG_OK;
}

/* Makes the plan's device current; *before is what was. */
static ag_status enter(const ag_plan *p, int *before, ag_why why)
{
    int error = ag_rt_current(before);
    if (!error) error = ag_rt_use(p->c.device);
    return error ? failed(error, why, "the device") : AG_OK;
}

static ag_status leave(int before, ag_status s, ag_why why)
{
    const int error = ag_rt_use(before);
    return s || !error ? s : failed(error, why, "the device that was current");
}

ag_status ag_cuda_begin(ag_plan *p, ag_why why)
{
    const ag_status s = check_device(p->c.device, why);
    if (s) return s;
    ag_cuda_plan *d = p->device = calloc(1, sizeof *d);
    if (d) d->built = calloc((size_t)p->program.n_steps + 1, sizeof *d->built);
    return d && d->built ? AG_OK : ag_refuse(why, AG_ERR_MEMORY, "no memory for a plan");
}

ag_status ag_cuda_build(ag_plan *p, int64_t step, ag_why why)
{
    const ag_cuda_plan *d = p->device;
    const ag_cuda_kernel *k = kernel_of(p, step);
    int before;
    if (!k->build || d->built[step]) return AG_OK;
    ag_status s = enter(p, &before, why);
    if (s) return s;
    s = k->build(p, &p->program.steps[step], &d->built[step], why);
    if (!s && k->space) ag_want_scratch(p, k->space(d->built[step]));
    return leave(before, s, why);
}

ag_status ag_cuda_prepare(ag_plan *p, ag_why why)
{
    int before;
    const ag_status s = enter(p, &before, why);
    return s ? s : leave(before, make(p, p->device, why), why);
}

void ag_cuda_end(ag_plan *p)
{
    ag_cuda_plan *d = p->device;
    int before;
    if (!d) return;
    if (!ag_rt_current(&before)) {
        ag_rt_use(p->c.device);
        for (int64_t s = 0; d->built && s < p->program.n_steps; s++)
            if (d->built[s]) kernel_of(p, s)->drop(d->built[s]);
        if (d->memory) ag_rt_free(d->memory);
        ag_rt_use(before);
    }
    free(d->batches);
    free(d->built);
    free(d);
}
