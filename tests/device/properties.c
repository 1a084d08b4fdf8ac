/* properties.c - see properties.h. The libraries are opened by name, as the backend opens them. */
#include "properties.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "device.h"
#include "record.h"

/* Of cuDNN's backend interface, which is plain C: cudnn_graph.h of version 9. */
enum {
    DEVICEPROP_DESCRIPTOR = 38,
    DEVICEPROP_DEVICE_ID = 2700,
    DEVICEPROP_JSON = 2702,
    TYPE_INT32 = 23,
    TYPE_CHAR = 24,
    MOST_JSON = 1 << 20
};

typedef struct cudnn {
    int (*create)(int type, void **descriptor);
    int (*set)(void *descriptor, int name, int type, int64_t count, const void *values);
    int (*get)(void *descriptor, int name, int type, int64_t room, int64_t *count, void *values);
    int (*finalize)(void *descriptor);
    int (*destroy)(void *descriptor);
    size_t (*version)(void);
} cudnn;

static void say(const char *key, const char *value)
{
    record_begin("device");
    record_text("key", key);
    record_text("value", value);
    record_end();
}

static void say_version(const char *key, size_t version, size_t major, size_t minor)
{
    char text[64];
    snprintf(text, sizeof text, "%zu.%zu.%zu", version / major, version % major / minor, version % minor);
    say(key, text);
}

static void *open_any(const char *const *names)
{
    for (; *names; names++) {
        void *library = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
        if (library) return library;
    }
    return NULL;
}

static int open_cudnn(cudnn *c)
{
    static const char *const names[] = { "libcudnn.so.9", "libcudnn.so", NULL };
    void *library = open_any(names);
    if (!library) return 1;
    *(void **)&c->create = dlsym(library, "cudnnBackendCreateDescriptor");
    *(void **)&c->set = dlsym(library, "cudnnBackendSetAttribute");
    *(void **)&c->get = dlsym(library, "cudnnBackendGetAttribute");
    *(void **)&c->finalize = dlsym(library, "cudnnBackendFinalize");
    *(void **)&c->destroy = dlsym(library, "cudnnBackendDestroyDescriptor");
    *(void **)&c->version = dlsym(library, "cudnnGetVersion");
    return !c->create || !c->set || !c->get || !c->finalize || !c->destroy || !c->version;
}

/* cuDNN's words for device 0; NULL: it has none. */
static char *description(const cudnn *c)
{
    void *d = NULL;
    int32_t device = 0;
    int64_t size = 0;
    char *text = NULL;
    if (c->create(DEVICEPROP_DESCRIPTOR, &d)) return NULL;
    if (!c->set(d, DEVICEPROP_DEVICE_ID, TYPE_INT32, 1, &device) && !c->finalize(d) &&
        !c->get(d, DEVICEPROP_JSON, TYPE_CHAR, 0, &size, NULL) && size > 0 && size < MOST_JSON)
        text = calloc(1, (size_t)size + 1);
    if (text && c->get(d, DEVICEPROP_JSON, TYPE_CHAR, size, &size, text)) {
        free(text);
        text = NULL;
    }
    c->destroy(d);
    return text;
}

static int write_fixture(const cudnn *c, const char *path)
{
    char *text = description(c);
    FILE *file = text ? fopen(path, "w") : NULL;
    const int bad = !file || fputs(text, file) < 0 || fputc('\n', file) == EOF;
    free(text);
    return (file && fclose(file)) || bad;
}

static void say_cublas(void)
{
    static const char *const names[] = { "libcublas.so.13", "libcublas.so.12", "libcublas.so", NULL };
    void *library = open_any(names);
    int (*property)(int, int *) = NULL;
    int part[3] = { 0 };
    char text[64];
    if (library) *(void **)&property = dlsym(library, "cublasGetProperty");
    for (int i = 0; i < 3 && property; i++)
        if (property(i, &part[i])) property = NULL;
    snprintf(text, sizeof text, "%d.%d.%d", part[0], part[1], part[2]);
    say("cuBLAS", property ? text : "not found");
}

int properties(const char *fixture)
{
    cudnn c = { 0 };
    device_describe(say);
    say_cublas();
    if (open_cudnn(&c)) {
        say("cuDNN", "not found");
        return 0;
    }
    say_version("cuDNN", c.version(), 10000, 100);
    if (!fixture || !write_fixture(&c, fixture)) return 0;
    puts("cuDNN does not describe the device");
    return 1;
}
