/* replay_rule.h - a line of cases.txt that names a rule of guidance or a step of a sampler. */
#ifndef TOOLS_REPLAY_RULE_H
#define TOOLS_REPLAY_RULE_H

#include "options.h"
#include "paths.h"

/* Arrays of p->folder through o->rule into p->target. On a refusal nothing of the case is left there. */
bool replay_rule(ag_context *context, options *o, paths *p, fault *why);

/* The same through o->sampler. */
bool replay_sampler(ag_context *context, options *o, paths *p, fault *why);

#endif
