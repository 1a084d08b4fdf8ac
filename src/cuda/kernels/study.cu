/* study.cu - energy -lse with curvature, and the map itself, which is the caller's own array. Keys are streamed; for
 * the curvature, which is found by bisection, the weights of the first KEPT keys stay in shared memory and those of
 * later ones are found again each time: slow there, but never an N x M buffer. Refuse nothing. */
#include "study.h"

enum { KEPT = 6144 };

struct energy_room {
    study_room common;
    float kept[1]; /* [QUERIES][kept keys] */
};

DEVICE int tiles_of(const ag_study &x) { return (int)((x.n_q + QUERIES - 1) / QUERIES); }
AG_FN int64_t kept_keys(const ag_study *x) { return x->n_k < KEPT ? x->n_k : (int64_t)KEPT; }

/* ---- curvature: the spectral norm of diag(a) - a a^T, one warp for a query ---- */

struct weights {
    const study &s;
    const float *kept;
    int i, n_kept;
    running all;
};

DEVICE float weight_at(const weights &a, int j)
{
    return j < a.n_kept ? a.kept[j] : share_of(logit_alone(a.s, a.i, j), a.all);
}

/* The two largest, and how many are not 0. */
struct leaders {
    double first, second;
    int seen;
};

DEVICE double larger(double a, double b) { return a > b ? a : b; }
DEVICE double smaller(double a, double b) { return a < b ? a : b; }

DEVICE leaders leaders_of(const weights &a)
{
    leaders x = { 0, 0, 0 };
    ROLLED for (int j = lane(); j < a.s.n_k; j += 32)
    {
        const double w = weight_at(a, j);
        x.second = larger(x.second, smaller(x.first, w));
        x.first = larger(x.first, w);
        x.seen += w > 0;
    }
    for (int mask = 16; mask; mask /= 2) {
        const double first = shuffle_xor(x.first, mask), second = shuffle_xor(x.second, mask);
        x.second = larger(smaller(x.first, first), larger(x.second, second));
        x.first = larger(x.first, first);
        x.seen += shuffle_xor(x.seen, mask);
    }
    return x;
}

/* Below its root in (a_2, a_1) this is negative, above it positive (docs/methods.md). */
DEVICE double secular(const weights &a, double x)
{
    double sum = 0;
    ROLLED for (int j = lane(); j < a.s.n_k; j += 32)
    {
        const double w = weight_at(a, j);
        if (w > 0) sum += w / (w - x);
    }
    return warp_sum(sum);
}

DEVICE double curvature(const weights &a)
{
    const leaders x = leaders_of(a);
    if (isnan(a.all.sum)) return NAN;
    if (x.seen < 2) return 0;
    if (x.seen == 2) return 2 * x.first * x.second;
    double low = x.second, high = x.first;
    ROLLED for (int step = 0; step < 100 && low < high; step++)
    {
        const double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high) break;
        if (secular(a, middle) < 0) low = middle;
        else high = middle;
    }
    return high;
}

/* ---- energy ---- */

DEVICE void keep_weights(const study &s, const running *all, float *kept, int n_kept)
{
    for (int j0 = 0; j0 < n_kept; j0 += STUDY_THREADS) {
        double x[QUERIES];
        const int j = j0 + thread();
        logits(s, j, x);
        UNROLL for (int n = 0; n < QUERIES; n++)
        {
            if (j < n_kept) kept[n * n_kept + j] = share_of(x[n], all[n]);
        }
    }
    sync_block();
}

DEVICE study study_at(const ag_launch &l, const ag_step *s, int at, study_room *room)
{
    const int tiles = tiles_of(s->u.study);
    return study_of(l, s, s->heads[at / tiles], at % tiles * QUERIES, room->stage);
}

/* Energy, and for the received step what makes weights: m and l in units of e, l being of m as it is stored. */
DEVICE void store_energy(const study &me, int i, const running &r)
{
    const ag_study &x = me.x;
    if (x.out.source != AG_SOURCES) *(float *)at(me.l, x.out, me.h, i) = (float)-lse_of(r);
    if (x.m.source == AG_SOURCES) return;
    const float m = (float)r.m;
    *(float *)at(me.l, x.m, me.h, i) = m;
    *(float *)at(me.l, x.l, me.h, i) = r.sum == 0 ? 0 : (float)(r.sum * exp(r.m - m));
}

DEVICE void write_energies(const ag_launch &l, const ag_step *s, int at, study_room *room)
{
    const study me = study_at(l, s, at, room);
    find_sums(me, room);
    const int i = me.i0 + thread();
    if (thread() < QUERIES && i < me.n_q) store_energy(me, i, room->all[thread()]);
}

/* A warp has a query: as many warps as queries. */
DEVICE void write_curvatures(const ag_launch &l, const ag_step *s, int at, energy_room *room)
{
    const study me = study_at(l, s, at, &room->common);
    const int i = me.i0 + warp(), n_kept = (int)kept_keys(&me.x);
    keep_weights(me, room->common.all, room->kept, n_kept);
    if (i >= me.n_q) return;
    const double c = curvature({ me, room->kept + warp() * n_kept, i, n_kept, room->common.all[warp()] });
    if (!lane()) *(float *)row(rows_of(l, me.x.curvature, me.h), i) = (float)c;
}

/* Bound to 128 registers: left alone, the compiler takes 80 and spills. */
KERNEL(ag_energy_queries, 4 * STUDY_THREADS)
{
    const ag_task task = launch.tasks[block()];
    const ag_step *s = &launch.steps[task.step];
    energy_room *room = (energy_room *)shared_memory();
    write_energies(launch, s, task.at, &room->common);
    if (s->u.study.curvature.source != AG_SOURCES && launch.base[AG_TO_CURVATURE])
        write_curvatures(launch, s, task.at, room);
}

/* ---- the map ---- */

KERNEL(ag_map_queries, 4 * STUDY_THREADS)
{
    const ag_task task = launch.tasks[block()];
    const ag_step *s = &launch.steps[task.step];
    const ag_study &x = s->u.study;
    study_room *room = (study_room *)shared_memory();
    const study me = study_at(launch, s, task.at, room);
    find_sums(me, room);
    float *out = (float *)row(rows_of(launch, x.out, me.h), me.i0);
    for (int j0 = 0; j0 < me.n_k; j0 += STUDY_THREADS) {
        double w[QUERIES];
        const int j = j0 + thread();
        logits(me, j, w);
        UNROLL for (int n = 0; n < QUERIES; n++)
        {
            if (j < me.n_k && me.i0 + n < me.n_q) out[n * x.out.stride_i + j] = share_of(w[n], room->all[n]);
        }
    }
}

/* ---- kernels ---- */

static const char *refuse(const ag_step *) { return NULL; }
static int64_t tasks(const ag_step *s) { return s->n_heads * ((s->u.study.n_q + QUERIES - 1) / QUERIES); }
static size_t map_shared(const ag_step *) { return sizeof(study_room); }

static size_t energy_shared(const ag_step *s)
{
    return sizeof(energy_room) + (size_t)kept_keys(&s->u.study) * QUERIES * sizeof(float);
}

const ag_cuda_kernel ag_energy_simt = {
    .kernel = {
        .name = "energy_simt",
        .step = AG_STEP_ENERGY,
        .refuse = refuse,
        .tasks = tasks,
    },
    .entry = (const void *)ag_energy_queries,
    .threads = STUDY_THREADS,
    .shared = energy_shared,
};
const ag_cuda_kernel ag_map_simt = {
    .kernel = {
        .name = "map_simt",
        .step = AG_STEP_MAP,
        .refuse = refuse,
        .tasks = tasks,
    },
    .entry = (const void *)ag_map_queries,
    .threads = STUDY_THREADS,
    .shared = map_shared,
};
