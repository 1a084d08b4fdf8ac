/* cuda.c - the CUDA backend seen from the library, which knows nothing of CUDA: libattnguide_cuda.so is loaded when
 * somebody asks for it, once, and never unloaded. Looked for where AG_CUDA_PLUGIN says, an absolute path, and nowhere
 * else if that is set; beside the file that holds this code; in lib beside that folder; where the system looks for
 * libraries. Never in the working directory: it may be a stranger's. */
#include <stdio.h>

#include "../os.h"
#include "plugin.h"

#define PLUGIN "libattnguide_cuda.so"

static ag_once once = AG_ONCE;
static const ag_backend *loaded;
static char trouble[512];

static const ag_kernel *const *kernels(void)
{
    static const ag_kernel *const none[] = { NULL };
    return none;
}

static const char *unavailable(void) { return trouble; }
static uint32_t features(void) { return 0; }
static const char *lacking(uint32_t missing)
{
    (void)missing;
    return trouble;
}

static const ag_backend nothing = {
    .name = "cuda",
    .place = AG_CUDA,
    .unavailable = unavailable,
    .features = features,
    .lacking = lacking,
    .kernels = kernels,
};

/* Both sides share private structs, so that nothing but the very same version will do. */
static void take(void *library, const char *path)
{
    const ag_backend *(*entry)(uint32_t version) = NULL;
    *(void **)&entry = ag_os_symbol(library, "ag_cuda_backend");
    loaded = entry ? entry(ag_version()) : NULL;
    if (!loaded) snprintf(trouble, sizeof trouble, "%.300s is not of version %s", path, ag_version_string());
}

static void load_told(const char *path)
{
    void *library = *path == '/' ? ag_os_library(path) : NULL;
    if (library) take(library, path);
    else if (*path == '/') snprintf(trouble, sizeof trouble, "AG_CUDA_PLUGIN: %.400s", ag_os_library_trouble());
    else snprintf(trouble, sizeof trouble, "AG_CUDA_PLUGIN is %.400s, not an absolute path", *path ? path : "empty");
}

static void load(void)
{
    const char *told = ag_os_variable("AG_CUDA_PLUGIN");
    char beside[4096], lib[4096];
    if (told) {
        load_told(told);
        return;
    }
    ag_os_beside(beside, sizeof beside, PLUGIN);
    ag_os_beside(lib, sizeof lib, "../lib/" PLUGIN);
    const char *const paths[] = { beside, lib, PLUGIN };
    for (int i = 0; i < 3; i++) {
        void *library = *paths[i] ? ag_os_library(paths[i]) : NULL;
        if (!library) continue;
        take(library, paths[i]);
        return;
    }
    snprintf(trouble, sizeof trouble, PLUGIN " was not found beside this library or on the system's paths");
}

const ag_backend *ag_cuda_here(void)
{
    ag_os_once(&once, load);
    return loaded ? loaded : &nothing;
}
