/* test_reads.c - which tokens of q, k and v a row reads, and that no other is touched. */
#include <string.h>
#include <sys/mman.h>

#include "../harness/kernels.h"
#include "../harness/methods.h"
#include "../oracle/oracle.h"
#include "suites.h"

static void without_masks(problem *x)
{
    x->p.has_key_mask = x->p.has_key_lengths = 0;
    x->p.length_first = x->p.length_end = 0;
}

/* The oracle's reads, token by token, are in the ranges, and nothing else is; the ranges are in order and apart. */
static void compare_reads(const problem *x, int64_t b, unsigned tensor)
{
    ag_range range[8], one;
    int64_t count = -1, again = -1, behind = -1;
    char text[PROBLEM_TEXT], why[AG_MESSAGE_SIZE] = "";
    problem_describe(x, text, sizeof text);
    ck_assert_msg(!ag_problem_reads(&x->p, b, tensor, range, 8, &count, why, sizeof why), "%s: %s", why, text);
    ck_assert(count >= 0 && count <= 3);
    for (int64_t i = 0; i < count; i++) {
        ck_assert_msg(range[i].first > behind && range[i].first < range[i].end, "%s", text);
        behind = range[i].end;
    }
    for (int64_t t = 0; t < x->p.global_n_q || t < x->p.global_n_k; t++) {
        int in = 0;
        for (int64_t i = 0; i < count; i++) in |= t >= range[i].first && t < range[i].end;
        ck_assert_msg(in == !!(oracle_reads(&x->p, &x->a, b, t) & tensor), "row %lld, tensor %u, token %lld: %d: %s",
                      (long long)b, tensor, (long long)t, in, text);
    }
    one = (ag_range){ -5, -5 };
    ck_assert(!ag_problem_reads(&x->p, b, tensor, &one, 1, &again, NULL, 0) && again == count);
    ck_assert_int_eq(one.first, count ? range[0].first : -5);
    ck_assert(!ag_problem_reads(&x->p, b, tensor, NULL, 0, &again, NULL, 0) && again == count);
}

START_TEST(ranges_equal_the_reads)
{
    for (uint64_t seed = 0; seed < 400; seed++) {
        problem x;
        if (!problem_random_part(&x, seed)) problem_random(&x, seed);
        without_masks(&x);
        for (int64_t b = 0; b < x.p.batch; b++)
            for (unsigned tensor = AG_NEEDS_Q; tensor <= AG_NEEDS_V; tensor *= 2) compare_reads(&x, b, tensor);
    }
}
END_TEST

START_TEST(wrong_questions_are_refused)
{
    problem x;
    ag_range range[2] = { { -7, -7 }, { -7, -7 } };
    int64_t count = -7;
    char why[AG_MESSAGE_SIZE];
    problem_init(&x, 2, 1, 12, 12, 8);
    problem_row(&x, 0, AG_SCRAMBLED)->kind = AG_TOKENS;
    const struct {
        int64_t row, most, q_offset;
        unsigned tensor;
        ag_range *ranges;
        int64_t *count;
        ag_status status;
        const char *word;
    } asked[] = {
        { 2, 2, 0, AG_NEEDS_Q, range, &count, AG_ERR_VALUE, "row is 2" },
        { -1, 2, 0, AG_NEEDS_Q, range, &count, AG_ERR_VALUE, "row is -1" },
        { 0, -3, 0, AG_NEEDS_Q, range, &count, AG_ERR_VALUE, "-3" },
        { 0, 2, 0, 0, range, &count, AG_ERR_TYPE, "tensor is 0" },
        { 0, 2, 0, AG_NEEDS_Q | AG_NEEDS_K, range, &count, AG_ERR_TYPE, "tensor is 3" },
        { 0, 2, 0, 8, range, &count, AG_ERR_TYPE, "tensor is 8" },
        { 0, 2, 0, AG_NEEDS_Q, NULL, &count, AG_ERR_NULL, "ranges is NULL" },
        { 0, 2, 0, AG_NEEDS_Q, range, NULL, AG_ERR_NULL, "count is NULL" },
        { 1, 2, 5, AG_NEEDS_V, range, &count, AG_ERR_COMBINATION, "row 0: scrambled" },
    };
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        x.p.q_offset = asked[i].q_offset;
        x.p.n_q = 12 - asked[i].q_offset;
        ck_assert_int_eq(ag_problem_reads(&x.p, asked[i].row, asked[i].tensor, asked[i].ranges, asked[i].most,
                                          asked[i].count, why, sizeof why),
                         asked[i].status);
        ck_assert_msg(strstr(why, asked[i].word) != NULL, "%s: %s", asked[i].word, why);
        ck_assert(count == -7 && range[0].first == -7 && range[1].end == -7);
    }
    x.p.q_offset = x.p.n_q = 0;
    ck_assert_int_eq(ag_problem_reads(&x.p, 0, AG_NEEDS_Q, range, 2, &count, NULL, 0), AG_ERR_SHAPE);
}
END_TEST

/* Tokens that lie a page apart: those that are in no range lie on pages that nobody may touch. */
enum { PAGE = 4096, STRIDE = PAGE / sizeof(float), PAGED = 30, OFFSET = 7, PICTURE = 12 };

static float *paged(void)
{
    float *x = mmap(NULL, (size_t)PAGED * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(x != MAP_FAILED);
    for (int64_t at = 0; at < (int64_t)PAGED * STRIDE; at++) x[at] = (float)(at * 37 % 101) / 50 - 1;
    return x;
}

/* Only what the row says it reads stays there. */
static void forbid_the_rest(const problem *x, float *data, unsigned tensor)
{
    ag_range range[3];
    int64_t count = 0, at = 0;
    ck_assert(!ag_problem_reads(&x->p, 0, tensor, range, 3, &count, NULL, 0) && count <= 3);
    for (int64_t t = 0; t < PAGED; t++) {
        if (at < count && t == range[at].end) at++;
        if (at < count && t >= range[at].first) continue;
        ck_assert(!mprotect((char *)data + t * PAGE, PAGE, PROT_NONE));
    }
}

static void run_paged(problem *x, ag_context *context, const float *const data[3], float *out, const char *kernel)
{
    char why[AG_MESSAGE_SIZE] = "";
    x->a.q = data[0] + x->p.q_offset * STRIDE;
    x->a.k = data[1];
    x->a.v = data[2];
    x->a.out = out;
    memset(out, 0, PAGED * 2 * 16 * sizeof *out);
    ck_assert_msg(!problem_execute(x, context, kernel, why, sizeof why), "%s", why);
}

START_TEST(nothing_else_is_read)
{
    static const int64_t parts[][2] = {
        { 0, PAGED }, { OFFSET, OFFSET + PICTURE }, { 0, 5 }, { 25, PAGED }, { OFFSET + 3, OFFSET + 4 }
    };
    static float want[PAGED * 2 * 16], got[PAGED * 2 * 16];
    ag_context *context = kernels_context(1);
    for (int turn = 0; turn < 5 * 2; turn++) {
        const int64_t first = parts[turn / 2][0], end = parts[turn / 2][1];
        problem x;
        problem_init(&x, 1, 2, PAGED, PAGED, 16);
        ag_row *row = problem_perturb(&x, 0, _i);
        if (methods_info(_i).takes & AG_TAKES_IMAGE) ag_row_picture(row, turn % 2 ? OFFSET : 0, 1, 3, PICTURE / 3);
        if (turn % 2 == 0 && row->image_length != AG_ALL_TOKENS) ag_row_picture(row, 0, 1, 5, PAGED / 5);
        problem_tidy(&x, 0);
        if (!problem_has_part(&x.p, first, end)) continue;
        x.p.q_offset = first;
        x.p.n_q = end - first;
        x.p.q.stride[2] = x.p.k.stride[2] = x.p.v.stride[2] = STRIDE;
        x.p.q.stride[1] = x.p.k.stride[1] = x.p.v.stride[1] = 16;
        for (int i = -1; i < kernels_count(); i++) {
            const char *kernel = i < 0 ? NULL : kernels_info(i).name;
            if (i >= 0 && (kernels_info(i).unavailable || !kernels_serve(&x, context, kernel))) continue;
            float *data[3] = { paged(), paged(), paged() };
            run_paged(&x, context, (const float *const *)data, want, kernel);
            for (int t = 0; t < 3; t++) forbid_the_rest(&x, data[t], 1u << t);
            run_paged(&x, context, (const float *const *)data, got, kernel);
            ck_assert(!memcmp(want, got, sizeof got));
            for (int t = 0; t < 3; t++) munmap(data[t], (size_t)PAGED * PAGE);
        }
    }
    ag_context_free(context);
}
END_TEST

Suite *suite_reads(void)
{
    Suite *s = suite_create("reads");
    TCase *c = tcase_create("reads");
    tcase_set_timeout(c, 600);
    add_test(c, ranges_equal_the_reads);
    add_test(c, wrong_questions_are_refused);
    add_loop(c, nothing_else_is_read, 0, methods_count());
    suite_add_tcase(s, c);
    return s;
}
