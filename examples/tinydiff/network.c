/* network.c - see network.h. */
#include "network.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WIDTH = 4096, MOST_LAYERS = 256, NAME = 64 };

/* Tensors become float32 one after the other; every one of the file must be asked for. */
typedef struct loader {
    const weight_file *from;
    float *next;
    int taken;
    char *why;
    bool failed;
} loader;

static float *load(loader *l, const char *name, int axes, const int64_t *extent)
{
    const tensor *t = weights_find(l->from, name);
    bool right = t && t->axes == axes && t->type != ELEMENT_OTHER;
    for (int i = 0; right && i < axes; i++) right = t->extent[i] == extent[i];
    if (!right) {
        if (!l->failed) snprintf(l->why, WHY, "tensor %s is not there, or not of the model's shape and type", name);
        l->failed = true;
        return NULL;
    }
    float *here = l->next;
    tensor_floats(t, here);
    l->next += (tensor_elements(t) + 15) / 16 * 16;
    l->taken++;
    return here;
}

static float *load_list(loader *l, const char *name, int count)
{
    const int64_t extent = count;
    return load(l, name, 1, &extent);
}

static linear load_linear(loader *l, const char *name, int from, int to)
{
    linear a = { .from = from, .to = to };
    char full[NAME + 16];
    snprintf(full, sizeof full, "%s.weight", name);
    a.weight = load(l, full, 2, (const int64_t[]){ to, from });
    snprintf(full, sizeof full, "%s.bias", name);
    a.bias = load_list(l, full, to);
    return a;
}

static void load_block(loader *l, const network *n, int i)
{
    block *b = &n->blocks[i];
    char name[NAME];
    const struct {
        linear *to;
        const char *name;
        int from, width;
    } parts[] = { { &b->qkv, "attention.qkv", 1, 3 },
                  { &b->out, "attention.out", 1, 1 },
                  { &b->up, "up", 1, 4 },
                  { &b->down, "down", 4, 1 },
                  { &b->condition, "condition", 1, 6 } };
    for (int j = 0; j < 5; j++) {
        snprintf(name, sizeof name, "blocks.%d.%s", i, parts[j].name);
        *parts[j].to = load_linear(l, name, parts[j].from * n->width, parts[j].width * n->width);
    }
    snprintf(name, sizeof name, "blocks.%d.attention.q_gain", i);
    b->q_gain = load_list(l, name, n->width / n->heads);
    snprintf(name, sizeof name, "blocks.%d.attention.k_gain", i);
    b->k_gain = load_list(l, name, n->width / n->heads);
}

static void load_all(loader *l, network *n)
{
    const int places = n->side * n->side;
    n->input = load_linear(l, "input", network_patch_size(n), n->width);
    n->position = load(l, "position", 2, (const int64_t[]){ places, n->width });
    n->time1 = load_linear(l, "time1", 2 * FREQUENCIES, n->width);
    n->time2 = load_linear(l, "time2", n->width, n->width);
    n->label = load(l, "label", 3, (const int64_t[]){ LABELS, n->context ? n->context : 1, n->width });
    for (int i = 0; i < n->layers; i++) load_block(l, n, i);
    n->last_condition = load_linear(l, "last_condition", n->width, 2 * n->width);
    n->output = load_linear(l, "output", n->width, network_patch_size(n));
    if (!l->failed && l->taken != l->from->tensor_count) {
        snprintf(l->why, WHY, "the file has %d tensors, the model %d", l->from->tensor_count, l->taken);
        l->failed = true;
    }
}

/* The sizes, from the metadata. */
static bool set_sizes(network *n, const weight_file *w, char *why)
{
    n->patch = weights_number(w, "patch"), n->context = weights_number(w, "context");
    n->width = weights_number(w, "width"), n->layers = weights_number(w, "layers");
    n->heads = weights_number(w, "heads");
    if (n->patch > 0 && SIDE % n->patch == 0 && n->context >= 0 && n->context <= MOST_WIDTH && n->width > 0 &&
        n->width <= MOST_WIDTH && n->layers > 0 && n->layers <= MOST_LAYERS && n->heads > 0 &&
        n->width % n->heads == 0 && network_patch_size(n) <= 4 * n->width)
        return n->side = SIDE / n->patch, true;
    snprintf(why, WHY, "the metadata has no patch, context, width, layers and heads of a model");
    return false;
}

bool network_read(network *n, const char *path, char *why)
{
    weight_file w;
    size_t floats = 0;
    memset(n, 0, sizeof *n);
    if (!weights_read(&w, path, why)) return false;
    loader l = { .from = &w, .why = why };
    for (int i = 0; i < w.tensor_count; i++) floats += ((size_t)tensor_elements(&w.tensors[i]) + 15) / 16 * 16;
    if (!set_sizes(n, &w, why)) l.failed = true;
    else if ((n->memory = aligned_alloc(64, floats * sizeof(float) + 64)) == NULL ||
             (n->blocks = calloc((size_t)n->layers, sizeof *n->blocks)) == NULL) {
        snprintf(why, WHY, "there is no memory for the weights");
        l.failed = true;
    } else l.next = n->memory, load_all(&l, n);
    weights_free(&w);
    if (l.failed) network_free(n);
    return !l.failed;
}

void network_free(network *n)
{
    free(n->memory), free(n->blocks);
    memset(n, 0, sizeof *n);
}
