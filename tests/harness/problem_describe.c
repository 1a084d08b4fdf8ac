/* problem_describe.c - a problem in words, for the message of a failed test. */
#include "problem.h"

#include <stdarg.h>
#include <stdio.h>

#include "methods.h"

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
    const ag_row *r = &x->rows[b];
    const int number = methods_number(r->method, r->kind);
    const uint32_t takes = methods_info(number).takes;
    ag_parameter_info p;
    say(w, "; row %lld q %lld kv %lld %s", (long long)b, (long long)r->q_row, (long long)r->kv_row,
        number < 0 ? "?" : methods_word(number));
    if (!(takes & AG_TAKES_IMAGE)) return;
    say(w, " image %lld+%lld", (long long)r->image_offset, (long long)r->image_length);
    if (takes & AG_TAKES_GRID)
        say(w, " grid %lldx%lldx%lld", (long long)r->grid[0], (long long)r->grid[1], (long long)r->grid[2]);
    for (int i = 0; methods_parameter(number, i, &p); i++) say(w, " %s %g", p.name, row_get(r, &x->run[b], &p));
    if (r->indexed) say(w, " indexed");
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
    if (p->n_q != p->global_n_q || p->n_k != p->global_n_k)
        say(&w, " queries from %lld of %lld, keys from %lld of %lld;", (long long)p->q_offset, (long long)p->global_n_q,
            (long long)p->k_offset, (long long)p->global_n_k);
    say_layout(&w, "q", &p->q);
    say_layout(&w, "k", &p->k);
    say_layout(&w, "v", &p->v);
    say_layout(&w, "out", &p->out);
    for (int64_t b = 0; b < p->row_count; b++) say_row(&w, x, b);
}
