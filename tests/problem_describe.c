/* problem_describe.c - a problem in words, for the message of a failed test. */
#include "problem.h"

#include <stdarg.h>
#include <stdio.h>

typedef struct writer {
    char *text;
    size_t size, used;
} writer;

static void say(writer *w, const char *format, ...)
{
    va_list list;
    if (w->used >= w->size) return;
    va_start(list, format);
    const int n = vsnprintf(w->text + w->used, w->size - w->used, format, list);
    va_end(list);
    w->used += n > 0 ? (size_t)n : 0;
}

static const char *type_name(ag_dtype type)
{
    static const char *const names[] = { "none", "f32", "f16", "bf16", "u8" };
    return names[type];
}

static void say_layout(writer *w, const char *name, const ag_layout *l)
{
    say(w, " %s %s %lld,%lld,%lld", name, type_name(l->dtype), (long long)l->stride[0], (long long)l->stride[1],
        (long long)l->stride[2]);
}

static void say_row(writer *w, const problem *x, int64_t b)
{
    static const char *const methods[] = { "standard",  "identity", "uniform", "smoothed", "orthogonal",
                                           "scrambled", "softened", "masked",  "noisy" };
    static const char *const kinds[] = { " gather", " permute", " tokens" };
    const ag_row *r = &x->rows[b];
    say(w, "; row %lld q %lld kv %lld %s%s", (long long)b, (long long)r->q_row, (long long)r->kv_row,
        methods[r->method], r->method == AG_SCRAMBLED ? kinds[r->kind] : "");
    if (r->method == AG_STANDARD) return;
    say(w, " image %lld+%lld", (long long)r->image_offset, (long long)r->image_length);
    if (r->method == AG_SMOOTHED || r->method == AG_ORTHOGONAL)
        say(w, " grid %lldx%lldx%lld sigma %g %g", (long long)r->grid[0], (long long)r->grid[1], (long long)r->grid[2],
            r->sigma, r->sigma_t);
    if (r->method == AG_ORTHOGONAL) say(w, " keep %d", r->keep_parallel);
    if (r->method == AG_SCRAMBLED)
        say(w, " draws %d gain %g mix %g%s", r->draws, x->run[b].gain, x->run[b].mix, r->indexed ? " indexed" : "");
    if (r->method == AG_SOFTENED) say(w, " tau %g", r->inverse_temperature);
    if (r->method == AG_MASKED) say(w, " p %g", r->probability);
    if (r->method == AG_NOISY) say(w, " a %g", r->amplitude);
    if (r->blend) say(w, " u %g", x->run[b].strength);
    if (!r->heads) return;
    say(w, " heads ");
    for (int64_t h = 0; h < x->p.heads; h++) say(w, "%d", r->heads[h] != 0);
}

void problem_describe(const problem *x, char *text, size_t size)
{
    static const char *const operations[] = { "attention", "blur", "received", "energy", "map" };
    const ag_problem *p = &x->p;
    writer w = { text, size, 0 };
    say(&w, "%s B %lld (q %lld kv %lld) H %lld/%lld N %lld M %lld d %lld/%lld fill %d%s%s%s%s bias %s;",
        operations[p->operation], (long long)p->batch, (long long)p->q_batch, (long long)p->kv_batch,
        (long long)p->heads, (long long)p->kv_heads, (long long)p->n_q, (long long)p->n_k, (long long)p->d,
        (long long)p->d_v, (int)x->fill, p->causal ? " causal" : "", p->has_key_mask ? " mask" : "",
        p->has_key_lengths ? " lengths" : "", p->want_lse ? " lse" : "", type_name(p->bias_dtype));
    say_layout(&w, "q", &p->q);
    say_layout(&w, "k", &p->k);
    say_layout(&w, "v", &p->v);
    say_layout(&w, "out", &p->out);
    for (int64_t b = 0; b < p->row_count; b++) say_row(&w, x, b);
}
