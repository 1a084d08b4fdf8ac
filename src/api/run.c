/* run.c - the public calls that validate arguments and run plans, whole or in parts: of plans that attend, and of those
 * that combine. */
#include "../plan/plan.h"

/* ---- whole ---- */

ag_status ag_plan_check(const ag_plan *plan, const ag_args *args, char *text, size_t size)
{
    ag_args taken;
    return ag_check_args(plan, args, &taken, (ag_why){ text, size });
}

ag_status ag_plan_check_values(const ag_plan *plan, const ag_args *args, char *text, size_t size)
{
    ag_args taken;
    return ag_check_arg_values(plan, args, &taken, (ag_why){ text, size });
}

ag_status ag_guidance_check(const ag_plan *plan, const ag_guidance_args *args, char *text, size_t size)
{
    ag_guidance_args taken;
    return ag_check_guidance_args(plan, args, &taken, (ag_why){ text, size });
}

ag_status ag_plan_run(const ag_plan *plan, const ag_args *args, char *text, size_t size)
{
    const ag_why why = { text, size };
    ag_args taken;
    ag_bound run;
    const ag_status s = ag_check_args(plan, args, &taken, why);
    if (s) return s;
    ag_run_bind(plan, &taken, &run);
    return plan->backend->run(plan, &run, why);
}

ag_status ag_guidance_run(const ag_plan *plan, const ag_guidance_args *args, char *text, size_t size)
{
    const ag_why why = { text, size };
    ag_guidance_args taken;
    ag_bound run;
    const ag_status s = ag_check_guidance_args(plan, args, &taken, why);
    if (s) return s;
    ag_guidance_bind(plan, &taken, &run);
    return plan->backend->run(plan, &run, why);
}

/* ---- in parts, whose arguments have been validated ---- */

static ag_status check_part(const ag_plan *plan, int combines, const ag_part_of_phase *part)
{
    if (plan->c.combines != combines) return AG_ERR_COMBINATION;
    if (plan->own_threads || !plan->backend->run_part) return AG_ERR_KERNEL;
    if (part->phase < 0 || part->phase >= plan->n_phases || part->worker < 0 || part->worker >= plan->workers)
        return AG_ERR_VALUE;
    if (part->first < 0 || part->last < part->first || part->last > plan->phases[part->phase].n_tasks)
        return AG_ERR_VALUE;
    return AG_OK;
}

ag_status ag_plan_run_part(const ag_plan *plan, const ag_args *args, int phase, int64_t first, int64_t last, int worker)
{
    const ag_part_of_phase part = { .phase = phase, .worker = worker, .first = first, .last = last };
    ag_args taken;
    ag_bound run;
    if (!plan || !args) return AG_ERR_NULL;
    ag_status s = check_part(plan, 0, &part);
    if (!s) s = ag_take_args(&taken, args, (ag_why){ NULL, 0 });
    if (s) return s;
    ag_run_bind(plan, &taken, &run);
    plan->backend->run_part(plan, &run, part);
    return AG_OK;
}

ag_status ag_guidance_run_part(const ag_plan *plan, const ag_guidance_args *args, int phase, int64_t first,
                               int64_t last, int worker)
{
    const ag_part_of_phase part = { .phase = phase, .worker = worker, .first = first, .last = last };
    ag_guidance_args taken;
    ag_bound run;
    if (!plan || !args) return AG_ERR_NULL;
    ag_status s = check_part(plan, 1, &part);
    if (!s) s = ag_take_guidance_args(&taken, args, (ag_why){ NULL, 0 });
    if (s) return s;
    ag_guidance_bind(plan, &taken, &run);
    plan->backend->run_part(plan, &run, part);
    return AG_OK;
}

/* Of every worker, those beyond the plan's too: a host may look at one worker's status alone. */
static ag_status check_share(const ag_plan *plan, int combines, int phase, int worker, int of)
{
    if (worker < 0 || worker >= of) return AG_ERR_VALUE;
    return check_part(plan, combines, &(ag_part_of_phase){ .phase = phase });
}

/* Tasks [first, last) of worker `worker` of `of`: none for those beyond the plan's workers. */
static void share_of(const ag_plan *plan, int phase, int worker, int of, int64_t *first, int64_t *last)
{
    const int n = of < plan->workers ? of : plan->workers;
    *first = *last = 0;
    if (worker < n) ag_share_of(ag_plan_tasks(plan, phase), worker, n, first, last);
}

ag_status ag_plan_run_share(const ag_plan *plan, const ag_args *args, int phase, int worker, int of)
{
    int64_t first, last;
    if (!plan || !args) return AG_ERR_NULL;
    const ag_status s = check_share(plan, 0, phase, worker, of);
    if (s || worker >= plan->workers) return s;
    share_of(plan, phase, worker, of, &first, &last);
    return ag_plan_run_part(plan, args, phase, first, last, worker);
}

ag_status ag_guidance_run_share(const ag_plan *plan, const ag_guidance_args *args, int phase, int worker, int of)
{
    int64_t first, last;
    if (!plan || !args) return AG_ERR_NULL;
    const ag_status s = check_share(plan, 1, phase, worker, of);
    if (s || worker >= plan->workers) return s;
    share_of(plan, phase, worker, of, &first, &last);
    return ag_guidance_run_part(plan, args, phase, first, last, worker);
}
