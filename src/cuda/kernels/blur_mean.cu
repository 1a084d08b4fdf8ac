/* blur_mean.cu - the blur step where each frame, or all of them, becomes its mean: infinite sigma. A block for each
 * head, frame and 16 channels reads them once, in float64, and stores the mean wherever it is wanted. No prefix and no
 * taps: every output of an infinite axis is one number. dst may not be src. */
#include "vectors.h"

/* Tokens of one mean, how many means, and how many output rows each is stored to. */
struct groups {
    int64_t tokens, count, rows;
};

AG_FN groups groups_of(const ag_blur *x)
{
    const int64_t frame = x->axis[1].in * x->axis[2].in, out = x->axis[1].out * x->axis[2].out;
    if (x->axis[0].mean) return { x->axis[0].in * frame, 1, x->axis[0].out * out };
    return { frame, x->axis[0].in, out };
}

KERNEL(ag_blur_means, MEAN_THREADS)
{
    const ag_task task = launch.tasks[block()];
    const ag_step *s = &launch.steps[task.step];
    const ag_blur &x = s->u.blur;
    const groups all = groups_of(&x);
    const ag_visible every = { NULL, 0, INT64_MAX };
    mean_room *room = (mean_room *)shared_memory();
    const int64_t slabs = (x.d + MEAN_CHANNELS - 1) / MEAN_CHANNELS, t0 = task.at % slabs * MEAN_CHANNELS;
    const int64_t group = task.at / slabs % all.count, h = s->heads[task.at / slabs / all.count];
    mean_tokens(launch, x.src, h, x.o + group * all.tokens, all.tokens, t0, x.d, every, room);
    const int channel = thread() % MEAN_CHANNELS;
    const int64_t t = t0 + channel;
    const float mean = mean_channel(room, channel, (int)all.tokens);
    for (int64_t i = thread() / MEAN_CHANNELS; t < x.d && i < all.rows; i += MEAN_THREADS / MEAN_CHANNELS) {
        char *to = at(launch, x.dst, h, x.dst_o + group * all.rows + i);
        const float old = x.accumulate ? load_one(to, x.dst.dtype, t) : 0;
        store_one(to, x.dst.dtype, t, x.accumulate ? mean + old : mean);
    }
}

static const char *refuse(const ag_step *s)
{
    const ag_axis *a = s->u.blur.axis;
    if ((!a[1].mean && a[1].in > 1) || (!a[2].mean && a[2].in > 1)) return "height and width are not both means";
    if (a[0].changes && !a[0].mean) return "the blur over time is no mean";
    return NULL;
}

static int64_t tasks(const ag_step *s) { return s->n_heads * groups_of(&s->u.blur).count * mean_slabs(s->u.blur.d); }

static size_t shared(const ag_step *) { return sizeof(mean_room); }

const ag_cuda_kernel ag_blur_mean_simt = {
    .kernel = {
        .name = "blur_mean_simt",
        .step = AG_STEP_BLUR,
        .refuse = refuse,
        .tasks = tasks,
    },
    .entry = (const void *)ag_blur_means,
    .threads = MEAN_THREADS,
    .shared = shared,
};
