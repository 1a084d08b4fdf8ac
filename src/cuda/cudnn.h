/* cudnn.h - cuDNN: the library, and dense attention plans of its unified SDPA operation. */
/* clang-format off */
#ifndef AG_CUDNN_H
#define AG_CUDNN_H

#include "../plan/plan.h"
#include "cudnn_api.h"

/* NULL if it cannot be had; the sentences say why, or which one it is. */
const ag_cudnn *ag_cudnn_here(void);
const char     *ag_cudnn_unavailable(void);
const char     *ag_cudnn_detail(void);

/* out = softmax(scale q k^T) v over [b, h, n, d], [b, h_kv, m, d], [b, h_kv, m, d_v], [b, h, n, d_v], and with `stats`
 * the natural logarithm of the sums [b, h, n] in float32. Strides in elements: batch, head, token; channels are
 * contiguous. Nothing but int64_t, so that two can be compared by their bytes. */
typedef struct ag_sdpa {
    int64_t type;                    /* ag_dtype of all four: float16 or bfloat16 */
    int64_t b, h, h_kv, n, m, d, d_v;
    int64_t q[3], k[3], v[3], out[3];
    int64_t stats;                   /* wanted */
    int64_t lse[3];
} ag_sdpa;

/* Where a plan is to run: a device; or one that is described by the JSON text of cuDNN's device properties, for which
 * no device needs to be there (nor can the plan be run then). */
typedef struct ag_sdpa_place {
    int         device;
    const char *properties;          /* NULL: those of `device` */
} ag_sdpa_place;

typedef struct ag_sdpa_plan ag_sdpa_plan;

typedef enum ag_sdpa_origin { AG_SDPA_BUILT, AG_SDPA_LOADED, AG_SDPA_SHARED } ag_sdpa_origin;

typedef struct ag_sdpa_args {
    const void *q, *k, *v;
    void       *out, *lse;           /* lse: with stats only */
    float       scale;
    void       *workspace;           /* aligned to 256 bytes */
    void       *stream;
} ag_sdpa_args;

/* A plan from the process's cache, from the plan file, or built now, which takes a quarter of a second. Plans of a
 * device make its handles too: the device must be the current one. AG_ERR_KERNEL: cuDNN has no engine for it. */
ag_status ag_sdpa_borrow(const ag_sdpa *what, const ag_sdpa_place *where, ag_sdpa_plan **plan, ag_why why);
void      ag_sdpa_return(ag_sdpa_plan *plan);

size_t         ag_sdpa_workspace(const ag_sdpa_plan *plan);
int64_t        ag_sdpa_engine(const ag_sdpa_plan *plan);   /* cuDNN's global number; -1: not known, it was loaded */
ag_sdpa_origin ag_sdpa_origin_of(const ag_sdpa_plan *plan);

/* Enqueues it. Allocates nothing on the device. */
ag_status ag_sdpa_run(ag_sdpa_plan *plan, const ag_sdpa_args *args, ag_why why);

/* ---- between cudnn_plan.c (one plan), cudnn_cache.c (many) and cudnn_file.c (those of other processes) ---- */

enum { AG_SDPA_KEY = 640, AG_SDPA_KEPT = 24 };

struct ag_sdpa_plan {
    char           key[AG_SDPA_KEY]; /* library, device, problem: everything a plan depends on, in words */
    int            device;
    ag_sdpa_origin origin;
    void          *plan;
    void          *kept[AG_SDPA_KEPT]; /* descriptors that live as long as the plan does */
    int            n_kept;
    int64_t        workspace, engine;
    _Atomic int    busy;             /* cuDNN does not promise that one plan may be enqueued by two threads at once */
    int            users;            /* borrowed, under the library lock */
    ag_sdpa_plan  *next;
};

/* The plan is empty but for its key. `properties` is a finalized descriptor. */
ag_status ag_sdpa_build(ag_sdpa_plan *plan, const ag_sdpa *what, void *properties, ag_why why);
ag_status ag_sdpa_parse(ag_sdpa_plan *plan, const char *json, size_t size, void *properties, ag_why why);
void      ag_sdpa_drop(ag_sdpa_plan *plan);
char     *ag_sdpa_json(const ag_sdpa_plan *plan, size_t *size);      /* malloc; NULL: there is none */

/* The JSON of `key` in the file that AG_CUDNN_PLANS names: malloc, or NULL. Damaged entries are passed over. */
char *ag_sdpa_file_find(const char *key, size_t *size);
void  ag_sdpa_file_add(const char *key, const char *json, size_t size);

#endif
