/* step.h - what lower makes of a problem: steps, and the workspace they share. The glossary is in problem.h. */
/* clang-format off */
#ifndef AG_STEP_H
#define AG_STEP_H

#include "../semantics.h"
#include "problem.h"

/* ---- Where a step reads and writes ------------------------------------------------------------------------------- */

typedef enum ag_source {
    AG_IN_Q, AG_IN_K, AG_IN_V, AG_TO_OUT, AG_TO_LSE, AG_TO_CURVATURE, AG_WORK, AG_SOURCES
} ag_source;

/* Row (h, i) is at base[source] + offset bytes + (h / group) stride_h + i stride_i elements. Offsets may be negative:
 * i is always the token's number in the whole sequence (of keys: in those that are here), also where a buffer holds
 * some tokens only: queries [q_offset, q_offset + n_q), or those of the image. */
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

typedef struct ag_span {
    int64_t first, count;
} ag_span;

/* Tokens per task of the steps that move rows; tally keeps a partial sum for each. */
#define AG_CHUNK 256

/* ---- Steps: one output row, some of its heads ------------------------------------------------------------------- */

typedef enum ag_step_kind {
    AG_STEP_ATTEND, AG_STEP_BLUR, AG_STEP_MEAN, AG_STEP_SPLIT, AG_STEP_COPY,
    AG_STEP_DRAW, AG_STEP_PERMUTE, AG_STEP_TALLY, AG_STEP_GATHER,
    AG_STEP_RECEIVED, AG_STEP_ENERGY, AG_STEP_MAP,
    AG_STEP_STATISTICS, AG_STEP_COMBINE,
    AG_STEP_REDUCE, AG_STEP_LEVELS, AG_STEP_EXPAND,
    AG_STEP_KINDS
} ag_step_kind;

/* index[0 .. n draws) by the row's seed and stream (methods: randomness). */
typedef struct ag_draw {
    int     permutation;     /* of n; 0: draws of n for each of n, with replacement */
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

/* Tally: partial sums of the drawn means over heads, tokens, channels. Gather: the outputs of `rows` that use them. */
typedef struct ag_gather {
    ag_ref   src, dst;
    ag_index index;
    int64_t  o, n, d, draws;
    ag_span  rows;
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

/* One softmax over one choice of queries, keys and values; or rows that are already there. With a power of entmax the
 * weights are S + lambda (E - S), S softmax, E entmax of the same logits, lambda the run's: 0 is softmax alone. Such a
 * pass is its step's only one and has no own key. */
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
    double   power;           /* 1.5 or 2; 0: softmax alone */
} ag_pass;

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

/* Attention received, energy and curvature, streamed; or the map itself, row by row. The energy step can also store
 * each query's maximum m_i and sum l_i as float32; the received step then computes its weights exp(L_ij - m_i) / l_i
 * from them. For a query that sees no key l is 0. The CPU counts m in units of log 2, and -FLT_MAX for such a query. */
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

/* What becomes of a sample's sums where its groups share one factor: nothing; the sums of its only group become one
 * number; or the statistics step leaves for each task the sum of its groups' numbers, whose mean the combine step
 * takes. */
typedef enum ag_folding { AG_FOLD_NOT, AG_FOLD_SUMS, AG_FOLD_PARTS } ag_folding;

/* A combination. Element (o, r, i) of a sample lies at (o reduced + r) inner + i; a group is a sample's elements with
 * one o and i. Groups lie in lines: where inner is 1 a line is the groups of all samples, or of one sample where they
 * are folded; else the columns of one sample and o. A task is some groups of a line, and `chunk` elements of each.
 * Statistics: sums of two linear forms of the inputs, into the workspace: double [lines, width, chunks, AG_SUMS], of
 * columns [lines, chunks, AG_SUMS, width], of parts [lines, tasks of a line]. Combine: factors from those sums, or from
 * sums of its own where a group is one chunk (local); then one pass. */
typedef struct ag_combine {
    int64_t samples, count;
    int64_t outer, reduced, inner;
    int64_t lines, width;     /* groups of a line */
    int64_t run;              /* groups of a task: kernels may choose another where nothing is folded */
    int64_t chunk, chunks;
    int     statistics, local;
    int     gives_lse;        /* lse_out is written where it is given; a sample is one chunk then */
    ag_folding folding;
    int64_t parts, groups;    /* of a sample, where the combine step meets parts */
    int64_t sums;             /* workspace offset */
} ag_combine;

/* Task `task`, of `run` groups. */
typedef struct ag_combine_part {
    int64_t line, first, last; /* groups */
    int64_t chunk, begin, end; /* elements of each */
} ag_combine_part;

AG_FN int64_t ag_combine_blocks(const ag_combine *c, int64_t run) { return (c->width + run - 1) / run; }

AG_FN ag_combine_part ag_combine_part_of(const ag_combine *c, int64_t run, int64_t task)
{
    const int64_t blocks = ag_combine_blocks(c, run), block = task / c->chunks % blocks;
    ag_combine_part p;
    p.line = task / c->chunks / blocks;
    p.first = block * run;
    p.last = p.first + run < c->width ? p.first + run : c->width;
    p.chunk = task % c->chunks;
    p.begin = p.chunk * c->chunk;
    p.end = p.begin + c->chunk < c->reduced ? p.begin + c->chunk : c->reduced;
    return p;
}

/* One scale of a picture: the forms x and y of the inputs, float32 [samples, channels, height, width] in the workspace;
 * of the finest there are only the inputs themselves. */
typedef struct ag_scale {
    int64_t height, width;
    int64_t x, y;             /* workspace offsets */
} ag_scale;

#define AG_MOST_LEVELS 8

/* A combination level by level of the pictures' Laplacian pyramids. Level l is scale l less what scale l + 1 expands
 * to; the last is its scale. Reduce: scale `level` + 1 from `level`. Levels: sums over a level, unless reduce has made
 * them while the rows were there. Expand: where level is not 0, x of its scale becomes a x + b y and what the scale
 * below expands to; else out = base + a x + b y and that. A task is some rows of a plane: of scale `level`, or where it
 * is reduced of the one it makes. */
typedef struct ag_pyramid {
    int64_t  planes, channels; /* planes: samples channels */
    int      level, levels;
    ag_scale fine, coarse;     /* scale `level` and the next */
    int64_t  rows;             /* of a task */
    int64_t  sums[AG_MOST_LEVELS];  /* workspace offsets of double [samples, parts, 2]: sums of xy and of yy */
    int64_t  parts[AG_MOST_LEVELS]; /* tasks of a sample */
} ag_pyramid;

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
        ag_pyramid pyramid;   /* reduce, levels, expand */
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

AG_FN size_t ag_size_of(ag_dtype t) { return t == AG_F32 ? 4 : t == AG_U8 ? 1 : 2; }

const char *ag_step_name(ag_step_kind kind);

#endif
