/* split.cu - a query's part along its own key, and the rest:
 * k^ = k / max(|k|, 1e-12), par = (q.k^) k^, perp = q - par. Eight lanes hold a token; both rows are gone over twice,
 * the second time in the cache. In float64, stored as float32. Refuses nothing. */
#include "vectors.h"

enum { THREADS = 256, LANES = 8, TOKENS = THREADS / LANES };

struct pair {
    head_rows q, k;
};

DEVICE void load_pair(const pair &p, int64_t i, int64_t t, int64_t d, float (&q)[8], float (&k)[8])
{
    load_run(q, p.q, i, t, d);
    load_run(k, p.k, i, t, d);
}

/* (q.k^) / max(|k|, 1e-12), in every lane of the token. */
DEVICE double along_key(const pair &p, int64_t i, int64_t d)
{
    double qk = 0, kk = 0;
    for (int64_t t = thread() % LANES * 8; t < d; t += LANES * 8) {
        float q[8], k[8];
        load_pair(p, i, t, d, q, k);
        UNROLL for (int c = 0; c < 8; c++)
        {
            qk += (double)q[c] * k[c];
            kk += (double)k[c] * k[c];
        }
    }
    for (int mask = 1; mask < LANES; mask *= 2) {
        qk += shuffle_xor(qk, mask);
        kk += shuffle_xor(kk, mask);
    }
    const double norm = fmax(sqrt(kk), 1e-12);
    return qk / norm / norm;
}

/* to_par.first is NULL where par is not wanted. */
DEVICE void write_parts(const pair &p, const head_rows &to_perp, const head_rows &to_par, int64_t i, int64_t d,
                        double along)
{
    for (int64_t t = thread() % LANES * 8; t < d; t += LANES * 8) {
        float q[8], k[8], perp[8], par[8];
        load_pair(p, i, t, d, q, k);
        UNROLL for (int c = 0; c < 8; c++)
        {
            perp[c] = (float)(q[c] - along * k[c]);
            par[c] = (float)(along * k[c]);
        }
        store_run(to_perp, i, t, d, perp);
        if (to_par.first) store_run(to_par, i, t, d, par);
    }
}

KERNEL(ag_split_rows, THREADS)
{
    const ag_task task = launch.tasks[block()];
    const ag_step *s = &launch.steps[task.step];
    const ag_split &x = s->u.split;
    const part p = part_of(s, task.at, x.n);
    const pair rows = { rows_of(launch, x.q, p.h), rows_of(launch, x.k, p.h) };
    const head_rows perp = rows_of(launch, x.perp, p.h);
    const head_rows par = x.par.source != AG_SOURCES ? rows_of(launch, x.par, p.h) : head_rows{};
    for (int64_t from = p.first; from < p.last; from += TOKENS) {
        const int64_t mine = from + thread() / LANES, i = x.o + (mine < p.last ? mine : from);
        const double along = along_key(rows, i, x.d);
        if (mine < p.last) write_parts(rows, perp, par, i, x.d, along);
    }
}

static const char *refuse(const ag_step *) { return NULL; }
static int64_t tasks(const ag_step *s) { return s->n_heads * chunks_of(s->u.split.n); }

const ag_cuda_kernel ag_split_simt = {
    .kernel = {
        .name = "split_simt",
        .step = AG_STEP_SPLIT,
        .refuse = refuse,
        .tasks = tasks,
    },
    .entry = (const void *)ag_split_rows,
    .threads = THREADS,
};
