/* emulated.c - see emulated.h. */
#include "emulated.h"

#include <dlfcn.h>
#include <stdlib.h>

#include "../problem.h"

ag_emulation *emulated;

int emulated_begin(void)
{
    const char *path = getenv("AG_CUDA_PLUGIN");
    void *plugin = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
    ag_emulation *(*entry)(void) = NULL;
    if (plugin) *(void **)&entry = dlsym(plugin, "ag_emulated");
    if (!entry) return 0;
    emulated = entry();
    buffer_opened = emulated->adopt;
    buffer_closed = emulated->forget;
    problem_where = AG_CUDA;
    return 1;
}
