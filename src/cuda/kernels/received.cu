/* received.cu - attention received, received_j = sum_i mean_h A[h,i,j], in two launches: the sum over queries for each
 * head and key, from the maxima and sums that the energy step has left, and the mean over heads. What lies between is
 * heads x n_k numbers, no map. Every sum has one order. Refuses nothing. */
#include "../runtime.h"
#include "study.h"

struct received {
    const ag_step *step;
    double *sums; /* [heads, n_k] */
    ag_launch launch;
};

/* What the energy step has left of query i. */
DEVICE running sums_of(const study &s, int i)
{
    return { *(const float *)at(s.l, s.x.m, s.h, i), *(const float *)at(s.l, s.x.l, s.h, i) };
}

/* Leaves the sums of queries i0 and those that follow in the room: the energy step's, or, where float32 does not hold a
 * maximum well enough, found again. */
APART void take_sums(const ag_launch &l, const ag_step *step, int h, int i0, study_room *room)
{
    const study s = study_of(l, step, h, i0, room->stage);
    int fits = 1;
    ROLLED for (int i = i0; i < i0 + QUERIES && i < s.n_q; i++)
    {
        const running r = sums_of(s, i);
        fits &= r.sum == 0 || fabs(r.m) <= LOGITS_FIT;
    }
    if (!fits) find_sums(s, room);
    sync_block(); /* those before have been used */
    const int i = i0 + thread();
    if (fits && thread() < QUERIES && i < s.n_q) room->all[thread()] = sums_of(s, i);
    sync_block(); /* sums are there */
}

/* A bound of 128 registers: left alone, the compiler takes fewer and spills. */
KERNEL_OF(received, ag_received_sums, 4 * STUDY_THREADS)
{
    const ag_study &x = launch.step->u.study;
    study_room *room = (study_room *)shared_memory();
    const int tiles = (int)((x.n_k + STUDY_THREADS - 1) / STUDY_THREADS), h = (int)block() / tiles;
    const int j = (int)block() % tiles * STUDY_THREADS + thread();
    double sum = 0;
    for (int i0 = 0; i0 < x.n_q; i0 += QUERIES) {
        double w[QUERIES];
        take_sums(launch.launch, launch.step, h, i0, room);
        const study me = study_of(launch.launch, launch.step, h, i0, room->stage);
        logits(me, j, w);
        UNROLL for (int n = 0; n < QUERIES; n++)
        {
            if (i0 + n < me.n_q) sum += share_of(w[n], room->all[n]);
        }
    }
    if (j < x.n_k) launch.sums[h * x.n_k + j] = sum;
}

KERNEL_OF(received, ag_received_mean, STUDY_THREADS)
{
    const ag_study &x = launch.step->u.study;
    const int64_t j = block() * STUDY_THREADS + thread();
    if (j >= x.n_k) return;
    double sum = 0;
    for (int64_t h = 0; h < x.heads; h++) sum += launch.sums[h * x.n_k + j];
    ((float *)at(launch.launch, x.out, 0, 0))[j] = (float)(sum / (double)x.heads);
}

/* ---- host side ---- */

static const char *refuse(const ag_step *) { return NULL; }
static int64_t tasks(const ag_step *) { return 1; }

static size_t scratch(const ag_step *s)
{
    const ag_study *x = &s->u.study;
    return (size_t)x->heads * (size_t)x->n_k * sizeof(double);
}

enum { LAUNCHES = 2 };
static const void *const entries[LAUNCHES] = { (const void *)ag_received_sums, (const void *)ag_received_mean };

static ag_status build(const ag_plan *, const ag_step *, void **, ag_why why)
{
    for (int i = 0; i < LAUNCHES; i++) {
        const int error = ag_rt_preload(entries[i]);
        if (error) return ag_refuse(why, AG_ERR_DEVICE, "kernel received_simt: %s", ag_rt_text(error));
    }
    return AG_OK;
}

static ag_status enqueue(const ag_library_call *call, ag_why why)
{
    const ag_study *x = &call->step->u.study;
    const int64_t keys = (x->n_k + STUDY_THREADS - 1) / STUDY_THREADS;
    const int64_t blocks[LAUNCHES] = { x->heads * keys, keys };
    const ag_step *step = call->launch->steps + (call->step - call->plan->program.steps);
    const received all = { step, (double *)(void *)call->scratch, *call->launch };
    for (int i = 0; i < LAUNCHES; i++) {
        const size_t shared = sizeof(study_room);
        const ag_rt_call launch = { entries[i], blocks[i], STUDY_THREADS, shared, &all, sizeof all, call->stream };
        const int error = ag_rt_launch(&launch);
        if (error) return ag_refuse(why, AG_ERR_DEVICE, "kernel received_simt: %s", ag_rt_text(error));
    }
    return AG_OK;
}

const ag_cuda_kernel ag_received_simt = {
    .kernel = {
        .name = "received_simt",
        .step = AG_STEP_RECEIVED,
        .refuse = refuse,
        .tasks = tasks,
        .scratch = scratch,
    },
    .threads = STUDY_THREADS,
    .build = build,
    .enqueue = enqueue,
};
