/* execute.h - one run of one problem: plan, workspace, run. */
#ifndef TOOLS_EXECUTE_H
#define TOOLS_EXECUTE_H

#include "attnguide.h"
#include "fault.h"

/* A context with this many threads; 0: the library's choice. NULL: why says why. */
ag_context *context_make(int threads, fault *why);

/* Whether kernels there can reach what this program keeps: its files' contents lie in the host's memory. */
bool place_is_reachable(ag_place place, fault *why);

/* args without a workspace: it is made here. A refusal is the library's own sentence. */
bool execute(ag_context *context, const ag_problem *problem, ag_args *args, fault *why);

#endif
