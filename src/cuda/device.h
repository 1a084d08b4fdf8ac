/* device.h - the vocabulary of the CUDA plugin: what a kernel gets, what a kernel is, what a plan is on the device.
 *
 * Steps, tasks and phases are the CPU's. For each phase and each kernel there is one launch; a block is a task. The
 * block reads which one from the plan's task table and its step from the plan's step table, both in device memory
 * since the plan was made: a run uploads nothing. What changes from run to run (pointers, strengths, seeds) is the
 * kernel's one parameter, ag_launch, below 4 KB.
 *
 * A new kernel is one file src/cuda/<step>.cu, one extern line below, one row of the table in table.c; tests find it
 * there. The file, in this order: what it is and its limits; includes; helpers (DEVICE); the kernel,
 *
 *     KERNEL(copy_blocks, THREADS)                  // extern "C", __launch_bounds__(THREADS), parameter `launch`
 *     {
 *         const ag_task task = launch.tasks[block()];
 *         const ag_step *s = &launch.steps[task.step];
 *         ...                                        // task.at is what tasks() counted; s->heads may be read
 *     }
 *
 * tasks() and shared() by shape alone; and one const ag_cuda_kernel. All of the GPU is behind <prim.h>, which is
 * gpu/prim.h or, for the tests, emulated/prim.h: thread(), lane(), sync_block(), shuffle_xor(), shared_memory() and so
 * on; rows.h has what kernels share: addresses, types, visibility, values of the run. No CUDA keyword, intrinsic or
 * header elsewhere. Blocks are whole warps; every thread of a block reaches every sync_block().
 *
 * C11 and C++20: designated initialisers in the order of the fields. */
/* clang-format off */
#ifndef AG_DEVICE_H
#define AG_DEVICE_H

#ifdef __cplusplus
extern "C" {
#endif

#include "../plan/plan.h" /* whose functions are C's */

enum { AG_LAUNCH_ROWS = 64, AG_LAUNCH_WEIGHTS = 384 };

/* The values of one output row; kernels resolve the default stream. */
typedef ag_device_row ag_row_value;

/* What a kernel gets. Every pointer is one of the device. */
typedef struct ag_launch {
    const ag_task     *tasks;               /* [blocks] */
    const ag_step     *steps;               /* heads and taps point to device memory */
    const ag_problem  *problem;
    const ag_guidance *guidance;            /* of plans that combine */
    char              *base[AG_SOURCES];
    const uint8_t     *key_mask;
    const int32_t     *key_lengths;
    const void        *bias;
    int64_t            row_count;           /* entries: 1 holds for all (but its stream, if the default) */
    const ag_row_value *rows;               /* in device memory, not to be read by the host; NULL: in `row` */
    union {
        struct {
            ag_row_value row[AG_LAUNCH_ROWS];
            double       lambda[AG_LAUNCH_ROWS];
        };
        struct {
            ag_combining run;               /* weights NULL: they are these */
            double       weights[AG_LAUNCH_WEIGHTS];
        } combine;
    } u;
} ag_launch;

/* A step that a library carries out: everything build() made for it is there again in enqueue(). */
typedef struct ag_library_call {
    const ag_plan   *plan;
    const ag_step   *step;                  /* on the host */
    const ag_launch *launch;                /* on the host, of this run */
    void            *built;
    char            *scratch;               /* kernel.scratch() bytes of device memory, behind the plan's workspace */
    void            *stream;
} ag_library_call;

typedef struct ag_cuda_kernel {
    ag_kernel   kernel;                     /* as on the CPU: name, step, refuse, tasks; run is NULL */

    const void *entry;                      /* of an own kernel: KERNEL()'s name */
    const void *(*entry_for)(const ag_step *); /* of one that has several: that of this step; NULL = there is one */
    int         threads;                    /* per block, a multiple of 32 */
    size_t    (*shared)(const ag_step *);   /* bytes of shared memory per block; NULL = none */

    /* Of a library's kernel, where entry is NULL. build and drop while planning, with the plan's device current; *built
     * may stay NULL. built is the step's place in [n_steps]: those of later steps of this kernel may be filled in as
     * well, and are then not built again. Kernels of ours that go with it (KERNEL_OF) are preloaded in build.
     * AG_ERR_KERNEL or AG_ERR_UNAVAILABLE: the next kernel gets the step. enqueue in a run: nothing but launches on
     * call->stream, from any number of threads at once. */
    ag_status (*build)(const ag_plan *, const ag_step *, void **built, ag_why);
    void      (*drop)(void *built);
    ag_status (*enqueue)(const ag_library_call *, ag_why);
    size_t    (*space)(const void *built);  /* more scratch than kernel.scratch(), known once built; NULL = none */
} ag_cuda_kernel;

/* One launch of a run, or one library call. Ordered by phase. */
typedef struct ag_batch {
    const ag_cuda_kernel *kernel;
    const void           *entry;            /* its own; NULL: a library's */
    int64_t               first, count;     /* tasks, in the plan's table */
    size_t                shared;
    int64_t               step;             /* of a library call */
} ag_batch;

/* ag_plan.device */
typedef struct ag_cuda_plan {
    void      *memory;                      /* the tables */
    ag_launch  launch;                      /* their addresses; the rest is filled in by each run */
    ag_batch  *batches;
    int64_t    n_batches;
    void     **built;                       /* [n_steps] by library kernels */
} ag_cuda_plan;

/* plan.c, enqueue.c */
ag_status ag_cuda_begin(ag_plan *plan, ag_why why);
ag_status ag_cuda_build(ag_plan *plan, int64_t step, ag_why why);
ag_status ag_cuda_prepare(ag_plan *plan, ag_why why);
void      ag_cuda_end(ag_plan *plan);
ag_status ag_cuda_run(const ag_plan *plan, const ag_bound *run, ag_why why);

/* qualified.c */
const char *ag_cuda_remark(const ag_kernel *kernel, int device);

/* What the plugin exports: its backend, if it is of the library's version. */
__attribute__((visibility("default"))) const ag_backend *ag_cuda_backend(uint32_t version);

/* The kernels, by file. */
extern const ag_cuda_kernel ag_attend_cudnn;                                              /* attend_cudnn.c */
extern const ag_cuda_kernel ag_attend_cublas;                                   /* attend_cublas.c, weights.cu */
extern const ag_cuda_kernel ag_attend_f32_simt;                                           /* attend.cu */
extern const ag_cuda_kernel ag_copy_simt;                                                 /* copy.cu */
extern const ag_cuda_kernel ag_mean_simt;                                                 /* mean.cu */
extern const ag_cuda_kernel ag_split_simt;                                                /* split.cu */
extern const ag_cuda_kernel ag_draw_simt, ag_permute_simt, ag_tally_simt, ag_gather_simt; /* scramble.cu */
extern const ag_cuda_kernel ag_blur_mean_simt;                                            /* blur_mean.cu */
extern const ag_cuda_kernel ag_blur_simt;                                                 /* blur.cu */
extern const ag_cuda_kernel ag_statistics_simt, ag_combine_simt;                          /* combine.cu */
extern const ag_cuda_kernel ag_energy_simt, ag_map_simt;                                  /* study.cu */
extern const ag_cuda_kernel ag_reduce_simt, ag_levels_simt, ag_expand_simt;                 /* pyramid.cu */
extern const ag_cuda_kernel ag_received_simt;                                             /* received.cu */

#ifdef __cplusplus
}
#endif
#endif
