/* case.h - one case: arrays from files through the library into files. What `run` does once and `replay` often. */
#ifndef TOOLS_CASE_H
#define TOOLS_CASE_H

#include "execute.h"
#include "options.h"

/* o->op, the paths of the inputs it needs and o->out are set; o->extra, where wanted, is lse or curvature. Nothing is
 * written unless all went well. */
bool case_run(ag_context *context, const options *o, fault *why);

#endif
