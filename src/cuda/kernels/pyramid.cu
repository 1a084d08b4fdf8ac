/* pyramid.cu - the reduce, levels and expand steps: a block for some rows of a plane, a thread for an element at a
 * time. Each finds what it needs of the scale beside it anew: 36 or 25 numbers, which lie in the caches. The finest
 * scale is made of the inputs where it is needed. Sums are float64. Refuse nothing. */
#include "../../program/pyramid.h"
#include "../../rules/dispatch.h"
#include "vectors.h"

enum { THREADS = 256, WARPS = THREADS / 32 };
enum { SCALE_X, SCALE_Y };

struct room {
    ag_combining run;
    ag_forms f;
    ag_factors own, below; /* of the step's scale and the next */
    double sums[WARPS];
};

/* Some rows of one plane. */
struct plane_part {
    ag_sample s;
    const ag_pyramid *of;
    room *r;
    char *work;
    int64_t plane, first, last;
};

/* `height`: of the scale that the rows are of. Nobody may run past this before everybody is here. */
DEVICE plane_part part_of(const ag_launch &l, const ag_pyramid *y, int64_t height, int64_t task)
{
    room *r = (room *)shared_memory();
    const int64_t each = (height + y->rows - 1) / y->rows;
    plane_part p = { { l.guidance, &r->run, 0 }, y, r, l.base[AG_WORK], task / each, task % each * y->rows, 0 };
    p.last = p.first + y->rows < height ? p.first + y->rows : height;
    p.s.number = p.plane / y->channels;
    if (!thread()) {
        r->run = l.u.combine.run;
        r->run.weights = l.u.combine.weights;
        ag_rule_forms(&p.s, &r->f);
    }
    sync_block();
    return p;
}

/* ---- elements ---- */

DEVICE float *stored(const plane_part &p, const ag_scale &s, int which)
{
    return (float *)(p.work + (which == SCALE_Y ? s.y : s.x)) + p.plane * s.height * s.width;
}

/* Element i of the plane: a linear form of the inputs. */
DEVICE float form_of(const plane_part &p, const double *form, int64_t i)
{
    const int64_t at = p.plane % p.of->channels * p.of->fine.height * p.of->fine.width + i;
    double sum = 0;
    for (int k = 0; k < ag_terms(&p.s); k++)
        if (form[k] != 0) sum += form[k] * load_one(ag_term_at(&p.s, k), ag_term_type(&p.s, k), at);
    return (float)sum;
}

DEVICE float fine_at(const plane_part &p, int which, int64_t row, int64_t x)
{
    const int64_t i = row * p.of->fine.width + x;
    if (p.of->level) return stored(p, p.of->fine, which)[i];
    return form_of(p, which == SCALE_Y ? p.r->f.y : p.r->f.x, i);
}

/* Five taps and the mean of two, along one axis: tap k of 6. */
DEVICE float reduce_tap(int k)
{
    const int beside = k < 3 ? k : 5 - k;
    return (beside == 0 ? 1.f : beside == 1 ? 5.f : 10.f) / 32;
}

DEVICE float reduced(const plane_part &p, int which, int64_t row, int64_t x)
{
    const ag_scale &fine = p.of->fine;
    float sum = 0;
    ROLLED for (int k = 0; k < 6; k++)
    {
        const int64_t from = ag_pyramid_reflected(2 * row - 2 + k, fine.height);
        float across = 0;
        for (int j = 0; j < 6; j++)
            across += reduce_tap(j) * fine_at(p, which, from, ag_pyramid_reflected(2 * x - 2 + j, fine.width));
        sum += reduce_tap(k) * across;
    }
    return sum;
}

/* What x f.x + y f.y of the scale below expands to. Without f.y there may be no y. */
APART float expanded(const plane_part &p, const ag_factors &f, int64_t row, int64_t x)
{
    const ag_scale &coarse = p.of->coarse;
    const float of_x = (float)f.x, of_y = (float)f.y;
    float down[5], across[5], sum = 0;
    ag_pyramid_taps(row, p.of->fine.height, down);
    ag_pyramid_taps(x, p.of->fine.width, across);
    UNROLL for (int k = 0; k < 5; k++)
    {
        if (down[k] == 0) continue;
        const int64_t first = ag_pyramid_clamped(row / 2 + k - 2, coarse.height) * coarse.width;
        float some = 0;
        UNROLL for (int j = 0; j < 5; j++)
        {
            const int64_t i = first + ag_pyramid_clamped(x / 2 + j - 2, coarse.width);
            float cell = of_x != 0 ? of_x * stored(p, coarse, SCALE_X)[i] : 0;
            if (of_y != 0) cell += of_y * stored(p, coarse, SCALE_Y)[i];
            some += across[j] * cell;
        }
        sum += down[k] * some;
    }
    return sum;
}

/* ---- factors ---- */

/* A warp's work: every lane gets them. */
DEVICE ag_factors level_factors(const plane_part &p, int level)
{
    const int64_t parts = p.of->parts[level];
    const double *sums = (const double *)(p.work + p.of->sums[level]) + 2 * p.s.number * parts;
    double products = 0, squares = 0;
    for (int64_t i = lane(); p.s.run->sums && i < parts; i += 32) {
        products += sums[2 * i];
        squares += sums[2 * i + 1];
    }
    products = warp_sum(products);
    squares = warp_sum(squares);
    return ag_rule_level(&p.s, level, products, squares);
}

/* Of scale `level`: its factors, less those of the level above, whose share of it is taken back. */
DEVICE ag_factors scale_factors(const plane_part &p, int level)
{
    ag_factors f = level_factors(p, level);
    if (!level) return f;
    const ag_factors above = level_factors(p, level - 1);
    f.x -= above.x;
    f.y -= above.y;
    return f;
}

DEVICE void find_factors(const plane_part &p)
{
    const int next = p.of->level + 1;
    if (!warp()) {
        const ag_factors done = { 1, 0, 0 }, own = scale_factors(p, p.of->level);
        const ag_factors below = next == p.of->levels - 1 ? scale_factors(p, next) : done;
        if (!lane()) p.r->own = own;
        if (!lane()) p.r->below = below;
    }
    sync_block();
}

/* ---- kernels ---- */

KERNEL(ag_reduce_rows, THREADS)
{
    const ag_task task = launch.tasks[block()];
    const ag_pyramid *y = &launch.steps[task.step].u.pyramid;
    const plane_part p = part_of(launch, y, y->coarse.height, task.at);
    const int64_t width = y->coarse.width, end = p.last * width;
    for (int64_t i = p.first * width + thread(); i < end; i += THREADS) {
        stored(p, y->coarse, SCALE_X)[i] = reduced(p, SCALE_X, i / width, i % width);
        if (p.s.run->sums) stored(p, y->coarse, SCALE_Y)[i] = reduced(p, SCALE_Y, i / width, i % width);
    }
}

KERNEL(ag_levels_rows, THREADS)
{
    const ag_task task = launch.tasks[block()];
    const ag_pyramid *y = &launch.steps[task.step].u.pyramid;
    if (!launch.u.combine.run.sums) return;
    const plane_part p = part_of(launch, y, y->fine.height, task.at);
    const int64_t width = y->fine.width, end = p.last * width;
    const ag_factors one_x = { 1, 0, 0 }, one_y = { 0, 1, 0 };
    double products = 0, squares = 0;
    for (int64_t i = p.first * width + thread(); i < end; i += THREADS) {
        double of_x = fine_at(p, SCALE_X, i / width, i % width), of_y = fine_at(p, SCALE_Y, i / width, i % width);
        if (y->level + 1 < y->levels) {
            of_x -= expanded(p, one_x, i / width, i % width);
            of_y -= expanded(p, one_y, i / width, i % width);
        }
        products += of_x * of_y;
        squares += of_y * of_y;
    }
    double *sums = (double *)(p.work + y->sums[y->level]) + 2 * (int64_t)task.at;
    products = block_sum(products, p.r->sums, WARPS);
    squares = block_sum(squares, p.r->sums, WARPS);
    if (thread()) return;
    sums[0] = products;
    sums[1] = squares;
}

/* Element i of the plane without what the scale below adds: in float32, as a linear combination is. */
DEVICE float plain(const plane_part &p, int64_t i)
{
    const int64_t at = p.plane % p.of->channels * p.of->fine.height * p.of->fine.width + i;
    float sum = 0;
    for (int k = 0; k < ag_terms(&p.s); k++) {
        const float weight = (float)ag_weight(&p.r->f, &p.r->own, k);
        if (weight != 0) sum += weight * load_one(ag_term_at(&p.s, k), ag_term_type(&p.s, k), at);
    }
    return sum;
}

/* x of the scale, in place; or the result. */
DEVICE void expand_one(const plane_part &p, int64_t i, float up)
{
    const ag_factors &f = p.r->own;
    if (p.of->level) {
        float *x = &stored(p, p.of->fine, SCALE_X)[i];
        *x = (float)f.x * *x + up;
        if ((float)f.y != 0) *x += (float)f.y * stored(p, p.of->fine, SCALE_Y)[i];
        return;
    }
    const ag_guidance *g = p.s.g;
    const int64_t plane = p.plane % p.of->channels * p.of->fine.height * p.of->fine.width;
    char *to = (char *)p.s.run->out + p.s.number * g->out_stride * (int64_t)ag_size_of(g->out_dtype);
    store_one(to, g->out_dtype, plane + i, plain(p, i) + up);
}

KERNEL(ag_expand_rows, THREADS)
{
    const ag_task task = launch.tasks[block()];
    const ag_pyramid *y = &launch.steps[task.step].u.pyramid;
    const plane_part p = part_of(launch, y, y->fine.height, task.at);
    const int64_t width = y->fine.width, end = p.last * width;
    find_factors(p);
    const ag_factors &below = p.r->below; /* what adds nothing may be NaN */
    const int adds = y->level + 1 < y->levels && (below.x != 0 || below.y != 0);
    for (int64_t i = p.first * width + thread(); i < end; i += THREADS)
        expand_one(p, i, adds ? expanded(p, p.r->below, i / width, i % width) : 0);
}

static const char *refuse(const ag_step *) { return NULL; }
static size_t shared(const ag_step *) { return sizeof(room); }

static int64_t tasks(const ag_step *s)
{
    const ag_pyramid *y = &s->u.pyramid;
    const int64_t height = s->kind == AG_STEP_REDUCE ? y->coarse.height : y->fine.height;
    return y->planes * ((height + y->rows - 1) / y->rows);
}

const ag_cuda_kernel ag_reduce_simt = {
    .kernel = {
        .name = "reduce_simt",
        .step = AG_STEP_REDUCE,
        .refuse = refuse,
        .tasks = tasks,
    },
    .entry = (const void *)ag_reduce_rows,
    .threads = THREADS,
    .shared = shared,
};
const ag_cuda_kernel ag_levels_simt = {
    .kernel = {
        .name = "levels_simt",
        .step = AG_STEP_LEVELS,
        .refuse = refuse,
        .tasks = tasks,
    },
    .entry = (const void *)ag_levels_rows,
    .threads = THREADS,
    .shared = shared,
};
const ag_cuda_kernel ag_expand_simt = {
    .kernel = {
        .name = "expand_simt",
        .step = AG_STEP_EXPAND,
        .refuse = refuse,
        .tasks = tasks,
    },
    .entry = (const void *)ag_expand_rows,
    .threads = THREADS,
    .shared = shared,
};
