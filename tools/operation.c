/* operation.c - the operations by name. */
#include "operation.h"

#include <string.h>

enum { QK = AG_NEEDS_Q | AG_NEEDS_K, QKV = AG_NEEDS_Q | AG_NEEDS_K | AG_NEEDS_V };

/* AG_BLUR takes its blur from rows of the method smoothed. */
const operation operations[] = {
    { "standard", AG_ATTENTION, AG_STANDARD, QKV, "out", "lse" },
    { "identity", AG_ATTENTION, AG_IDENTITY, QKV, "out", NULL },
    { "uniform", AG_ATTENTION, AG_UNIFORM, QKV, "out", NULL },
    { "smoothed", AG_ATTENTION, AG_SMOOTHED, QKV, "out", NULL },
    { "orthogonal", AG_ATTENTION, AG_ORTHOGONAL, QKV, "out", NULL },
    { "scrambled", AG_ATTENTION, AG_SCRAMBLED, QKV, "out", NULL },
    { "softened", AG_ATTENTION, AG_SOFTENED, QKV, "out", NULL },
    { "masked", AG_ATTENTION, AG_MASKED, QKV, "out", NULL },
    { "noisy", AG_ATTENTION, AG_NOISY, QKV, "out", NULL },
    { "blur", AG_BLUR, AG_SMOOTHED, AG_NEEDS_Q, "out", NULL },
    { "received", AG_RECEIVED, AG_STANDARD, QK, "out", NULL },
    { "map", AG_MAP, AG_STANDARD, QK, "out", NULL },
    { "energy", AG_ENERGY, AG_STANDARD, QK, "energy", "curvature" },
};

const int operation_count = (int)(sizeof operations / sizeof operations[0]);

const operation *operation_find(const char *name)
{
    for (int i = 0; i < operation_count; i++)
        if (!strcmp(name, operations[i].name)) return &operations[i];
    return NULL;
}
