/* files.c - see files.h. */
#include "files.h"

#include "../../examples/tinydiff/random.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 32, LAYERS = 3, HEADS = 2, ROOM = 1 << 16 };

unsigned char *file_of(const char *header, size_t data, size_t *size)
{
    const size_t length = strlen(header);
    unsigned char *bytes = calloc(1, *size = 8 + length + data);
    ck_assert_ptr_nonnull(bytes);
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)((unsigned long long)length >> 8 * i);
    memcpy(bytes + 8, header, length);
    return bytes;
}

typedef struct writer {
    char header[ROOM];
    size_t length, end;
} writer;

static void add(writer *w, const char *name, int a, int b, int c)
{
    const size_t bytes = (size_t)a * (size_t)(b ? b : 1) * (size_t)(c ? c : 1) * sizeof(float);
    char shape[48];
    if (c) snprintf(shape, sizeof shape, "%d,%d,%d", a, b, c);
    else if (b) snprintf(shape, sizeof shape, "%d,%d", a, b);
    else snprintf(shape, sizeof shape, "%d", a);
    w->length += (size_t)snprintf(w->header + w->length, ROOM - w->length,
                                  ",\"%s\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[%zu,%zu]}", name, shape,
                                  w->end, w->end + bytes);
    w->end += bytes;
}

static void add_linear(writer *w, const char *name, int from, int to)
{
    char full[96];
    snprintf(full, sizeof full, "%s.weight", name), add(w, full, to, from, 0);
    snprintf(full, sizeof full, "%s.bias", name), add(w, full, to, 0, 0);
}

static void add_block(writer *w, int i)
{
    static const struct {
        const char *name;
        int from, to;
    } parts[] = {
        { "attention.qkv", 1, 3 }, { "attention.out", 1, 1 }, { "up", 1, 4 }, { "down", 4, 1 }, { "condition", 1, 6 }
    };
    char name[64];
    for (int j = 0; j < 5; j++) {
        snprintf(name, sizeof name, "blocks.%d.%s", i, parts[j].name);
        add_linear(w, name, parts[j].from * WIDTH, parts[j].to * WIDTH);
    }
    snprintf(name, sizeof name, "blocks.%d.attention.q_gain", i), add(w, name, WIDTH / HEADS, 0, 0);
    snprintf(name, sizeof name, "blocks.%d.attention.k_gain", i), add(w, name, WIDTH / HEADS, 0, 0);
}

void write_network(const char *path, int patch, int context)
{
    static writer w;
    const int side = 16 / patch, size = 3 * patch * patch;
    generator g;
    w.end = 0;
    w.length =
        (size_t)snprintf(w.header, ROOM,
                         "{\"__metadata__\":{\"patch\":\"%d\",\"context\":\"%d\",\"width\":\"%d\",\"layers\":\"%d\","
                         "\"heads\":\"%d\"}",
                         patch, context, WIDTH, LAYERS, HEADS);
    add_linear(&w, "input", size, WIDTH), add_linear(&w, "time1", 128, WIDTH), add_linear(&w, "time2", WIDTH, WIDTH);
    add(&w, "position", side * side, WIDTH, 0), add(&w, "label", 7, context ? context : 1, WIDTH);
    for (int i = 0; i < LAYERS; i++) add_block(&w, i);
    add_linear(&w, "last_condition", WIDTH, 2 * WIDTH), add_linear(&w, "output", WIDTH, size);
    strcat(w.header, "}");
    size_t bytes;
    unsigned char *file = file_of(w.header, w.end, &bytes);
    float *numbers = malloc(w.end);
    generator_seed(&g, 5, (unsigned long long)patch);
    generator_normals(&g, numbers, (int)(w.end / sizeof(float)));
    for (size_t i = 0; i < w.end / sizeof(float); i++) numbers[i] *= .25f;
    memcpy(file + bytes - w.end, numbers, w.end);
    FILE *out = fopen(path, "wb");
    ck_assert(out && fwrite(file, 1, bytes, out) == bytes && fclose(out) == 0);
    free(file), free(numbers);
}
