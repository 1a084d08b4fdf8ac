/* execute.c - one run of one problem: plan, workspace, run. */
#include "execute.h"

#include <stdlib.h>

ag_context *context_make(int threads, fault *why)
{
    ag_context_options options;
    ag_context_options_init(&options);
    if (threads != 0) options.threads = threads;
    ag_context *context = NULL;
    ag_context_create(&options, &context, why->text, sizeof why->text);
    return context;
}

static bool workspace_make(const ag_plan *plan, ag_args *args, fault *why)
{
    args->workspace_size = ag_plan_workspace(plan);
    args->workspace = NULL;
    if (args->workspace_size == 0) return true;
    if (posix_memalign(&args->workspace, AG_ALIGNMENT, args->workspace_size) == 0) return true;
    return fault_set(why, "there is no memory for a workspace of %zu bytes", args->workspace_size);
}

bool place_is_reachable(ag_place place, fault *why)
{
    if (place == AG_HOST) return true;
    return fault_set(why, "--backend cuda: this command keeps its data in the host's memory, out of reach of a device");
}

bool execute(ag_context *context, const ag_problem *problem, ag_args *args, fault *why)
{
    ag_plan *plan;
    if (ag_plan_create(context, problem, &plan, why->text, sizeof why->text) != AG_OK) return false;
    bool good = place_is_reachable(problem->place, why) && workspace_make(plan, args, why) &&
                ag_plan_run(plan, args, why->text, sizeof why->text) == AG_OK;
    free(args->workspace);
    args->workspace = NULL;
    ag_plan_free(plan);
    return good;
}
