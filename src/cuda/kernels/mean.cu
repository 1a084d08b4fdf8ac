/* mean.cu - the mean of visible image keys or values, and how many they are: a block for each head and 16 channels,
 * read once. Sums in float64. Refuses nothing. */
#include "vectors.h"

KERNEL(ag_mean_tokens, MEAN_THREADS)
{
    const ag_task task = launch.tasks[block()];
    const ag_step *s = &launch.steps[task.step];
    const ag_mean &m = s->u.mean;
    mean_room *room = (mean_room *)shared_memory();
    const int64_t slabs = (m.d + MEAN_CHANNELS - 1) / MEAN_CHANNELS, t0 = task.at % slabs * MEAN_CHANNELS;
    const int64_t h = s->heads[task.at / slabs], t = t0 + thread();
    const int count = mean_tokens(launch, m.src, h, m.o, m.n, t0, m.d, visible_of(launch, s->b), room);
    if (thread() < MEAN_CHANNELS && t < m.d)
        store_one(at(launch, m.dst, h, 0), m.dst.dtype, t, mean_channel(room, thread(), count));
    if (m.count.source != AG_SOURCES && !t0 && !thread()) *(float *)at(launch, m.count, h, 0) = (float)count;
}

static const char *refuse(const ag_step *) { return NULL; }
static int64_t tasks(const ag_step *s) { return s->n_heads * mean_slabs(s->u.mean.d); }
static size_t shared(const ag_step *) { return sizeof(mean_room); }

const ag_cuda_kernel ag_mean_simt = {
    .kernel = {
        .name = "mean_simt",
        .step = AG_STEP_MEAN,
        .refuse = refuse,
        .tasks = tasks,
    },
    .entry = (const void *)ag_mean_tokens,
    .threads = MEAN_THREADS,
    .shared = shared,
};
