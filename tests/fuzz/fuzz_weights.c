/* fuzz_weights.c - any bytes as a .safetensors file: read, or refused with a sentence. */
#include <stdlib.h>
#include <string.h>

#include "../../examples/tinydiff/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every byte of every tensor is there, and each is found by its name, unless the name holds a zero. */
static void touch(const weight_file *w)
{
    volatile unsigned char sum = 0;
    for (int i = 0; i < w->tensor_count; i++) {
        const tensor *t = &w->tensors[i];
        char name[256];
        for (size_t j = t->first; j < t->end; j++) sum += t->data[j - t->first];
        if (t->name.length >= sizeof name || memchr(t->name.at, 0, t->name.length)) continue;
        memcpy(name, t->name.at, t->name.length), name[t->name.length] = 0;
        if (weights_find(w, name) != t) abort();
        const int64_t elements = tensor_elements(t);
        if (t->type == ELEMENT_OTHER || elements > 1 << 16) continue;
        float *floats = malloc((size_t)elements * sizeof *floats + 1);
        if (floats) tensor_floats(t, floats);
        free(floats);
    }
    weights_number(w, "width");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[WHY] = "";
    weight_file w;
    unsigned char *bytes = malloc(size + 1);
    if (!bytes) return 0;
    memcpy(bytes, data, size);
    if (weights_parse(&w, bytes, size, why)) touch(&w);
    else if (!*why || w.bytes || w.tensors || w.notes) abort();
    weights_free(&w);
    return 0;
}
