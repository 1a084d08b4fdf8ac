/* cudart.c - a stand-in for the CUDA runtime over the emulated device that AG_CUDA_PLUGIN names, so that the command's
 * --cuda runs without a GPU. With TINYDIFF_NO_COPIES set every copy fails, which tells whether there are any. */
#include "../emulated/emulation.h"
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

int cudaMalloc(void **memory, size_t bytes);
int cudaFree(void *memory);
int cudaMemcpy(void *to, const void *from, size_t bytes, int direction);

static ag_emulation *emulation(void)
{
    ag_emulation *(*entry)(void) = NULL;
    void *plugin = dlopen(getenv("AG_CUDA_PLUGIN"), RTLD_NOW | RTLD_LOCAL);
    if (plugin) *(void **)&entry = dlsym(plugin, "ag_emulated");
    return entry ? entry() : NULL;
}

int cudaMalloc(void **memory, size_t bytes)
{
    ag_emulation *e = emulation();
    *memory = e ? aligned_alloc(256, (bytes + 255) / 256 * 256) : NULL;
    if (*memory) e->adopt(*memory, bytes);
    return !*memory;
}

int cudaFree(void *memory)
{
    emulation()->forget(memory);
    free(memory);
    return 0;
}

int cudaMemcpy(void *to, const void *from, size_t bytes, int direction)
{
    (void)direction;
    if (getenv("TINYDIFF_NO_COPIES")) return 1;
    memcpy(to, from, bytes);
    return 0;
}
