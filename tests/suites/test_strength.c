/* test_strength.c - strength 0 and 1 select a result, bit for bit, whatever the kernel. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/kernels.h"
#include "../harness/methods.h"
#include "suites.h"

static void set_neutral(ag_row *row, ag_row_args *run, int number)
{
    ag_parameter_info p;
    for (int i = 0; methods_parameter(number, i, &p); i++)
        if (p.at_run && !isnan(p.neutral)) row_put(row, run, &p, p.neutral);
}

/* The same data as standard, unblended, and blended at both ends: the ends are selected, bit for bit. Without a blend
 * the numbers of a run say how much of the method there is: where they are neutral it is none. */
static void strength_selects(problem *x, ag_context *context, const char *kernel)
{
    char why[AG_MESSAGE_SIZE] = "";
    ag_row *row = &x->rows[0];
    const ag_row asked = *row;
    const ag_row_args given = x->run[0];
    const int number = methods_number(row->method, row->kind);
    unsigned char *bytes[4];
    for (int i = 0; i < 4; i++) { /* standard, u = 0, perturbed, u = 1 */
        *row = asked;
        row->blend = i % 2;
        if (i == 0) row->method = AG_STANDARD;
        x->run[0] = given;
        x->run[0].strength = i == 1 ? 0 : 1;
        if (i == 1 && !(methods_info(number).takes & AG_TAKES_BLEND)) set_neutral(row, &x->run[0], number);
        problem_tidy(x, 0);
        bytes[i] = problem_bytes(x, context, kernel, why, sizeof why);
    }
    *row = asked;
    x->run[0] = given;
    for (int i = 0; i < 4; i += 2) {
        if (!bytes[i] || !bytes[i + 1]) continue;
        ck_assert_msg(!memcmp(bytes[i], bytes[i + 1], x->out.pages_size), "%s: method %d kind %d: strength %d differs",
                      kernel, (int)asked.method, (int)row->kind, i / 2);
    }
    for (int i = 0; i < 4; i++) free(bytes[i]);
}

static void set_blended(problem *x, int method, int64_t text, ag_dtype type)
{
    problem_init(x, 1, 4, 48 + text, 48 + text, 40);
    x->p.kv_heads = 2;
    ag_row *row = problem_perturb(x, 0, method);
    row->blend = 1;
    row_set(row, &x->run[0], "sigma", text ? 1.5 : INFINITY);
    row->image_offset = text / 2;
    row->image_length = 48;
    row->grid[0] = 2;
    row->grid[1] = 4;
    row->grid[2] = 6;
    problem_tidy(x, 0);
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
    add_loop(c, strength_ends_are_exact, 1, methods_count());
    suite_add_tcase(s, c);
    return s;
}
