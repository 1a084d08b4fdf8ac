/* attention.h - the self-attention of a batch in which every output row has its own method: the file that an engine's
 * author would copy. A plan is made once for each kind of layer, and run in every step.
 *
 *     the projections [rows_in][tokens][3][heads][width]  ->  [rows_out][tokens][heads][width]
 *
 * The rows of a perturbed branch differ from those of its parent in nothing but the attention of the first perturbed
 * layer, so that there they read the parent's projections (`from`), and in no layer before are they there at all. */
#ifndef TINYDIFF_ATTENTION_H
#define TINYDIFF_ATTENTION_H

#include "device.h"
#include <attnguide.h>

typedef struct attention_shape {
    int64_t rows_in, rows_out, tokens, heads, width; /* width of a head */
    int64_t context;                                 /* tokens before the picture's */
    int64_t side;                                    /* the picture's tokens are a square */
    const int64_t *from;                             /* [rows_out]: the row of the projections that each reads */
    const ag_row *rows;                              /* [rows_out]: method and parameters */
    const device *device;                            /* attention is computed there; NULL: on the host */
    const char *kernel;                              /* NULL: the library's choice */
} attention_shape;

typedef struct attention {
    ag_plan *plan;
    int64_t rows, offset; /* output rows; elements from q to k, and from k to v */
    size_t workspace;     /* bytes that a run needs */
    unsigned *needs;      /* [rows_in]: which of q, k and v any output row reads of it, as AG_NEEDS_ bits */
    unsigned all_needs;   /* the same of all rows */
    const device *device; /* NULL: the host; then there is no memory there either */
    void *there[3];       /* the projections, the output, the workspace */
    size_t bytes[2];      /* of the projections and the output */
} attention;

/* False: why[AG_MESSAGE_SIZE] says what is wrong. */
bool attention_create(attention *a, ag_context *context, const attention_shape *shape, char *why);
void attention_free(attention *a);

/* qkv and out are the host's: where the attention is a device's, they are copied there and back. An engine whose other
 * layers run there as well would pass its own pointers on. workspace: a->workspace bytes.
 * values: [rows_out], what each row is given at run, seeds above all; NULL: nothing. */
bool attention_run(const attention *a, const float *qkv, const ag_row_args *values, float *out, void *workspace,
                   char *why);

#endif
