/* attend.cu - the attend step for any shape, type, stride, mask and bias, in plain float32: what refuses nothing, and
 * what faster kernels are compared with.
 *
 * A block has 64 queries of one head and up to 128 channels of their values; wider values are more tasks, each with
 * logits of its own. Keys come in tiles of 64 across all key ranges; those that nobody may see are neither read nor
 * multiplied, and a tile without any other is passed over. A thread owns a 4 x 4 patch of the logits and, for the same
 * 4 queries, 8 channels of the result, so that maximum m, sum l and result o of the online softmax (Milakov and
 * Gimelshein 2018) never leave its registers; 16 threads share a query. An own key (identity, uniform) is the element
 * that the recurrence starts from. Logits are in units of log 2. */
#include <float.h>

#include "attend_rows.h"

#define LOG2E 1.4426950408889634
#define LN2 0.6931471805599453f

/* ---- logits ---- */

/* What makes a logit of a product, in units of log 2. */
DEVICE float scale_of(const worker &w) { return (float)(w.pass->scale * LOG2E); }

DEVICE void add_products(const room *r, const worker &w, float (*s)[4])
{
    ROLLED
    for (int t = 0; t < CHANNELS; t += 4) {
        four q[MINE], k[4];
        UNROLL
        for (int i = 0; i < MINE; i++) q[i] = *(const four *)&r->q[w.first + i][t];
        UNROLL
        for (int c = 0; c < 4; c++) k[c] = *(const four *)&r->k[w.column + 16 * c][t];
        UNROLL
        for (int i = 0; i < MINE; i++) UNROLL
        for (int c = 0; c < 4; c++) UNROLL
        for (int x = 0; x < 4; x++) s[i][c] += q[i].x[x] * k[c].x[x];
    }
}

/* In units of log 2. The lowest finite float is a popular "-inf": it must stay finite, or a row that has nothing else
 * would see nothing. */
DEVICE float added(const ag_launch &l, const worker &w, int64_t logit_row, int64_t j)
{
    const float bias = bias_at(l, w.s->b, w.h, logit_row, j), scaled = bias * (float)LOG2E;
    return scaled == -INFINITY && bias != -INFINITY ? -FLT_MAX : scaled;
}

/* What masks and noise at random do to the logit of a query and a key: their words are those of image-local tokens. */
DEVICE float disturbed(const worker &w, const ag_row_value &row, int64_t query, int64_t key)
{
    const ag_disturbance *x = &w.pass->disturbance;
    const int64_t i = query - x->o, j = key - x->o;
    if (i < 0 || i >= x->n || j < 0 || j >= x->n) return 0;
    const ag_words words = ag_logit_words(row.seed, (uint32_t)row.stream, (uint32_t)i, (uint32_t)j);
    if (x->kind == AG_DISTURB_NOISE) return (float)(x->amplitude * LOG2E) * ag_normal_f32(words);
    return i != j && words.w0 <= x->last ? -INFINITY : 0;
}

DEVICE int has_added(const worker &w) { return w.a->biased || w.pass->disturbance.kind != AG_DISTURB_NONE; }

/* What is added to the logits of my patch, where my weights will be. */
DEVICE void list_added(const ag_launch &l, const worker &w)
{
    const ag_row_value row = row_value(l, w.s->b);
    ROLLED
    for (int x = 0; x < MINE * 4; x++) {
        const int at = w.first + x / 4, column = w.column + x % 4 * 16;
        const int64_t j = w.r->key_token[column], i = w.r->logit_row[at];
        float sum = 0;
        if (w.a->biased && i >= 0 && j >= 0) sum = added(l, w, i, j);
        if (w.pass->disturbance.kind != AG_DISTURB_NONE) sum += disturbed(w, row, w.r->token[at], j);
        w.r->p[at][column] = sum;
    }
}

DEVICE void amend(const worker &w, float (*s)[4])
{
    const float by = scale_of(w);
    const int adds = has_added(w);
    UNROLL
    for (int i = 0; i < MINE; i++) {
        const int64_t seen = seen_by(w.a, w.r->logit_row[w.first + i]);
        UNROLL
        for (int c = 0; c < 4; c++) {
            const int column = w.column + 16 * c;
            const int64_t j = w.r->key_token[column];
            s[i][c] *= by;
            if (adds) s[i][c] += w.r->p[w.first + i][column];
            if (j < 0 || j >= seen) s[i][c] = -INFINITY;
        }
    }
}

/* ---- the recurrence ---- */

/* Over the 16 threads that share a query. */
DEVICE float row_max(float x)
{
    UNROLL
    for (int step = 1; step < 16; step *= 2) x = fmaxf(x, shuffle_xor(x, step));
    return x;
}

DEVICE float row_sum(float x)
{
    UNROLL
    for (int step = 1; step < 16; step *= 2) x += shuffle_xor(x, step);
    return x;
}

/* Logits become weights, in shared memory; what was summed so far is rescaled to the new maximum. */
DEVICE void weigh(worker &w, float (*s)[4])
{
    UNROLL
    for (int i = 0; i < MINE; i++) {
        const float top = row_max(fmaxf(fmaxf(s[i][0], s[i][1]), fmaxf(s[i][2], s[i][3])));
        const float m = fmaxf(w.m[i], top), by = exp2f(w.m[i] - m);
        float sum = 0;
        UNROLL
        for (int c = 0; c < 4; c++) {
            const float p = exp2f(s[i][c] - m);
            w.r->p[w.first + i][w.column + 16 * c] = p;
            sum += p;
        }
        w.m[i] = m;
        w.l[i] = w.l[i] * by + row_sum(sum);
        UNROLL
        for (int half = 0; half < HALVES; half++) UNROLL
        for (int x = 0; x < 4; x++) w.o[i][half].x[x] *= by;
    }
}

DEVICE void add_values(worker &w, int from)
{
    ROLLED
    for (int j = 0; j < AT_ONCE; j += 4) {
        four p[MINE];
        UNROLL
        for (int i = 0; i < MINE; i++) p[i] = *(const four *)&w.r->p[w.first + i][from + j];
        UNROLL
        for (int half = 0; half < HALVES; half++) {
            if (half && !w.wide) continue;
            UNROLL
            for (int y = 0; y < 4; y++) {
                const four v = *(const four *)&w.r->v[j + y][64 * half + 4 * w.column];
                UNROLL
                for (int i = 0; i < MINE; i++) UNROLL
                for (int x = 0; x < 4; x++) w.o[i][half].x[x] += p[i].x[y] * v.x[x];
            }
        }
    }
}

DEVICE void attend_tile(const ag_launch &l, worker &w)
{
    if (has_added(w)) list_added(l, w); /* before there are logits to keep in registers */
    float s[MINE][4] = {};
    for (int64_t t = 0; t < w.a->d; t += CHANNELS) {
        stage(w.r->q[0], PITCH, w.r->query, QUERIES + KEYS, 3, t, w.a->d);
        sync_block(); /* queries and keys are there */
        add_products(w.r, w, s);
        sync_block(); /* they have been read */
    }
    amend(w, s);
    weigh(w, s);
    for (int from = 0; from < KEYS; from += AT_ONCE) {
        stage(w.r->v[0], WIDE, w.r->value + from, AT_ONCE, w.wide ? 5 : 4, w.channel, w.a->d_v);
        sync_block(); /* values are there */
        add_values(w, from);
        sync_block(); /* values have been read */
    }
}

/* ---- the element the recurrence starts from ---- */

/* My channels of a row for each of my queries. */
DEVICE void take_rows(worker &w)
{
    stage(w.r->rows[0], WIDE, w.r->value, QUERIES, w.wide ? 5 : 4, w.channel, w.a->d_v);
    sync_block(); /* rows are there */
    UNROLL
    for (int i = 0; i < MINE; i++) UNROLL
    for (int half = 0; half < HALVES; half++)
        if (!half || w.wide) w.o[i][half] = *(const four *)&w.r->rows[w.first + i][64 * half + 4 * w.column];
    sync_block(); /* rows have been read */
}

/* Logits of my queries with their own keys. */
DEVICE void list_starts(const ag_launch &l, const worker &w, const ag_pass &pass)
{
    ROLLED
    for (int i = w.first; i < w.first + MINE; i++) {
        const source q = w.r->query[i], k = w.r->key[i];
        float x = 0;
        for (int64_t t = 4 * w.column; t < w.a->d; t += 64) {
            const four a = load_four(q, t, w.a->d), b = load_four(k, t, w.a->d);
            UNROLL
            for (int c = 0; c < 4; c++) x += a.x[c] * b.x[c];
        }
        x = row_sum(x) * scale_of(w);
        if (k.at && pass.own == AG_OWN_MEAN) x += log2f(*(const float *)at(l, pass.own_count, w.h, 0));
        if (!w.column) w.r->start[i] = k.at ? x : -INFINITY;
    }
    sync_warp(); /* the 16 threads of a query are in one warp */
}

DEVICE void start(const ag_launch &l, worker &w, const ag_pass &pass)
{
    if (pass.own != AG_OWN_NONE) list_starts(l, w, pass);
    UNROLL
    for (int i = 0; i < MINE; i++) {
        const int there = pass.own != AG_OWN_NONE && w.r->key[w.first + i].at;
        w.m[i] = there ? w.r->start[w.first + i] : -FLT_MAX;
        w.l[i] = there;
        if (w.r->token[w.first + i] >= 0 && w.r->logit_row[w.first + i] < 0) w.l[i] = NAN;
        UNROLL
        for (int half = 0; half < HALVES; half++) w.o[i][half] = four{};
    }
    if (pass.own != AG_OWN_NONE) take_rows(w);
}

/* ---- a pass ---- */

DEVICE void attend_pass(const ag_launch &l, worker &w, const ag_pass &pass)
{
    start(l, w, pass);
    const int64_t end = last_seen(w);
    int64_t keys = 0;
    for (int i = 0; i < pass.n_keys; i++) keys += keys_below(pass.keys[i], end);
    sync_block(); /* the own keys have been read */
    for (int64_t from = 0; from < keys; from += KEYS) {
        list_keys(l, w, pass, from, end);
        sync_block(); /* keys are listed */
        if (w.r->any[0] | w.r->any[1]) attend_tile(l, w);
        else sync_block(); /* before the next list */
    }
    UNROLL
    for (int i = 0; i < MINE; i++) {
        const float by = w.l[i] == 0 ? 0 : 1 / w.l[i]; /* a NaN sum stays NaN */
        UNROLL
        for (int half = 0; half < HALVES; half++) UNROLL
        for (int x = 0; x < 4; x++) w.o[i][half].x[x] *= by;
    }
}

DEVICE void run_pass(const ag_launch &l, worker &w, const ag_pass &pass)
{
    w.pass = &pass;
    sync_block(); /* queries are listed, the pass before is done with its rows */
    list_rows(l, w, pass);
    sync_block(); /* rows are listed */
    if (pass.ready) take_rows(w);
    else attend_pass(l, w, pass);
}

/* ---- results ---- */

/* The greatest bias among the keys that a row sees: its lse where all of them lie below what units of log 2 can hold,
 * so far down that the products do not show. */
DEVICE float greatest_bias(const ag_launch &l, const worker &w, int64_t logit_row)
{
    const ag_pass &pass = w.a->pass[0];
    const int64_t seen = seen_by(w.a, logit_row);
    float most = -INFINITY;
    for (int n = 0; n < pass.n_keys; n++)
        for (int64_t j = pass.keys[n].first; j < pass.keys[n].first + pass.keys[n].count && j < seen; j++)
            if (is_visible(w.seen, j)) most = fmaxf(most, bias_at(l, w.s->b, w.h, logit_row, j));
    return most;
}

/* The lse of rows whose maximum was clamped to the lowest float: found again, from what has just been stored. */
DEVICE void mend_lse(const ag_launch &l, const worker &w)
{
    const ag_attend *a = w.a;
    if (!a->biased || a->lse.source == AG_SOURCES || w.channel || w.column) return;
    ROLLED
    for (int i = w.first; i < w.first + MINE; i++) {
        if (w.r->token[i] < 0) continue;
        float *lse = (float *)at(l, a->lse, w.h, w.r->token[i]);
        if (*lse < -FLT_MAX / 2 && *lse != -INFINITY) *lse = greatest_bias(l, w, w.r->logit_row[i]);
    }
}

/* out = o, or (1-u) kept + u o. */
DEVICE void store_query(const ag_launch &l, const worker &w, int i, float u, const float *kept)
{
    const ag_attend *a = w.a;
    const int64_t token = w.r->token[w.first + i];
    if (token < 0) return;
    char *out = at(l, a->out, w.h, token);
    UNROLL
    for (int half = 0; half < HALVES; half++) UNROLL
    for (int x = 0; x < 4; x++) {
        const int64_t t = w.channel + 64 * half + 4 * w.column + x;
        float y = w.o[i][half].x[x];
        if (kept) y = (1 - u) * kept[((i * HALVES + half) * 4 + x) * THREADS] + u * y;
        if (t < a->d_v) store_one(out, a->out.dtype, t, y);
    }
    if (a->lse.source == AG_SOURCES || w.channel || w.column) return;
    *(float *)at(l, a->lse, w.h, token) = w.l[i] == 0 ? -INFINITY : (w.m[i] + log2f(w.l[i])) * LN2;
}

/* Each thread for itself: nobody else reads it. */
DEVICE void keep(const worker &w, float *kept)
{
    UNROLL
    for (int i = 0; i < MINE; i++) UNROLL
    for (int half = 0; half < HALVES; half++) UNROLL
    for (int x = 0; x < 4; x++) kept[((i * HALVES + half) * 4 + x) * THREADS] = w.o[i][half].x[x];
}

/* Blended: at strength 0 and 1 one pass alone is run and stored. */
KERNEL(ag_attend_tiles, THREADS)
{
    const ag_task task = launch.tasks[block()];
    worker w;
    w.s = &launch.steps[task.step];
    w.a = &w.s->u.attend;
    w.r = (room *)shared_memory();
    const int64_t parts = parts_of(w.a), tile = task.at / parts;
    w.h = w.s->heads[tile / tiles_of(w.a)];
    w.seen = visible_of(launch, w.s->b);
    w.channel = task.at % parts * WIDE;
    w.wide = w.a->d_v - w.channel > 64;
    w.first = thread() / 16 * MINE;
    w.column = thread() % 16;
    list_queries(w, tile % tiles_of(w.a) * QUERIES);

    float *kept = (float *)(w.r + 1) + thread();
    const float u = w.a->n_passes == 2 ? (float)row_value(launch, w.s->b).strength : 0;
    const int blended = u > 0 && u < 1;
    for (int pass = u == 1; pass <= (u > 0); pass++) {
        run_pass(launch, w, w.a->pass[pass]);
        if (blended && !pass) keep(w, kept);
    }
    UNROLL
    for (int i = 0; i < MINE; i++) store_query(launch, w, i, u, blended ? kept : NULL);
    mend_lse(launch, w);
}

static const char *refuse(const ag_step *) { return NULL; }
/* Blocks that share queries write different channels of the results. */
static int reads_late(const ag_step *s) { return parts_of(&s->u.attend) > 1; }
static int64_t tasks(const ag_step *s) { return s->n_heads * tiles_of(&s->u.attend) * parts_of(&s->u.attend); }

static size_t shared(const ag_step *s)
{
    return sizeof(room) + (s->u.attend.n_passes == 2 ? (size_t)KEPT * THREADS * sizeof(float) : 0);
}

const ag_cuda_kernel ag_attend_f32_simt = {
    .kernel = {
        .name = "attend_f32_simt",
        .step = AG_STEP_ATTEND,
        .reads_late = reads_late,
        .refuse = refuse,
        .tasks = tasks,
    },
    .entry = (const void *)ag_attend_tiles,
    .threads = THREADS,
    .shared = shared,
};
