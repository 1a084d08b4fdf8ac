/* emulated.c - see emulated.h. */
#include "emulated.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/problem.h"

ag_emulation *emulated;

/* The library's stand-in that lies beside the plugin, unless another one is named. */
static void stand_in(const char *variable, const char *plugin, const char *name)
{
    char path[512];
    const char *slash = strrchr(plugin, '/');
    snprintf(path, sizeof path, "%.*s%s", slash ? (int)(slash - plugin) + 1 : 0, plugin, name);
    setenv(variable, path, 0);
}

int emulated_begin(void)
{
    const char *given = getenv("AG_CUDA_PLUGIN");
    char *path = given ? realpath(given, NULL) : NULL; /* the library takes absolute paths alone */
    if (path) setenv("AG_CUDA_PLUGIN", path, 1);
    if (path) stand_in("AG_CUDNN", path, "libcudnn.so");
    if (path) stand_in("AG_CUBLAS", path, "libcublas.so");
    void *plugin = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    free(path);
    ag_emulation *(*entry)(void) = NULL;
    if (plugin) *(void **)&entry = dlsym(plugin, "ag_emulated");
    if (!entry) return 0;
    emulated = entry();
    buffer_opened = emulated->adopt;
    buffer_closed = emulated->forget;
    problem_where = AG_CUDA;
    return 1;
}
