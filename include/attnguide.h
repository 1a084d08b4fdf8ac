/* attnguide.h - attention and its guidance perturbations, for any engine, through plain pointers.
 *
 * This header is the whole public API and its manual.
 *
 * A diffusion model is guided away from a deliberately worse prediction. Perturbing self-attention in some layers makes
 * that prediction. The engine runs rows such as [uncond, cond, perturbed] as one batch and chooses a method per row:
 *
 *     standard    O = softmax(s Q K^T + bias) V
 *     identity    image tokens see only themselves                    (PAG,  arXiv 2403.17377)
 *     uniform     image tokens see the mean of the image              (SEG's limit, taken in the keys)
 *     smoothed    image queries blurred over the token grid           (SEG,  arXiv 2408.00760)
 *     orthogonal  only the part of a query orthogonal to its own key is blurred (OSEG)
 *     scrambled   values drawn, values permuted, or outputs permuted  (TPG,  arXiv 2506.10036)
 *     softened    logits of image queries multiplied by tau           (ERG,  arXiv 2504.13987)
 *     masked      image logits off the diagonal hidden at random      (an ablation of PAG)
 *     noisy       normal noise added to image logits                  (an ablation of PAG)
 *     sparse      away from softmax, towards a sparse map (entmax)    (PLADIS, arXiv 2503.07677)
 *
 * Symbols: B output rows, H query heads, H_kv key/value heads (H_kv divides H; head h reads h / (H/H_kv)),
 * N query tokens, M key tokens, d width of q and k, d_v width of v, s the logit scale. Image tokens are the range
 * [o, o+n); all tokens outside, on both sides, are context (text, reference images). c = M - n context tokens.
 *
 * The library skips what a perturbation makes redundant: identity without context is a copy, uniform is one mean, an
 * infinite blur is one row per frame and a broadcast. Only AG_MAP makes an N x M array.
 *
 * There are two ways to call:
 *   - one shot: ag_attention_smoothed(ctx, &problem, &image, sigma, &args, why, sizeof why), and the like;
 *     ag_attention_guided() for a batch whose rows differ. The context caches the plans.
 *   - planned: ag_plan_create() once per layer shape, ag_plan_run() per step, or ag_plan_run_share() from the
 *     host's own threads. Running a plan never allocates, prints or exits, and changes nothing in the plan.
 *
 * Errors: a call returns a status and writes one sentence into the caller's buffer (why, why_size; NULL, 0 for none).
 * The sentence names the wrong value. The call has written nothing else then. The library never prints, exits or
 * aborts.
 *
 * Structs: call the init function first, then change fields; so zero always means zero. A struct begins with its size.
 * It may come from an older or newer header than the library's: fields that it lacks have their defaults, and a newer
 * struct is refused (AG_ERR_STRUCT) only if it sets a field that this library does not know. The init functions pass
 * the size of the caller's struct to their _sized forms; bindings without a header call those.
 *
 * Nothing is ignored. A pointer, array or number that the call does not use is refused if it differs from what its init
 * function sets. A perturbation whose number was never set (AG_NOT_SET) is refused. Only an image's range and grid may
 * be set on every row.
 *
 * Memory: tensors and arrays begin at a multiple of their element size (AG_ERR_STRIDE). An output (out, lse, curvature,
 * workspace, state, lse_out) shares no element with anything else that the call reads or writes (AG_ERR_ALIAS), except
 * for the in-place cases named at the calls. The elements count, not the range from the first to the last: out may be a
 * slice of a fused buffer that also holds q, k and v. A tensor is all that its extents and strides reach, even rows
 * that nothing reads. docs/lifetimes.md says how long everything must live.
 *
 * Threads: contexts are independent. Several threads may use one context or one plan at once. An ag_args, its workspace
 * and its output belong to one running call. A context's own threads block all signals except those that an
 * instruction raises (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS). After fork(), or clone() without CLONE_VM, the
 * child may use contexts and plans, on the calling thread alone, if no other thread was inside a call at the fork. It
 * may create contexts of its own. A child of vfork() must not call the library.
 *
 * The library cannot detect these mistakes: one workspace or output in two running calls; a plan used after
 * ag_plan_free() or after its context was freed; arrays shorter than the problem says; arguments changed between
 * ag_plan_check() and the parts that follow it; on AG_CUDA, pointers that are not the device's.
 *
 * Numbers: storage is float32, float16 or bfloat16; logits, softmax and sums are float32 or better. NaN and infinity in
 * K and V reach only the queries that see them. If the inputs are finite and the exact result fits its type, the result
 * is finite and right (docs/numbers.md). A kernel gives the same bytes for any number of threads and any split into
 * parts. The exception is map_openblas, whose product depends on OpenBLAS's threads; it runs only if problem.kernel
 * names it.
 */
/* clang-format off */
#ifndef ATTNGUIDE_H
#define ATTNGUIDE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define AG_VERSION_MAJOR 0
#define AG_VERSION_MINOR 1
#define AG_VERSION_PATCH 0

/* Define AG_API empty where the sources are compiled into a program or library that must not export them. */
#ifndef AG_API
#if defined(__GNUC__)
#define AG_API __attribute__((visibility("default")))
#else
#define AG_API
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Status, types ----------------------------------------------------------------------------------------- */

/** What a call returns. Values never change meaning. 1..19: the call is wrong; 20..29: the library cannot; 30..: this
 *  machine, now, cannot. */
typedef enum ag_status {
    AG_OK                 = 0,
    AG_ERR_NULL           = 1,  /**< a required pointer is NULL */
    AG_ERR_STRUCT         = 2,  /**< a struct's size is not one this library knows, or its unknown tail is not zero */
    AG_ERR_TYPE           = 3,  /**< an enum value or element type that is not allowed there */
    AG_ERR_SHAPE          = 4,  /**< extents, ranges or grids that do not fit, or overflow */
    AG_ERR_STRIDE         = 5,  /**< a stride that is negative, overflows, or makes outputs overlap; an address that is
                                     not a multiple of the element size or of the promised alignment */
    AG_ERR_VALUE          = 6,  /**< a number out of its range: sigma, scale, strength, gain, mix, draws, a row map */
    AG_ERR_COMBINATION    = 7,  /**< each part is valid, but the combination is not defined (bias with identity ...), or
                                     something is given that nothing uses */
    AG_ERR_INDEX          = 8,  /**< an entry of an index or length array out of range */
    AG_ERR_WORKSPACE      = 9,  /**< workspace too small */
    AG_ERR_ALIAS          = 10, /**< an output is, or overlaps, something else where that is not allowed */
    AG_ERR_KERNEL         = 20, /**< the requested kernel does not exist, or refuses this problem */
    AG_ERR_UNAVAILABLE    = 30, /**< the backend is not in this build or not usable on this machine */
    AG_ERR_MEMORY         = 31, /**< an allocation failed */
    AG_ERR_DEVICE         = 32  /**< AG_CUDA: the device refused a launch or failed; outputs are undefined */
} ag_status;

/** Element types. U8 is for bias only: nonzero = visible. */
typedef enum ag_dtype { AG_NONE = 0, AG_F32 = 1, AG_F16 = 2, AG_BF16 = 3, AG_U8 = 4 } ag_dtype;

/** Where every data pointer of a problem lives. The library never guesses it from a pointer. */
typedef enum ag_place { AG_HOST = 0, AG_CUDA = 1 } ag_place;

/** What a problem computes. */
typedef enum ag_operation {
    AG_ATTENTION = 0, /**< out [B,H,N,d_v], and lse [B,H,N] if wanted */
    AG_BLUR      = 1, /**< out [B,H,N,d]: q with its image tokens blurred over the grid, context tokens copied */
    AG_RECEIVED  = 2, /**< out [B,M] float32: attention received by each key, sum over i of the mean over h of
                           A[h,i,j] */
    AG_ENERGY    = 3, /**< out [B,H,N] float32: energy -lse; and curvature [B,H,N] */
    AG_MAP       = 4  /**< out [B,H,N,M] float32: the map A itself: the only operation that writes an N x M array; the
                           caller provides it */
} ag_operation;

/** The method of an output row. */
typedef enum ag_method {
    AG_STANDARD = 0, AG_IDENTITY = 1, AG_UNIFORM = 2, AG_SMOOTHED = 3, AG_ORTHOGONAL = 4, AG_SCRAMBLED = 5,
    AG_SOFTENED = 6, AG_MASKED = 7, AG_NOISY = 8, AG_SPARSE = 9
} ag_method;

/** What AG_SCRAMBLED scrambles. */
typedef enum ag_kind {
    AG_GATHER  = 0, /**< image outputs are means of values drawn with replacement */
    AG_PERMUTE = 1, /**< image values are permuted, then attended */
    AG_TOKENS  = 2  /**< image outputs are permuted (token perturbation, on one layer) */
} ag_kind;

#define AG_ALIGNMENT      64     /**< bytes; kernels are fastest with tensors so aligned. A workspace may begin
                                      anywhere */
#define AG_ALL_TOKENS     (-1)   /**< image_length: from image_offset to the last token */
#define AG_ROW_NONE       (-1)   /**< q_row, kv_row: this output row does not read that tensor */
#define AG_ROW_SAME       (-2)   /**< q_row, kv_row: the row of the same number */
#define AG_STREAM_DEFAULT (-1)   /**< random_stream: the output row's number plus row_offset, mod 2^32 */
#define AG_NOT_SET        ((double)NAN) /**< sigma, inverse_temperature, probability, amplitude before they are set: a
                                     method that needs one refuses it. Zero means zero */
#define AG_MESSAGE_SIZE   256    /**< a buffer of this size holds every sentence */

/* ---- Layouts ----------------------------------------------------------------------------------------------- */

/** How a [B, heads, tokens, width] tensor lies in memory. Strides count elements; the last axis is contiguous;
 *  stride 0 broadcasts (inputs only). */
typedef struct ag_layout {
    ag_dtype dtype;
    int32_t  align;      /**< promised alignment of every row in bytes, a power of two; 0 (default) = the element's own.
                              On AG_CUDA cuDNN needs 16. Strides or pointers that break the promise: AG_ERR_STRIDE */
    int64_t  stride[3];  /**< batch row, head, token */
} ag_layout;

/** [B, heads, tokens, width], packed. */
AG_API ag_layout ag_layout_bhnd(ag_dtype dtype, int64_t heads, int64_t tokens, int64_t width);

/** [B, tokens, heads, width], packed (a projection's result; ComfyUI's [B, N, H*D]). */
AG_API ag_layout ag_layout_bnhd(ag_dtype dtype, int64_t heads, int64_t tokens, int64_t width);

/** One tensor inside a fused projection [B, tokens, fused_width], its heads head_stride elements apart.
 *  [B,N,3,H,D]: fused_width 3 H D, head_stride D, pointers base, base + H D, base + 2 H D.
 *  [B,N,H,3,D]: fused_width 3 H D, head_stride 3 D, pointers base, base + D, base + 2 D. */
AG_API ag_layout ag_layout_fused(ag_dtype dtype, int64_t tokens, int64_t fused_width, int64_t head_stride);

/** Bytes of one element; 0 for AG_NONE and unknown values. */
AG_API size_t ag_dtype_size(ag_dtype dtype);

/* ---- The problem: what is fixed when a plan is made ---------------------------------------------------------- */

/** One output row: its method and the method's parameters. From ag_row_init(). */
typedef struct ag_row {
    size_t         size;
    int64_t        q_row;         /**< row of q read; default AG_ROW_SAME */
    int64_t        kv_row;        /**< row of k and v read; default AG_ROW_SAME. If the row needs only v
                                       (ag_problem_needs), its row of k is never touched */
    ag_method      method;
    ag_kind        kind;          /**< AG_SCRAMBLED only */
    int32_t        blend;         /**< nonzero: O = (1-u) O_standard + u O_perturbed, u the strength given at run
                                       (SoftPAG, arXiv 2506.10978). Costs the standard row as well. Default 0: u = 1.
                                       Not on standard rows */
    int32_t        keep_parallel; /**< AG_ORTHOGONAL: 1 (default) q_par + G*q_perp; 0 G*q_perp alone */
    int32_t        draws;         /**< AG_GATHER: values drawn per token, >= 1; default 1 */
    int32_t        indexed;       /**< AG_SCRAMBLED: nonzero: the run gives an index array instead of a seed */
    double         sigma;         /**< AG_SMOOTHED, AG_ORTHOGONAL: blur over height and width in tokens, >= 0; 0 = none;
                                       above 9999: each frame's mean; must be set */
    double         sigma_t;       /**< the same over time, in frames, >= 0; default 0; above 9999: the mean */
    const uint8_t *heads;         /**< [H], nonzero = perturbed, at least one; NULL = all; not on standard rows; copied
                                       when the plan is made */
    int64_t        image_offset;  /**< o, in the whole sequence (global_n_q tokens); default 0 */
    int64_t        image_length;  /**< n; default AG_ALL_TOKENS */
    int64_t        grid[3];       /**< frames, height, width, with n = T Hg Wg, tokens in raster order frame by frame;
                                       needed by smoothed, orthogonal and blur; {0,0,0} = none */
    double         inverse_temperature; /**< AG_SOFTENED: tau, >= 0, finite, on the logits; 1 is standard; default
                                             AG_NOT_SET */
    double         probability;   /**< AG_MASKED: p in [0,1] that an image key is hidden; 0 is standard; default
                                       AG_NOT_SET */
    double         amplitude;     /**< AG_NOISY: a in [0,1e30], standard deviation of what is added to image logits; 0
                                       is standard; default AG_NOT_SET */
    double         power;         /**< AG_SPARSE: of entmax, 1.5 (default) or 2 (sparsemax) */
} ag_row;

/** Defaults above, for `method`. A field that the method does not use must keep its default, or hold the number that
 *  changes nothing (AG_ERR_COMBINATION). image_offset, image_length and grid may always be set. */
AG_API void ag_row_init_sized(void *row, size_t size, ag_method method);
static inline void ag_row_init(ag_row *row, ag_method method)
{
    ag_row_init_sized(row, sizeof *row, method);
}

/** A problem: everything that is fixed when a plan is made. From ag_problem_init(). Borrowed for the call only. */
typedef struct ag_problem {
    size_t        size;
    ag_operation  operation;        /**< default AG_ATTENTION */
    ag_place      place;            /**< default AG_HOST. AG_CUDA: all pointers of a run are device pointers;
                                         docs/cuda.md says what is different there */
    int32_t       device;           /**< AG_CUDA: device number */
    int64_t       batch;            /**< B: output rows */
    int64_t       q_batch;          /**< rows in q; default B */
    int64_t       kv_batch;         /**< rows in k and v; default B */
    int64_t       heads, kv_heads;  /**< H, H_kv; default H_kv = H */
    int64_t       n_q, n_k;         /**< N, M */
    int64_t       d, d_v;           /**< widths; default d_v = d */
    double        scale;            /**< s, absolute and finite; default 1/sqrt(d), with the d of ag_problem_init(). Set
                                         it if the model has a scale of its own: a wrong scale is easily overlooked */
    ag_layout     q, k, v, out;     /**< default packed [B,H,N,D] float32; k and v of one type */
    int32_t       causal;           /**< nonzero: query i sees j <= i + M - N (bottom-right, global token numbers) */
    int32_t       want_lse;         /**< nonzero: lse is written; refused with blend and with gather */
    int32_t       has_key_mask;     /**< nonzero: key mask uint8 [B,M] at run, nonzero = visible */
    int32_t       has_key_lengths;  /**< nonzero: key lengths int32 [B] at run: that many of the keys [length_first,
                                         length_end) are visible, from the first on; keys outside the range always
                                         are */
    int64_t       key_mask_stride[2]; /**< output row, key; row stride 0 = one mask for all. Default M, 1 */
    ag_dtype      bias_dtype;       /**< AG_NONE (default), F32, F16, BF16 (added to the logits, -inf hides) or U8 */
    int32_t       workers;          /**< maximum number of workers that run parts at once; default 0 = the context's
                                         threads. Above 0, kernels with threads of their own are refused: they cannot
                                         run in parts */
    int64_t       bias_stride[4];   /**< output row, head, query, key; 0 broadcasts. Default packed [B,H,N,M] */
    const ag_row *rows;             /**< [row_count]; NULL where that is 0 */
    int64_t       row_count;        /**< 0 (default): all standard; 1: one entry for every row; B */
    int64_t       row_offset;       /**< global number of output row 0 (rank-local batches); default 0 */
    int64_t       q_offset;         /**< global number of query 0: the N queries are those of tokens [q_offset,
                                         q_offset + N) of a longer sequence; default 0. Rows may be perturbed where all
                                         keys are here and the sequence is its own (global_n_q = global_n_k = M); those
                                         that make a query of others (a blur, AG_TOKENS) need all the image's queries or
                                         none. Images, index arrays and random numbers are the whole sequence's */
    int64_t       k_offset;         /**< global number of key 0 (key shards: standard rows only); default 0 */
    int64_t       global_n_q;       /**< N of the whole sequence; default N */
    int64_t       global_n_k;       /**< M of the whole sequence; default M */
    const char   *kernel;           /**< kernels to use, by name: at most one for each step, separated by commas, at
                                         most 255 characters. Other steps, and NULL (default): the library's choice */
    size_t        wave_bytes;       /**< upper bound of workspace bytes for perturbed queries and values; default 64 MB.
                                         As many heads as fit are processed together; at least one, even if it exceeds
                                         the bound */
    ag_dtype      products;         /**< type of the products. AG_NONE (default): BF16 if k and v are and a kernel can,
                                         else F32. AG_F32: float32 for any storage. AG_BF16: q, k, v and weights may be
                                         rounded to bfloat16, which halves the time on processors with bfloat16
                                         products. Sums are float32 or better always */
    int64_t       length_first;     /**< first key that a key length counts, for example the first text token after a
                                         picture; default 0 */
    int64_t       length_end;       /**< one past the last key that it counts, for example the picture's first token
                                         after text; default 0 = M */
} ag_problem;

/** Defaults above for packed float32 tensors q, out [batch,heads,n_q,d], k, v [batch,heads,n_k,d]. */
AG_API void ag_problem_init_sized(void *p, size_t size, int64_t batch, int64_t heads, int64_t n_q, int64_t n_k,
                                  int64_t d);
static inline void ag_problem_init(ag_problem *p, int64_t batch, int64_t heads, int64_t n_q, int64_t n_k, int64_t d)
{
    ag_problem_init_sized(p, sizeof *p, batch, heads, n_q, n_k, d);
}

/** The picture inside the token sequence, for the one-shot calls. */
typedef struct ag_image {
    size_t  size;
    int64_t image_offset, image_length; /**< default 0, AG_ALL_TOKENS */
    int64_t grid[3];                    /**< frames, height, width; {0,0,0} = none */
} ag_image;

/** A picture of `frames` x `height` x `width` tokens that is the whole sequence. */
AG_API void ag_image_init_sized(void *image, size_t size, int64_t frames, int64_t height, int64_t width);
static inline void ag_image_init(ag_image *image, int64_t frames, int64_t height, int64_t width)
{
    ag_image_init_sized(image, sizeof *image, frames, height, width);
}

/** Sets image_offset, image_length and grid: the picture is tokens [offset, offset + frames height width), and all
 *  other tokens are context. For a row of a batch, and for the image of the one-shot calls. */
AG_API void ag_row_picture(ag_row *row, int64_t offset, int64_t frames, int64_t height, int64_t width);
AG_API void ag_image_picture(ag_image *image, int64_t offset, int64_t frames, int64_t height, int64_t width);

/* ---- Arguments: what each run is given ----------------------------------------------------------------------- */

/** Per output row, at run. From ag_row_args_init(). A field that no row of the entry uses must keep its default
 *  (AG_ERR_COMBINATION; strength: AG_ERR_VALUE). */
typedef struct ag_row_args {
    size_t         size;
    double         strength; /**< u in [0,1], for rows with blend; default 1. 0 gives the standard result and 1 the
                                  perturbed one, bit for bit */
    double         gain;     /**< AG_GATHER; finite; default 1 */
    double         mix;      /**< AG_PERMUTE; finite; default 1 */
    uint64_t       seed;     /**< AG_SCRAMBLED (not used with an index), AG_MASKED, AG_NOISY; default 0 */
    int64_t        random_stream; /**< which random numbers, 0 .. 2^32-1; default AG_STREAM_DEFAULT */
    const int32_t *index;    /**< AG_SCRAMBLED with indexed: image-local, 0 .. n-1; gather [n, draws], else [n] */
    double         lambda;   /**< AG_SPARSE; finite, >= 0; default 2. 0 gives the standard result bit for bit, 1 that of
                                  entmax alone */
} ag_row_args;

/** Defaults above. */
AG_API void ag_row_args_init_sized(void *args, size_t size);
static inline void ag_row_args_init(ag_row_args *args)
{
    ag_row_args_init_sized(args, sizeof *args);
}

/** Calls task(arg, i) once for each i in [0, count), on any threads, concurrently or one after the other, and returns
 *  when all are done. */
typedef void (*ag_parallel_for)(void *host, int64_t count, void (*task)(void *arg, int64_t i), void *arg);

/** A host's own threads. From ag_executor_init(). count = problem.workers, or the context's number of threads if that
 *  is 0. With a one-thread context set workers, or count is 1. */
typedef struct ag_executor {
    size_t          size;
    void           *host;         /**< passed to parallel_for */
    ag_parallel_for parallel_for;
} ag_executor;

AG_API void ag_executor_init_sized(void *executor, size_t size, void *host, ag_parallel_for parallel_for);
static inline void ag_executor_init(ag_executor *executor, void *host, ag_parallel_for parallel_for)
{
    ag_executor_init_sized(executor, sizeof *executor, host, parallel_for);
}

/** A parallel_for on the threads of an OpenMP runtime that the host runs already, so that two pools of threads do not
 *  wait on the same processors. host: the address of its GOMP_parallel, which libgomp, LLVM's libomp and Intel's
 *  libiomp5 export; NULL: the calling thread alone. */
AG_API void ag_parallel_openmp(void *host, int64_t count, void (*task)(void *arg, int64_t i), void *arg);

/** AG_CUDA: the values of ag_row_args for one output row, in device memory. Kernels read them each time they run, so
 *  that a captured graph can use new values. Not validated. Required: 0 <= strength <= 1; strength = 1 in rows without
 *  blend; gain and mix finite. In a row of AG_SPARSE gain is lambda, >= 0: the factor on what is away from standard. */
typedef struct ag_device_row {
    double         strength, gain, mix;
    uint64_t       seed;
    int64_t        random_stream;
    const int32_t *index;
} ag_device_row;

/** The defaults of ag_row_args, lambda 1 instead of 2. Entries are written by the host and copied to the device, so the
 *  struct never grows. */
static inline void ag_device_row_init(ag_device_row *row)
{
    row->strength = row->gain = row->mix = 1;
    row->seed = 0;
    row->random_stream = AG_STREAM_DEFAULT;
    row->index = NULL;
}

/** Data pointers and per-run values. From ag_args_init(). Optional arrays are NULL unless the problem has them. */
typedef struct ag_args {
    size_t             size;
    const void        *q;             /**< [B_q,H,N,d]; NULL if no row needs it */
    const void        *k;             /**< [B_kv,H_kv,M,d]; NULL if no row needs it */
    const void        *v;             /**< [B_kv,H_kv,M,d_v]; NULL if no row needs it */
    void              *out;           /**< see ag_operation */
    float             *lse;           /**< [B,H,N] packed: log sum exp of the logits, natural; -inf for a query that
                                           sees no key */
    float             *curvature;     /**< AG_ENERGY: [B,H,N] packed; NULL = not wanted */
    const uint8_t     *key_mask;      /**< [B,M], per output row, whatever k row the row map gives it */
    const int32_t     *key_lengths;   /**< [B], per output row; 0 .. length_end - length_first */
    const void        *bias;          /**< [B,H,N,M] by bias_stride, per output row */
    const ag_row_args *rows;          /**< [row_count]; NULL where that is 0 */
    int64_t            row_count;     /**< 0 (default): defaults for all; 1: one entry for every row; B */
    void              *workspace;     /**< planned runs: ag_plan_workspace() bytes; one-shot calls ignore it */
    size_t             workspace_size;
    const ag_executor *executor;      /**< NULL (default): the context's own threads. Not on AG_CUDA */
    void              *cuda_stream;   /**< AG_CUDA: the cudaStream_t to enqueue on; NULL: the legacy default stream */
    const ag_device_row *device_rows; /**< AG_CUDA: [B] in device memory, instead of rows; NULL (default): not used */
} ag_args;

/** The four pointers; everything else at its default. */
AG_API void ag_args_init_sized(void *args, size_t size, const void *q, const void *k, const void *v, void *out);
static inline void ag_args_init(ag_args *args, const void *q, const void *k, const void *v, void *out)
{
    ag_args_init_sized(args, sizeof *args, q, k, v, out);
}

/* ---- Context ------------------------------------------------------------------------------------------------- */

typedef struct ag_context ag_context;

/** A plan is a sequence of phases with a barrier between them; a phase is a number of independent tasks. Immutable,
 *  shareable between threads. */
typedef struct ag_plan ag_plan;

/** From ag_context_options_init(). */
typedef struct ag_context_options {
    size_t  size;
    int32_t threads;        /**< the caller counts as one. Default: the processors that this process may use (its
                                 affinity, its control group's quota rounded up, 1024 at most). 1: the context has no
                                 threads of its own, for hosts that have theirs */
    int32_t cached_plans;   /**< one-shot plans kept; default 64 */
    int32_t pin;            /**< nonzero: thread i stays on the i-th processor of its affinity (the caller, thread 0, is
                                 not pinned); default 0. For benchmarks, and for machines that run nothing else */
} ag_context_options;

AG_API void ag_context_options_init_sized(void *options, size_t size);
static inline void ag_context_options_init(ag_context_options *options)
{
    ag_context_options_init_sized(options, sizeof *options);
}

/** Make a context: its threads, its cache of plans. options may be NULL. If the system starts fewer threads than
 *  requested, the context has fewer: ag_context_threads(). AG_ERR_VALUE: threads below 1 or above 1024, cached_plans
 *  below 1; AG_ERR_MEMORY: an allocation failed. */
AG_API ag_status ag_context_create(const ag_context_options *options, ag_context **context, char *why, size_t why_size);

/** Free a context. None of its plans may be running, or be used afterwards. NULL is allowed. */
AG_API void ag_context_free(ag_context *context);

/** Threads of this context, the caller included: as many as were requested, or as could be started. */
AG_API int ag_context_threads(const ag_context *context);

/* ---- One-shot calls ------------------------------------------------------------------------------------------ */

/* All of these: problem gives shapes, layouts and masks; its rows must be unset (AG_ERR_COMBINATION). Every output row
 * has the same method, with its own values in args->rows. image NULL = all tokens.
 *
 * In place: out may equal q if no row map is set and both layouts are equal. Some kernels cannot do that; the call and
 * ag_plan_check() then return AG_ERR_ALIAS.
 *
 * Perturbations but sparse need self-attention: N = M and one picture in the tokens (AG_ERR_SHAPE). Rows and heads that
 * are not perturbed equal standard attention bit for bit when the same kernel is forced.
 *
 * Errors common to all: AG_ERR_NULL, AG_ERR_STRUCT, AG_ERR_TYPE, AG_ERR_SHAPE, AG_ERR_STRIDE, AG_ERR_VALUE,
 * AG_ERR_COMBINATION, AG_ERR_INDEX, AG_ERR_ALIAS, AG_ERR_KERNEL, AG_ERR_UNAVAILABLE, AG_ERR_MEMORY, AG_ERR_DEVICE, as
 * listed there. */

/** out = softmax(s Q K^T + bias) V. A query that sees no key gets a zero row and lse -inf, not NaN. Masked K and V
 *  are not read. Cost 2 N M (d + d_v) per head. */
AG_API ag_status ag_attention_standard(ag_context *context, const ag_problem *problem, const ag_args *args,
                                       char *why, size_t why_size);

/** Image logits are -inf except L_ii: O_i = softmax([L_ii, L_ic...]) [V_i, V_c...]; context rows are standard. Without
 *  context O = V, a copy (Q and K are not read), and out may be v exactly. Own key masked: context only, or a zero row.
 *  Bias and causal: AG_ERR_COMBINATION. Perturbed-Attention Guidance, arXiv 2403.17377. */
AG_API ag_status ag_attention_identity(ag_context *context, const ag_problem *problem, const ag_image *image,
                                       const ag_args *args, char *why, size_t why_size);

/** Image logits are replaced by their mean over the visible image keys:
 *  O_i = softmax([s q_i.kbar + log n_vis, L_ic...]) [vbar, V_c...]; without context O_i = vbar. Bias and causal:
 *  AG_ERR_COMBINATION. The limit of Smoothed Energy Guidance taken in the keys (arXiv 2408.00760, section 4). */
AG_API ag_status ag_attention_uniform(ag_context *context, const ag_problem *problem, const ag_image *image,
                                      const ag_args *args, char *why, size_t why_size);

/** Image queries are replaced by G * q over the grid. sigma in tokens, 0 = standard, above 9999 = the frame's mean: one
 *  distinct row per head and frame is computed. Note that 9998 is not close to that limit: the kernel is clamped to the
 *  grid and is nearly a box. Smoothed Energy Guidance, arXiv 2408.00760. */
AG_API ag_status ag_attention_smoothed(ag_context *context, const ag_problem *problem, const ag_image *image,
                                       double sigma, const ag_args *args, char *why, size_t why_size);

/** k^ = k_i / max(|k_i|, 1e-12), q_par = (q_i.k^) k^, q_perp = q_i - q_par; image queries are replaced by
 *  q_par + G * q_perp (keep_parallel nonzero, what the authors' slides state) or G * q_perp (0, nearer their code).
 *  Orthogonal Smoothed Energy Guidance. k_i of masked image tokens is read. */
AG_API ag_status ag_attention_orthogonal(ag_context *context, const ag_problem *problem, const ag_image *image,
                                         double sigma, int keep_parallel, const ag_args *args,
                                         char *why, size_t why_size);

/** Image outputs or image values are scrambled, as `kind` says.
 *  - gather: m_i = mean of `draws` values drawn with replacement, O_i = (m_i - mu) sqrt(draws) gain + mu, mu the mean
 *    of m over all heads, image tokens and channels of the row; Q and K are read by context rows only. With bias or
 *    causal: AG_ERR_COMBINATION.
 *  - permute: v'_i = mix v_pi(i) + (1 - mix) v_i on image values, then standard.
 *  - tokens: O_i = O_standard at pi(i) (Token Perturbation Guidance on one layer, arXiv 2506.10036).
 *
 *  Draws and permutations are counter-based: Philox4x32-10 keyed by the seed, at counter (token, draw or round, stream,
 *  1 or 2); the same on every backend, thread count and split. For n a power of 4 from 16 on only even permutations
 *  occur. Seed, random stream, gain, mix: args->rows. An index array there is used instead of draws, in the rows that
 *  have one. gather and permute read V of masked image tokens too, which must be finite. */
AG_API ag_status ag_attention_scrambled(ag_context *context, const ag_problem *problem, const ag_image *image,
                                        ag_kind kind, int draws, const ag_args *args, char *why, size_t why_size);

/** Image queries are replaced by tau q. Their logits towards all keys, text included, are multiplied by tau, before the
 *  bias is added. tau below 1 flattens attention, above 1 sharpens it; with 0 the bias alone decides. 1 is standard bit
 *  for bit. tau finite, >= 0, and tau scale within 1e30 (AG_ERR_VALUE). Goes with bias and causal.
 *  Entropy Rectifying Guidance, arXiv 2504.13987. */
AG_API ag_status ag_attention_softened(ag_context *context, const ag_problem *problem, const ag_image *image,
                                       double tau, const ag_args *args, char *why, size_t why_size);

/** Image keys other than the query's own are hidden from image queries with probability p, one draw per pair, shared by
 *  the heads: hidden where x < round(p 2^32), x the first word of Philox4x32-10 at counter (i, j, stream, 3), key =
 *  seed, i and j numbered within the image. p = 0 is standard bit for bit; p = 1 is identity, computed in full. p
 *  in [0,1] (AG_ERR_VALUE). Goes with bias and causal. Seed, stream: args->rows. An ablation of arXiv 2403.17377. */
AG_API ag_status ag_attention_masked(ag_context *context, const ag_problem *problem, const ag_image *image,
                                     double probability, const ag_args *args, char *why, size_t why_size);

/** a z_ij is added to the logits of image queries and image keys, the diagonal included, z standard normal, shared by
 *  the heads: z = sqrt(-2 ln u1) cos(2 pi u2), u1 = (x0 + 1) 2^-32, u2 = x1 2^-32, x0 and x1 the first words at the
 *  counter of ag_attention_masked(). a = 0 is standard bit for bit. a in [0,1e30] (AG_ERR_VALUE). Goes with bias and
 *  causal. Kernels in float32 are within 2e-6 of z, which is at most 6.67. Seed, stream: args->rows. An ablation of
 *  arXiv 2403.17377. */
AG_API ag_status ag_attention_noisy(ag_context *context, const ag_problem *problem, const ag_image *image,
                                    double amplitude, const ag_args *args, char *why, size_t why_size);

/** O_i = S_i + lambda (E_i - S_i) for the image's queries: S standard, E = entmax(L) V, entmax(x)_j =
 *  max(0, (power - 1) x_j - tau)^(1/(power - 1)) with the tau that makes them sum to 1, L as it is: bias, causal and
 *  masks act on both. Every visible key takes part, and N = M is not needed: the method is meant for cross-attention to
 *  text, where `image` chooses among the queries. power is 1.5 or 2 (AG_ERR_VALUE); lambda: args->rows. Without lse and
 *  strength, and not over shards of keys (AG_ERR_COMBINATION). PLADIS, arXiv 2503.07677. */
AG_API ag_status ag_attention_sparse(ag_context *context, const ag_problem *problem, const ag_image *image,
                                     double power, const ag_args *args, char *why, size_t why_size);

/** Operation AG_BLUR; in problem->rows its method is AG_SMOOTHED, with sigma set (or AG_STANDARD, which copies).
 *  out = q with its image tokens blurred: per axis a Gaussian of ceil(6 sigma) taps, made odd, clamped to the grid,
 *  normalised after truncation, reflected without repeating the edge; separable, exact. out [B,H,N,d] in layout out.
 *  k and v are not read, masks and bias change nothing. sigma 0 copies. */
AG_API ag_status ag_query_blur(ag_context *context, const ag_problem *problem, const ag_image *image,
                               double sigma, const ag_args *args, char *why, size_t why_size);

/** out [B,M] float32: received_j = sum_i mean_h A[h,i,j]. v is not read. Two phases over tiles: every query's softmax
 *  sum, then the columns; the map is never stored. Self-Attention Guidance, arXiv 2210.00939. */
AG_API ag_status ag_attention_received(ag_context *context, const ag_problem *problem, const ag_args *args,
                                       char *why, size_t why_size);

/** out [B,H,N] float32: E_i = -lse_i (+inf for a query that sees no key); curvature [B,H,N]: the spectral norm
 *  of diag(a_i) - a_i a_i^T (0 for such a query), with an absolute error of 2e-6 at most. v is not read. The map is
 *  never stored. Modern Hopfield networks, arXiv 2008.02217. */
AG_API ag_status ag_attention_energy(ag_context *context, const ag_problem *problem, const ag_args *args,
                                     char *why, size_t why_size);

/** out [B,H,N,M] float32: A = softmax(s Q K^T + bias), a zero row for a query that sees no key. For inspection, and
 *  for methods that need the whole map: no other call makes one. v is not read. */
AG_API ag_status ag_attention_map(ag_context *context, const ag_problem *problem, const ag_args *args,
                                  char *why, size_t why_size);

/** The whole batch in one call, every output row by its own entry of problem->rows. */
AG_API ag_status ag_attention_guided(ag_context *context, const ag_problem *problem, const ag_args *args,
                                     char *why, size_t why_size);

/* ---- Guidance: predictions combined -------------------------------------------------------------------------- */

/** How predictions a_0 .. a_7, [samples, count] each, become one. C: with the condition, U: without, P: perturbed.
 *  o = sum_k weight_k a_k. Statistics (norms, products, deviations) are over each group of a sample, which by default
 *  is all of it (ag_guidance.group); norms are L2 unless said; sums are float64. No epsilon is added but in CFG_ZERO:
 *  0/0 is what is said here. LINEAR and PERP_NEG hold alike in eps, x0, v and flow space; the others do not: the
 *  caller chooses the space. docs/methods.md has the formulas with their limits, docs/pipelines.md what pipelines call
 *  them. */
typedef enum ag_rule {
    AG_LINEAR   = 0, /**< out = sum_k weight_k a_k, weights per sample. Neutral: weights 1, 0, ... */
    AG_RESCALE  = 1, /**< out = o (phi f + 1 - phi), f = std(a_0)/std(o); a_0 is C. o unchanged where std(o) = 0 or a
                          group has one element. Neutral: phi 0. arXiv 2305.08891, section 3.4 */
    AG_APG      = 2, /**< a_0 = C, a_1 = U: m = (C-U) + beta m_prev, m_prev the state where one is given, which m
                          replaces before the clamp; D = S m, S = min(1, r/|m|), or with a knee of width q: with
                          y = |m|/r, (1 + y^(1/q))^-q; r <= 0 off; D_par along C (0 if C = 0); upd = D - D_par +
                          eta D_par; out = C + (g-1) upd, or U + g upd with base 1. Neutral: eta 1, r 0, beta 0 is
                          CFG. arXiv 2410.02416 */
    AG_CFG_ZERO = 3, /**< a_0 = C, a_1 = U: s = <C,U> / (|U|^2 + 1e-8); out = s U + g (C - s U). arXiv 2503.18886 */
    AG_NAG      = 4, /**< a_0 = Z+, a_1 = Z-, attention outputs, a sample being a token: Z~ = Z+ + w (Z+ - Z-);
                          f = min(1, tau |Z+| / |Z~|), 1 if Z~ = 0; out = alpha f Z~ + (1-alpha) Z+; norm 1 or 2.
                          Neutral: alpha 0. arXiv 2505.21179 */
    AG_MERGE    = 5, /**< a_0, a_1: attention outputs over two sets of keys, a sample being a query, with their lse:
                          m = max, w = exp(lse - m), out = (w_0 a_0 + w_1 a_1)/(w_0 + w_1), lse = m + log(w_0 + w_1);
                          an lse of -inf, or of +inf, is that of an empty set, whose output is not read: where
                          both are empty zeros and -inf; where either lse is NaN, NaN and NaN */
    AG_RENORM   = 6, /**< out = f o, f = clamp(k |a_0|/|o|, lo, hi); a_0 is C. 0 where o = 0. Neutral: lo = hi = 1 */
    AG_TCFG     = 7, /**< a_0 = C, a_1 = U: out = U' + g (C - U'), U' = <U,v> v, v the first right singular vector of
                          the rows [C; U]. U' = U where both singular values are equal. Neutral: g 1 (C).
                          arXiv 2503.18137 */
    AG_MAMBO    = 8, /**< a_0 = C, a_1 = U: g' = 1 + (g-1) exp(-a |C-U|/|U|); out = U + g' (C - U); C where U = 0.
                          Neutral: a 0 (CFG), g 1 (C). MAMBO-G, arXiv 2508.03442 */
    AG_TAG      = 9, /**< a_0 = D, a guided x0, a_1 = x, the latent: d = D - x; d_par = <d,x>/<x,x> x, 0 where x = 0;
                          out = x + t (d - d_par) + r d_par. Neutral: t = r = 1 (D). arXiv 2510.04533 */
    AG_PERP_NEG = 10, /**< a_0 = C, a_1 = N with a negative prompt, a_2 = E with an empty one: p = C - E, n = N - E,
                           n_perp = n - <n,p>/<p,p> p, n where p = 0; out = E + g (p - w n_perp). Neutral: w 0 (CFG
                           against E). arXiv 2304.04968 */
    AG_MOMENTUM_GUIDANCE = 11, /**< out = o + a (o - m), m the state, which then becomes (1-b) o + b m; in a first step
                                    m = o before both. Neutral: a 0. arXiv 2602.20360 */
    AG_SMC      = 12, /**< a_0 = C, a_1 = U, the state e_prev, in a first step e: e = C - U;
                           s = (e - e_prev) + l e_prev; e' = e - K sw(s), sw the sign of each element, or
                           s/|s| with switch 1, 0 where s = 0;
                           out = U + g e'; the state becomes e'. Neutral: K 0 (CFG). arXiv 2603.03281 */
    AG_MAHIRO   = 13, /**< a_0 = C, a_1 = U: o = U + g (C - U); z = the mean over the sample's groups of
                           cos(R(gU), R((gC + o)/2)), R(y) = sign(y) sqrt|y|, 0 where either is 0; k = 2 (z+1);
                           out = (k o + (4-k) g C)/4. Neutral: g 1 (C). ComfyUI, nodes_mahiro.py */
    AG_FDG      = 14 /**< a_0 = C, a_1 = U, pictures: Laplacian pyramids of `levels` levels, guided level by level:
                          V_l = U_l + g_l (D - D_par + p_l D_par), D = C_l - U_l, D_par along C_l over the sample's
                          level (0 if C_l = 0); out is the picture whose levels are V_l. Neutral: all p 1, all g equal
                          (CFG). arXiv 2506.19713 */
} ag_rule;

#define AG_MOST_INPUTS     8
#define AG_MOST_PARAMETERS 16 /**< no rule has more */

/* Parameters: their places in ag_guidance_args.parameters. Ranges are in ag_rule_parameter_at(). */
enum { AG_RESCALE_PHI };      /**< phi, default 0 */
enum {
    AG_APG_SCALE,             /**< g, default 1 */
    AG_APG_ETA,               /**< default 1 */
    AG_APG_RADIUS,            /**< r, default 0: off */
    AG_APG_MOMENTUM,          /**< beta, default 0; anything else needs a state */
    AG_APG_BASE,              /**< 0 (default): C + (g-1) upd (the paper); 1: U + g upd (diffusers) */
    AG_APG_SMOOTH             /**< q, default 0: a hard clamp */
};
enum { AG_CFG_ZERO_SCALE };   /**< g, default 1 */
enum {
    AG_NAG_SCALE,             /**< w, default 1 */
    AG_NAG_TAU,               /**< default 2.5 */
    AG_NAG_ALPHA,             /**< default 0.25 */
    AG_NAG_NORM               /**< 1 (the paper, default) or 2 */
};
enum {
    AG_RENORM_RATIO,          /**< k >= 0, default 1 */
    AG_RENORM_MIN,            /**< lo >= 0, default 0 */
    AG_RENORM_MAX             /**< hi >= lo, default infinity */
};
enum { AG_TCFG_SCALE };       /**< g, default 1 */
enum {
    AG_MAMBO_SCALE,           /**< g, default 10 */
    AG_MAMBO_DAMPING          /**< a >= 0, default 8 */
};
enum {
    AG_TAG_TANGENTIAL,        /**< t, default 1 */
    AG_TAG_RADIAL             /**< r, default 1 */
};
enum {
    AG_PERP_NEG_SCALE,        /**< g, default 1 */
    AG_PERP_NEG_NEGATIVE      /**< w, default 1 */
};
enum {
    AG_MOMENTUM_SCALE,        /**< a, default 0.5 */
    AG_MOMENTUM_DECAY         /**< b in [0,1], default 0.6 */
};
enum {
    AG_SMC_SCALE,             /**< g, default 1 */
    AG_SMC_SURFACE,           /**< l, default 5 */
    AG_SMC_FORCE,             /**< K, default 0.2 */
    AG_SMC_SWITCH             /**< 0 (default): the sign; 1: s/|s| */
};
enum { AG_MAHIRO_SCALE };     /**< g, default 1 */
enum {
    AG_FDG_SCALES   = 0,      /**< g_l of level l at AG_FDG_SCALES + l - 1, the finest first; default 10 in level 1,
                                   5 in the others; those of levels that are not there must keep it */
    AG_FDG_PARALLEL = 8       /**< p_l likewise, default 1 */
};

/** Sets every parameter to AG_NOT_SET, which means its default. Zero means zero. */
static inline void ag_parameters_init(double *parameters, int count)
{
    for (int i = 0; i < count; i++) parameters[i] = AG_NOT_SET;
}

/** A combination: everything that is fixed when a plan is made. From ag_guidance_init(). */
typedef struct ag_guidance {
    size_t   size;
    ag_rule  rule;
    ag_place place;                    /**< default AG_HOST */
    int32_t  device;
    int32_t  inputs;                   /**< rules with weights 1 .. 8; PERP_NEG 3; others 2 */
    int32_t  weights_per_sample;       /**< rules with weights: nonzero: weights [samples, inputs], not [inputs] */
    int32_t  workers;                  /**< as ag_problem */
    int64_t  samples, count;           /**< elements of a sample are contiguous */
    ag_dtype dtype[AG_MOST_INPUTS];    /**< f32, f16, bf16; default f32 */
    ag_dtype out_dtype;                /**< default f32 */
    int64_t  stride[AG_MOST_INPUTS];   /**< elements from sample to sample, 0 = one for all; default count */
    int64_t  out_stride;               /**< default count */
    const char *kernel;                /**< a kernel forced by name; NULL = the library's choice */
    int64_t  group[3];                 /**< outer, reduced, inner, with count = outer reduced inner: element (o, r, i)
                                            of a sample lies at (o reduced + r) inner + i, and statistics run over r,
                                            one for each (o, i); default {0,0,0}: {1, count, 1}, all of a sample. A
                                            picture [C,H,W] per position over channels: {1, C, HW}; tokens [T,D] over
                                            the last axis: {T, D, 1}. Only rules with AG_USES_GROUPS */
    int64_t  picture[3];               /**< FDG: channels, height, width, with count = their product; default {0,0,0}:
                                            must be set. Sides are multiples of 2^(levels-1), and for two levels and
                                            more at least 3 x 2^(levels-2) */
    int32_t  levels;                   /**< FDG: 1 .. 8; default 0: 2 */
} ag_guidance;

/** Defaults above for `inputs` packed float32 predictions. */
AG_API void ag_guidance_init_sized(void *g, size_t size, ag_rule rule, int inputs, int64_t samples, int64_t count);
static inline void ag_guidance_init(ag_guidance *g, ag_rule rule, int inputs, int64_t samples, int64_t count)
{
    ag_guidance_init_sized(g, sizeof *g, rule, inputs, samples, count);
}

/** What is given at each run. From ag_guidance_args_init(). In place: out may equal an input of the same type and
 *  stride. A field that the rule does not use must keep its default, here and in ag_guidance (AG_ERR_COMBINATION). */
typedef struct ag_guidance_args {
    size_t        size;
    const void   *input[AG_MOST_INPUTS];
    void         *out;
    const double *weights;             /**< rules with weights: [inputs] or [samples, inputs], finite */
    const double *parameters;          /**< [parameter_count], at the places named above. NaN, and places beyond the
                                            count, mean the default; NULL if the count is 0 */
    int32_t       parameter_count;     /**< default 0 */
    float        *state;               /**< APG, MOMENTUM_GUIDANCE, SMC: [samples, count], packed, read and then
                                            written. APG: NULL (default): no momentum; then beta must be 0. The others
                                            need it */
    const float  *lse[2];              /**< MERGE: [samples] */
    float        *lse_out;             /**< MERGE: [samples]; may be lse[0] or lse[1]; NULL = not wanted */
    void         *workspace;           /**< planned runs: ag_plan_workspace() bytes; ag_guidance_combine() ignores it */
    size_t        workspace_size;
    const ag_executor *executor;       /**< as in ag_args */
    void         *cuda_stream;         /**< as in ag_args: the cudaStream_t to enqueue on */
    int32_t       first_step;          /**< nonzero: the state is not read, which may hold NaN, but written; default 0.
                                            Without it APG begins with a state of zeros, which is the same; the others
                                            have no state that would be */
} ag_guidance_args;

/** Defaults above. */
AG_API void ag_guidance_args_init_sized(void *args, size_t size);
static inline void ag_guidance_args_init(ag_guidance_args *args)
{
    ag_guidance_args_init_sized(args, sizeof *args);
}

/** Combine. One pass over memory for rules without statistics, two for rules with them, FDG two to four. Errors:
 *  AG_ERR_NULL, AG_ERR_STRUCT, AG_ERR_TYPE, AG_ERR_SHAPE, AG_ERR_STRIDE, AG_ERR_VALUE (a weight or parameter out of
 *  its range), AG_ERR_COMBINATION (a number of inputs that the rule does not have, something given that it does not
 *  use, more parameters than it has), AG_ERR_ALIAS (out is an input of another type or stride, or an output overlaps
 *  anything else), AG_ERR_KERNEL, AG_ERR_UNAVAILABLE, AG_ERR_MEMORY; planned runs also AG_ERR_WORKSPACE. Weights and
 *  parameters are within 1e15 either way. */
AG_API ag_status ag_guidance_combine(ag_context *context, const ag_guidance *g, const ag_guidance_args *args,
                                     char *why, size_t why_size);

/** A plan of a combination, for ag_guidance_run() and its parts. All other calls for an ag_plan take it too. */
AG_API ag_status ag_guidance_plan(ag_context *context, const ag_guidance *g, ag_plan **plan,
                                  char *why, size_t why_size);

/** Validate the arguments of a run; run; run a share or a part of a phase. They work as ag_plan_check(), ag_plan_run(),
 *  ag_plan_run_share() and ag_plan_run_part() do. Plans of attention are refused here, and plans of combinations there
 *  (AG_ERR_COMBINATION). */
AG_API ag_status ag_guidance_check(const ag_plan *plan, const ag_guidance_args *args, char *why, size_t why_size);
AG_API ag_status ag_guidance_run(const ag_plan *plan, const ag_guidance_args *args, char *why, size_t why_size);
AG_API ag_status ag_guidance_run_share(const ag_plan *plan, const ag_guidance_args *args, int phase, int worker,
                                       int of);
AG_API ag_status ag_guidance_run_part(const ag_plan *plan, const ag_guidance_args *args, int phase, int64_t first,
                                      int64_t last, int worker);

/* ---- Guidance: weights ----------------------------------------------------------------------------------- */

/* Weights of the linear rules, in the order of the inputs named. Some repositories (ADM versions of PAG and SAG) write
 * P + g (C - P) for perturbed guidance: there w = g - 1. The scale of official NAG is phi = w + 1. */
/** C, U: U + g (C - U). Batches are customarily [uncond, cond, perturbed]; the inputs here begin with C. */
AG_API void ag_weights_cfg(double weights[2], double g);

/** C, P: C + w (C - P). */
AG_API void ag_weights_perturbed(double weights[2], double w);

/** C, U, P: U + g (C - U) + w (C - P). */
AG_API void ag_weights_cfg_perturbed(double weights[3], double g, double w);

/** C, U^, C^ (hats: predictions with perturbed queries): C + (g-1) (C - U^) + w (C - C^). */
AG_API void ag_weights_oseg(double weights[3], double g, double w);

/** eps, grad log p(y|x): eps - w sigma grad. */
AG_API void ag_weights_classifier(double weights[2], double w, double sigma);

/** base + sum_k w_k (a_k - b_k): adds w to weights[plus] and takes it from weights[minus]. */
AG_API void ag_weights_add(double *weights, int plus, int minus, double w);

/** What a model predicts, with x = alpha x0 + sigma eps. */
typedef enum ag_prediction {
    AG_EPS = 0, AG_X0 = 1,
    AG_V        = 2, /**< alpha eps - sigma x0 (Salimans and Ho, arXiv 2202.00512) */
    AG_SCORE    = 3, /**< -eps / sigma */
    AG_FLOW     = 4, /**< eps - x0 */
    AG_DENOISED = 5  /**< k-diffusion's y - s eps with y = x/alpha, s = sigma/alpha: the same as x0 */
} ag_prediction;

/** Weights of x and the prediction that turn `from` into `to`; run them as AG_LINEAR over those two inputs.
 *  AG_ERR_VALUE if the result is undefined: x0 from eps or score at alpha = 0, eps from x0 at sigma = 0, every
 *  score at sigma = 0, flow where alpha + sigma = 0, v where both are 0, or numbers that are not finite. */
AG_API ag_status ag_weights_convert(double weights[2], ag_prediction from, ag_prediction to, double alpha, double sigma,
                                    char *why, size_t why_size);

/* ---- Guidance: samplers, schedules ---------------------------------------------------------------------- */

/* Steps of a sampler, which take x = alpha x0 + sigma eps from its level alpha, sigma to the level alpha_to, sigma_to.
 * They are weights of x, of what the model predicted at alpha, sigma, and of z, fresh noise of standard deviation 1:
 * run them as AG_LINEAR over these inputs. V is the standard deviation of the noise between a level a, s and one that
 * is not less noisy, b, t: sqrt((t - b s/a)(t + b s/a)), and 0 where b s/a exceeds t by at most 1e-12 t. To the same
 * level each step has exactly the weights 1, 0, 0.
 * Errors of all: AG_ERR_NULL: weights is NULL; AG_ERR_TYPE: an enum value that is not allowed there; AG_ERR_VALUE: a
 * level that is not finite, is negative, or has alpha and sigma 0; a weight beyond float64; and what is undefined, as
 * told below. After an error the weights are as they were. */

/** x, z: (alpha_to/alpha) x + V z, V from here to there: more noise. From clean, 1, 0, it is alpha_to x + sigma_to z.
 *  AG_ERR_VALUE: alpha = 0; the level there is less noisy. */
AG_API ag_status ag_weights_noise(double weights[2], double alpha, double sigma, double alpha_to, double sigma_to,
                                  char *why, size_t why_size);

/** The variance of DDPM. */
typedef enum ag_variance {
    AG_VARIANCE_SMALL = 0, /**< the posterior's: (sigma_to V/sigma)^2; diffusers' fixed_small */
    AG_VARIANCE_LARGE = 1  /**< beta_t, which is V^2; diffusers' fixed_large */
} ag_variance;

/** x, prediction, z: (alpha/alpha_to) (sigma_to/sigma)^2 x + alpha_to (V/sigma)^2 x0 + d z, V from there to here, d the
 *  square root of the variance, 0 at sigma_to = 0 (arXiv 2006.11239, Algorithm 2).
 *  AG_ERR_VALUE: sigma = 0; alpha_to = 0; the level there is noisier; x0 is undefined (ag_weights_convert()). */
AG_API ag_status ag_weights_ddpm(double weights[3], ag_prediction from, double alpha, double sigma, double alpha_to,
                                 double sigma_to, ag_variance variance, char *why, size_t why_size);

/** x, prediction, z: alpha_to x0 + sqrt((sigma_to - c)(sigma_to + c)) eps + c z, c = eta (sigma_to/sigma) V, at most
 *  sigma_to, V from there to here (arXiv 2010.02502, equations 12 and 16). eta is in 0 .. 1. 0 is DDIM proper: no z,
 *  and it may run towards noise (inversion). 1 is DDPM with the small variance.
 *  AG_ERR_VALUE: eta out of its range; x0 is undefined; eps is undefined and its weight is not 0; with eta > 0 also
 *  sigma = 0, alpha_to = 0, and a noisier level there. */
AG_API ag_status ag_weights_ddim(double weights[3], ag_prediction from, double alpha, double sigma, double alpha_to,
                                 double sigma_to, double eta, char *why, size_t why_size);

/** x, s: x + (sigma_to - sigma) s, s = dx/dsigma. That is AG_FLOW where alpha = 1 - sigma, and AG_EPS in k-diffusion's
 *  variables x/alpha and sigma/alpha. AG_ERR_VALUE: a sigma that is not finite or is negative. */
AG_API ag_status ag_weights_euler(double weights[2], double sigma, double sigma_to, char *why, size_t why_size);

/** The min-SNR weight of the loss in training (arXiv 2303.09556), with snr = alpha^2/sigma^2: for AG_X0 and AG_DENOISED
 *  min(snr, gamma), AG_EPS min(snr, gamma)/snr, AG_V min(snr, gamma)/(snr + 1). At alpha = 0 these are 0, 1, 0, at
 *  sigma = 0 gamma, 0, 0. AG_ERR_TYPE: AG_SCORE, AG_FLOW. AG_ERR_VALUE: gamma <= 0 or not finite. */
AG_API ag_status ag_weight_min_snr(double *weight, ag_prediction from, double alpha, double sigma, double gamma,
                                   char *why, size_t why_size);

/** w at time t of a schedule that falls with t: max(0, w - a (1000 - t)), t from 1000 (noise) to 0 (diffusers'
 *  adaptive PAG scale). */
AG_API double ag_schedule_adaptive(double w, double a, double t);

/** w where low < sigma <= high, else 0 (guidance in an interval, arXiv 2404.07724). */
AG_API double ag_schedule_interval(double w, double sigma, double low, double high);

/* ---- Guidance: pictures ---------------------------------------------------------------------------------------- */

/** A picture whose attended parts are blurred. From ag_sag_init(). */
typedef struct ag_sag {
    size_t  size;
    int64_t samples, channels, height, width; /**< of x0 and out, packed; height and width >= 5 */
    int64_t grid_height, grid_width;          /**< tokens of the layer whose attention was received */
} ag_sag;

/** The picture; the grid must be set. */
AG_API void ag_sag_init_sized(void *sag, size_t size, int64_t samples, int64_t channels, int64_t height, int64_t width);
static inline void ag_sag_init(ag_sag *sag, int64_t samples, int64_t channels, int64_t height, int64_t width)
{
    ag_sag_init_sized(sag, sizeof *sag, samples, channels, height, width);
}

/** out = mask G(x0) + (1 - mask) x0, all [samples, channels, height, width]: mask is 1 where the token at
 *  (floor(y grid_height / height), floor(x grid_width / width)) has received > 1, received [samples, grid_height,
 *  grid_width] being ag_attention_received() of the picture's tokens (mean 1 where N = M); G a Gaussian of 9 taps and
 *  sigma 1 along height and width, reflected without repeating the edge. x0 is what the prediction says; add the same
 *  noise again, predict P from that, and combine U + g (C - U) + w (U - P). Runs on the calling thread, on the host.
 *  Self-Attention Guidance, arXiv 2210.00939. Errors: AG_ERR_NULL; AG_ERR_STRUCT; AG_ERR_SHAPE: an extent below 1, a
 *  side below 5, or more than fits in memory; AG_ERR_ALIAS: out overlaps x0 or received. */
AG_API ag_status ag_sag_blur(const ag_sag *sag, const float *x0, const float *received, float *out,
                             char *why, size_t why_size);

/** The places of crops of one size in a picture. From ag_crops_init(). */
typedef struct ag_crops {
    size_t         size;
    int64_t        samples, channels, height, width; /**< of the whole picture, packed */
    int64_t        count;                            /**< crops, >= 1 */
    int64_t        crop_height, crop_width;
    const int64_t *top, *left;                       /**< [count]: where each begins */
} ag_crops;

/** The picture; the crops must be set. */
AG_API void ag_crops_init_sized(void *crops, size_t size, int64_t samples, int64_t channels, int64_t height,
                                int64_t width);
static inline void ag_crops_init(ag_crops *crops, int64_t samples, int64_t channels, int64_t height, int64_t width)
{
    ag_crops_init_sized(crops, sizeof *crops, samples, channels, height, width);
}

/** out [samples, channels, height, width]: the mean of the crops' values, [count, samples, channels, crop_height,
 *  crop_width], over those that hold an element. Where at most one does, out is cond [samples, channels, height,
 *  width], so that C + w (C - out) is C + w [coverage > 1] (C - P). cond NULL: the mean of that one, or 0
 *  without any. out may be cond exactly. Runs on the calling thread, on the host. Sliding-window guidance.
 *  Errors: AG_ERR_NULL; AG_ERR_STRUCT; AG_ERR_SHAPE: an extent below 1, a crop larger than the picture, or more than
 *  fits in memory; AG_ERR_INDEX: a crop that is not inside the picture; AG_ERR_ALIAS: out overlaps the values, or cond
 *  without being it. */
AG_API ag_status ag_coverage_average(const ag_crops *crops, const float *values, const float *cond, float *out,
                                     char *why, size_t why_size);

/* ---- Needs ----------------------------------------------------------------------------------------------------- */

enum { AG_NEEDS_Q = 1, AG_NEEDS_K = 2, AG_NEEDS_V = 4 };

/** Which of q, k, v output row `row` reads, as AG_NEEDS_ bits, given its method, context, head set, blend and lse. The
 *  engine can skip projections that no row needs, and sets q_row = AG_ROW_NONE for a row that needs no q. The row maps
 *  in problem->rows are not validated here. Errors as for ag_plan_create(). */
AG_API ag_status ag_problem_needs(const ag_problem *problem, int64_t row, unsigned *needs, char *why, size_t why_size);

/** Tokens [first, end), in the numbers of the whole sequence. Never grows. */
typedef struct ag_range {
    int64_t first, end;
} ag_range;

/** Which tokens of `tensor`, one of the AG_NEEDS_ bits, output row `row` reads: ascending ranges that do not touch.
 *  *count is the number of ranges (at most 3 so far); the first `most` are written. ranges may be NULL if most is 0.
 *  Tokens that key masks, lengths, bias or causality may hide count as read, and so does every value that a random
 *  index may draw. Tokens outside the ranges are never touched: engines need not project them. AG_ERR_TYPE: `tensor` is
 *  no such bit; AG_ERR_VALUE: most is negative; the rest as for ag_problem_needs(). */
AG_API ag_status ag_problem_reads(const ag_problem *problem, int64_t row, unsigned tensor, ag_range *ranges,
                                  int64_t most, int64_t *count, char *why, size_t why_size);

/* ---- Plans ----------------------------------------------------------------------------------------------------- */

/** Validate a problem, choose its kernels and make a plan. *plan is NULL on error. The problem, its rows and head sets
 *  are copied. */
AG_API ag_status ag_plan_create(ag_context *context, const ag_problem *problem, ag_plan **plan,
                                char *why, size_t why_size);

/** Free a plan. NULL is allowed. */
AG_API void ag_plan_free(ag_plan *plan);

/** Workspace bytes of one run, at any address; 0 if it needs none. Contents need not be kept between runs. */
AG_API size_t ag_plan_workspace(const ag_plan *plan);

/** Validate the arguments of a run: pointers, workspace, strengths, and every entry of index and length arrays. */
AG_API ag_status ag_plan_check(const ag_plan *plan, const ag_args *args, char *why, size_t why_size);

/** The same, except that q, k, v, out and the workspace may be NULL and are not validated: for hosts that know those
 *  pointers only when they compute. */
AG_API ag_status ag_plan_check_values(const ag_plan *plan, const ag_args *args, char *why, size_t why_size);

/** ag_plan_check(), then every phase on the executor or the context's threads. If the context's threads are busy with
 *  another run, the calling thread does all the work; the bytes are the same. AG_CUDA: enqueues every phase on the
 *  stream. AG_ERR_DEVICE: the device fails. AG_ERR_SHAPE: args->rows holds more than 64 rows, or a combination has more
 *  than 384 weights: a launch holds no more. */
AG_API ag_status ag_plan_run(const ag_plan *plan, const ag_args *args, char *why, size_t why_size);

/** Number of phases. */
AG_API int ag_plan_phases(const ag_plan *plan);

/** Number of independent tasks in `phase`; 0 for a phase that does not exist. Different kinds are interleaved, so equal
 *  shares take about equal time. */
AG_API int64_t ag_plan_tasks(const ag_plan *plan, int phase);

/** Worker `worker` of `of` runs its share of `phase`: for a host's thread pool, (phase, ith, nth). `of` may be larger
 *  than the plan's workers; workers beyond those do nothing. Otherwise like ag_plan_run_part(). */
AG_API ag_status ag_plan_run_share(const ag_plan *plan, const ag_args *args, int phase, int worker, int of);

/** Run tasks [first, last) of `phase` as worker `worker`, 0 <= worker < workers of the plan: for hosts that schedule
 *  tasks themselves. The host must call ag_plan_check() with the same args before, finish a phase before it begins the
 *  next, and never run two parts with one worker number at once. AG_ERR_VALUE: phase, range or worker out of range.
 *  AG_ERR_KERNEL: the problem forced a kernel with threads of its own (map_openblas), or the plan is for AG_CUDA,
 *  whose phases run only as a whole. */
AG_API ag_status ag_plan_run_part(const ag_plan *plan, const ag_args *args, int phase, int64_t first, int64_t last,
                                  int worker);

/** Maximum number of workers that may run parts at once. */
AG_API int ag_plan_workers(const ag_plan *plan);

/** The plan as text: a line per phase and step, its kernel, and why others were passed over. Writes at most text_size
 *  bytes, always ended by a zero; returns the length of the whole text. */
AG_API size_t ag_plan_explain(const ag_plan *plan, char *text, size_t text_size);

/** One step of a plan. From ag_step_info_init(). */
typedef struct ag_step_info {
    size_t      size;
    int64_t     row;         /**< output row */
    int32_t     phase;
    const char *step;        /**< "attend", "blur" ... */
    const char *kernel;      /**< its kernel, "attend_f32_avx512" */
    int64_t     tasks;       /**< its number of independent tasks */
} ag_step_info;

AG_API void ag_step_info_init_sized(void *info, size_t size);
static inline void ag_step_info_init(ag_step_info *info)
{
    ag_step_info_init_sized(info, sizeof *info);
}

/** Step number i of a plan, from 0. AG_ERR_VALUE past the last. */
AG_API ag_status ag_plan_step_at(const ag_plan *plan, int64_t i, ag_step_info *info);

/** The j-th kernel, from 0, that was passed over for step i: faster kernels come first. *reason is a constant sentence
 *  that says why it does not run the step. AG_ERR_VALUE past the last. */
AG_API ag_status ag_plan_passed_over(const ag_plan *plan, int64_t i, int64_t j, const char **kernel,
                                     const char **reason);

/* ---- What this build and machine have -------------------------------------------------------------------------- */

/** One backend or kernel. */
typedef struct ag_kernel_info {
    size_t      size;
    const char *backend;     /**< "cpu", "cuda" */
    const char *step;        /**< "attend", "blur" ...; NULL in ag_backend_info */
    const char *name;        /**< "attend_f32_avx512" ...; NULL in ag_backend_info */
    const char *unavailable; /**< NULL: usable here; otherwise the reason */
    const char *detail;      /**< what the kernel runs on, "OpenBLAS 0.3.21, core SkylakeX"; NULL = nothing to say */
} ag_kernel_info;

/** All fields NULL. */
AG_API void ag_kernel_info_init_sized(void *info, size_t size);
static inline void ag_kernel_info_init(ag_kernel_info *info)
{
    ag_kernel_info_init_sized(info, sizeof *info);
}

/** Backend number i, from 0, into a struct from ag_kernel_info_init(). AG_ERR_VALUE past the last. */
AG_API ag_status ag_backend_at(int i, ag_kernel_info *info);

/** Kernel number i of all backends, from 0, in the order in which they are tried. AG_ERR_VALUE past the last. */
AG_API ag_status ag_kernel_at(int i, ag_kernel_info *info);

/* ---- Methods and rules, listed --------------------------------------------------------------------------- */

/** What a method supports: bits of ag_method_info.takes. */
enum {
    AG_TAKES_IMAGE  = 1,   /**< the picture's range, and a head set: every perturbation */
    AG_TAKES_GRID   = 2,   /**< the picture's grid, which must be set */
    AG_TAKES_BLEND  = 4,   /**< blend and strength */
    AG_TAKES_BIAS   = 8,
    AG_TAKES_CAUSAL = 16,
    AG_TAKES_LSE    = 32,  /**< in rows without blend */
    AG_TAKES_SEED   = 64,  /**< random numbers: seed and random stream */
    AG_TAKES_INDEX  = 128, /**< an index array instead of a seed */
    AG_TAKES_CROSS  = 256, /**< keys of another sequence, with standard also shards; without it all of one sequence */
    AG_TAKES_BLUR   = 512  /**< operation AG_BLUR */
};

/** One method, or one kind of AG_SCRAMBLED. From ag_method_info_init(). All texts are constant. */
typedef struct ag_method_info {
    size_t      size;
    ag_method   method;
    ag_kind     kind;
    const char *name;            /**< "scrambled" */
    const char *variant;         /**< "gather" ...; NULL if the method has one kind only */
    const char *formula;         /**< one line */
    const char *source;          /**< publication; NULL = none */
    uint32_t    takes;           /**< AG_TAKES_ bits. Key masks and lengths go with every method */
    uint32_t    reads;           /**< AG_NEEDS_ bits of a row without context, blend, head set and lse. Other rows
                                      may read more: ag_problem_needs() */
    int32_t     parameter_count; /**< for ag_parameter_at() */
} ag_method_info;

/** What a rule uses: bits of ag_rule_info.uses. */
enum {
    AG_USES_WEIGHTS    = 1, /**< a weight for each input */
    AG_USES_STATE      = 2, /**< an array that is kept from step to step; may be NULL */
    AG_USES_LSE        = 4, /**< the lse of each input, and an output lse */
    AG_USES_STATISTICS = 8, /**< sums over each group: two passes over memory */
    AG_NEEDS_STATE     = 16, /**< with AG_USES_STATE: it must not be NULL */
    AG_USES_GROUPS     = 32, /**< ag_guidance.group may be set */
    AG_USES_PICTURE    = 64  /**< ag_guidance.picture and levels */
};

/** One rule of guidance. From ag_rule_info_init(). All texts are constant. */
typedef struct ag_rule_info {
    size_t      size;
    ag_rule     rule;
    const char *name;                       /**< "apg" */
    const char *formula;                    /**< one line */
    const char *source;                     /**< publication; NULL = none */
    const char *inputs;                     /**< the inputs in order: "cond uncond"; NULL: C and any others */
    uint32_t    uses;                       /**< AG_USES_ bits */
    int32_t     least_inputs, most_inputs;
    int32_t     by_rows;                    /**< nonzero: a sample is a token's row of the last axis; 0: a prediction */
    int32_t     parameter_count;            /**< for ag_rule_parameter_at() */
} ag_rule_info;

/** A parameter: of a method, a field of ag_row or ag_row_args; of a rule, a place in ag_guidance_args.parameters. From
 *  ag_parameter_info_init(). */
typedef struct ag_parameter_info {
    size_t      size;
    const char *name;    /**< the field: "sigma" */
    const char *meaning; /**< one line */
    int32_t     whole;   /**< nonzero: the field is an int32_t, else a double; of a rule: a whole number */
    int32_t     at_run;  /**< nonzero: the field is in ag_row_args, else in ag_row */
    size_t      offset;  /**< of the field; of a rule: in bytes, into parameters */
    double      initial; /**< the default; NaN: must be set */
    double      least;   /**< the range, ends included */
    double      most;    /**< infinity: the value may be infinite; otherwise it is finite */
    double      neutral; /**< the value with which the method is standard, if all others are neutral too; NaN: none */
    double      usual;   /**< a usual value */
    const char *words;   /**< of a whole number: what its values are called, from `least` on: "cond uncond"; NULL: they
                              have no names */
} ag_parameter_info;

AG_API void ag_method_info_init_sized(void *info, size_t size);
static inline void ag_method_info_init(ag_method_info *info)
{
    ag_method_info_init_sized(info, sizeof *info);
}

AG_API void ag_rule_info_init_sized(void *info, size_t size);
static inline void ag_rule_info_init(ag_rule_info *info)
{
    ag_rule_info_init_sized(info, sizeof *info);
}

AG_API void ag_parameter_info_init_sized(void *info, size_t size);
static inline void ag_parameter_info_init(ag_parameter_info *info)
{
    ag_parameter_info_init_sized(info, sizeof *info);
}

/** Method number i, from 0, in the order of ag_method, the kinds of AG_SCRAMBLED one by one. AG_ERR_VALUE past the
 *  last. */
AG_API ag_status ag_method_at(int i, ag_method_info *info);

/** Parameter number i, from 0, of method number `method` of ag_method_at(). AG_ERR_VALUE past the last. */
AG_API ag_status ag_parameter_at(int method, int i, ag_parameter_info *info);

/** Rule number i, from 0, in the order of ag_rule. AG_ERR_VALUE past the last. */
AG_API ag_status ag_rule_at(int i, ag_rule_info *info);

/** Parameter number i, from 0, of a rule: its place in ag_guidance_args.parameters. AG_ERR_VALUE past the last. */
AG_API ag_status ag_rule_parameter_at(ag_rule rule, int i, ag_parameter_info *info);

/* ---- Versions, texts ------------------------------------------------------------------------------------- */

/** Version of the loaded library as 0x00MMmmpp. */
AG_API uint32_t ag_version(void);

/** The same as text, "0.1.0". */
AG_API const char *ag_version_string(void);

/** A constant English phrase; never NULL. */
AG_API const char *ag_status_string(ag_status status);

#ifdef __cplusplus
}
#endif
#endif
