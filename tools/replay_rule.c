/* replay_rule.c - a line of cases.txt that names a rule of guidance or a step of a sampler. */
#include "replay_rule.h"

#include <unistd.h>

#include "folder.h"

/* A prediction whose scale is absent is not part of the case; the state before is looked for by itself. */
static bool is_read(const options *o, int number)
{
    if (o->rule->needs & 1u << number) return true;
    if (number == FILE_UNCOND) return o->has_cfg_scale;
    return number == FILE_PERTURBED && o->has_perturbed_scale;
}

static bool find_inputs(options *o, paths *p, fault *why)
{
    for (int i = 0; i < GUIDED_FILES; i++) {
        if (!(o->rule->takes & 1u << i) || !is_read(o, i)) continue;
        if ((o->file[i] = paths_input(p, guided_files[i].name, why)) == NULL) return false;
    }
    return true;
}

/* The state before, absent in a first step, and where it goes; the second step, if the case has one: what it reads,
 * where it writes. second->file[FILE_COND] NULL: there is none. */
static bool find_steps(options *o, options *second, paths *p, fault *why)
{
    o->file[FILE_STATE] = paths_input(p, "previous", why);
    if ((o->state_out = paths_output(p, "state", why)) == NULL) return false;
    *second = *o;
    if ((second->out = paths_output(p, "out2", why)) == NULL) return false;
    second->file[FILE_STATE] = o->state_out;
    if ((second->file[FILE_COND] = paths_input(p, "cond2", why)) == NULL || o->file[FILE_UNCOND] == NULL) return true;
    return (second->file[FILE_UNCOND] = paths_input(p, "uncond2", why)) != NULL;
}

bool replay_rule(ag_context *context, options *o, paths *p, fault *why)
{
    options second = { 0 };
    if (!find_inputs(o, p, why) || (o->out = paths_output(p, "out", why)) == NULL) return false;
    const uint32_t uses = guided_info(o->rule->rule).uses;
    if ((uses & AG_USES_LSE) && (o->lse = paths_output(p, "lse", why)) == NULL) return false;
    if ((uses & AG_USES_STATE) && !find_steps(o, &second, p, why)) return false;
    if (!folder_make(p->target, why) || !guided_run(context, o, why)) return false;
    if (second.file[FILE_COND] == NULL || guided_run(context, &second, why)) return true;
    unlink(o->out);
    unlink(o->state_out);
    return false;
}

bool replay_sampler(ag_context *context, options *o, paths *p, fault *why)
{
    for (int i = 0; i < STEP_FILES; i++) {
        if (!sampler_reads(o->sampler, &o->step, i)) continue;
        if ((o->step.file[i] = paths_input(p, sampler_file_name(i), why)) == NULL) return false;
        o->step.has[i] = 1;
    }
    return (o->out = paths_output(p, "out", why)) != NULL && folder_make(p->target, why) &&
           sampler_run(context, o, why);
}
