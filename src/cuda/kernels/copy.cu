/* copy.cu - rows copied or broadcast: identity, uniform, distinct rows of an infinite blur. A floor: one read, one
 * write, 16 bytes at a time where types and alignment allow it. Refuses nothing. */
#include "rows.h"

enum { THREADS = 256 };

/* A zero row stands for one whose own key is masked. */
DEVICE int is_hidden(const ag_copy &c, const ag_visible &seen, int64_t i) { return c.own_key && !is_visible(seen, i); }

DEVICE void copy_quads(const ag_launch &l, const ag_copy &c, const part &p, const ag_visible &seen)
{
    const int quads = (int)(c.d * (int64_t)ag_size_of(c.dst.dtype) / 16), all = (int)(p.last - p.first) * quads;
    for (int x = thread(); x < all; x += THREADS) {
        const int64_t i = c.first + p.first + x / quads;
        const quad *from = (const quad *)at(l, c.src, p.h, ag_mapped(&c.map, i)) + x % quads;
        quad *to = (quad *)at(l, c.dst, p.h, i) + x % quads;
        if (is_hidden(c, seen, i)) *to = quad{};
        else if (to != from) *to = *from;
    }
}

DEVICE void copy_elements(const ag_launch &l, const ag_copy &c, const part &p, const ag_visible &seen)
{
    const int64_t all = (p.last - p.first) * c.d;
    for (int64_t x = thread(); x < all; x += THREADS) {
        const int64_t i = c.first + p.first + x / c.d, t = x % c.d;
        const char *from = at(l, c.src, p.h, ag_mapped(&c.map, i));
        char *to = at(l, c.dst, p.h, i);
        if (is_hidden(c, seen, i)) store_one(to, c.dst.dtype, t, 0);
        else if (to != from) store_one(to, c.dst.dtype, t, load_one(from, c.src.dtype, t));
    }
}

KERNEL(ag_copy_rows, THREADS)
{
    const ag_task task = launch.tasks[block()];
    const ag_step *s = &launch.steps[task.step];
    const ag_copy &c = s->u.copy;
    const part p = part_of(s, task.at, c.count);
    const ag_visible seen = visible_of(launch, s->b);
    const int whole = c.d * (int64_t)ag_size_of(c.dst.dtype) % 16 == 0;
    if (whole && c.src.dtype == c.dst.dtype && is_aligned(launch, c.src) && is_aligned(launch, c.dst))
        copy_quads(launch, c, p, seen);
    else copy_elements(launch, c, p, seen);
    if (c.lse_dst.source == AG_SOURCES) return;
    for (int64_t i = c.first + p.first + thread(); i < c.first + p.last; i += THREADS)
        *(float *)at(launch, c.lse_dst, p.h, i) = *(const float *)at(launch, c.lse_src, p.h, ag_mapped(&c.map, i));
}

static const char *refuse(const ag_step *) { return NULL; }
static int64_t tasks(const ag_step *s) { return s->n_heads * chunks_of(s->u.copy.count); }

const ag_cuda_kernel ag_copy_simt = {
    .kernel = {
        .name = "copy_simt",
        .step = AG_STEP_COPY,
        .refuse = refuse,
        .tasks = tasks,
    },
    .entry = (const void *)ag_copy_rows,
    .threads = THREADS,
};
