/* plans.c - the public calls that make plans, and tell what a problem needs. */
#include "context.h"

ag_status ag_plan_create(ag_context *context, const ag_problem *problem, ag_plan **plan, char *text, size_t size)
{
    const ag_why why = { text, size };
    if (!plan) return ag_refuse(why, AG_ERR_NULL, "plan is NULL: there is nowhere to put it");
    *plan = NULL;
    if (!context) return ag_refuse(why, AG_ERR_NULL, "context is NULL");
    ag_checked checked;
    const ag_status s = ag_check_problem(problem, &checked, why);
    return s ? s : ag_context_plan(context, &checked, plan, why);
}

/* The steps of a problem of which row `row` is asked; to be freed, as is *checked, where this succeeds. */
static ag_status lower_for(const ag_problem *problem, int64_t row, ag_checked *checked, ag_program *program, ag_why why)
{
    ag_status s = ag_check_problem(problem, checked, why);
    if (s) return s;
    if (row < 0 || row >= checked->p.batch)
        s = ag_refuse(why, AG_ERR_VALUE, "row is %lld, not below problem.batch, which is %lld", (long long)row,
                      (long long)checked->p.batch);
    else s = ag_lower(checked, 0, program, why);
    if (s) {
        ag_checked_free(checked);
        return s;
    }
    s = ag_check_queries(checked, program, why);
    if (!s) return AG_OK;
    ag_program_free(program);
    ag_checked_free(checked);
    return s;
}

ag_status ag_problem_needs(const ag_problem *problem, int64_t row, unsigned *needs, char *text, size_t size)
{
    const ag_why why = { text, size };
    ag_checked checked;
    ag_program program;
    if (!needs) return ag_refuse(why, AG_ERR_NULL, "needs is NULL: there is nowhere to put them");
    const ag_status s = lower_for(problem, row, &checked, &program, why);
    if (s) return s;
    *needs = ag_program_needs(&program, row);
    ag_program_free(&program);
    ag_checked_free(&checked);
    return AG_OK;
}

/* Steps number keys by those that are here, and the queries of studies as well. */
static int64_t first_token(const ag_problem *p, unsigned tensor)
{
    return tensor == AG_NEEDS_Q ? p->q_offset - ag_first_query(p) : p->k_offset;
}

ag_status ag_problem_reads(const ag_problem *problem, int64_t row, unsigned tensor, ag_range *ranges, int64_t most,
                           int64_t *count, char *text, size_t size)
{
    const ag_why why = { text, size };
    ag_checked checked;
    ag_program program;
    if (tensor != AG_NEEDS_Q && tensor != AG_NEEDS_K && tensor != AG_NEEDS_V)
        return ag_refuse(why, AG_ERR_TYPE, "tensor is %u: it must be one of AG_NEEDS_Q, AG_NEEDS_K and AG_NEEDS_V",
                         tensor);
    if (!count) return ag_refuse(why, AG_ERR_NULL, "count is NULL: there is nowhere to put it");
    if (most < 0) return ag_refuse(why, AG_ERR_VALUE, "most is %lld, which is negative", (long long)most);
    if (most && !ranges) return ag_refuse(why, AG_ERR_NULL, "ranges is NULL, but most is %lld", (long long)most);
    const ag_status s = lower_for(problem, row, &checked, &program, why);
    if (s) return s;
    const ag_row_steps steps = ag_steps_of(&program, row, 0);
    const int64_t o = first_token(&checked.p, tensor);
    ag_range next = { 0, 0 };
    for (*count = 0; ag_next_read(&steps, tensor, next.end, &next); ++*count)
        if (*count < most) ranges[*count] = (ag_range){ o + next.first, o + next.end };
    ag_program_free(&program);
    ag_checked_free(&checked);
    return AG_OK;
}
