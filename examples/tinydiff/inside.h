/* inside.h - two rules that combine outputs of attention inside a layer, before its projection: Normalized Attention
 * Guidance away from a perturbed attention, and the merge of attentions over two halves of the keys, which is how a
 * sequence that is shared out over machines comes together again. */
#ifndef TINYDIFF_INSIDE_H
#define TINYDIFF_INSIDE_H

#include "attention.h"
#include "network.h"
#include "setting.h"

typedef struct inside {
    ag_rule rule; /* AG_NAG, AG_MERGE; AG_LINEAR: none */
    int64_t rows, tokens, heads, width;
    attention both; /* NAG: standard rows, then perturbed ones */
    ag_plan *half;  /* MERGE: over half of the keys; the other half is the same plan elsewhere */
    ag_plan *combine;
    double parameters[AG_MOST_PARAMETERS];
    float *outputs; /* [2][rows][tokens][heads width]; MERGE [2][rows][heads][tokens][width], then as much merged */
    float *lse;     /* MERGE: [2][rows][heads][tokens] */
    size_t workspace;
} inside;

/* False: why[AG_MESSAGE_SIZE] says what is wrong. */
bool inside_create(inside *in, ag_context *context, const network *n, const setting *s, int64_t rows, char *why);
void inside_free(inside *in);

/* As attention_run(), for `rows` rows in and out. */
bool inside_run(inside *in, const float *qkv, float *out, void *workspace, char *why);

#endif
