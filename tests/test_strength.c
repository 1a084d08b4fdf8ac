/* test_strength.c - strength 0 and 1 select a result, bit for bit, whatever the kernel. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "suites.h"

/* The same data as standard, unblended, and blended at both ends: the ends are selected, bit for bit. */
static void strength_selects(problem *x, ag_context *context, const char *kernel)
{
    char why[AG_MESSAGE_SIZE] = "";
    ag_row *row = &x->rows[0];
    const ag_method method = row->method;
    unsigned char *bytes[4];
    for (int i = 0; i < 4; i++) { /* standard, u = 0, perturbed, u = 1 */
        row->method = i == 0 ? AG_STANDARD : method;
        row->blend = i % 2;
        x->run[0].strength = i == 1 ? 0 : 1;
        bytes[i] = problem_bytes(x, context, kernel, why, sizeof why);
    }
    row->method = method;
    for (int i = 0; i < 4; i += 2) {
        if (!bytes[i] || !bytes[i + 1]) continue;
        ck_assert_msg(!memcmp(bytes[i], bytes[i + 1], x->out.pages_size), "%s: method %d kind %d: strength %d differs",
                      kernel, (int)method, (int)row->kind, i / 2);
    }
    for (int i = 0; i < 4; i++) free(bytes[i]);
}

static void set_blended(problem *x, int method, int64_t text, ag_dtype type)
{
    problem_init(x, 1, 4, 48 + text, 48 + text, 40);
    x->p.kv_heads = 2;
    ag_row *row = problem_perturb(x, 0, method);
    row->blend = 1;
    row->sigma = text ? 1.5 : INFINITY;
    row->image_offset = text / 2;
    row->image_length = 48;
    row->grid[0] = 2;
    row->grid[1] = 4;
    row->grid[2] = 6;
    problem_place(x, PLACE_TOKENS, type, type, type);
}

START_TEST(strength_ends_are_exact)
{
    static const ag_dtype types[] = { AG_F32, AG_F16, AG_BF16 };
    ag_context *context = kernels_context(0);
    for (int i = 0; i < 6; i++) {
        problem x;
        set_blended(&x, _i, i % 2 ? 9 : 0, types[i / 2]);
        ck_assert(!problem_build(&x, 1));
        for (int k = 0; k < kernels_count(); k++)
            if (kernels_exact(&x, context, kernels_info(k).name)) strength_selects(&x, context, kernels_info(k).name);
        problem_free(&x);
    }
    ag_context_free(context);
}
END_TEST

Suite *suite_strength(void)
{
    Suite *s = suite_create("strength");
    TCase *c = tcase_create("strength");
    tcase_set_timeout(c, 600);
    tcase_add_loop_test(c, strength_ends_are_exact, AG_IDENTITY, PERTURBATIONS);
    suite_add_tcase(s, c);
    return s;
}
