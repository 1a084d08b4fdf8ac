/* attnguide.h - attention and its guidance perturbations, for any engine, through plain pointers.
 *
 * This header is the whole public API and its manual.
 *
 * A diffusion model is guided away from a deliberately worse prediction, made by perturbing self-attention in
 * some layers. The engine runs rows such as [uncond, cond, perturbed] as one batch and asks, per row, for
 *
 *     standard    O = softmax(s Q K^T + bias) V
 *     identity    image tokens see only themselves                    (PAG,  arXiv 2403.17377)
 *     uniform     image tokens see the mean of the image              (SEG's limit, taken in the keys)
 *     smoothed    image queries blurred over the token grid           (SEG,  arXiv 2408.00760)
 *     orthogonal  only the part of a query orthogonal to its own key is blurred (OSEG)
 *     scrambled   values drawn, values permuted, or outputs permuted  (TPG,  arXiv 2506.10036)
 *     softened    image logits times tau                              (ERG,  arXiv 2504.13987)
 *     masked      image logits off the diagonal hidden at random      (an ablation of PAG)
 *     noisy       normal noise added to image logits                  (an ablation of PAG)
 *
 * Symbols: B output rows, H query heads, H_kv key/value heads (H_kv divides H; head h reads h / (H/H_kv)),
 * N query tokens, M key tokens, d width of q and k, d_v width of v, s the logit scale. Image tokens are the range
 * [o, o+n); everything outside, on both sides, is context (text, reference images). c = M - n context tokens.
 *
 * What a perturbation makes redundant is not computed: identity without context is a copy, uniform one mean, an
 * infinite blur one row per frame and a broadcast; no N x M array is ever made.
 *
 * Two ways to call, one way through (check, lower, pick, run):
 *   - one shot: ag_attention_smoothed(ctx, &problem, &image, sigma, &args, why, sizeof why), and its sisters;
 *     ag_attention_guided() for a batch whose rows ask for different things. Plans are cached in the context.
 *   - planned: ag_plan_create() once per layer shape, ag_plan_run() per step, or ag_plan_run_share() from the
 *     host's own threads. Running a plan never allocates, prints, exits, or keeps state.
 *
 * Refusals: a status, and one sentence in the caller's buffer (why, why_size; NULL, 0 to do without) that names the
 * value that is wrong. Every refusal comes before anything is written. The library never prints, exits or aborts.
 *
 * Structs are filled in by their init functions, so that zero always means zero; change fields after that. A struct
 * begins with its size: one from a newer header is refused if it uses a field this library does not know.
 *
 * Threads: contexts are independent. A context and a plan may be used from several threads at once; an ag_args, its
 * workspace and its output belong to one running call. After fork() a child may go on using contexts and plans, on the
 * calling thread alone, if no other thread was inside a call at the fork.
 *
 * Numbers: storage float32, float16 or bfloat16; logits, softmax and sums in float32 or better. The same kernel gives
 * the same bytes for any number of threads and any split into parts (attend_openblas and map_openblas, which are taken
 * by name only, excepted: their products depend on OpenBLAS's threads).
 */
/* clang-format off */
#ifndef ATTNGUIDE_H
#define ATTNGUIDE_H

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
    AG_ERR_NULL           = 1,  /**< a pointer that is needed is NULL */
    AG_ERR_STRUCT         = 2,  /**< a struct's size is not one this library knows, or its unknown tail is not zero */
    AG_ERR_TYPE           = 3,  /**< an enum value or element type that is not allowed there */
    AG_ERR_SHAPE          = 4,  /**< extents, ranges or grids that do not fit, or overflow */
    AG_ERR_STRIDE         = 5,  /**< a stride that is negative, overflows, or makes outputs overlap */
    AG_ERR_VALUE          = 6,  /**< a number out of its range: sigma, scale, strength, gain, mix, draws, a row map */
    AG_ERR_COMBINATION    = 7,  /**< each part is valid, together they are not defined (bias with identity ...) */
    AG_ERR_INDEX          = 8,  /**< an entry of an index or length array out of range */
    AG_ERR_WORKSPACE      = 9,  /**< workspace too small */
    AG_ERR_ALIAS          = 10, /**< out is an input, or overlaps the workspace, where that is not allowed */
    AG_ERR_KERNEL         = 20, /**< the kernel asked for by name does not exist, or refuses this problem */
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
    AG_MAP       = 4  /**< out [B,H,N,M] float32: the map A itself; the only operation with an N x M array, yours */
} ag_operation;

/** What an output row asks for. */
typedef enum ag_method {
    AG_STANDARD = 0, AG_IDENTITY = 1, AG_UNIFORM = 2, AG_SMOOTHED = 3, AG_ORTHOGONAL = 4, AG_SCRAMBLED = 5,
    AG_SOFTENED = 6, AG_MASKED = 7, AG_NOISY = 8
} ag_method;

/** What AG_SCRAMBLED scrambles. */
typedef enum ag_kind {
    AG_GATHER  = 0, /**< image outputs are means of values drawn with replacement */
    AG_PERMUTE = 1, /**< image values are permuted, then attended */
    AG_TOKENS  = 2  /**< image outputs are permuted (token perturbation, on one layer) */
} ag_kind;

#define AG_ALIGNMENT      64     /**< bytes; what kernels like best for tensors. A workspace may begin anywhere */
#define AG_ALL_TOKENS     (-1)   /**< image_length: from image_offset to the last token */
#define AG_ROW_NONE       (-1)   /**< q_row, kv_row: this output row does not read that tensor */
#define AG_ROW_SAME       (-2)   /**< q_row, kv_row: the row of the same number */
#define AG_STREAM_DEFAULT (-1)   /**< stream: the output row's number plus row_offset, mod 2^32 */
#define AG_MESSAGE_SIZE   256    /**< a buffer of this size holds every sentence */

/* ---- Layouts ----------------------------------------------------------------------------------------------- */

/** How a [B, heads, tokens, width] tensor lies in memory. Strides count elements; the last axis is contiguous;
 *  stride 0 broadcasts (inputs only). */
typedef struct ag_layout {
    ag_dtype dtype;
    int32_t  align;      /**< promised alignment of every row in bytes, a power of two; 0 (default) = the element's own.
                              On AG_CUDA cuDNN wants 16. A promise that strides or pointers break: AG_ERR_STRIDE */
    int64_t  stride[3];  /**< batch row, head, token */
} ag_layout;

/** [B, heads, tokens, width], packed. */
AG_API ag_layout ag_layout_bhnd(ag_dtype dtype, int64_t heads, int64_t tokens, int64_t width);

/** [B, tokens, heads, width], packed (what a projection gives, ComfyUI's [B, N, H*D]). */
AG_API ag_layout ag_layout_bnhd(ag_dtype dtype, int64_t heads, int64_t tokens, int64_t width);

/** One tensor inside a fused projection [B, tokens, fused_width], its heads head_stride elements apart.
 *  [B,N,3,H,D]: fused_width 3 H D, head_stride D, pointers base, base + H D, base + 2 H D.
 *  [B,N,H,3,D]: fused_width 3 H D, head_stride 3 D, pointers base, base + D, base + 2 D. */
AG_API ag_layout ag_layout_fused(ag_dtype dtype, int64_t tokens, int64_t fused_width, int64_t head_stride);

/** Bytes of one element; 0 for AG_NONE and unknown values. */
AG_API size_t ag_dtype_size(ag_dtype dtype);

/* ---- The problem: what is fixed when a plan is made ---------------------------------------------------------- */

/** What one output row asks for. From ag_row_init(). */
typedef struct ag_row {
    size_t         size;
    int64_t        q_row;         /**< row of q read; default AG_ROW_SAME */
    int64_t        kv_row;        /**< row of k and v read; default AG_ROW_SAME. Where only v is read
                                       (ag_problem_needs) k is not touched there */
    ag_method      method;
    ag_kind        kind;          /**< AG_SCRAMBLED only */
    int32_t        blend;         /**< nonzero: O = (1-u) O_standard + u O_perturbed, u the strength given at run
                                       (SoftPAG, arXiv 2506.10978). Costs the standard row as well. Default 0: u = 1 */
    int32_t        keep_parallel; /**< AG_ORTHOGONAL: 1 (default) q_par + G*q_perp; 0 G*q_perp alone */
    int32_t        draws;         /**< AG_GATHER: values drawn per token, >= 1; default 1 */
    int32_t        indexed;       /**< AG_SCRAMBLED: nonzero: an index array is given at run instead of a seed */
    double         sigma;         /**< blur over height and width in tokens, >= 0; above 9999: each frame's mean */
    double         sigma_t;       /**< blur over time in frames, >= 0; default 0; above 9999: the mean over time */
    const uint8_t *heads;         /**< [H], nonzero = perturbed; NULL = all; copied when the plan is made */
    int64_t        image_offset;  /**< o; default 0 */
    int64_t        image_length;  /**< n; default AG_ALL_TOKENS */
    int64_t        grid[3];       /**< frames, height, width, with n = T Hg Wg, tokens in raster order frame by frame;
                                       needed by smoothed, orthogonal and blur; {0,0,0} = none */
    double         inverse_temperature; /**< AG_SOFTENED: tau, >= 0, finite, on the logits; default 1 (standard) */
    double         probability;   /**< AG_MASKED: p in [0,1] that an image key is hidden; default 0 (standard) */
    double         amplitude;     /**< AG_NOISY: a in [0,1e30], standard deviation of what is added to image logits;
                                       default 0 (standard) */
} ag_row;

/** Defaults above, for `method`. */
AG_API void ag_row_init(ag_row *row, ag_method method);

/** A problem: everything that is fixed when a plan is made. From ag_problem_init(). Borrowed for the call only. */
typedef struct ag_problem {
    size_t        size;
    ag_operation  operation;        /**< default AG_ATTENTION */
    ag_place      place;            /**< default AG_HOST. AG_CUDA: all pointers of a run are the device's; docs/cuda.md
                                         tells what is different there */
    int32_t       device;           /**< AG_CUDA: device number */
    int64_t       batch;            /**< B: output rows */
    int64_t       q_batch;          /**< rows in q; default B */
    int64_t       kv_batch;         /**< rows in k and v; default B */
    int64_t       heads, kv_heads;  /**< H, H_kv; default H_kv = H */
    int64_t       n_q, n_k;         /**< N, M */
    int64_t       d, d_v;           /**< widths; default d_v = d */
    double        scale;            /**< s, absolute and finite; default 1/sqrt(d) of ag_problem_init: set it where the
                                         model has a scale of its own, the default looks right and is not */
    ag_layout     q, k, v, out;     /**< default packed [B,H,N,D] float32; k and v of one type */
    int32_t       causal;           /**< nonzero: query i sees j <= i + M - N (bottom-right, global token numbers) */
    int32_t       want_lse;         /**< nonzero: lse is written; refused with blend and with gather */
    int32_t       has_key_mask;     /**< nonzero: key mask uint8 [B,M] at run, nonzero = visible */
    int32_t       has_key_lengths;  /**< nonzero: key lengths int32 [B] at run: keys below it are visible */
    int64_t       key_mask_stride[2]; /**< output row, key; row stride 0 = one mask for all. Default M, 1 */
    ag_dtype      bias_dtype;       /**< AG_NONE (default), F32, F16, BF16 (added to the logits, -inf hides) or U8 */
    int32_t       workers;          /**< most workers that run parts at once; default 0 = the context's threads. Above 0
                                         kernels with threads of their own are refused: they cannot run in parts */
    int64_t       bias_stride[4];   /**< output row, head, query, key; 0 broadcasts. Default packed [B,H,N,M] */
    const ag_row *rows;             /**< [row_count] */
    int64_t       row_count;        /**< 0 (default): all standard; 1: the one entry holds for every row; B */
    int64_t       row_offset;       /**< global number of output row 0 (rank-local batches); default 0 */
    int64_t       q_offset;         /**< global number of query 0 (sequence shards); default 0 */
    int64_t       k_offset;         /**< global number of key 0; default 0 */
    int64_t       global_n_q;       /**< N of the whole sequence; default N */
    int64_t       global_n_k;       /**< M of the whole sequence; default M */
    const char   *kernel;           /**< a kernel forced by name for its step; NULL (default) = the library's choice */
    size_t        wave_bytes;       /**< cap on workspace for perturbed queries and values, which are made in waves of
                                         heads; default 64 MB. One head is always allowed */
    ag_dtype      products;         /**< what is multiplied: AG_NONE (default): BF16 where k and v are and a kernel can,
                                         else F32; AG_F32: float32 whatever the storage; AG_BF16: q, k, v and weights
                                         may be rounded to bfloat16, which halves the time where the processor has such
                                         products. Sums are float32 or better always */
} ag_problem;

/** Defaults above for packed float32 tensors q, out [batch,heads,n_q,d], k, v [batch,heads,n_k,d]. */
AG_API void ag_problem_init(ag_problem *p, int64_t batch, int64_t heads, int64_t n_q, int64_t n_k, int64_t d);

/** The picture inside the token sequence, for the one-shot calls. */
typedef struct ag_image {
    size_t  size;
    int64_t offset, length;  /**< default 0, AG_ALL_TOKENS */
    int64_t grid[3];         /**< frames, height, width; {0,0,0} = none */
} ag_image;

/** A picture of `frames` x `height` x `width` tokens that is the whole sequence. Set offset and length beside text. */
AG_API void ag_image_init(ag_image *image, int64_t frames, int64_t height, int64_t width);

/* ---- Arguments: what is given at each run -------------------------------------------------------------------- */

/** Per output row, at run. From ag_row_args_init(). */
typedef struct ag_row_args {
    size_t         size;
    double         strength; /**< u in [0,1], where blend is on; default 1. At 0 and 1 the result is selected, bit for
                                  bit */
    double         gain;     /**< AG_GATHER; finite; default 1 */
    double         mix;      /**< AG_PERMUTE; finite; default 1 */
    uint64_t       seed;     /**< AG_SCRAMBLED without index, AG_MASKED, AG_NOISY; default 0 */
    int64_t        stream;   /**< random stream, 0 .. 2^32-1; default AG_STREAM_DEFAULT */
    const int32_t *index;    /**< AG_SCRAMBLED with indexed: image-local, 0 .. n-1; gather [n, draws], else [n] */
} ag_row_args;

/** Defaults above. */
AG_API void ag_row_args_init(ag_row_args *args);

/** A host's own threads. count is the plan's workers: set problem.workers, which is 1 for a context of one thread.
 *  parallel_for calls task(arg, i) once for each i in [0, count), on any threads, at once or one
 *  after the other, and returns when all are done. */
typedef struct ag_executor {
    size_t size;
    void  *host;
    void (*parallel_for)(void *host, int64_t count, void (*task)(void *arg, int64_t i), void *arg);
} ag_executor;

/** AG_CUDA: what ag_row_args says of one output row, where kernels read it each time they run, so that a captured graph
 *  can be given new values. Nobody judges them: strength in [0,1] and 1 where blend is off, gain and mix finite. */
typedef struct ag_device_row {
    double         strength, gain, mix;
    uint64_t       seed;
    int64_t        stream;
    const int32_t *index;
} ag_device_row;

/** Data pointers and per-run values. From ag_args_init(). Optional arrays are NULL unless the problem has them. */
typedef struct ag_args {
    size_t             size;
    const void        *q;             /**< [B_q,H,N,d]; NULL if no row needs it */
    const void        *k;             /**< [B_kv,H_kv,M,d]; NULL if no row needs it */
    const void        *v;             /**< [B_kv,H_kv,M,d_v]; NULL if no row needs it */
    void              *out;           /**< see ag_operation */
    float             *lse;           /**< [B,H,N] packed: log sum exp of the logits, natural; -inf where nothing is
                                           seen */
    float             *curvature;     /**< AG_ENERGY: [B,H,N] packed; NULL = not wanted */
    const uint8_t     *key_mask;      /**< [B,M], by output row, not by the row that a row map reads */
    const int32_t     *key_lengths;   /**< [B], likewise */
    const void        *bias;          /**< [B,H,N,M] by bias_stride, likewise */
    const ag_row_args *rows;          /**< [row_count] */
    int64_t            row_count;     /**< 0 (default): defaults for all; 1: one entry for every row; B */
    void              *workspace;     /**< planned runs: ag_plan_workspace() bytes; one-shot calls ignore it */
    size_t             workspace_size;
    const ag_executor *executor;      /**< NULL (default): the context's own threads. AG_CUDA: not used */
    void              *stream;        /**< AG_CUDA: the cudaStream_t to enqueue on; NULL: the legacy default stream */
    const struct ag_guidance_args *guidance; /**< plans of ag_guidance_plan(): what is combined; else NULL */
    const ag_device_row *device_rows; /**< AG_CUDA: [B] in device memory, in place of rows; NULL (default): not used */
} ag_args;

/** The four pointers; everything else at its default. */
AG_API void ag_args_init(ag_args *args, const void *q, const void *k, const void *v, void *out);

/* ---- Context ------------------------------------------------------------------------------------------------- */

typedef struct ag_context ag_context;

/** A plan is a sequence of phases with a barrier between them; a phase is a number of independent tasks. Immutable,
 *  shareable between threads. */
typedef struct ag_plan ag_plan;

/** From ag_context_options_init(). */
typedef struct ag_context_options {
    size_t  size;
    int32_t threads;        /**< the caller counts as one; default the processors this process may use. 1: no threads of
                                 its own, for hosts that bring theirs */
    int32_t cached_plans;   /**< one-shot plans kept; default 64 */
    int32_t pin;            /**< nonzero: own thread i stays on the i-th processor this process may use (the caller,
                                 thread 0, is left alone); default 0. For measuring, and for machines that are yours
                                 alone */
} ag_context_options;

AG_API void ag_context_options_init(ag_context_options *options);

/** Make a context: its threads, its cache of plans. options may be NULL. AG_ERR_VALUE: threads below 1 or above 1024,
 *  cached_plans below 1; AG_ERR_MEMORY: memory or threads could not be had. */
AG_API ag_status ag_context_create(const ag_context_options *options, ag_context **context, char *why, size_t why_size);

/** Free a context. No plan of it may be in use, and none may be used after. NULL is allowed. */
AG_API void ag_context_free(ag_context *context);

/** Threads of this context, the caller included. */
AG_API int ag_context_threads(const ag_context *context);

/* ---- One-shot calls ------------------------------------------------------------------------------------------ */

/* All of these: problem gives shapes, layouts, masks (its rows must be unset: AG_ERR_COMBINATION); every output row is
 * treated alike; image NULL = all tokens. out may be q exactly when every row reads the q row of its own number and the
 * layouts are equal; on AG_CUDA not where ag_query_blur() has a finite sigma, nor where cuDNN attends, nor with d_v
 * above 128.
 * Perturbations need self-attention: N = M and one picture in the tokens (AG_ERR_SHAPE). Rows and heads not chosen
 * equal standard attention bit for bit when the same kernel is forced.
 *
 * Errors common to all: AG_ERR_NULL, AG_ERR_STRUCT, AG_ERR_TYPE, AG_ERR_SHAPE, AG_ERR_STRIDE, AG_ERR_VALUE,
 * AG_ERR_COMBINATION, AG_ERR_INDEX, AG_ERR_ALIAS, AG_ERR_KERNEL, AG_ERR_UNAVAILABLE, AG_ERR_MEMORY, AG_ERR_DEVICE, as
 * listed there. */

/** out = softmax(s Q K^T + bias) V. A query that sees no key gets a zero row and lse -inf, never NaN. Masked K and V
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

/** gather:  m_i = mean of `draws` values drawn with replacement, O_i = (m_i - mu) sqrt(draws) gain + mu, mu the mean of
 *           m over all heads, image tokens and channels of the row; Q and K are read by context rows only. With bias or
 *           causal: AG_ERR_COMBINATION.
 *  permute: v'_i = mix v_pi(i) + (1 - mix) v_i on image values, then standard.
 *  tokens:  O_i = O_standard at pi(i) (Token Perturbation Guidance on one layer, arXiv 2506.10036).
 *  Draws and permutations are counter-based: Philox4x32-10 keyed by the seed, at counter (token, draw or round, stream,
 *  1 or 2); the same on every backend, thread count and split. For n a power of 4 from 16 on only even permutations
 *  occur. Seed, stream, gain, mix: args->rows. An index array there is used instead of draws. gather and permute read
 *  V of masked image tokens too, which must be finite. */
AG_API ag_status ag_attention_scrambled(ag_context *context, const ag_problem *problem, const ag_image *image,
                                        ag_kind kind, int draws, const ag_args *args, char *why, size_t why_size);

/** Image queries are replaced by tau q, so that every logit of theirs but its bias is multiplied by tau, text keys
 *  included: tau below 1 flattens attention, 0 gives every visible key the weight of its bias alone, above 1 sharpens.
 *  1 is standard bit for bit. tau finite, >= 0, and tau scale within 1e30 (AG_ERR_VALUE). Goes with bias and causal.
 *  Entropy Rectifying Guidance, arXiv 2504.13987. */
AG_API ag_status ag_attention_softened(ag_context *context, const ag_problem *problem, const ag_image *image,
                                       double tau, const ag_args *args, char *why, size_t why_size);

/** Image keys other than the query's own are hidden from image queries with probability p, one draw per pair, shared by
 *  the heads: hidden where x < round(p 2^32), x the first word of Philox4x32-10 at counter (i, j, stream, 3), key =
 *  seed, i and j numbered within the image. p 0 is standard bit for bit; p 1 is identity, computed in full. p in [0,1]
 *  (AG_ERR_VALUE). Goes with bias and causal. Seed, stream: args->rows. An ablation of arXiv 2403.17377. */
AG_API ag_status ag_attention_masked(ag_context *context, const ag_problem *problem, const ag_image *image,
                                     double probability, const ag_args *args, char *why, size_t why_size);

/** a z_ij is added to the logits of image queries and image keys, the diagonal included, z standard normal, shared by
 *  the heads: z = sqrt(-2 ln u1) cos(2 pi u2), u1 = (x0 + 1) 2^-32, u2 = x1 2^-32, x0 and x1 the first words at the
 *  counter of ag_attention_masked(). a 0 is standard bit for bit. a in [0,1e30] (AG_ERR_VALUE). Goes with bias and
 *  causal. Kernels in float32 are within 2e-6 of z, which is at most 6.67. Seed, stream: args->rows. An ablation of
 *  arXiv 2403.17377. */
AG_API ag_status ag_attention_noisy(ag_context *context, const ag_problem *problem, const ag_image *image,
                                    double amplitude, const ag_args *args, char *why, size_t why_size);

/** Operation AG_BLUR; in problem->rows its method is AG_SMOOTHED (or AG_STANDARD, which copies).
 *  out = q with its image tokens blurred: per axis a Gaussian of ceil(6 sigma) taps, made odd, clamped to the grid,
 *  normalised after truncation, reflected without repeating the edge; separable, exact. out [B,H,N,d] in layout out.
 *  k and v are not read. sigma 0 copies. */
AG_API ag_status ag_query_blur(ag_context *context, const ag_problem *problem, const ag_image *image,
                               double sigma, const ag_args *args, char *why, size_t why_size);

/** out [B,M] float32: received_j = sum_i mean_h A[h,i,j]. v is not read. Two phases over tiles: every query's softmax
 *  sum, then the columns; the map is never stored. Self-Attention Guidance, arXiv 2210.00939. */
AG_API ag_status ag_attention_received(ag_context *context, const ag_problem *problem, const ag_args *args,
                                       char *why, size_t why_size);

/** out [B,H,N] float32: E_i = -lse_i (+inf where nothing is seen); curvature [B,H,N]: the spectral norm of
 *  diag(a_i) - a_i a_i^T (0 where nothing is seen), to an absolute 2e-6. v is not read. The map is never stored. Modern
 *  Hopfield networks, arXiv 2008.02217. */
AG_API ag_status ag_attention_energy(ag_context *context, const ag_problem *problem, const ag_args *args,
                                     char *why, size_t why_size);

/** out [B,H,N,M] float32: A = softmax(s Q K^T + bias), zero rows where nothing is seen. For looking at, and for what
 *  needs the whole map: nothing else here makes one. v is not read. */
AG_API ag_status ag_attention_map(ag_context *context, const ag_problem *problem, const ag_args *args,
                                  char *why, size_t why_size);

/** The whole batch in one call, every output row by its own entry of problem->rows. */
AG_API ag_status ag_attention_guided(ag_context *context, const ag_problem *problem, const ag_args *args,
                                     char *why, size_t why_size);

/* ---- Guidance: predictions combined -------------------------------------------------------------------------- */

/** How predictions a_0 .. a_7, [samples, count] each, become one. C: with the condition, U: without, P: perturbed.
 *  "Per sample" is over a sample's count elements; norms are L2 unless said; statistics are float64 sums.
 *  The linear rules hold alike in eps, x0, v and flow space; RESCALE, APG and CFG_ZERO do not: the space is yours. */
typedef enum ag_rule {
    AG_LINEAR   = 0, /**< out = sum_k weight_k a_k, weights per sample. Neutral: weights 1, 0, ... */
    AG_RESCALE  = 1, /**< out = o (phi f + 1 - phi), o the linear combination, f = std(a_0)/std(o) per sample; a_0 is
                          C. o unchanged where std(o) = 0 or count = 1. Neutral: phi 0. arXiv 2305.08891, section 3.4 */
    AG_APG      = 2, /**< a_0 = C, a_1 = U, a_2 = m_prev (float32, in place) where momentum is wanted: m = (C-U) + beta
                          m_prev, kept before the clamp; D = m min(1, r/|m|), r <= 0 off; D_par along C (0 if C = 0);
                          upd = D - D_par + eta D_par; out = C + (g-1) upd, or U + g upd with from_uncond. Neutral:
                          eta 1, r 0, beta 0 is CFG. arXiv 2410.02416 */
    AG_CFG_ZERO = 3, /**< a_0 = C, a_1 = U: s = <C,U> / (|U|^2 + 1e-8); out = s U + g (C - s U). arXiv 2503.18886 */
    AG_NAG      = 4, /**< a_0 = Z+, a_1 = Z-, attention outputs, a sample being a token: Z~ = Z+ + w (Z+ - Z-);
                          f = min(1, tau |Z+| / |Z~|), 1 if Z~ = 0; out = alpha f Z~ + (1-alpha) Z+; norm 1 or 2.
                          Neutral: alpha 0. arXiv 2505.21179 */
    AG_MERGE    = 5  /**< a_0, a_1: attention outputs over two sets of keys, a sample being a query, with their lse:
                          m = max, w = exp(lse - m), out = (w_0 a_0 + w_1 a_1)/(w_0 + w_1), lse = m + log(w_0 + w_1);
                          where both are -inf zeros and -inf */
} ag_rule;

#define AG_MOST_INPUTS 8

/** A combination: everything that is fixed when a plan is made. From ag_guidance_init(). */
typedef struct ag_guidance {
    size_t   size;
    ag_rule  rule;
    ag_place place;                    /**< default AG_HOST */
    int32_t  device;
    int32_t  inputs;                   /**< 1 .. 8; APG 2, or 3 with momentum; CFG_ZERO, NAG, MERGE 2 */
    int32_t  from_uncond;              /**< APG: nonzero: U + g upd (diffusers), default 0: C + (g-1) upd (the paper) */
    int32_t  norm;                     /**< NAG: 1 (the paper, default) or 2 */
    int32_t  weights_per_sample;       /**< LINEAR, RESCALE: nonzero: weights [samples, inputs] instead of [inputs] */
    int32_t  workers;                  /**< as ag_problem */
    int64_t  samples, count;           /**< elements of a sample are contiguous */
    ag_dtype dtype[AG_MOST_INPUTS];    /**< f32, f16, bf16; default f32 */
    ag_dtype out_dtype;                /**< default f32 */
    int64_t  stride[AG_MOST_INPUTS];   /**< elements from sample to sample, 0 = one for all; default count */
    int64_t  out_stride;               /**< default count */
    const char *kernel;                /**< a kernel forced by name; NULL = the library's choice */
} ag_guidance;

/** Defaults above for `inputs` packed float32 predictions. */
AG_API void ag_guidance_init(ag_guidance *g, ag_rule rule, int inputs, int64_t samples, int64_t count);

/** What is given at each run. From ag_guidance_args_init(). out may be an input exactly (same type and stride). */
typedef struct ag_guidance_args {
    size_t        size;
    const void   *input[AG_MOST_INPUTS];
    void         *out;
    const double *weights;             /**< LINEAR, RESCALE: [inputs] or [samples, inputs], finite */
    double        rescale;             /**< phi of RESCALE; default 0 */
    double        scale;               /**< g of APG and CFG_ZERO, w of NAG; default 1 */
    double        eta, radius, momentum; /**< APG: eta (default 1), r (0), beta (0) */
    double        tau, alpha;          /**< NAG: default 2.5, 0.25 */
    const float  *lse[2];              /**< MERGE: [samples] */
    float        *lse_out;             /**< MERGE: [samples]; may be lse[0] or lse[1]; NULL = not wanted */
} ag_guidance_args;

/** Defaults above. */
AG_API void ag_guidance_args_init(ag_guidance_args *args);

/** Combine. In an ag_plan of ag_guidance_plan() the same comes from ag_args.guidance. One pass over memory where no
 *  statistic is needed, two where one is. Errors: AG_ERR_NULL, AG_ERR_STRUCT, AG_ERR_TYPE, AG_ERR_SHAPE, AG_ERR_STRIDE,
 *  AG_ERR_VALUE (a weight or parameter that is not finite, norm neither 1 nor 2), AG_ERR_COMBINATION (inputs that do
 *  not go with the rule), AG_ERR_ALIAS (out is an input of another type or stride, or the momentum), AG_ERR_KERNEL,
 *  AG_ERR_UNAVAILABLE, AG_ERR_MEMORY; planned runs also AG_ERR_WORKSPACE. Numbers are refused beyond 1e15. */
AG_API ag_status ag_guidance_combine(ag_context *context, const ag_guidance *g, const ag_guidance_args *args,
                                     char *why, size_t why_size);

/** A plan that combines, for ag_plan_run() and its parts, with ag_args.guidance set. */
AG_API ag_status ag_guidance_plan(ag_context *context, const ag_guidance *g, ag_plan **plan,
                                  char *why, size_t why_size);

/* Weights of the linear rules, in the order of the inputs named. The scale trap: some repositories write P + g (C - P)
 * for perturbed guidance (ADM versions of PAG and SAG), where w = g - 1; official NAG counts phi = w + 1. */
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
 *  AG_ERR_VALUE where the result is undefined: x0 from eps or score at alpha = 0, eps from x0 at sigma = 0, every
 *  score at sigma = 0, flow where alpha + sigma = 0, v where both are 0, or numbers that are not finite. */
AG_API ag_status ag_weights_convert(double weights[2], ag_prediction from, ag_prediction to, double alpha, double sigma,
                                    char *why, size_t why_size);

/** w at time t of a schedule that fades with it: max(0, w - a (1000 - t)), t from 1000 (noise) to 0 (diffusers'
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

/** A picture without its grid, which must be set. */
AG_API void ag_sag_init(ag_sag *sag, int64_t samples, int64_t channels, int64_t height, int64_t width);

/** out = mask G(x0) + (1 - mask) x0, all [samples, channels, height, width]: mask is 1 where the token at
 *  (floor(y grid_height / height), floor(x grid_width / width)) has received > 1, received [samples, grid_height,
 *  grid_width] being ag_attention_received() of the picture's tokens (mean 1 where N = M); G a Gaussian of 9 taps and
 *  sigma 1 along height and width, reflected without repeating the edge. x0 is what the prediction says; add the same
 *  noise again, predict P from that, and combine U + g (C - U) + w (U - P). Runs on the calling thread, on the host.
 *  Self-Attention Guidance, arXiv 2210.00939. Errors: AG_ERR_NULL; AG_ERR_STRUCT; AG_ERR_SHAPE: an extent below 1, a
 *  side below 5, or more than fits in memory; AG_ERR_ALIAS: out overlaps x0 or received. */
AG_API ag_status ag_sag_blur(const ag_sag *sag, const float *x0, const float *received, float *out,
                             char *why, size_t why_size);

/** Where crops of one size lie in a picture. From ag_crops_init(). */
typedef struct ag_crops {
    size_t         size;
    int64_t        samples, channels, height, width; /**< of the whole picture, packed */
    int64_t        count;                            /**< crops, >= 1 */
    int64_t        crop_height, crop_width;
    const int64_t *top, *left;                       /**< [count]: where each begins */
} ag_crops;

/** A picture without crops, which must be set. */
AG_API void ag_crops_init(ag_crops *crops, int64_t samples, int64_t channels, int64_t height, int64_t width);

/** out [samples, channels, height, width]: the mean of the crops' values, [count, samples, channels, crop_height,
 *  crop_width], over those that hold an element. Where at most one does, cond [samples, channels, height, width] is
 *  taken instead, so that C + w (C - out) is C + w [coverage > 1] (C - P). cond NULL: the mean of one, and 0 where
 *  there is none. out may be cond exactly. Runs on the calling thread, on the host. Sliding-window guidance.
 *  Errors: AG_ERR_NULL; AG_ERR_STRUCT; AG_ERR_SHAPE: an extent below 1, a crop larger than the picture, or more than
 *  fits in memory; AG_ERR_INDEX: a crop that is not inside the picture; AG_ERR_ALIAS: out overlaps the values, or cond
 *  without being it. */
AG_API ag_status ag_coverage_average(const ag_crops *crops, const float *values, const float *cond, float *out,
                                     char *why, size_t why_size);

/* ---- Needs ----------------------------------------------------------------------------------------------------- */

enum { AG_NEEDS_Q = 1, AG_NEEDS_K = 2, AG_NEEDS_V = 4 };

/** Which of q, k, v output row `row` reads, as AG_NEEDS_ bits, given its method, context, head set, blend and lse. The
 *  engine skips projections that nothing needs, and maps a row that needs no q to AG_ROW_NONE. The row maps in
 *  problem->rows are not judged here. Errors as for ag_plan_create(). */
AG_API ag_status ag_problem_needs(const ag_problem *problem, int64_t row, unsigned *needs, char *why, size_t why_size);

/* ---- Plans ----------------------------------------------------------------------------------------------------- */

/** Judge a problem and choose its kernels. May allocate. *plan is NULL on error. */
AG_API ag_status ag_plan_create(ag_context *context, const ag_problem *problem, ag_plan **plan,
                                char *why, size_t why_size);

/** Free a plan. NULL is allowed. */
AG_API void ag_plan_free(ag_plan *plan);

/** Workspace bytes one run needs, at any address; 0 if none. Contents need not be kept between runs. */
AG_API size_t ag_plan_workspace(const ag_plan *plan);

/** Judge the arguments of a run: pointers, workspace, strengths, and every entry of index and length arrays. */
AG_API ag_status ag_plan_check(const ag_plan *plan, const ag_args *args, char *why, size_t why_size);

/** The same, but for q, k, v, out and the workspace, which may be NULL: for hosts that learn those only while
 *  computing. A run with such arguments then lacks nothing but pointers. */
AG_API ag_status ag_plan_check_values(const ag_plan *plan, const ag_args *args, char *why, size_t why_size);

/** ag_plan_check(), then every phase on the executor or the context's threads. If the context's threads are busy with
 *  another run, the calling thread does all the work: the bytes are the same. AG_CUDA: every phase is enqueued on the
 *  stream; AG_ERR_DEVICE: the device fails; AG_ERR_SHAPE: args->rows holds more than 64 rows, or guidance more than 384
 *  weights, which is what fits in a launch. */
AG_API ag_status ag_plan_run(const ag_plan *plan, const ag_args *args, char *why, size_t why_size);

/** Number of phases. */
AG_API int ag_plan_phases(const ag_plan *plan);

/** Number of independent tasks of nearly equal mixture in `phase`; 0 for a phase that does not exist. */
AG_API int64_t ag_plan_tasks(const ag_plan *plan, int phase);

/** Worker `worker` of `of` runs its share of `phase`: what a host's thread pool calls, (phase, ith, nth). of may be
 *  larger than the plan's workers: those beyond do nothing. The rest as ag_plan_run_part(). */
AG_API ag_status ag_plan_run_share(const ag_plan *plan, const ag_args *args, int phase, int worker, int of);

/** Run tasks [first, last) of `phase` as worker `worker`, 0 <= worker < workers of the plan: for hosts that schedule
 *  tasks themselves. The host has called ag_plan_check() with the same args, finishes a phase before it begins the
 *  next, and never runs two parts with one worker number at once. AG_ERR_VALUE: phase, range or worker out of range;
 *  AG_ERR_KERNEL: a kernel that has threads of its own was forced (attend_openblas), or the plan is for
 *  AG_CUDA, where a phase is a launch and ag_plan_run() enqueues them all. */
AG_API ag_status ag_plan_run_part(const ag_plan *plan, const ag_args *args, int phase, int64_t first, int64_t last,
                                  int worker);

/** Workers the plan has scratch for. */
AG_API int ag_plan_workers(const ag_plan *plan);

/** The plan in words: a line per phase and step, the kernel chosen and why others were not. Writes at most text_size
 *  bytes, always ended; returns the length the whole text has. */
AG_API size_t ag_plan_explain(const ag_plan *plan, char *text, size_t text_size);

/* ---- What this build and machine have -------------------------------------------------------------------------- */

/** One backend or kernel. */
typedef struct ag_kernel_info {
    size_t      size;
    const char *backend;     /**< "cpu", "cuda" */
    const char *step;        /**< "attend", "blur" ...; NULL in ag_backend_info */
    const char *name;        /**< "attend_f32_avx512" ...; NULL in ag_backend_info */
    const char *unavailable; /**< NULL: usable here; else the reason */
    const char *detail;      /**< what the kernel runs on, "OpenBLAS 0.3.21, core SkylakeX"; NULL = nothing to say */
} ag_kernel_info;

/** Backend number i, from 0. AG_ERR_VALUE past the last. Set info->size first. */
AG_API ag_status ag_backend_at(int i, ag_kernel_info *info);

/** Kernel number i of all backends, from 0, in the order in which they are tried. AG_ERR_VALUE past the last. */
AG_API ag_status ag_kernel_at(int i, ag_kernel_info *info);

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
