/* split.cu - a query's part along its own key, and the rest:
 * k^ = k / max(|k|, 1e-12), par = (q.k^) k^, perp = q - par. Eight lanes hold a token; both rows are gone over twice,
 * the second time in the cache. In float64, stored as float32. Refuses nothing. */
#include "vectors.h"

enum { THREADS = 256, LANES = 8, TOKENS = THREADS / LANES };

struct pair {
    const char *q, *k;
    int q_whole, k_whole;
};

DEVICE void load_pair(const ag_split &x, const pair &p, int64_t t, float (&q)[8], float (&k)[8])
{
    load_run(q, p.q, x.q.dtype, t, x.d, p.q_whole);
    load_run(k, p.k, x.k.dtype, t, x.d, p.k_whole);
}

/* (q.k^) / max(|k|, 1e-12), in every lane of the token. */
DEVICE double along_key(const ag_split &x, const pair &p)
{
    double qk = 0, kk = 0;
    for (int64_t t = thread() % LANES * 8; t < x.d; t += LANES * 8) {
        float q[8], k[8];
        load_pair(x, p, t, q, k);
        UNROLL for (int i = 0; i < 8; i++)
        {
            qk += (double)q[i] * k[i];
            kk += (double)k[i] * k[i];
        }
    }
    for (int mask = 1; mask < LANES; mask *= 2) {
        qk += shuffle_xor(qk, mask);
        kk += shuffle_xor(kk, mask);
    }
    const double norm = fmax(sqrt(kk), 1e-12);
    return qk / norm / norm;
}

/* where: row of perp or par, if wanted. */
DEVICE void write_parts(const ag_launch &l, const ag_split &x, const pair &p, int64_t h, int64_t i, double along)
{
    const int has_par = x.par.source != AG_SOURCES;
    char *to_perp = at(l, x.perp, h, i), *to_par = has_par ? at(l, x.par, h, i) : NULL;
    const int perp_whole = is_aligned(l, x.perp), par_whole = has_par && is_aligned(l, x.par);
    for (int64_t t = thread() % LANES * 8; t < x.d; t += LANES * 8) {
        float q[8], k[8], perp[8], par[8];
        load_pair(x, p, t, q, k);
        UNROLL for (int c = 0; c < 8; c++)
        {
            perp[c] = (float)(q[c] - along * k[c]);
            par[c] = (float)(along * k[c]);
        }
        store_run(to_perp, x.perp.dtype, t, x.d, perp_whole, perp);
        if (has_par) store_run(to_par, x.par.dtype, t, x.d, par_whole, par);
    }
}

KERNEL(ag_split_rows, THREADS)
{
    const ag_task task = launch.tasks[block()];
    const ag_step *s = &launch.steps[task.step];
    const ag_split &x = s->u.split;
    const part p = part_of(s, task.at, x.n);
    pair rows = { NULL, NULL, is_aligned(launch, x.q), is_aligned(launch, x.k) };
    for (int64_t from = p.first; from < p.last; from += TOKENS) {
        const int64_t mine = from + thread() / LANES, i = x.o + (mine < p.last ? mine : from);
        rows.q = at(launch, x.q, p.h, i);
        rows.k = at(launch, x.k, p.h, i);
        const double along = along_key(x, rows);
        if (mine < p.last) write_parts(launch, x, rows, p.h, i, along);
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
