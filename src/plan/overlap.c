/* overlap.c - do two pieces of memory share a byte? By their elements, not by where they begin and end: an output may
 * be a slice of a fused projection beside the inputs.
 *
 * Byte x of element i of one is byte y of element j of the other where sum s i - sum t j = distance + y - x. With j
 * counted from its end every step is positive, and the question is whether a sum of steps, each taken 0 .. most times,
 * falls into a window. Steps are tried from the largest on. What those after it can add bounds how often each is worth
 * trying: where strides are nested, as those of layouts are, that is two or three times. */
#include "check.h"

typedef long long ll;

enum { MOST_AXES = 2 * AG_REGION_AXES, MOST_TRIES = 4096 };

typedef struct search {
    int n, tries;
    int64_t step[MOST_AXES], most[MOST_AXES];
    int64_t reach[MOST_AXES + 1];  /* the largest sum of the steps from this one on */
    int64_t common[MOST_AXES + 1]; /* their greatest common divisor */
} search;

/* Equal steps are one, taken more often; the largest first. */
static void add_step(search *s, int64_t step, int64_t most)
{
    int at = 0;
    if (!step || !most) return;
    while (at < s->n && s->step[at] > step) at++;
    if (at < s->n && s->step[at] == step) {
        s->most[at] += most;
        return;
    }
    for (int i = s->n++; i > at; i--) {
        s->step[i] = s->step[i - 1];
        s->most[i] = s->most[i - 1];
    }
    s->step[at] = step;
    s->most[at] = most;
}

static int64_t divisor(int64_t a, int64_t b)
{
    while (b) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Some sum of the steps from i on lies in [low, high]; also where too much would have to be tried. */
static int meets(search *s, int i, int64_t low, int64_t high)
{
    if (high < 0 || low > s->reach[i]) return 0;
    if (low <= 0 || high >= s->reach[i]) return 1; /* none of them, or all */
    if (high / s->common[i] * s->common[i] < low) return 0;
    const int64_t rest = s->reach[i + 1], step = s->step[i];
    const int64_t last = high / step < s->most[i] ? high / step : s->most[i];
    for (int64_t u = low > rest ? (low - rest - 1) / step + 1 : 0; u <= last; u++)
        if (s->tries-- <= 0 || meets(s, i + 1, low - u * step, high - u * step)) return 1;
    return 0;
}

/* From the first byte to the first of the last element; -1 where that is more than half of what 64 bits count. */
static int64_t span(const ag_region *r)
{
    int64_t all = 0;
    for (int i = 0; i < r->axes; i++) {
        int64_t axis;
        if (__builtin_mul_overflow(r->extent[i] - 1, r->stride[i], &axis) || __builtin_add_overflow(all, axis, &all))
            return -1;
    }
    return all > INT64_MAX / 4 || r->width > INT64_MAX / 4 ? -1 : all;
}

static int overlap(const ag_region *a, const ag_region *b)
{
    const int64_t distance = (int64_t)((uintptr_t)b->at - (uintptr_t)a->at), of_a = span(a), of_b = span(b);
    if (of_a < 0 || of_b < 0 || distance > INT64_MAX / 4 || distance < -INT64_MAX / 4) return distance == 0;
    if (distance >= of_a + a->width || distance <= -(of_b + b->width)) return 0; /* as always, and in every run */
    search s = { .tries = MOST_TRIES };
    for (int i = 0; i < a->axes; i++) add_step(&s, a->stride[i], a->extent[i] - 1);
    for (int i = 0; i < b->axes; i++) add_step(&s, b->stride[i], b->extent[i] - 1);
    for (int i = s.n - 1; i >= 0; i--) {
        s.reach[i] = s.reach[i + 1] + s.step[i] * s.most[i];
        s.common[i] = divisor(s.step[i], s.common[i + 1]);
    }
    return meets(&s, 0, distance + of_b - (a->width - 1), distance + of_b + b->width - 1);
}

ag_region ag_region_packed(const char *name, const void *at, int64_t n, size_t element)
{
    return (ag_region){ .name = name, .at = at, .width = n * (int64_t)element };
}

ag_region ag_region_tensor(const char *name, const void *at, const ag_layout *l, const int64_t extent[4])
{
    const int64_t size = (int64_t)ag_size_of(l->dtype);
    ag_region r = { .name = name, .at = at, .axes = 3, .width = extent[3] * size };
    for (int i = 0; i < 3; i++) {
        r.extent[i] = extent[i];
        r.stride[i] = extent[i] > 1 ? l->stride[i] * size : 0;
    }
    return r;
}

ag_status ag_check_apart(const ag_region *written, const ag_region *other, ag_why why)
{
    if (!written->at || !other->at || !overlap(written, other)) return AG_OK;
    const ll distance = (ll)((uintptr_t)written->at - (uintptr_t)other->at);
    return ag_refuse(
        why, AG_ERR_ALIAS, "%s overlaps %s, which begins %lld bytes %s it: an output must not overlap anything else",
        written->name, other->name, distance < 0 ? -distance : distance, distance < 0 ? "after" : "before");
}

ag_status ag_check_address(const char *name, const void *at, size_t element, ag_why why)
{
    if ((uintptr_t)at % element == 0) return AG_OK;
    return ag_refuse(why, AG_ERR_STRIDE,
                     "%s is at address 0x%llx, which is not a multiple of its element size, %zu bytes", name,
                     (unsigned long long)(uintptr_t)at, element);
}
