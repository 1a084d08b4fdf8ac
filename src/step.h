/* step.h - the private vocabulary: what is true after check (problem), what is to be done (step), what does it
 * (kernel).
 *
 * Glossary, here and nowhere contradicted: b h i j t = output row, head, query, key, channel; n_q n_k d d_v = extents;
 * o n = first image token, number of image tokens; m w x = running maximum, weight, logit. Strides count elements.
 */
/* clang-format off */
#ifndef AG_STEP_H
#define AG_STEP_H

#include "attnguide.h"
#include "semantics.h"

/* ---- A checked problem: nothing missing, defaults filled in, ranges fit. Everything below check trusts it. ------- */

typedef struct ag_row_checked {
    int64_t   q_row, kv_row;           /* resolved; AG_ROW_NONE where not read */
    ag_method method;
    ag_kind   kind;
    int       blend, keep_parallel, indexed, draws;
    double    sigma, sigma_t, inverse_temperature, probability, amplitude;
    int64_t   o, n;                    /* image tokens [o, o+n) */
    int64_t   grid[3];
    int32_t   heads_at;                /* first byte of this row's head set in ag_checked.heads; -1 = all heads */
} ag_row_checked;

typedef struct ag_checked {
    ag_problem      p;                 /* without borrowed pointers: rows and kernel are NULL here */
    ag_row_checked *rows;              /* [batch] */
    uint8_t        *heads;             /* head sets, one after the other */
    size_t          heads_size;
    char            kernel[64];        /* forced kernel; "" = none */
    int             combines;          /* a combination of predictions: p and rows are empty, g says what */
    ag_guidance     g;
} ag_checked;

/* ---- Where a step reads and writes ------------------------------------------------------------------------------- */

typedef enum ag_source {
    AG_IN_Q, AG_IN_K, AG_IN_V, AG_TO_OUT, AG_TO_LSE, AG_TO_CURVATURE, AG_WORK, AG_SOURCES
} ag_source;

/* Row (h, i) is at base[source] + offset bytes + (h / group) stride_h + i stride_i elements. Offsets may be negative:
 * i is always the token's number in the whole sequence, also where a buffer holds the image tokens only. */
typedef struct ag_ref {
    ag_source source;
    ag_dtype  dtype;
    int64_t   group;
    int64_t   offset;
    int64_t   stride_h, stride_i;
    int32_t   align;                   /* bytes of which base[source] is a multiple, as far as was promised */
} ag_ref;

/* int32 entries: the caller's (from_args) or drawn into the workspace. */
typedef struct ag_index {
    int     from_args;
    int64_t offset;
} ag_index;

/* Token i reads row base + ((i - o) / div) % mod: one row, one per frame, one per place, or its own. */
typedef struct ag_map {
    int64_t o, div, mod, base;
} ag_map;

AG_FN int64_t ag_mapped(const ag_map *m, int64_t i) { return m->base + (i - m->o) / m->div % m->mod; }

/* Tokens per task of the steps that move rows; tally keeps a partial sum for each. */
#define AG_CHUNK 256

/* ---- Steps: one output row, some of its heads ------------------------------------------------------------------- */

typedef enum ag_step_kind {
    AG_STEP_DRAW, AG_STEP_PERMUTE, AG_STEP_TALLY, AG_STEP_GATHER, AG_STEP_MEAN, AG_STEP_SPLIT, AG_STEP_BLUR,
    AG_STEP_ATTEND, AG_STEP_COPY, AG_STEP_RECEIVED, AG_STEP_ENERGY, AG_STEP_MAP,
    AG_STEP_STATISTICS, AG_STEP_COMBINE,
    AG_STEP_KINDS
} ag_step_kind;

/* index[0 .. n draws) by the row's seed and stream (methods: randomness). */
typedef struct ag_draw {
    ag_kind kind;
    int64_t n, draws;
    int64_t offset;          /* int32 in the workspace */
} ag_draw;

/* dst_i = mix src_pi(i) + (1 - mix) src_i over image tokens; use_mix 0: dst_i = src_pi(i). Heads are stored heads. */
typedef struct ag_permute {
    ag_ref   src, dst;
    ag_index index;
    int64_t  o, n, d;
    int      use_mix;
} ag_permute;

/* Tally: partial sums of the drawn means over heads, tokens, channels. Gather: the outputs that use them. */
typedef struct ag_gather {
    ag_ref   src, dst;
    ag_index index;
    int64_t  o, n, d, draws;
    int64_t  kv_heads;       /* tally runs over all of them, whatever the head set */
    int64_t  chunks;         /* partial sums per head */
    int64_t  sums;           /* workspace offset of double [kv_heads, chunks] */
} ag_gather;

/* dst = mean of src over visible image keys, 0 if none; count = how many. Heads are key/value heads. */
typedef struct ag_mean {
    ag_ref  src, dst, count; /* count: float32, one per head; source AG_SOURCES = not wanted */
    int64_t o, n, d;
} ag_mean;

/* perp = q - q_par, par = (q.k^) k^ with the same-index key; par.source AG_SOURCES = not wanted. */
typedef struct ag_split {
    ag_ref  q, k, perp, par;
    int64_t o, n, d;
} ag_split;

/* One axis of a blur, as the matrix G[out][in] that ag_axis_weight() gives entry by entry: it is never stored. */
typedef struct ag_axis {
    int64_t       in, out;    /* out = in, or 1 where an infinite axis is collapsed to its mean */
    int           changes;    /* 0: the axis is left as it is */
    int           mean;       /* every entry 1/in */
    int64_t       radius;
    const double *tap;        /* [radius+1], normalised; tap[x] = tap[-x] */
} ag_axis;

/* dst = G * src over the grid, or dst += G * src; axis order time, height, width; dst rows are numbered from dst_o. */
typedef struct ag_blur {
    ag_ref  src, dst;
    int64_t o, dst_o, d;
    ag_axis axis[3];
    int     accumulate;
} ag_blur;

/* dst_i = src at map(i) for tokens [first, first+count); own_key: a zero row where key i is masked. lse likewise. */
typedef struct ag_copy {
    ag_ref  src, dst;
    ag_ref  lse_src, lse_dst; /* lse_dst.source AG_SOURCES = not wanted */
    int64_t first, count, d;
    ag_map  map;
    int     own_key;
} ag_copy;

/* The element that starts the softmax recurrence: query i's own key (identity), or the image's mean key (uniform). */
typedef enum ag_own { AG_OWN_NONE, AG_OWN_SELF, AG_OWN_MEAN } ag_own;

/* What random words do to the logit of image query i and image key j: hide it (i != j), or add to it. */
typedef enum ag_disturb { AG_DISTURB_NONE, AG_DISTURB_MASK, AG_DISTURB_NOISE } ag_disturb;

typedef struct ag_disturbance {
    ag_disturb kind;
    int64_t    o, n;
    uint32_t   last;         /* mask: the highest word that hides */
    double     amplitude;    /* noise */
} ag_disturbance;

typedef struct ag_keys {
    int64_t first, count;
    ag_ref  k, v;
} ag_keys;

/* One softmax over one choice of queries, keys and values; or rows that are already there. */
typedef struct ag_pass {
    int      ready;           /* take rows of `q[0]` (width d_v) through `map` */
    ag_map   map;
    ag_ref   q[3];            /* one per span of queries */
    ag_keys  keys[3];
    int      n_keys;
    double   scale;
    ag_own   own;
    ag_ref   own_k, own_v, own_count;
    int      permuted;        /* causal and bias rows of query i are those of index[i - o] + o */
    ag_index index;
    int64_t  o;
    ag_disturbance disturbance;
} ag_pass;

typedef struct ag_span {
    int64_t first, count;
} ag_span;

/* out = pass 0, or (1-u) pass 0 + u pass 1. Queries are the spans one after the other. */
typedef struct ag_attend {
    ag_span spans[3];
    int     n_spans;
    ag_pass pass[2];
    int     n_passes;
    int64_t d, d_v;
    int     causal;           /* query i sees key j <= i + causal_shift */
    int64_t causal_shift;
    int     masked, biased;   /* there are key masks or lengths; there is a bias */
    ag_ref  out, lse;         /* lse.source AG_SOURCES = not wanted */
    ag_dtype products;        /* AG_NONE: by storage */
} ag_attend;

/* Attention received, energy and curvature, streamed; or the map itself, row by row. Energy may leave for received what
 * its weights are made with, exp(L_ij - m_i) / l_i: float32, l 0 where nothing is seen; on the CPU m in units of log 2,
 * and -FLT_MAX where nothing is. */
typedef struct ag_study {
    ag_ref  q, k;
    ag_ref  out, curvature;   /* source AG_SOURCES = not wanted */
    ag_ref  m, l;             /* written by energy, where wanted, and read by received */
    int64_t n_q, n_k, d, heads;
    double  scale;
    int     causal;
    int64_t causal_shift;
    int     masked, biased;
} ag_study;

/* Samples cut into chunks of elements. Statistics: sums of two linear forms of the inputs per chunk, into the
 * workspace. Combine: coefficients from those sums, or from sums of its own where a sample is one chunk (local); then
 * one pass. */
typedef struct ag_combine {
    int64_t samples, count, chunk, chunks;
    int     local;
    int64_t sums;             /* workspace offset of double [samples, chunks, AG_SUMS] */
} ag_combine;

typedef struct ag_step {
    ag_step_kind   kind;
    int            phase;
    int64_t        b;         /* output row: masks, bias, lse, seeds are its */
    const int32_t *heads;
    int64_t        n_heads;
    union {
        ag_draw    draw;
        ag_permute permute;
        ag_gather  gather;    /* tally, gather */
        ag_mean    mean;
        ag_split   split;
        ag_blur    blur;
        ag_copy    copy;
        ag_attend  attend;
        ag_study   study;     /* received, energy, map */
        ag_combine combine;   /* statistics, combine */
    } u;
} ag_step;

/* What lower makes: steps in no particular order within a phase, and the workspace they share. */
typedef struct ag_program {
    ag_step *steps;
    int64_t  n_steps, room;
    int      n_phases;
    size_t   work_size;
    void   **owned;           /* matrices and head lists the steps point to */
    int64_t  n_owned, owned_room;
} ag_program;

/* ---- A run, bound to pointers ------------------------------------------------------------------------------------ */

typedef struct ag_bound {
    const ag_checked *c;
    const ag_args    *args;
    char             *base[AG_SOURCES];
} ag_bound;

/* The per-run values of output row b, defaults filled in. */
ag_row_args ag_row_values(const ag_bound *run, int64_t b);

AG_FN size_t ag_size_of(ag_dtype t) { return t == AG_F32 ? 4 : t == AG_U8 ? 1 : 2; }

static inline void *ag_at(const ag_bound *run, const ag_ref *r, int64_t h, int64_t i)
{
    const int64_t element = h / r->group * r->stride_h + i * r->stride_i;
    return run->base[r->source] + r->offset + element * (int64_t)ag_size_of(r->dtype);
}

static inline const int32_t *ag_index_at(const ag_bound *run, const ag_index *x, const ag_row_args *row)
{
    return x->from_args ? row->index : (const int32_t *)(run->base[AG_WORK] + x->offset);
}

/* The caller's buffer for one sentence. */
typedef struct ag_why {
    char  *text;
    size_t size;
} ag_why;

/* ---- Kernels and backends ---------------------------------------------------------------------------------------- */

typedef struct ag_kernel {
    const char  *name;                                /* also its name in tests and benchmarks */
    ag_step_kind step;
    uint32_t     needs;                               /* machine features, all required */
    int          own_threads;                         /* uses threads of its own: only by name, never in parts */
    int        (*reads_late)(const ag_step *);        /* may read queries after results are written, and then out is
                                                         not q; NULL: never */
    const char *(*unavailable)(void);                 /* beyond features; NULL = never */
    const char *(*detail)(void);                      /* what it runs on, for info; NULL = nothing to say */
    const char *(*refuse)(const ag_step *);           /* NULL: takes it; else why not */
    int64_t    (*tasks)(const ag_step *);             /* how many independent tasks, by shape alone */
    size_t     (*scratch)(const ag_step *);           /* bytes per worker; NULL = none */
    void       (*run)(const ag_step *, const ag_bound *, int64_t task, void *scratch);
} ag_kernel;

typedef struct ag_backend {
    const char             *name;
    ag_place                place;
    const char            *(*unavailable)(void);      /* NULL: usable here */
    uint32_t               (*features)(void);         /* of this machine */
    const char            *(*lacking)(uint32_t);      /* a sentence for features that are missing */
    const ag_kernel *const *kernels;                  /* per step fastest first; NULL-ended */

    int                    keep_types;                /* what attend steps read and write in the workspace is of the
                                                         tensors' type where they have but one, a half; else float32 */

    /* Of a device with memory of its own; all NULL where kernels run on the host's threads. */
    ag_status (*settle)(ag_plan *, ag_why);           /* kernels are picked: libraries make their plans; a step that one
                                                         declines on this device goes to the next kernel */
    ag_status (*prepare)(ag_plan *, ag_why);          /* phases are made: whatever else a run would have to make */
    void      (*release)(ag_plan *);
    ag_status (*run)(const ag_plan *, const ag_args *, ag_why); /* enqueues every phase on args->stream */
    void     *(*alloc)(int device, size_t bytes);     /* workspaces of one-shot calls; NULL: none to be had */
    void      (*free)(int device, void *memory);
    const char *(*remark)(const ag_kernel *, int device); /* its detail, and what else there is to say there */
} ag_backend;

/* Backend number i, from 0; NULL past the last. */
const ag_backend *ag_backend_number(int i);

/* cuda/cuda.c: the CUDA backend if it can be loaded, else one without kernels that says why. */
const ag_backend *ag_cuda_here(void);

/* ---- A plan: what runs, and in which order ----------------------------------------------------------------------- */

/* Task `at` of step `step`. */
typedef struct ag_task {
    int32_t step;
    int32_t at;
} ag_task;

typedef struct ag_phase {
    ag_task *tasks;
    int64_t  n_tasks;
} ag_phase;

struct ag_plan {
    ag_checked         c;
    ag_program         program;
    const ag_kernel  **kernels;       /* one per step */
    ag_phase          *phases;
    int64_t            n_phases;
    unsigned           needs;         /* of any row */
    int                workers;
    int                own_threads;   /* some kernel has threads of its own: never in parts */
    size_t             scratch;       /* bytes per worker, behind the program's workspace */
    ag_context        *context;
    struct cached     *entry;         /* one-shot plans: its place in the cache */
    const ag_backend  *backend;
    void              *device;        /* what the backend's prepare() made; NULL on the CPU */
};

/* A workspace may begin anywhere; inside it, everything is aligned to this. */
static inline size_t ag_work_alignment(const ag_plan *p) { return p->backend->run ? 256 : AG_ALIGNMENT; }

static inline int ag_plan_device(const ag_plan *p) { return p->c.combines ? p->c.g.device : p->c.p.device; }

/* ---- The way through --------------------------------------------------------------------------------------------- */

/* Write the sentence, return the status. */
ag_status ag_refuse(ag_why why, ag_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A caller's struct brought to this library's size; unknown fields that are not zero are refused. */
ag_status ag_take_struct(void *mine, size_t my_size, const void *theirs, const char *name, ag_why why);

/* Entry i of a caller's array: all of its structs have the size of the first, which is how far apart they are. */
ag_status ag_take_entry(void *mine, size_t my_size, const void *array, int64_t i, const char *name, ag_why why);

/* check */
ag_status ag_check_problem(const ag_problem *problem, ag_checked *checked, ag_why why);
ag_status ag_check_rows(const ag_problem *p, ag_checked *checked, ag_why why);
ag_status ag_check_row_map(const ag_checked *c, const ag_program *program, ag_why why);
ag_status ag_check_arg_values(const ag_plan *plan, const ag_args *args, ag_args *taken, ag_why why);
ag_status ag_check_args(const ag_plan *plan, const ag_args *args, ag_args *taken, ag_why why);
void      ag_checked_free(ag_checked *checked);

ag_status ag_check_guidance(const ag_guidance *guidance, ag_checked *checked, ag_why why);
ag_status ag_check_guidance_values(const ag_plan *plan, const ag_guidance_args *args, ag_why why);
ag_status ag_check_guidance_tensors(const ag_plan *plan, const ag_guidance_args *args, ag_why why);

/* lower */
ag_status ag_lower(const ag_checked *checked, int keep_types, ag_program *program, ag_why why);
unsigned  ag_step_needs(const ag_step *step);
unsigned  ag_program_needs(const ag_program *program, int64_t b);
void      ag_program_free(ag_program *program);

/* pick */
ag_status        ag_pick_backend(ag_place place, const ag_backend **backend, ag_why why);
ag_status        ag_pick_kernel(const ag_backend *backend, const ag_step *step, const char *forced,
                                const ag_kernel **kernel, ag_why why);
ag_status        ag_pick_forced(const ag_backend *backend, const char *forced, ag_why why);
const char      *ag_pick_refusal(const ag_backend *backend, const ag_kernel *kernel, const ag_step *step, int forced);
const char      *ag_pick_unavailable(const ag_backend *backend, const ag_kernel *kernel);
const char      *ag_step_name(ag_step_kind kind);

/* plan, run */
ag_status ag_plan_make(ag_context *context, ag_checked *checked, ag_plan **plan, ag_why why);
void      ag_run_bind(const ag_plan *plan, const ag_args *args, ag_bound *run);
ag_status ag_run_phases(const ag_plan *plan, const ag_args *args, ag_why why);

#endif
