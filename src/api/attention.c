/* attention.c - the one-shot calls. A public call is: check, lower, pick (by way of the cache), run. */
#include <stdlib.h>

#include "context.h"

static ag_status run_once(ag_context *c, const ag_problem *problem, const ag_args *args, ag_why why)
{
    ag_checked checked;
    ag_args mine;
    ag_loan loan;
    if (!c) return ag_refuse(why, AG_ERR_NULL, "context is NULL");
    ag_status s = ag_take_args(&mine, args, why);
    if (!s) s = ag_check_problem(problem, &checked, why);
    if (!s) s = ag_context_lend(c, &checked, mine.cuda_stream, &loan, why);
    if (s) return s;
    mine.workspace = loan.space->memory;
    mine.workspace_size = ag_plan_workspace(loan.plan);
    s = ag_plan_run(loan.plan, &mine, why.text, why.size);
    ag_context_return(c, loan);
    return s;
}

/* What takes the place of the problem's rows. */
typedef struct row_list {
    const ag_row *rows;
    int64_t count;
} row_list;

/* The caller's problem with another operation, and row entries of the call's own. */
static ag_status run_rows(ag_context *c, const ag_problem *problem, ag_operation operation, row_list list,
                          const ag_args *args, ag_why why)
{
    ag_problem p;
    const ag_status s = ag_take_problem(&p, problem, why);
    if (s) return s;
    if (p.row_count || p.rows)
        return ag_refuse(why, AG_ERR_COMBINATION,
                         "problem.rows is set, but this call has one method for all rows: "
                         "use ag_attention_guided");
    p.operation = operation;
    p.rows = list.rows;
    p.row_count = list.count;
    return run_once(c, &p, args, why);
}

/* One entry that holds for every output row. */
static ag_status run_alike(ag_context *c, const ag_problem *problem, ag_operation operation, const ag_row *row,
                           const ag_args *args, ag_why why)
{
    return run_rows(c, problem, operation, (row_list){ row, 1 }, args, why);
}

static ag_status set_image(ag_row *row, const ag_image *image, ag_why why)
{
    if (!image) return AG_OK;
    ag_image mine;
    ag_image_init(&mine, 0, 0, 0);
    const ag_status s = ag_struct_take(&mine, sizeof mine, image, (ag_struct){ "image", "ag_image" }, why);
    if (s) return s;
    row->image_offset = mine.image_offset;
    row->image_length = mine.image_length;
    for (int i = 0; i < 3; i++) row->grid[i] = mine.grid[i];
    return AG_OK;
}

static ag_status run_method(ag_context *c, const ag_problem *problem, const ag_image *image, ag_row *row,
                            const ag_args *args, ag_why why)
{
    const ag_status s = set_image(row, image, why);
    return s ? s : run_alike(c, problem, AG_ATTENTION, row, args, why);
}

static ag_row row_of(ag_method method)
{
    ag_row row;
    ag_row_init(&row, method);
    return row;
}

ag_status ag_attention_guided(ag_context *c, const ag_problem *problem, const ag_args *args, char *text, size_t size)
{
    return run_once(c, problem, args, (ag_why){ text, size });
}

ag_status ag_attention_standard(ag_context *c, const ag_problem *problem, const ag_args *args, char *text, size_t size)
{
    const ag_row row = row_of(AG_STANDARD);
    return run_alike(c, problem, AG_ATTENTION, &row, args, (ag_why){ text, size });
}

ag_status ag_attention_identity(ag_context *c, const ag_problem *problem, const ag_image *image, const ag_args *args,
                                char *text, size_t size)
{
    ag_row row = row_of(AG_IDENTITY);
    return run_method(c, problem, image, &row, args, (ag_why){ text, size });
}

ag_status ag_attention_uniform(ag_context *c, const ag_problem *problem, const ag_image *image, const ag_args *args,
                               char *text, size_t size)
{
    ag_row row = row_of(AG_UNIFORM);
    return run_method(c, problem, image, &row, args, (ag_why){ text, size });
}

ag_status ag_attention_smoothed(ag_context *c, const ag_problem *problem, const ag_image *image, double sigma,
                                const ag_args *args, char *text, size_t size)
{
    ag_row row = row_of(AG_SMOOTHED);
    row.sigma = sigma;
    return run_method(c, problem, image, &row, args, (ag_why){ text, size });
}

ag_status ag_attention_orthogonal(ag_context *c, const ag_problem *problem, const ag_image *image, double sigma,
                                  int keep_parallel, const ag_args *args, char *text, size_t size)
{
    ag_row row = row_of(AG_ORTHOGONAL);
    row.sigma = sigma;
    row.keep_parallel = keep_parallel;
    return run_method(c, problem, image, &row, args, (ag_why){ text, size });
}

/* How many of the arguments' entries have an index array. Only a row_count that fits is believed: check refuses any
 * other. */
static ag_status count_indexed(const ag_problem *problem, const ag_args *args, int64_t *indexed, ag_why why)
{
    ag_args a;
    ag_problem p;
    ag_status s = ag_take_args(&a, args, why);
    if (!s) s = ag_take_problem(&p, problem, why);
    *indexed = 0;
    if (s || !a.rows || (uintptr_t)a.rows % sizeof(int64_t) || (a.row_count != 1 && a.row_count != p.batch)) return s;
    for (int64_t i = 0; !s && i < a.row_count; i++) {
        ag_row_args x;
        s = ag_take_row_args(&x, a.rows, i, why);
        *indexed += !s && x.index;
    }
    return s;
}

/* Rows of which some have an index array and others draw: an entry for each. */
static ag_status run_mixed(ag_context *c, const ag_problem *problem, const ag_row *row, const ag_args *args, ag_why why)
{
    ag_row *rows = malloc((size_t)args->row_count * sizeof *rows);
    if (!rows) return ag_refuse(why, AG_ERR_MEMORY, "no memory for %lld rows", (long long)args->row_count);
    ag_status s = AG_OK;
    for (int64_t b = 0; b < args->row_count && !s; b++) {
        ag_row_args x;
        s = ag_take_row_args(&x, args->rows, b, why);
        rows[b] = *row;
        rows[b].indexed = !s && x.index;
    }
    if (!s) s = run_rows(c, problem, AG_ATTENTION, (row_list){ rows, args->row_count }, args, why);
    free(rows);
    return s;
}

ag_status ag_attention_scrambled(ag_context *c, const ag_problem *problem, const ag_image *image, ag_kind kind,
                                 int draws, const ag_args *args, char *text, size_t size)
{
    const ag_why why = { text, size };
    ag_row row = row_of(AG_SCRAMBLED);
    int64_t indexed;
    ag_status s = set_image(&row, image, why);
    if (!s) s = count_indexed(problem, args, &indexed, why);
    if (s) return s;
    row.kind = kind;
    row.draws = draws;
    row.indexed = indexed > 0;
    if (indexed > 0 && indexed < args->row_count) return run_mixed(c, problem, &row, args, why);
    return run_alike(c, problem, AG_ATTENTION, &row, args, why);
}

ag_status ag_attention_softened(ag_context *c, const ag_problem *problem, const ag_image *image, double tau,
                                const ag_args *args, char *text, size_t size)
{
    ag_row row = row_of(AG_SOFTENED);
    row.inverse_temperature = tau;
    return run_method(c, problem, image, &row, args, (ag_why){ text, size });
}

ag_status ag_attention_masked(ag_context *c, const ag_problem *problem, const ag_image *image, double probability,
                              const ag_args *args, char *text, size_t size)
{
    ag_row row = row_of(AG_MASKED);
    row.probability = probability;
    return run_method(c, problem, image, &row, args, (ag_why){ text, size });
}

ag_status ag_attention_noisy(ag_context *c, const ag_problem *problem, const ag_image *image, double amplitude,
                             const ag_args *args, char *text, size_t size)
{
    ag_row row = row_of(AG_NOISY);
    row.amplitude = amplitude;
    return run_method(c, problem, image, &row, args, (ag_why){ text, size });
}

ag_status ag_attention_sparse(ag_context *c, const ag_problem *problem, const ag_image *image, double power,
                              const ag_args *args, char *text, size_t size)
{
    ag_row row = row_of(AG_SPARSE);
    row.power = power;
    return run_method(c, problem, image, &row, args, (ag_why){ text, size });
}

ag_status ag_query_blur(ag_context *c, const ag_problem *problem, const ag_image *image, double sigma,
                        const ag_args *args, char *text, size_t size)
{
    const ag_why why = { text, size };
    ag_row row = row_of(AG_SMOOTHED);
    row.sigma = sigma;
    const ag_status s = set_image(&row, image, why);
    return s ? s : run_alike(c, problem, AG_BLUR, &row, args, why);
}

ag_status ag_attention_received(ag_context *c, const ag_problem *problem, const ag_args *args, char *text, size_t size)
{
    const ag_row row = row_of(AG_STANDARD);
    return run_alike(c, problem, AG_RECEIVED, &row, args, (ag_why){ text, size });
}

ag_status ag_attention_energy(ag_context *c, const ag_problem *problem, const ag_args *args, char *text, size_t size)
{
    const ag_row row = row_of(AG_STANDARD);
    return run_alike(c, problem, AG_ENERGY, &row, args, (ag_why){ text, size });
}

ag_status ag_attention_map(ag_context *c, const ag_problem *problem, const ag_args *args, char *text, size_t size)
{
    const ag_row row = row_of(AG_STANDARD);
    return run_alike(c, problem, AG_MAP, &row, args, (ag_why){ text, size });
}
