/* attnguide.c - the one-shot calls. A public call is: check, lower, pick (by way of the cache), run. */
#include "context.h"
#include "step.h"

/* Takes over `checked`. */
ag_status ag_context_run_once(ag_context *c, ag_checked *checked, const ag_args *args, ag_why why)
{
    const ag_plan *plan;
    ag_args mine = *args, taken;
    ag_status s = ag_context_borrow(c, checked, &plan, why);
    if (s) return s;
    ag_space *space = ag_context_space(c, plan, plan->backend->run ? args->stream : NULL);
    mine.workspace_size = ag_plan_workspace(plan);
    if (space) mine.workspace = space->memory;
    else s = ag_refuse(why, AG_ERR_MEMORY, "no memory for a workspace of %zu bytes", mine.workspace_size);
    if (!s) s = ag_check_args(plan, &mine, &taken, why);
    if (!s) s = ag_run_phases(plan, &taken, why);
    if (space) ag_context_space_back(c, space);
    ag_context_return(c, plan);
    return s;
}

static ag_status run_once(ag_context *c, const ag_problem *problem, const ag_args *args, ag_why why)
{
    ag_checked checked;
    ag_args mine;
    if (!c) return ag_refuse(why, AG_ERR_NULL, "context is NULL");
    ag_status s = ag_take_struct(&mine, sizeof mine, args, "args", why);
    if (!s) s = ag_check_problem(problem, &checked, why);
    return s ? s : ag_context_run_once(c, &checked, &mine, why);
}

/* The caller's problem with another operation, and one row entry that holds for every output row. */
static ag_status run_alike(ag_context *c, const ag_problem *problem, ag_operation operation, const ag_row *row,
                           const ag_args *args, ag_why why)
{
    ag_problem p;
    const ag_status s = ag_take_struct(&p, sizeof p, problem, "problem", why);
    if (s) return s;
    if (p.row_count)
        return ag_refuse(why, AG_ERR_COMBINATION, "problem has rows of its own: ag_attention_guided takes those");
    p.operation = operation;
    p.rows = row;
    p.row_count = 1;
    return run_once(c, &p, args, why);
}

static ag_status set_image(ag_row *row, const ag_image *image, ag_why why)
{
    if (!image) return AG_OK;
    ag_image mine;
    const ag_status s = ag_take_struct(&mine, sizeof mine, image, "image", why);
    if (s) return s;
    row->image_offset = mine.offset;
    row->image_length = mine.length;
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

ag_status ag_attention_scrambled(ag_context *c, const ag_problem *problem, const ag_image *image, ag_kind kind,
                                 int draws, const ag_args *args, char *text, size_t size)
{
    ag_row row = row_of(AG_SCRAMBLED);
    row.kind = kind;
    row.draws = draws;
    if (args && args->size >= sizeof *args && args->row_count > 0 && args->rows)
        row.indexed = args->rows->index != NULL;
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
