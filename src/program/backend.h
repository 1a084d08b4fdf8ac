/* backend.h - what computes: kernels, each for one kind of step, and the backends that run them. A backend is an object
 * that both sides fill in: nothing outside asks which one it is. */
/* clang-format off */
#ifndef AG_BACKEND_H
#define AG_BACKEND_H

#include "step.h"

/* ---- A run, bound to pointers ------------------------------------------------------------------------------------ */

/* The terms of a combination: its inputs, and a state. */
enum { AG_MOST_TERMS = AG_MOST_INPUTS + 1 };

/* The arguments of a combination, as its rule's arithmetic reads them. */
typedef struct ag_combining {
    const void   *input[AG_MOST_INPUTS];
    void         *out;
    const double *weights;                            /* of rules that take them */
    float        *state;
    int           first_step;                         /* the state is not read */
    const float  *lse[2];
    float        *lse_out;
    double        parameter[AG_MOST_PARAMETERS];      /* none is missing */
    unsigned      sums;                               /* the statistics that are wanted, as bits */
} ag_combining;

typedef struct ag_bound {
    const ag_checked  *c;
    const ag_args     *args;                          /* of a plan that attends; else NULL */
    ag_combining       combining;                     /* of one that combines */
    const ag_executor *executor;
    void              *stream;
    const char        *bias;                          /* where the bias rows of token 0 are, or would be */
    char              *base[AG_SOURCES];
} ag_bound;

/* The per-run values of output row b, defaults filled in. */
ag_row_args ag_row_values(const ag_bound *run, int64_t b);

static inline void *ag_at(const ag_bound *run, const ag_ref *r, int64_t h, int64_t i)
{
    const int64_t element = h / r->group * r->stride_h + i * r->stride_i;
    return run->base[r->source] + r->offset + element * (int64_t)ag_size_of(r->dtype);
}

static inline const int32_t *ag_index_at(const ag_bound *run, const ag_index *x, const ag_row_args *row)
{
    return x->from_args ? row->index : (const int32_t *)(run->base[AG_WORK] + x->offset);
}

/* ---- Kernels ----------------------------------------------------------------------------------------------------- */

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

/* Tasks [first, last) of a phase, run by one worker. */
typedef struct ag_part_of_phase {
    int     phase, worker;
    int64_t first, last;
} ag_part_of_phase;

/* ---- Backends ---------------------------------------------------------------------------------------------------- */

typedef struct ag_backend {
    const char             *name;
    ag_place                place;
    const char            *(*unavailable)(void);      /* NULL: usable here */
    uint32_t               (*features)(void);         /* of this machine */
    const char            *(*lacking)(uint32_t);      /* a sentence for features that are missing */
    const char            *(*remark)(const ag_kernel *, int device); /* what is to be said of a kernel there; NULL */
    const ag_kernel *const *(*kernels)(void);         /* of a step, faster ones before slower ones; NULL-ended */

    int                     keep_types;               /* see ag_lower() */
    size_t                  alignment;                /* of everything in a workspace, which may begin anywhere */
    int                     most_workers;             /* that run at once, each with scratch of its own */
    int                     has_streams;              /* a run is enqueued on the stream that its arguments name */

    /* Memory of workspaces; alloc NULL: none to be had. */
    void                 *(*alloc)(int device, size_t bytes);
    void                  (*free)(int device, void *memory);

    /* A plan: begin; build for each picked step, which may decline with AG_ERR_KERNEL or AG_ERR_UNAVAILABLE, and then
     * the next kernel is picked; prepare, when phases are made, whatever else a run would have to make. end is called
     * once after begin, whatever became of it. */
    ag_status             (*begin)(ag_plan *, ag_why);
    ag_status             (*build)(ag_plan *, int64_t step, ag_why);
    ag_status             (*prepare)(ag_plan *, ag_why);
    void                  (*end)(ag_plan *);

    ag_status             (*run)(const ag_plan *, const ag_bound *, ag_why); /* every phase */
    void                  (*run_part)(const ag_plan *, const ag_bound *, ag_part_of_phase); /* NULL: a phase has no
                                                                                              parts */
} ag_backend;

#endif
