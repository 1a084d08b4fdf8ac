/* qualified.c - what info and explain say of a kernel on a device: whether it was ever judged on its architecture. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "qualified.h"
#include "runtime.h"

#define UNQUALIFIED "not qualified on this architecture"

enum { REMEMBERED = 16, JOINED = 64 };

/* 90 for 9.0; 0: the device does not answer. Looked up once for each of the first devices. */
static int architecture_of(int device)
{
    static atomic_int known[REMEMBERED];
    const int here = device >= 0 && device < REMEMBERED ? atomic_load(&known[device]) : 0;
    ag_rt_device is;
    if (here) return here;
    if (ag_rt_describe(device, &is)) return 0;
    const int architecture = 10 * is.major + is.minor;
    if (device >= 0 && device < REMEMBERED) atomic_store(&known[device], architecture);
    return architecture;
}

static int is_qualified(const char *name, int architecture)
{
    for (const ag_qualified *q = ag_qualified_list; q->kernel && architecture; q++)
        if (q->architecture == architecture && !strcmp(q->kernel, name)) return 1;
    return 0;
}

/* The detail with UNQUALIFIED behind it, kept for good: one place per kernel, written by whoever comes first. */
static const char *joined(const ag_kernel *kernel, const char *detail)
{
    static _Atomic(const ag_kernel *) owner[JOINED];
    static atomic_int ready[JOINED];
    static char text[JOINED][200];
    for (int i = 0; i < JOINED; i++) {
        const ag_kernel *nobody = NULL;
        if (atomic_compare_exchange_strong(&owner[i], &nobody, kernel)) {
            snprintf(text[i], sizeof text[i], "%.150s, %s", detail, UNQUALIFIED);
            atomic_store(&ready[i], 1);
        }
        if (atomic_load(&owner[i]) == kernel) return atomic_load(&ready[i]) ? text[i] : UNQUALIFIED;
    }
    return UNQUALIFIED;
}

const char *ag_cuda_remark(const ag_kernel *kernel, int device)
{
    const char *detail = kernel->detail ? kernel->detail() : NULL;
    if (is_qualified(kernel->name, architecture_of(device))) return detail;
    return detail ? joined(kernel, detail) : UNQUALIFIED;
}
