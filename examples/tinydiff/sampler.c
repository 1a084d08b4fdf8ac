/* sampler.c - see sampler.h. */
#include "sampler.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SHIFT 1.5

/* What the threads share. */
typedef struct work {
    const sampling *what;
    float *pictures;
    pthread_mutex_t lock;
    int64_t next, done; /* batches begun, pictures finished */
    bool failed;
    char *why;
} work;

/* What a thread has to itself. */
typedef struct worker {
    ag_context *context;
    guide *g;
    ag_plan *step, *average; /* x and one velocity; x and two */
    float *x, *ahead, *velocity, *second;
    int *labels;
} worker;

double step_time(int i, int steps)
{
    const double u = 1 - (double)i / steps;
    return SHIFT * u / (1 + (SHIFT - 1) * u);
}

static void close_worker(worker *w)
{
    guide_free(w->g), ag_plan_free(w->step), ag_plan_free(w->average), ag_context_free(w->context);
    free(w->x), free(w->ahead), free(w->velocity), free(w->second), free(w->labels);
}

/* The pictures are shared out over threads, so that the library's own context has none. */
static bool open_worker(worker *w, const sampling *what, char *why)
{
    const size_t bytes = (size_t)what->batch * PICTURE * sizeof(float);
    ag_context_options options;
    ag_guidance g;
    ag_context_options_init(&options), ag_guidance_init(&g, AG_LINEAR, 2, what->batch, PICTURE);
    options.threads = 1;
    w->x = malloc(bytes), w->ahead = malloc(bytes), w->velocity = malloc(bytes), w->second = malloc(bytes);
    w->labels = malloc((size_t)what->batch * sizeof *w->labels);
    if (!w->x || !w->ahead || !w->velocity || !w->second || !w->labels)
        return strcpy(why, "there is no memory for pictures"), false;
    if (ag_context_create(&options, &w->context, why, AG_MESSAGE_SIZE) ||
        ag_guidance_plan(w->context, &g, &w->step, why, AG_MESSAGE_SIZE))
        return false;
    g.inputs = 3;
    return ag_guidance_plan(w->context, &g, &w->average, why, AG_MESSAGE_SIZE) == AG_OK &&
           (w->g = guide_create(w->context, what->device, what->n, what->early, what->s, !what->no_fork, what->batch,
                                why)) != NULL;
}

/* out = x + (to - t) velocity, or by the mean of both velocities. */
static bool move(const worker *w, double t, double to, const float *second, float *out, char *why)
{
    double weights[3];
    ag_guidance_args args;
    ag_guidance_args_init(&args);
    if (ag_weights_euler(weights, t, to, why, AG_MESSAGE_SIZE)) return false;
    if (second) weights[2] = weights[1] /= 2;
    args.input[0] = w->x, args.input[1] = w->velocity, args.input[2] = second, args.out = out, args.weights = weights;
    return ag_guidance_run(second ? w->average : w->step, &args, why, AG_MESSAGE_SIZE) == AG_OK;
}

static bool run_batch(worker *w, const sampling *what, int64_t first, char *why)
{
    const setting *s = what->s;
    int evaluation = 0;
    for (int64_t i = 0; i < what->batch; i++) w->labels[i] = label_of(first + i);
    noise_make(what->seed, first, what->batch, w->x);
    for (int i = 0; i < s->steps; i++) {
        const double t = step_time(i, s->steps), to = step_time(i + 1, s->steps);
        const float *second = NULL;
        if (!guide_velocity(w->g, w->x, t, w->labels, evaluation++, first, w->velocity, why)) return false;
        if (s->heun && to > 0) {
            if (!move(w, t, to, NULL, w->ahead, why) ||
                !guide_velocity(w->g, w->ahead, to, w->labels, evaluation++, first, w->second, why))
                return false;
            second = w->second;
        }
        if (!move(w, t, to, second, w->x, why)) return false;
    }
    return true;
}

/* The next batch's first picture of [0, count), or -1. */
static int64_t take(work *k)
{
    pthread_mutex_lock(&k->lock);
    const int64_t begin = k->next * k->what->batch;
    const bool more = begin < k->what->count && !k->failed;
    k->next += more;
    pthread_mutex_unlock(&k->lock);
    return more ? begin : -1;
}

static void report(work *k, int64_t finished, const char *why)
{
    pthread_mutex_lock(&k->lock);
    k->done += finished;
    if (why && !k->failed) k->failed = true, memcpy(k->why, why, AG_MESSAGE_SIZE);
    if (!why && k->what->progress) k->what->progress(k->what->arg, k->done);
    pthread_mutex_unlock(&k->lock);
}

/* The last batch may hold more pictures than are wanted: they are made, and left out. */
static void *run_worker(void *arg)
{
    work *k = arg;
    worker w = { .g = NULL };
    char why[AG_MESSAGE_SIZE];
    int64_t begin;
    if (!open_worker(&w, k->what, why)) report(k, 0, why);
    else
        while ((begin = take(k)) >= 0) {
            const int64_t left = k->what->count - begin, count = left < k->what->batch ? left : k->what->batch;
            const bool good = run_batch(&w, k->what, k->what->first + begin, why);
            if (good) memcpy(k->pictures + begin * PICTURE, w.x, (size_t)count * PICTURE * sizeof(float));
            report(k, good ? count : 0, good ? NULL : why);
        }
    close_worker(&w);
    return NULL;
}

bool sample(const sampling *what, float *pictures, char *why)
{
    work k = { .what = what, .pictures = pictures, .why = why };
    pthread_t *others = calloc((size_t)what->threads, sizeof *others);
    int started = 0;
    if (!others) return strcpy(why, "there is no memory for threads"), false;
    pthread_mutex_init(&k.lock, NULL);
    while (started < what->threads - 1 && pthread_create(&others[started], NULL, run_worker, &k) == 0) started++;
    run_worker(&k);
    for (int i = 0; i < started; i++) pthread_join(others[i], NULL);
    pthread_mutex_destroy(&k.lock);
    free(others);
    return !k.failed;
}
