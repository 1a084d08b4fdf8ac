/* problem.h - problems with their data, run and judged by the oracle. Knows no Check: the suites wrap it, and
 * whatever qualifies a device may use it bare.
 *
 * Use: problem_init, change x->p and x->rows, problem_build, problem_run as often as wanted, problem_free. */
#ifndef AG_TEST_PROBLEM_H
#define AG_TEST_PROBLEM_H

#include "attnguide.h"
#include "buffer.h"

enum { PROBLEM_ROWS = 16, PROBLEM_HEADS = 16, PROBLEM_TEXT = 1024 };

/** What q, k and v are made of. */
typedef enum filling {
    FILL_PLAIN,    /* uniform in [-1, 1) */
    FILL_LARGE,    /* logits to about +-1e4 */
    FILL_DENORMAL, /* q, k and v below the type's smallest normal number */
    FILL_NEGATIVE, /* every logit far below zero */
    FILL_SMALL,    /* keys of norm far below 1, which orthogonal divides by */
    FILL_RISING    /* logits that grow along the keys, so that the running maximum never rests */
} filling;

/** How a tensor lies in memory. */
typedef enum placing { PLACE_HEADS, PLACE_TOKENS, PLACE_FUSED, PLACE_PADDED, PLACE_BROADCAST } placing;

typedef struct problem {
    ag_problem p;
    ag_args a;
    ag_row rows[PROBLEM_ROWS];
    ag_row_args run[PROBLEM_ROWS];
    uint8_t heads[PROBLEM_ROWS][PROBLEM_HEADS];
    filling fill;
    double noise; /* what rounding of large logits may add to a relative error */
    double kept;  /* what blurred queries that are kept in a half type may add to lse (docs/cuda-libraries.md) */
    buffer q, k, v, out, lse, curvature, mask, lengths, bias, index;
    double *want, *want_lse, *want_curvature; /* the oracle's */
    double naive, naive_most;                 /* error of the plain computation: norm against norm, and largest */
} problem;

typedef enum outcome { OUTCOME_RIGHT, OUTCOME_REFUSED, OUTCOME_WRONG } outcome;

/** What became of a run. REFUSED: the forced kernel does not take this problem. */
typedef struct verdict {
    outcome outcome;
    ag_status status;
    double error, allowed;   /* of out, norm against norm */
    char text[PROBLEM_TEXT]; /* why it is wrong or refused, with the problem in words */
} verdict;

/** Where problems and combinations are from now on; AG_HOST to begin with. Their buffers: of that place, or mirrored
 *  there. */
extern ag_place problem_where;

void problem_init(problem *x, int64_t batch, int64_t heads, int64_t n_q, int64_t n_k, int64_t d);

/* Row b asks for `method`; from now on every row has an entry. Returns it. */
ag_row *problem_row(problem *x, int64_t b, ag_method method);

/* Row b asks for method number `number` of methods.h, every parameter at the value to begin with. */
ag_row *problem_perturb(problem *x, int64_t b, int number);

/* What row b's method does not use goes back to its default: suites set everything for all methods alike. Part of
 * problem_random and problem_build. */
void problem_tidy(problem *x, int64_t b);

/* Layouts of q, k, v and out, once the extents are set. Broadcast is packed for out. */
void problem_place(problem *x, placing how, ag_dtype q, ag_dtype kv, ag_dtype out);

/* Default strides of mask and bias, once the extents are set. */
void problem_mask(problem *x);
void problem_bias(problem *x, ag_dtype type);

/* A small problem that can hold anything the header describes. */
void problem_random(problem *x, uint64_t seed);

/* One of which some queries are computed; 0: of this seed none could be. */
int problem_random_part(problem *x, uint64_t seed);

/* Queries [first, end) can be computed alone: all of an image's are among them, or none, or nobody asks. */
int problem_has_part(const ag_problem *p, int64_t first, int64_t end);

/* Buffers for everything the problem has, all poison. Nonzero: no memory. */
int problem_allocate(problem *x);

/* problem_allocate, data, and the oracle's answer. Nonzero: no memory, or a problem the oracle does not define. */
int problem_build(problem *x, uint64_t seed);

/* The oracle's answer for the data that is there; inputs are sealed. */
int problem_answer(problem *x);

/* Plan with `kernel` forced (NULL: the library's choice) and run on the context's threads; not judged. */
ag_status problem_execute(problem *x, ag_context *context, const char *kernel, char *why, size_t size);

/* problem_execute and problem_judge. */
verdict problem_run(problem *x, ag_context *context, const char *kernel);

/* problem_execute, then a copy of out's memory for the caller to free, and out is poison again. NULL: not run. */
unsigned char *problem_bytes(problem *x, ag_context *context, const char *kernel, char *why, size_t size);

/* Compare the outputs with the oracle's and poison them again. */
verdict problem_judge(problem *x);

/* The problem in words. */
void problem_describe(const problem *x, char *text, size_t size);

void problem_free(problem *x);

#endif
