/* replay_rule.c - a line of cases.txt that names a rule of guidance. */
#include "replay_rule.h"

#include <unistd.h>

#include "folder.h"

/* A prediction whose scale is absent is not part of the case; the first step has no momentum. */
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

/* The second step of APG, if the case has one: what it reads, where it writes. */
static bool find_second(const options *o, options *second, paths *p, fault *why)
{
    *second = *o;
    if ((second->out = paths_output(p, "out2", why)) == NULL) return false;
    if ((second->file[FILE_COND] = paths_input(p, "cond2", why)) == NULL) return true;
    second->file[FILE_UNCOND] = paths_input(p, "uncond2", why);
    second->file[FILE_MOMENTUM] = paths_output(p, "momentum", why);
    return second->file[FILE_UNCOND] != NULL && second->file[FILE_MOMENTUM] != NULL;
}

bool replay_rule(ag_context *context, options *o, paths *p, fault *why)
{
    options second = { 0 };
    if (!find_inputs(o, p, why) || (o->out = paths_output(p, "out", why)) == NULL) return false;
    if (o->rule->rule == AG_MERGE && (o->lse = paths_output(p, "lse", why)) == NULL) return false;
    if (o->rule->rule == AG_APG && !find_second(o, &second, p, why)) return false;
    o->momentum_out = second.file[FILE_MOMENTUM];
    if (!folder_make(p->target, why) || !guided_run(context, o, why)) return false;
    if (second.file[FILE_MOMENTUM] == NULL || guided_run(context, &second, why)) return true;
    unlink(o->out);
    unlink(o->momentum_out);
    return false;
}
