/* piece.h - the parts of a dense attend step that one call of a library can carry out: one span of queries, heads whose
 * rows lie at one distance. */
#ifndef AG_PIECE_H
#define AG_PIECE_H

#include "../program/step.h"

/* Query heads [h, h + heads) and the key/value heads from kv that they read, heads / kv_heads of them each. */
typedef struct ag_piece {
    int span;
    int64_t h, heads, kv, kv_heads;
} ag_piece;

/* The next piece after *at, which begins as all zeros {0, 0}; 0 when there is none. */
typedef struct ag_piece_cursor {
    int span;
    int64_t head;
} ag_piece_cursor;

int ag_piece_next(const ag_step *step, ag_piece_cursor *at, ag_piece *piece);

/* NULL: one softmax of queries over keys and nothing else, in heads as tensors have them; or why not. */
const char *ag_piece_refuse(const ag_step *step);

/* Bytes from the base of r's source to row (h, i), and from one head as stored to the next. */
static inline int64_t ag_piece_offset(const ag_ref *r, int64_t h, int64_t i)
{
    return r->offset + (h / r->group * r->stride_h + i * r->stride_i) * (int64_t)ag_size_of(r->dtype);
}

#endif
