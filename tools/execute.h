/* execute.h - one run of one problem: plan, workspace, run. */
#ifndef TOOLS_EXECUTE_H
#define TOOLS_EXECUTE_H

#include "attnguide.h"
#include "fault.h"

/* A context with this many threads; 0: the library's choice. NULL: why says why. */
ag_context *context_make(int threads, fault *why);

/* args without a workspace: it is made here. A refusal is the library's own sentence. */
bool execute(ag_context *context, const ag_problem *problem, ag_args *args, fault *why);

#endif
