/* test_memory.c - where the memory of a run lies: addresses that are no multiple of an element, and outputs that share
 * an element with something else. What is refused is decided by elements: judged by counting them one by one. */
#include <stdlib.h>
#include <string.h>

#include "../harness/kernels.h"
#include "../harness/random.h"
#include "suites.h"

/* ---- whatever a call takes, at a wrong place ------------------------------------------------------------------- */

enum { ROOM = 1 << 16 };

/** One argument moved: to where another lies plus some bytes, or to an odd address. */
typedef struct move {
    void (*spoil)(problem *x, char *room);
    ag_status status;
    const char *names;
} move;

static char *behind(const void *at, size_t bytes) { return (char *)(uintptr_t)at + bytes; }

static void q_odd(problem *x, char *room) { x->a.q = room + 2; }
static void k_odd(problem *x, char *room) { x->a.k = room + 1; }
static void v_odd(problem *x, char *room) { x->a.v = room + 3; }
static void out_odd(problem *x, char *room) { x->a.out = room + 2; }
static void lse_odd(problem *x, char *room) { x->a.lse = (float *)(void *)(room + 2); }
static void bias_odd(problem *x, char *room) { x->a.bias = room + 1; }
static void lengths_odd(problem *x, char *room) { x->a.key_lengths = (int32_t *)(void *)(room + 2); }
static void index_odd(problem *x, char *room) { x->run[1].index = (int32_t *)(void *)(room + 2); }
static void rows_odd(problem *x, char *room)
{
    memcpy(room + 4, x->run, sizeof x->run);
    x->a.rows = (ag_row_args *)(void *)(room + 4);
}

static void out_behind_q(problem *x, char *room) { x->a.out = behind(x->a.q, 4), (void)room; }
static void out_before_q(problem *x, char *room) { x->a.q = behind(x->a.out, 512), (void)room; }
static void out_behind_k(problem *x, char *room) { x->a.out = behind(x->a.k, 32), (void)room; }
static void out_behind_v(problem *x, char *room) { x->a.out = behind(x->a.v, 256), (void)room; }
static void out_on_bias(problem *x, char *room) { x->a.out = behind(x->a.bias, 0), (void)room; }
static void out_on_mask(problem *x, char *room) { x->a.key_mask = (uint8_t *)behind(x->a.out, 77), (void)room; }
static void out_on_lengths(problem *x, char *room)
{
    x->a.key_lengths = memset(behind(x->a.out, 64), 0, 8);
    (void)room;
}
static void out_on_index(problem *x, char *room)
{
    x->run[1].index = memset(behind(x->a.out, 128), 0, 64);
    (void)room;
}
static void out_on_lse(problem *x, char *room) { x->a.lse = (float *)(void *)behind(x->a.out, 12), (void)room; }
static void lse_on_q(problem *x, char *room) { x->a.lse = (float *)(void *)behind(x->a.q, 0), (void)room; }
static void lse_on_rows(problem *x, char *room) { x->a.lse = (float *)(void *)x->run, (void)room; }
static void work_on_k(problem *x, char *room) { x->a.workspace = behind(x->a.k, 40), (void)room; }
static void work_on_out(problem *x, char *room) { x->a.workspace = behind(x->a.out, 8), (void)room; }
static void work_on_lse(problem *x, char *room) { x->a.workspace = behind(x->a.lse, 0), (void)room; }
static void work_null(problem *x, char *room) { x->a.workspace = NULL, (void)room; }
static void work_small(problem *x, char *room) { x->a.workspace_size = 3, (void)room; }

static const move moves[] = {
    { q_odd, AG_ERR_STRIDE, "q" },
    { k_odd, AG_ERR_STRIDE, "k" },
    { v_odd, AG_ERR_STRIDE, "v" },
    { out_odd, AG_ERR_STRIDE, "out" },
    { lse_odd, AG_ERR_STRIDE, "lse" },
    { bias_odd, AG_ERR_STRIDE, "bias" },
    { lengths_odd, AG_ERR_STRIDE, "key_lengths" },
    { index_odd, AG_ERR_STRIDE, "index" },
    { rows_odd, AG_ERR_STRIDE, "args.rows" },
    { out_behind_q, AG_ERR_ALIAS, "out overlaps q, which begins 4 bytes before" },
    { out_before_q, AG_ERR_ALIAS, "out overlaps q, which begins 512 bytes after" },
    { out_behind_k, AG_ERR_ALIAS, "out overlaps k" },
    { out_behind_v, AG_ERR_ALIAS, "out overlaps v" },
    { out_on_bias, AG_ERR_ALIAS, "out overlaps bias" },
    { out_on_mask, AG_ERR_ALIAS, "out overlaps key_mask" },
    { out_on_lengths, AG_ERR_ALIAS, "out overlaps key_lengths" },
    { out_on_index, AG_ERR_ALIAS, "out overlaps an index array" },
    { out_on_lse, AG_ERR_ALIAS, "out overlaps lse" },
    { lse_on_q, AG_ERR_ALIAS, "lse overlaps q" },
    { lse_on_rows, AG_ERR_ALIAS, "lse overlaps rows" },
    { work_on_k, AG_ERR_ALIAS, "workspace" },
    { work_on_out, AG_ERR_ALIAS, "out overlaps workspace" },
    { work_on_lse, AG_ERR_ALIAS, "overlaps workspace" },
    { work_null, AG_ERR_WORKSPACE, "workspace is NULL" },
    { work_small, AG_ERR_WORKSPACE, "workspace_size is 3" },
};
enum { MOVES = sizeof moves / sizeof *moves };

/* Every array there is: row 1 permutes by an index. */
static void set_all(problem *x, ag_dtype type)
{
    problem_init(x, 2, 4, 16, 16, 8);
    ag_row *row = problem_row(x, 1, AG_SCRAMBLED);
    row->kind = AG_PERMUTE;
    row->indexed = 1;
    x->p.want_lse = x->p.has_key_lengths = 1;
    problem_mask(x);
    problem_bias(x, type);
    problem_place(x, PLACE_HEADS, type, type, type);
    ck_assert(!problem_build(x, 1));
}

START_TEST(moved_arguments_are_refused)
{
    static const ag_dtype types[] = { AG_F32, AG_F16, AG_BF16 };
    static char room[ROOM] __attribute__((aligned(64)));
    ag_context *context = kernels_context(1);
    for (int t = 0; t < 3; t++) {
        problem x;
        ag_plan *plan;
        char why[AG_MESSAGE_SIZE] = "";
        set_all(&x, types[t]);
        ck_assert(!ag_plan_create(context, &x.p, &plan, why, sizeof why));
        x.a.workspace_size = ag_plan_workspace(plan);
        void *work = x.a.workspace = malloc(x.a.workspace_size);
        ck_assert_msg(!ag_plan_check(plan, &x.a, why, sizeof why), "%s", why);
        moves[_i].spoil(&x, room);
        const int is_odd_enough = types[t] == AG_F32 || (moves[_i].spoil != q_odd && moves[_i].spoil != out_odd);
        const ag_status s = ag_plan_run(plan, &x.a, why, sizeof why);
        if (is_odd_enough) {
            ck_assert_msg(s == moves[_i].status, "move %d, %s: status %d: %s", _i, moves[_i].names, (int)s, why);
            ck_assert_msg(strstr(why, moves[_i].names) != NULL, "move %d does not name %s: %s", _i, moves[_i].names,
                          why);
        }
        free(work);
        ag_plan_free(plan);
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

START_TEST(curvature_has_its_own_memory)
{
    ag_context *context = kernels_context(1);
    problem x;
    char why[AG_MESSAGE_SIZE] = "";
    problem_init(&x, 1, 2, 9, 9, 8);
    x.p.operation = AG_ENERGY;
    ck_assert(!problem_build(&x, 1));
    x.a.curvature = (float *)(void *)behind(x.a.out, 4);
    ck_assert_int_eq(problem_execute(&x, context, NULL, why, sizeof why), AG_ERR_ALIAS);
    ck_assert_msg(strstr(why, "out overlaps curvature") != NULL, "%s", why);
    x.a.curvature = (float *)(void *)behind(x.curvature.data, 1);
    ck_assert_int_eq(problem_execute(&x, context, NULL, why, sizeof why), AG_ERR_STRIDE);
    ck_assert(buffer_is_poison(&x.out) && buffer_is_poison(&x.curvature));
    problem_free(&x);
    ag_context_free(context);
}
END_TEST

/* ---- elements, not ranges -------------------------------------------------------------------------------------- */

/* out is the fourth slice of a fused buffer of q, k and v. */
START_TEST(out_may_be_a_slice_beside_its_inputs)
{
    enum { B = 2, H = 3, N = 20, D = 8, ALL = B * N * 4 * H * D };
    static float fused[ALL], apart[B * N * H * D];
    ag_context *context = kernels_context(2);
    ag_problem p;
    ag_args a;
    ag_image image;
    char why[AG_MESSAGE_SIZE] = "";
    for (int i = 0; i < ALL; i++) fused[i] = (float)(i * 7919 % 2003) / 1001.5f - 1;
    ag_problem_init(&p, B, H, N, N, D);
    p.q = p.k = p.v = _i ? ag_layout_fused(AG_F32, N, 4 * H * D, 4 * D) : ag_layout_fused(AG_F32, N, 4 * H * D, D);
    p.out = ag_layout_bnhd(AG_F32, H, N, D);
    ag_image_init(&image, 1, 4, 5);
    const int slice = _i ? D : H * D;
    ag_args_init(&a, fused, fused + slice, fused + 2 * slice, apart);
    ck_assert_msg(!ag_attention_smoothed(context, &p, &image, 1, &a, why, sizeof why), "%s", why);
    p.out = p.q;
    a.out = fused + 3 * slice;
    ck_assert_msg(!ag_attention_smoothed(context, &p, &image, 1, &a, why, sizeof why), "%s", why);
    for (int i = 0; i < B * N * H * D; i++) {
        const int token = i / (H * D), h = i / D % H, t = i % D;
        const float got = fused[token * 4 * H * D + 3 * slice + h * (_i ? 4 * D : D) + t];
        ck_assert_msg(got == apart[i], "element %d is %g for %g", i, (double)got, (double)apart[i]);
    }
    a.out = fused + 3 * slice - 1; /* one element into the slice of v */
    ck_assert_int_eq(ag_attention_smoothed(context, &p, &image, 1, &a, why, sizeof why), AG_ERR_ALIAS);
    ag_context_free(context);
}
END_TEST

static int64_t element(const ag_layout *l, int64_t i, const int64_t n[4])
{
    const int64_t b = i / (n[1] * n[2] * n[3]), h = i / (n[2] * n[3]) % n[1], token = i / n[3] % n[2];
    return b * l->stride[0] + h * l->stride[1] + token * l->stride[2] + i % n[3];
}

static int share(const ag_layout *x, int64_t x_at, const ag_layout *y, int64_t y_at, const int64_t n[4])
{
    static unsigned char taken[ROOM];
    const int64_t all = n[0] * n[1] * n[2] * n[3];
    int found = 0;
    memset(taken, 0, sizeof taken);
    for (int64_t i = 0; i < all; i++) taken[x_at + element(x, i, n)] = 1;
    for (int64_t i = 0; i < all; i++) found |= taken[y_at + element(y, i, n)];
    return found;
}

/* Nested in any order, with gaps, so that tensors may lie between each other's elements. */
static ag_layout any_layout(random_state *r, const int64_t n[4], int may_repeat)
{
    static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    const int *order = orders[random_below(r, 6)];
    ag_layout l = { .dtype = AG_F32 };
    int64_t inside = n[3];
    for (int i = 0; i < 3; i++) {
        l.stride[order[i]] = inside * (1 + random_below(r, 3)) + random_below(r, 3);
        inside = l.stride[order[i]] * (n[order[i]] - 1) + inside;
    }
    if (may_repeat && random_chance(r, 4)) l.stride[random_below(r, 3)] = 0;
    return l;
}

/* q, out and nothing else: a blur. Equal places are another rule's. */
START_TEST(overlaps_are_decided_by_elements)
{
    static float room[ROOM];
    static char work[ROOM];
    ag_context *context = kernels_context(1);
    random_state r = { (uint64_t)_i };
    int apart = 0, together = 0;
    for (int trial = 0; trial < 400; trial++) {
        const int64_t n[4] = { 1 + random_below(&r, 3), 1 + random_below(&r, 3), 1 + random_below(&r, 4),
                               1 + random_below(&r, 3) };
        ag_problem p;
        ag_args a;
        ag_plan *plan;
        char why[AG_MESSAGE_SIZE] = "";
        ag_problem_init(&p, n[0], n[1], n[2], n[2], n[3]);
        p.operation = AG_BLUR;
        p.q = any_layout(&r, n, 1);
        p.out = any_layout(&r, n, 0);
        p.key_mask_stride[0] = p.key_mask_stride[1] = INT64_MIN; /* of a mask that is not there: never looked at */
        const int64_t q_at = random_below(&r, 200), out_at = random_below(&r, 200);
        if (q_at == out_at) continue;
        ag_args_init(&a, room + q_at, NULL, NULL, room + out_at);
        ck_assert_msg(!ag_plan_create(context, &p, &plan, why, sizeof why), "%s", why);
        a.workspace = work;
        a.workspace_size = sizeof work;
        ck_assert_uint_le(ag_plan_workspace(plan), sizeof work);
        const int wanted = share(&p.q, q_at, &p.out, out_at, n);
        const ag_status s = ag_plan_check(plan, &a, why, sizeof why);
        ck_assert_msg(s == (wanted ? AG_ERR_ALIAS : AG_OK), "trial %d: %d for %d: %s", trial, (int)s, wanted, why);
        wanted ? together++ : apart++;
        ag_plan_free(plan);
    }
    ck_assert_msg(apart > 30 && together > 30, "%d apart, %d together", apart, together);
    ag_context_free(context);
}
END_TEST

Suite *suite_memory(void)
{
    Suite *s = suite_create("memory");
    TCase *c = tcase_create("memory");
    tcase_set_timeout(c, 600);
    add_loop(c, moved_arguments_are_refused, 0, MOVES);
    add_test(c, curvature_has_its_own_memory);
    add_loop(c, out_may_be_a_slice_beside_its_inputs, 0, 2);
    add_loop(c, overlaps_are_decided_by_elements, 0, 8);
    suite_add_tcase(s, c);
    return s;
}
