/* run.h - how the CPU backend runs a plan. */
#ifndef AG_CPU_RUN_H
#define AG_CPU_RUN_H

#include "../plan/plan.h"

ag_status ag_cpu_run(const ag_plan *plan, const ag_bound *run, ag_why why);
void ag_cpu_run_part(const ag_plan *plan, const ag_bound *run, ag_part_of_phase part);

#endif
