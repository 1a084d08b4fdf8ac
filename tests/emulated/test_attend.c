/* test_attend.c - attention that small random problems seldom are: values wider than a block, tiles without a key that
 * is seen, one query of a tile. */
#include <stdlib.h>

#include "../harness/kernels.h"
#include "emulated.h"
#include "../suites/suites.h"

typedef struct shape {
    int64_t heads, kv_heads, n_q, n_k, d, d_v;
    int mask, causal;
    ag_dtype q, kv, out;
} shape;

static const shape shapes[] = {
    { 1, 1, 1, 1, 1, 1, 0, 0, AG_F32, AG_F32, AG_F32 },
    { 2, 1, 65, 129, 33, 129, 0, 0, AG_F32, AG_F16, AG_F32 },
    { 1, 1, 3, 400, 8, 300, 1, 0, AG_BF16, AG_F32, AG_F16 },
    { 3, 3, 130, 70, 130, 65, 0, 1, AG_F16, AG_BF16, AG_BF16 },
    { 1, 1, 64, 64, 64, 64, 0, 1, AG_F16, AG_F16, AG_F16 },
    { 2, 2, 200, 190, 40, 40, 1, 1, AG_F32, AG_F32, AG_F32 },
    { 1, 1, 63, 257, 96, 128, 1, 0, AG_BF16, AG_BF16, AG_F32 },
};

/* Keys [64, 320) hidden: whole tiles are passed over. */
static void hide_tiles(problem *x)
{
    for (int64_t j = 0; j < x->p.n_k; j++) x->mask.data[j] = j < 64 || j >= 320;
}

START_TEST(attend_shapes_are_right)
{
    const shape *s = &shapes[_i];
    ag_context *context = kernels_context(1);
    problem x;
    problem_init(&x, 1, s->heads, s->n_q, s->n_k, s->d);
    x.p.kv_heads = s->kv_heads;
    x.p.d_v = s->d_v;
    x.p.causal = s->causal;
    x.p.want_lse = 1;
    problem_place(&x, (placing)(_i % 4), s->q, s->kv, s->out);
    ck_assert(!problem_build(&x, (uint64_t)_i)); /* every key has its numbers */
    if (s->mask) {
        problem_mask(&x);
        ck_assert(!buffer_open(&x.mask, (size_t)x.p.n_k, 1));
        hide_tiles(&x);
        x.a.key_mask = x.mask.data;
        free(x.want);
        free(x.want_lse);
        ck_assert(!problem_answer(&x));
    }
    kernels_try(&x, context, "attend");
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

void add_attend_shapes(TCase *c) { add_loop(c, attend_shapes_are_right, 0, sizeof shapes / sizeof *shapes); }
