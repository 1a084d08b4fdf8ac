/* cudnn_cache.c - plans that were made are kept for the process, most recently used first, and offered to later ones
 * through a file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../os.h"
#include "cudnn.h"
#include "hash.h"
#include "library.h"

/* Unused plans beyond this many are dropped, least recently used first. */
enum { MOST_PLANS = 256 };

ag_handles ag_cudnn_handles;

static ag_sdpa_plan *plans;

/* ---- the device ---- */

static ag_status refuse_properties(int status, ag_why why)
{
    char text[128] = "";
    ag_cudnn_here()->last_error(text, sizeof text);
    return ag_refuse(why, AG_ERR_UNAVAILABLE, "cuDNN does not take this device (status %d): %s", status, text);
}

/* A finalized description of the place, and the hash of its text: two devices of one kind may share saved plans only
 * where cuDNN sees no difference. */
static ag_status describe(const ag_sdpa_place *where, void **properties, uint64_t *hash, ag_why why)
{
    const ag_cudnn *lib = ag_cudnn_here();
    const int name = AG_CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION;
    const int32_t device = where->device;
    int64_t n = where->properties ? (int64_t)strlen(where->properties) : 0;
    char *text = NULL;
    int s = lib->create_descriptor(AG_CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, properties);
    if (s) return refuse_properties(s, why);
    if (where->properties) s = lib->set(*properties, name, AG_CUDNN_TYPE_CHAR, n, where->properties);
    else s = lib->set(*properties, AG_CUDNN_ATTR_DEVICEPROP_DEVICE_ID, AG_CUDNN_TYPE_INT32, 1, &device);
    if (!s) s = lib->finalize(*properties);
    if (!s && where->properties) *hash = ag_hash(where->properties, (size_t)n);
    if (!s && !where->properties) {
        s = lib->get(*properties, name, AG_CUDNN_TYPE_CHAR, 0, &n, NULL);
        text = !s && n > 0 ? malloc((size_t)n) : NULL;
        if (text) s = lib->get(*properties, name, AG_CUDNN_TYPE_CHAR, n, &n, text);
        if (text && !s) *hash = ag_hash(text, (size_t)n);
        else if (!s) s = -1;
        free(text);
    }
    if (!s) return AG_OK;
    (void)lib->destroy_descriptor(*properties);
    return refuse_properties(s, why);
}

/* ---- the key ---- */

static int put(char *key, int at, const char *name, const int64_t *values, int count)
{
    at += snprintf(key + at, (size_t)(AG_SDPA_KEY - at), " %s", name);
    for (int i = 0; i < count; i++) at += snprintf(key + at, (size_t)(AG_SDPA_KEY - at), ":%lld", (long long)values[i]);
    return at;
}

/* 32 numbers of at most 20 characters, and names: it fits. */
static void write_key(char *key, const ag_sdpa *p, uint64_t device)
{
    const int64_t extents[] = { p->b, p->h, p->h_kv, p->n, p->m, p->d, p->d_v };
    int at =
        snprintf(key, AG_SDPA_KEY, "cudnn:%zu device:%016llx", ag_cudnn_here()->version(), (unsigned long long)device);
    at = put(key, at, p->type == AG_F16 ? "f16" : "bf16", extents, 7);
    at = put(key, at, "q", p->q, 3);
    at = put(key, at, "k", p->k, 3);
    at = put(key, at, "v", p->v, 3);
    at = put(key, at, "out", p->out, 3);
    if (p->stats) put(key, at, "lse", p->lse, 3);
}

/* ---- the cache, under the library lock ---- */

static ag_sdpa_plan *look_up(const char *key, int device)
{
    for (ag_sdpa_plan **at = &plans; *at; at = &(*at)->next) {
        ag_sdpa_plan *p = *at;
        if (p->device != device || strcmp(p->key, key)) continue;
        *at = p->next;
        p->next = plans;
        plans = p;
        return p;
    }
    return NULL;
}

static void drop_unused(void)
{
    int n = 0;
    for (ag_sdpa_plan **at = &plans; *at;) {
        ag_sdpa_plan *p = *at;
        if (++n <= MOST_PLANS || p->users) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        ag_sdpa_drop(p);
        free(p);
    }
}

/* From the file where it has this plan and cuDNN still takes it; built, and saved, where not. */
static ag_status make(ag_sdpa_plan *p, const ag_sdpa *what, void *properties, ag_why why)
{
    size_t size = 0;
    char *json = ag_sdpa_file_find(p->key, &size);
    p->origin = AG_SDPA_LOADED;
    if (json && !ag_sdpa_parse(p, json, size, properties, (ag_why){ NULL, 0 })) {
        free(json);
        return AG_OK;
    }
    free(json);
    ag_sdpa_drop(p);
    p->origin = AG_SDPA_BUILT;
    const ag_status s = ag_sdpa_build(p, what, properties, why);
    if (s) return s;
    json = ag_sdpa_json(p, &size);
    if (json) ag_sdpa_file_add(p->key, json, size);
    free(json);
    return AG_OK;
}

static ag_status make_entry(const char *key, const ag_sdpa *what, const ag_sdpa_place *where, void *properties,
                            ag_sdpa_plan **plan, ag_why why)
{
    ag_sdpa_plan *p = calloc(1, sizeof *p);
    if (!p) return ag_refuse(why, AG_ERR_MEMORY, "no memory for a cuDNN plan");
    memcpy(p->key, key, AG_SDPA_KEY);
    p->device = where->device;
    const ag_status s = make(p, what, properties, why);
    if (s) {
        ag_sdpa_drop(p);
        free(p);
        return s;
    }
    p->next = plans;
    plans = p;
    *plan = p;
    drop_unused();
    return AG_OK;
}

static ag_status borrow(const ag_sdpa *what, const ag_sdpa_place *where, ag_sdpa_plan **plan, ag_why why)
{
    char key[AG_SDPA_KEY] = "";
    uint64_t device = 0;
    void *properties = NULL;
    ag_status s = describe(where, &properties, &device, why);
    if (s) return s;
    write_key(key, what, device);
    *plan = look_up(key, where->device);
    if (*plan) (*plan)->origin = AG_SDPA_SHARED;
    else s = make_entry(key, what, where, properties, plan, why);
    (void)ag_cudnn_here()->destroy_descriptor(properties);
    if (s || where->properties) return s;
    const int made = ag_handles_fill(&ag_cudnn_handles, where->device, ag_cudnn_here()->create);
    return made ? ag_refuse(why, AG_ERR_UNAVAILABLE, "cuDNN gives no handle (status %d)", made) : AG_OK;
}

ag_status ag_sdpa_borrow(const ag_sdpa *what, const ag_sdpa_place *where, ag_sdpa_plan **plan, ag_why why)
{
    const char *reason = ag_cudnn_unavailable();
    *plan = NULL;
    if (reason) return ag_refuse(why, AG_ERR_UNAVAILABLE, "%s", reason);
    if (!ag_library_lock()) return ag_refuse(why, AG_ERR_MEMORY, "no memory for a lock");
    const ag_status s = borrow(what, where, plan, why);
    if (!s) (*plan)->users++;
    else *plan = NULL;
    ag_library_unlock();
    return s;
}

void ag_sdpa_return(ag_sdpa_plan *plan)
{
    if (!plan || !ag_library_lock()) return;
    plan->users--;
    drop_unused();
    ag_library_unlock();
}

size_t ag_sdpa_workspace(const ag_sdpa_plan *plan) { return plan->workspace > 0 ? (size_t)plan->workspace : 0; }
int64_t ag_sdpa_engine(const ag_sdpa_plan *plan) { return plan->engine; }
ag_sdpa_origin ag_sdpa_origin_of(const ag_sdpa_plan *plan) { return plan->origin; }
