/* timing.c - see timing.h: the ceilings, then every layer beside the ceiling that is its own. */
#include "timing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../tests/device/device.h"
#include "../../tests/device/record.h"
#include "layers.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void record_ceiling(const char *name, const char *unit, double value)
{
    record_begin("ceiling");
    record_text("name", name);
    record_text("unit", unit);
    record_number("value", value);
    record_end();
}

/* Of the bfloat16 product; 0: not known. */
static double seconds_per_flop;

static void ceilings(int small, void *stream)
{
    const double bytes = small ? 1 << 16 : (double)(1 << 30), copy = ceiling_copy(bytes, stream);
    const double bf16 = ceiling_product(AG_BF16, small, stream), f32 = ceiling_product(AG_F32, small, stream);
    seconds_per_flop = bf16;
    if (copy > 0) record_ceiling("copy of 1 GiB, read and written", "GB/s", bytes / copy * 1e-9);
    if (bf16 > 0) record_ceiling("bfloat16 product 8192^3, cuBLAS", "TFLOP/s", 1e-12 / bf16);
    if (f32 > 0) record_ceiling("float32 product 4096^3, cuBLAS", "TFLOP/s", 1e-12 / f32);
    if (device_fma_peak() > 0)
        record_ceiling("float32 multiply-adds at the highest clock", "TFLOP/s", device_fma_peak() * 1e-12);
}

/* The least time its ceiling allows; NAN: not known here. */
static double floor_of(const layer *x, void *stream)
{
    const ag_problem *p = &x->p;
    double copy, products;
    switch (x->beside) {
    case BESIDE_NOTHING: return NAN;
    case BESIDE_COPY: return (copy = ceiling_copy(x->bytes, stream)) > 0 ? copy : NAN;
    case BESIDE_BLUR:
        copy = ceiling_copy(x->bytes, stream);
        return device_fma_peak() > 0 && copy > 0 ? fmax(copy, x->tap_flop / device_fma_peak()) : NAN;
    case BESIDE_PRODUCTS:
        products = ceiling_two_products((int)(p->batch * p->heads), (int)p->n_q, (int)p->d, stream);
        return products > 0 ? products : NAN;
    case BESIDE_MATRIX: return seconds_per_flop > 0 ? x->flop * seconds_per_flop : NAN;
    }
    return NAN;
}

/* The kernels of the plan's steps, each once. */
static void kernels_of(const ag_plan *plan, char *names, size_t size)
{
    char text[16384] = "";
    *names = 0;
    ag_plan_explain(plan, text, sizeof text);
    for (const char *at = text; (at = strstr(at, " by ")) != NULL;) {
        at += 4;
        const int length = (int)strcspn(at, ", \n");
        char name[80];
        snprintf(name, sizeof name, "%.*s", length, at);
        const size_t used = strlen(names);
        if (!strstr(names, name)) snprintf(names + used, size - used, "%s%s", used ? " " : "", name);
    }
}

static int record_layer(const placed *l, const figure *f, double floor, const char *wrong)
{
    char names[512] = "";
    if (l->plan) kernels_of(l->plan, names, sizeof names);
    record_begin("time");
    record_text("name", l->x.name);
    record_text("by", "attnguide");
    record_text("kernels", names);
    record_number("us", f->seconds > 0 ? f->seconds * 1e6 : NAN);
    record_number("spread", f->seconds > 0 ? f->spread : NAN);
    record_number("floor us", floor * 1e6);
    record_number("flop", l->x.flop);
    record_number("bytes", l->x.bytes);
    record_number("launches", f->kernels);
    record_number("other nodes", f->others);
    record_number("sets", l->sets);
    record_number("runs", f->runs);
    record_text("status", wrong ? "fail" : "pass");
    record_text("reason", wrong ? wrong : "");
    record_end();
    if (wrong) printf("%s: %.200s\n", l->x.name, wrong);
    return wrong != NULL;
}

static int time_layer(int number, int small, ag_context *context, void *stream)
{
    placed l = { .sets = 0 };
    figure f = { .seconds = 0 };
    const char *wrong = NULL;
    double floor = NAN;
    layer_set(number, small, &l.x);
    device_forget();
    if (layer_place(&l, context, sets_for(l.x.bytes))) wrong = *l.why ? l.why : device_fault();
    else {
        const work w = { layer_run, &l, l.sets };
        if (measure(&w, stream, &f)) wrong = *l.why ? l.why : device_fault();
        else if (device_wait(stream)) wrong = device_fault();
        else wrong = layer_wrong(&l);
    }
    if (!wrong) floor = floor_of(&l.x, stream);
    const int result = record_layer(&l, &f, floor, wrong);
    layer_remove(&l);
    return result;
}

static void record_unbegun(int number, int small)
{
    layer x;
    layer_set(number, small, &x);
    record_begin("time");
    record_text("name", x.name);
    record_text("by", "attnguide");
    record_text("status", "not run");
    record_text("reason", "the stage's time was over");
    record_end();
}

int timing(double seconds, int small)
{
    const double until = now() + seconds;
    void *stream = device_stream();
    ag_context *context;
    char why[AG_MESSAGE_SIZE] = "";
    int wrong = 0;
    if (!stream || pool_make(small) || ag_context_create(NULL, &context, why, sizeof why)) {
        printf("%s\n", *why ? why : *device_fault() ? device_fault() : "no memory");
        return 2;
    }
    ceilings(small, stream);
    for (int i = 0; i < layers_count(); i++) {
        if (now() < until) wrong += time_layer(i, small, context, stream);
        else record_unbegun(i, small);
    }
    ag_context_free(context);
    device_stream_end(stream);
    pool_free();
    return wrong != 0;
}
