/* attend.cu - the attend step for any shape, type, stride, mask and bias, in plain float32: what refuses nothing, and
 * what faster kernels are compared with.
 *
 * A block has 64 queries of one head and up to 128 channels of their values; wider values are more tasks, each with
 * logits of its own. Keys come in tiles of 64 across all key ranges; those that nobody may see are neither read nor
 * multiplied, and a tile without any other is passed over. A thread owns a 4 x 4 patch of the logits and, for the same
 * 4 queries, 8 channels of the result, so that maximum m, sum l and result o of the online softmax (Milakov and
 * Gimelshein 2018) never leave its registers; 16 threads share a query. An own key (identity, uniform) is the element
 * that the recurrence starts from. Logits are in units of log 2. */
#include "attend_sparse.h"

/* ---- the recurrence ---- */

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

/* Every visible key of the pass joins: by the recurrence, or, in the kernel that has `entmax`, by weights that are made
 * of what a search has found. */
template <int entmax> DEVICE void attend_keys(const ag_launch &l, worker &w)
{
    const int64_t end = last_seen(w), keys = keys_of(*w.pass, end);
    for (int64_t from = 0; from < keys; from += KEYS) {
        list_keys(l, w, *w.pass, from, end);
        sync_block(); /* keys are listed */
        if (w.r->any[0] | w.r->any[1]) {
            float s[MINE][4];
            make_logits(l, w, s);
            if (entmax && w.r->lambda != 0) sparse_weigh(w, s);
            else weigh(w, s);
            use_weights(w);
        } else {
            sync_block(); /* before the next list */
        }
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
        if (there && !(fabsf(w.m[i]) <= LOGITS_FIT)) w.r->again[w.first + i] = 1;
        w.l[i] = there;
        if (w.r->token[w.first + i] >= 0 && w.r->logit_row[w.first + i] < 0) w.l[i] = NAN;
        UNROLL
        for (int half = 0; half < HALVES; half++) w.o[i][half] = four{};
    }
    if (pass.own != AG_OWN_NONE) take_rows(w);
}

/* Nothing: no own key. */
DEVICE void start_empty(worker &w)
{
    UNROLL
    for (int i = 0; i < MINE; i++) {
        w.m[i] = -FLT_MAX;
        w.l[i] = 0;
        UNROLL
        for (int half = 0; half < HALVES; half++) w.o[i][half] = four{};
    }
}

/* ---- a pass ---- */

/* The sums become the result. Where that is not finite, or a logit was too large, the row is computed again. Noise may
 * have left nothing but the lowest float. */
DEVICE void finish(worker &w)
{
    UNROLL
    for (int i = 0; i < MINE; i++) {
        const float by = w.l[i] == 0 ? 0 : 1 / w.l[i]; /* a NaN sum stays NaN */
        const int low = w.pass->disturbance.kind == AG_DISTURB_NOISE && w.m[i] < -LOGITS_FIT;
        int odd = w.l[i] != 0 && (low || !(w.m[i] <= LOGITS_FIT));
        UNROLL
        for (int half = 0; half < HALVES; half++) UNROLL
        for (int x = 0; x < 4; x++) {
            w.o[i][half].x[x] *= by;
            odd |= !(fabsf(w.o[i][half].x[x]) <= FLT_MAX);
        }
        if (odd) w.r->again[w.first + i] = 1;
    }
    sync_warp(); /* the 16 threads of a query are in one warp */
}

DEVICE void attend_pass(const ag_launch &l, worker &w, const ag_pass &pass)
{
    start(l, w, pass);
    sync_block(); /* the own keys have been read */
    attend_keys<0>(l, w);
    finish(w);
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
            if (is_visible(visible_of(l, w.s->b), j)) most = fmaxf(most, bias_at(l, w.s->b, w.h, logit_row, j));
    return most;
}

/* The lse of rows whose maximum was clamped to the lowest float: found again, from what has just been stored. */
DEVICE void mend_lse(const ag_launch &l, const worker &w)
{
    const ag_attend *a = w.a;
    if (!a->biased || a->lse.source == AG_SOURCES || w.channel || w.column) return;
    ROLLED
    for (int i = w.first; i < w.first + MINE; i++) {
        if (w.r->token[i] < 0 || w.r->again[i]) continue;
        float *lse = (float *)at(l, a->lse, w.h, w.r->token[i]);
        if (*lse < -FLT_MAX / 2 && *lse != -INFINITY) *lse = greatest_bias(l, w, w.r->logit_row[i]);
    }
}

/* out = o, or (1-u) kept + u o. */
DEVICE void store_query(const ag_launch &l, const worker &w, int i, float u, const float *kept)
{
    const ag_attend *a = w.a;
    const int64_t token = w.r->token[w.first + i];
    if (token < 0 || w.r->again[w.first + i]) return;
    char *out = at(l, a->out, w.h, token);
    UNROLL
    for (int half = 0; half < HALVES; half++) UNROLL
    for (int x = 0; x < 4; x++) {
        const int64_t t = w.channel + 64 * half + 4 * w.column + x;
        float y = w.o[i][half].x[x];
        if (kept) y = mixed(kept[((i * HALVES + half) * 4 + x) * THREADS], y, u);
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

APART void exact_row_apart(exact x) { exact_row(x); }

/* The queries of such rows have not been written over: out may be q. */
DEVICE void compute_again(const ag_launch &l, const worker &w)
{
    sync_block(); /* results are stored, shared memory is free */
    ROLLED
    for (int n = 0; n < QUERIES; n++)
        if (w.r->again[n] && w.r->token[n] >= 0)
            exact_row_apart({ l, w.s, &w.r->exact, w.h, w.r->token[n], w.channel });
}

/* My part of the block's task, its queries listed. */
DEVICE worker worker_here(const ag_launch &launch)
{
    const ag_task task = launch.tasks[block()];
    const ag_step *s = &launch.steps[task.step];
    const int64_t parts = parts_of(&s->u.attend), tile = task.at / parts;
    worker w;
    w.s = s;
    w.a = &s->u.attend;
    w.r = (room *)shared_memory();
    w.h = s->heads[tile / tiles_of(w.a)];
    w.channel = task.at % parts * WIDE;
    w.wide = w.a->d_v - w.channel > 64;
    w.first = thread() / 16 * MINE;
    w.column = thread() % 16;
    list_queries(w, tile % tiles_of(w.a) * QUERIES);
    return w;
}

/* Blended: at strength 0 and 1 one pass alone is run and stored. */
KERNEL(ag_attend_tiles, THREADS)
{
    worker w = worker_here(launch);
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
    compute_again(launch, w);
}

/* The same for the one pass of a step with entmax: another kernel, as its registers would be everybody's. */
KERNEL(ag_attend_sparse_tiles, THREADS)
{
    worker w = worker_here(launch);
    w.pass = &w.a->pass[0];
    if (!thread()) {
        w.r->lambda = (float)lambda_of(launch, w.s->b);
        w.r->squares = w.pass->power == 1.5;
    }
    sync_block(); /* queries are listed */
    list_rows(launch, w, *w.pass);
    sync_block(); /* rows are listed */
    if (w.r->lambda != 0) sparse_search(launch, w);
    start_empty(w);
    attend_keys<1>(launch, w);
    if (w.r->lambda != 0) sparse_end(w);
    finish(w);
    UNROLL
    for (int i = 0; i < MINE; i++) store_query(launch, w, i, 0, NULL);
    compute_again(launch, w);
}

static const void *entry_for(const ag_step *s)
{
    return s->u.attend.pass[0].power != 0 ? (const void *)ag_attend_sparse_tiles : (const void *)ag_attend_tiles;
}

static const char *refuse(const ag_step *) { return NULL; }
/* Blocks that share queries write different channels of the results. */
static int reads_late(const ag_step *s) { return parts_of(&s->u.attend) > 1; }
static int64_t tasks(const ag_step *s) { return s->n_heads * tiles_of(&s->u.attend) * parts_of(&s->u.attend); }

static size_t shared(const ag_step *s)
{
    const int64_t blends = s->u.attend.n_passes == 2 ? KEPT : 0, kept = kept_tiles(&s->u.attend) * MINE * 4;
    return sizeof(room) + (size_t)(blends + kept) * THREADS * sizeof(float);
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
    .entry_for = entry_for,
    .threads = THREADS,
    .shared = shared,
};
