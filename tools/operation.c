/* operation.c - the operations by name. */
#include "operation.h"

#include <string.h>

enum { QK = AG_NEEDS_Q | AG_NEEDS_K, QKV = AG_NEEDS_Q | AG_NEEDS_K | AG_NEEDS_V, MOST = 64 };

static const operation others[] = {
    { "blur", AG_BLUR, AG_STANDARD, AG_NEEDS_Q, "out", NULL, "the blurred queries alone; needs --q only" },
    { "received", AG_RECEIVED, AG_STANDARD, QK, "out", NULL,
      "attention that each key receives, [B,M]; needs --q and --k" },
    { "map", AG_MAP, AG_STANDARD, QK, "out", NULL, "the weights themselves, [B,H,N,M]; needs --q and --k" },
    { "energy", AG_ENERGY, AG_STANDARD, QK, "energy", "curvature",
      "-lse, [B,H,N], and --curvature; needs --q and --k" },
};

enum { OTHERS = sizeof others / sizeof others[0] };

int method_at(int i, ag_method_info *info)
{
    ag_method_info_init(info);
    return ag_method_at(i, info) == AG_OK;
}

int parameter_at(int method, int i, ag_parameter_info *info)
{
    ag_parameter_info_init(info);
    return ag_parameter_at(method, i, info) == AG_OK;
}

int method_number(ag_method method, ag_kind kind)
{
    ag_method_info m;
    for (int i = 0; method_at(i, &m); i++)
        if (m.method == method && (m.variant == NULL || m.kind == kind)) return i;
    return -1;
}

int method_named(const char *word)
{
    ag_method_info m;
    for (int i = 0; method_at(i, &m); i++)
        if (!strcmp(method_word(&m), word)) return i;
    return -1;
}

int parameter_find(int method, const char *name, ag_parameter_info *info)
{
    for (int i = 0; parameter_at(method, i, info); i++)
        if (!strcmp(info->name, name)) return 1;
    return 0;
}

void parameter_set(const ag_parameter_info *parameter, void *place, double value)
{
    void *field = (char *)place + parameter->offset;
    if (parameter->whole) *(int32_t *)field = (int32_t)value;
    else *(double *)field = value;
}

const char *method_word(const ag_method_info *info) { return info->variant != NULL ? info->variant : info->name; }

/* Methods in the library's order, each once whatever its kinds; standard alone has its lse replayed. A blur takes its
 * sigmas from rows of the perturbation that goes with it. */
static int collect(operation *list)
{
    int n = 0;
    ag_method blurs = AG_STANDARD;
    ag_method_info m;
    for (int i = 0; method_at(i, &m); i++) {
        const int perturbs = (m.takes & AG_TAKES_IMAGE) != 0;
        if (perturbs && (m.takes & AG_TAKES_BLUR)) blurs = m.method;
        if (n > 0 && !strcmp(list[n - 1].name, m.name)) continue;
        list[n++] = (operation){ m.name, AG_ATTENTION, m.method, QKV, "out", perturbs ? NULL : "lse", NULL };
    }
    for (int i = 0; i < OTHERS; i++, n++) {
        list[n] = others[i];
        if (list[n].operation == AG_BLUR) list[n].method = blurs;
    }
    return n;
}

const operation *operation_at(int i)
{
    static operation list[MOST];
    static int count;
    if (count == 0) count = collect(list);
    return i < count ? &list[i] : NULL;
}

const operation *operation_find(const char *name)
{
    const operation *op;
    for (int i = 0; (op = operation_at(i)) != NULL; i++)
        if (!strcmp(name, op->name)) return op;
    return NULL;
}

const char *operation_name(int i)
{
    const operation *op = operation_at(i);
    return op != NULL ? op->name : NULL;
}

const char *const operation_aliases[] = { "PAG",  "identity (PAG)",    "SEG",       "smoothed (SEG)",
                                          "OSEG", "orthogonal (OSEG)", "TPG",       "scrambled --kind tokens (TPG)",
                                          "ERG",  "softened (ERG)",    "attention", "standard",
                                          NULL };
