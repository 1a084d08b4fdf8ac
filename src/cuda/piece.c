/* piece.c - see piece.h. */
#include "piece.h"

static int64_t consecutive(const ag_step *s, int64_t from)
{
    int64_t n = 1;
    while (from + n < s->n_heads && s->heads[from + n] == s->heads[from] + n) n++;
    return n;
}

/* Heads of a head list need not be neighbours, nor begin with a group. */
int ag_piece_next(const ag_step *s, ag_piece_cursor *at, ag_piece *piece)
{
    const ag_attend *a = &s->u.attend;
    if (at->head == s->n_heads) {
        at->head = 0;
        at->span++;
    }
    if (at->span == a->n_spans || !s->n_heads) return 0;
    const int64_t group = a->pass[0].keys[0].k.group, h = s->heads[at->head], n = consecutive(s, at->head);
    const int64_t left = group - h % group, whole = n / group * group;
    piece->span = at->span;
    piece->h = h;
    piece->kv = h / group;
    piece->heads = left < group || !whole ? (n < left ? n : left) : whole;
    piece->kv_heads = piece->heads % group || left < group ? 1 : piece->heads / group;
    at->head += piece->heads;
    return 1;
}

const char *ag_piece_refuse(const ag_step *s)
{
    const ag_attend *a = &s->u.attend;
    const ag_pass *p = &a->pass[0];
    if (a->n_passes != 1) return "it blends two results";
    if (p->ready) return "its rows are ready";
    if (p->own != AG_OWN_NONE) return "each query has a key of its own";
    if (p->permuted) return "rows of causal or bias are permuted";
    if (p->disturbance.kind != AG_DISTURB_NONE) return "logits are hidden or disturbed at random";
    if (p->power != 0) return "weights are not those of softmax alone";
    if (!p->n_keys) return "there are no keys";
    if (a->masked) return "keys are masked: the products would read what a mask hides";
    for (int i = 0; i < p->n_keys; i++)
        if (p->keys[i].k.group != p->keys[0].k.group || p->keys[i].v.group != p->keys[0].k.group)
            return "keys and values are grouped in different ways";
    return NULL;
}
