/* cudnn.c - finds cuDNN and judges its version. */
#include "cudnn.h"

#include <stdio.h>

#include "../os.h"
#include "library.h"

enum { OLDEST = 91501 };

#define COST "float16 and bfloat16 attention then runs without tensor cores"

static ag_once once = AG_ONCE;
static int usable;
static ag_cudnn found;
static char detail[40], reason[256];

static int missing(void *library)
{
    *(void **)&found.version = ag_os_symbol(library, "cudnnGetVersion");
    *(void **)&found.last_error = ag_os_symbol(library, "cudnnGetLastErrorString");
    *(void **)&found.create = ag_os_symbol(library, "cudnnCreate");
    *(void **)&found.set_stream = ag_os_symbol(library, "cudnnSetStream");
    *(void **)&found.create_descriptor = ag_os_symbol(library, "cudnnBackendCreateDescriptor");
    *(void **)&found.destroy_descriptor = ag_os_symbol(library, "cudnnBackendDestroyDescriptor");
    *(void **)&found.finalize = ag_os_symbol(library, "cudnnBackendFinalize");
    *(void **)&found.set = ag_os_symbol(library, "cudnnBackendSetAttribute");
    *(void **)&found.get = ag_os_symbol(library, "cudnnBackendGetAttribute");
    *(void **)&found.execute = ag_os_symbol(library, "cudnnBackendExecute");
    return !found.version || !found.last_error || !found.create || !found.set_stream || !found.create_descriptor ||
           !found.destroy_descriptor || !found.finalize || !found.set || !found.get || !found.execute;
}

/* What is wrong with a version below OLDEST, newest fault first. */
static const char *fault(size_t version)
{
    if (version >= 91500) return "it is wrong for lengths that are no multiple of 128";
    if (version >= 91300) return "it reads illegal addresses under CUDA graphs";
    if (version >= 91000 && version < 91002) return "its float16 attention is wrong";
    return "it has no usable unified attention";
}

static int find(void)
{
    static const char *const names[] = { "libcudnn.so.9", NULL };
    void *library = ag_library_open("AG_CUDNN", names);
    if (!library) {
        snprintf(reason, sizeof reason, "libcudnn.so.9 was not found (AG_CUDNN may name its absolute path): " COST);
        return 0;
    }
    if (missing(library)) {
        snprintf(reason, sizeof reason, "libcudnn.so.9 lacks the backend API: " COST);
        return 0;
    }
    const size_t v = found.version();
    snprintf(detail, sizeof detail, "cuDNN %u.%u.%u", (unsigned)(v / 10000), (unsigned)(v / 100 % 100),
             (unsigned)(v % 100));
    if (v >= OLDEST) return 1;
    snprintf(reason, sizeof reason, "%s is older than 9.15.1, and %s: " COST, detail, fault(v));
    return 0;
}

static void load(void) { usable = find(); }

static int is_usable(void)
{
    ag_os_once(&once, load);
    return usable;
}

const ag_cudnn *ag_cudnn_here(void) { return is_usable() ? &found : NULL; }
const char *ag_cudnn_unavailable(void) { return ag_cudnn_here() ? NULL : reason; }
const char *ag_cudnn_detail(void) { return ag_cudnn_here() ? detail : NULL; }
