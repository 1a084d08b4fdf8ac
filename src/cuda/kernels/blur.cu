/* blur.cu - the blur step in one pass: a block reads what its outputs need, sums over time and height in registers,
 * hands the rows to each other through shared memory, sums over width in registers and stores once.
 *
 * Every axis is the banded matrix of axis.h, eight of its rows at a time: a value that is loaded meets eight weights,
 * and four rows are skipped together where their band does not hold the column. So short kernels cost little more than
 * their taps and long ones no more than the whole axis, 32 multiply-adds for each 16 bytes from shared memory. No
 * boundary code: reflection is in the weights. A block's outputs are 64 octets of tokens (8 rows of 64 columns, or 16
 * of 32, down to 64 of 8) by 16 channels of one frame; wider grids are gone over 64 columns at a time. Refuses nothing.
 *
 * Rows of other blocks are read, so that dst may not be src. */
#include "../../program/axis.h"
#include "vectors.h"

enum { THREADS = 256, CHANNELS = 16, RUN = 4, RUNS = CHANNELS / RUN, OCTET = 8, SLOTS = 64 };
enum { ROW = SLOTS * CHANNELS, PADDED = ROW + CHANNELS }; /* rows of different octets in different banks */

/* Weights of up to 64 inputs for up to 64 outputs, [input][output]. */
struct weights {
    float at[SLOTS][SLOTS];
};

struct room {
    weights down, across;
    float rows[OCTET][PADDED]; /* [row of its band][slot][channel] */
};

/* ---- what a block does ---- */

struct tile {
    int columns, bands; /* 64 = columns x bands; a band is 8 rows */
    int64_t h, t0;      /* head, first channel */
    int t, x0, y0;      /* output frame, first output column and row */
};

AG_FN int columns_of(const ag_blur *x)
{
    int columns = SLOTS;
    while (columns > OCTET && columns / 2 >= x->axis[2].in) columns /= 2;
    return columns;
}

AG_FN int64_t parts(int64_t n, int64_t of) { return (n + of - 1) / of; }

DEVICE tile tile_of(const ag_step *s, int64_t task)
{
    const ag_blur *x = &s->u.blur;
    tile b;
    b.columns = columns_of(x);
    b.bands = SLOTS / b.columns;
    const int64_t across = parts(x->axis[2].out, b.columns), down = parts(x->axis[1].out, b.bands * OCTET);
    const int64_t slabs = parts(x->d, CHANNELS);
    b.t0 = task % slabs * CHANNELS; /* slabs are neighbours in memory, and so in time */
    task /= slabs;
    b.x0 = (int)(task % across) * b.columns;
    task /= across;
    b.y0 = (int)(task % down) * (b.bands * OCTET);
    task /= down;
    b.t = (int)(task % x->axis[0].out);
    b.h = s->heads[task / x->axis[0].out];
    return b;
}

/* ---- axes: [low, high) holds everything of rows [i, i + rows) that is not zero ---- */

DEVICE int low_of(const ag_axis &a, int i) { return a.changes ? (int)ag_axis_low(&a, i) : i; }

DEVICE int high_of(const ag_axis &a, int i, int rows)
{
    if (a.changes) return (int)ag_axis_high(&a, i, rows);
    return (int)(i + rows < a.in ? i + rows : a.in);
}

DEVICE float weight_of(const ag_axis &a, int i, int j)
{
    if (i >= a.out) return 0;
    return a.changes ? (float)ag_axis_weight(&a, i, j) : i == j;
}

DEVICE int most(int a, int b) { return a > b ? a : b; }
DEVICE int least(int a, int b) { return a < b ? a : b; }

/* Weights of outputs [i0, i0 + outs) and inputs [j0, j0 + 64), octet by octet inside its band. */
DEVICE void fill(weights *w, const ag_axis &a, int i0, int outs, int j0)
{
    for (int x = thread(); x < SLOTS * outs; x += THREADS) {
        const int j = j0 + x / outs, i = i0 + x % outs, octet = i0 + x % outs / OCTET * OCTET;
        if (j >= low_of(a, octet) && j < high_of(a, octet, OCTET)) w->at[x / outs][x % outs] = weight_of(a, i, j);
    }
}

/* ---- sums: sum[i] += weight[i] x for eight outputs and four channels ---- */

struct octet {
    float sum[OCTET][RUN];
};

/* Inputs that outputs 0 to 3 and 4 to 7 of an octet need. */
struct bands {
    int low[2], high[2];
};

DEVICE bands bands_of(const ag_axis &a, int i)
{
    return { { low_of(a, i), low_of(a, i + 4) }, { high_of(a, i, 4), high_of(a, i + 4, 4) } };
}

DEVICE void add(octet *o, const bands &b, int j, const float *weight, const float (&x)[RUN])
{
    UNROLL for (int half = 0; half < 2; half++)
    {
        if (j < b.low[half] || j >= b.high[half]) continue;
        const four w = *(const four *)(weight + 4 * half);
        UNROLL for (int at = 0; at < 4 * RUN; at++)
        {
            const int i = at / RUN, c = at % RUN;
            o->sum[4 * half + i][c] += w.x[i] * x[c];
        }
    }
}

/* ---- first: time and height, from memory, for one column ---- */

/* Rows [from, to) of one frame, each `src.step` bytes behind the one before; weights are those of row `from` on. */
DEVICE void add_rows(const head_rows &src, int from, int to, const float *weight, float by, int64_t t, int64_t d,
                     const bands &band, octet *o)
{
    enum { AHEAD = 3 };
    for (int y = from; y < to; y += AHEAD) {
        float in[AHEAD][RUN];
        UNROLL for (int a = 0; a < AHEAD; a++) load_run(in[a], src, least(y + a, to - 1), t, d);
        UNROLL for (int a = 0; a < AHEAD; a++)
        {
            if (y + a >= to) continue;
            UNROLL for (int c = 0; c < RUN; c++) in[a][c] *= by;
            add(o, band, y + a, weight + (y + a - from) * SLOTS, in[a]);
        }
    }
}

/* Columns [from, from + b.columns) of the block's rows, summed over time and height, into shared memory. */
DEVICE void sum_down(const ag_launch &l, const ag_blur &x, const tile &b, int from, room *r)
{
    const ag_axis &height = x.axis[1], &time = x.axis[0];
    const int slot = thread() / RUNS, run = thread() % RUNS, rows = b.bands * OCTET, first = slot / b.columns * OCTET;
    const int column = from + slot % b.columns;
    const int64_t t = b.t0 + run * RUN, frame = height.in * x.axis[2].in;
    const int low = low_of(height, b.y0), high = high_of(height, b.y0, rows);
    const head_rows tokens = rows_of(l, x.src, b.h);
    const int works = column < x.axis[2].in && t < x.d && b.y0 + first < height.out;
    const bands band = bands_of(height, b.y0 + first);
    octet o = {};
    for (int tt = low_of(time, b.t); tt < high_of(time, b.t, 1); tt++)
        for (int y0 = low; y0 < high; y0 += SLOTS) {
            sync_block(); /* weights have been used */
            fill(&r->down, height, b.y0, rows, y0);
            sync_block(); /* weights are there */
            const int y = most(y0, band.low[0]);
            const int end = least(least(y0 + SLOTS, high), most(band.high[0], band.high[1]));
            const head_rows src = { row(tokens, x.o + tt * frame + column), tokens.step * x.axis[2].in, tokens.dtype,
                                    tokens.whole };
            if (works) add_rows(src, y, end, &r->down.at[y - y0][first], weight_of(time, b.t, tt), t, x.d, band, &o);
        }
    UNROLL for (int i = 0; i < OCTET; i++)
    {
        const float *sum = o.sum[i];
        *(four *)&r->rows[i][slot * CHANNELS + run * RUN] = { { sum[0], sum[1], sum[2], sum[3] } };
    }
}

/* ---- then: width, from shared memory. A thread has eight columns of one row: its warp's octet ---- */

struct outputs {
    int slot, row, run; /* first slot, row of its band */
    int x, y;           /* first column; row */
    int64_t t;          /* first channel */
};

DEVICE outputs outputs_of(const tile &b)
{
    outputs o;
    o.slot = warp() * OCTET;
    o.row = lane() / RUNS;
    o.run = lane() % RUNS;
    o.x = b.x0 + o.slot % b.columns;
    o.y = b.y0 + o.slot / b.columns * OCTET + o.row;
    o.t = b.t0 + o.run * RUN;
    return o;
}

/* Columns [from, from + b.columns) into the sums. */
DEVICE void sum_across(const ag_blur &x, const tile &b, const outputs &out, int from, const room *r, octet *o)
{
    const bands band = bands_of(x.axis[2], out.x);
    const int low = most(from, band.low[0]), high = least(from + b.columns, most(band.high[0], band.high[1]));
    const int first = out.slot / b.columns * b.columns;
    for (int j = low; j < high; j++) {
        const int slot = first + j - from;
        const four in = *(const four *)&r->rows[out.row][slot * CHANNELS + out.run * RUN];
        add(o, band, j, &r->across.at[j - from][out.slot % b.columns], in.x);
    }
}

DEVICE void store_octet(const ag_launch &l, const ag_blur &x, const tile &b, const outputs &out, octet *o)
{
    const int64_t height = x.axis[1].out, width = x.axis[2].out;
    const head_rows dst = rows_of(l, x.dst, b.h);
    if (out.y >= height || out.t >= x.d) return;
    UNROLL for (int i = 0; i < OCTET; i++)
    {
        if (out.x + i >= width) continue;
        const int64_t to = x.dst_o + (b.t * height + out.y) * width + out.x + i;
        if (x.accumulate) {
            float old[RUN];
            load_run(old, dst, to, out.t, x.d);
            UNROLL for (int c = 0; c < RUN; c++) o->sum[i][c] += old[c];
        }
        store_run(dst, to, out.t, x.d, o->sum[i]);
    }
}

/* Bound to 128 registers: two blocks share a multiprocessor. */
KERNEL(ag_blur_tiles, 2 * THREADS)
{
    const ag_task task = launch.tasks[block()];
    const ag_step *s = &launch.steps[task.step];
    const ag_blur &x = s->u.blur;
    const tile b = tile_of(s, task.at);
    const ag_axis &width = x.axis[2];
    room *r = (room *)shared_memory();
    const outputs out = outputs_of(b);
    octet o = {};
    const int high = high_of(width, b.x0, b.columns);
    for (int from = low_of(width, b.x0); from < high; from += b.columns) {
        sum_down(launch, x, b, from, r); /* begins with a barrier */
        fill(&r->across, width, b.x0, b.columns, from);
        sync_block(); /* rows and weights are there */
        sum_across(x, b, out, from, r, &o);
    }
    store_octet(launch, x, b, out, &o);
}

static const char *refuse(const ag_step *) { return NULL; }
static size_t shared(const ag_step *) { return sizeof(room); }

/* Each block reads rows that others write. */
static int reads_late(const ag_step *s) { return s->u.blur.dst.source == AG_TO_OUT; }

static int64_t tasks(const ag_step *s)
{
    const ag_blur *x = &s->u.blur;
    const int columns = columns_of(x), rows = SLOTS / columns * OCTET;
    return s->n_heads * x->axis[0].out * parts(x->axis[1].out, rows) * parts(x->axis[2].out, columns) *
           parts(x->d, CHANNELS);
}

const ag_cuda_kernel ag_blur_simt = {
    .kernel = {
        .name = "blur_simt",
        .step = AG_STEP_BLUR,
        .reads_late = reads_late,
        .refuse = refuse,
        .tasks = tasks,
    },
    .entry = (const void *)ag_blur_tiles,
    .threads = THREADS,
    .shared = shared,
};
