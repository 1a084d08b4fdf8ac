/* guided_complete.c - whether a combination was given all it needs, and nothing else. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "options.h"

ag_rule guided_rule(const options *o)
{
    const bool rescaled = !isnan(options_parameter(o, "rescale", 0, NAN));
    return rescaled && o->rule->rule == AG_LINEAR && (o->rule->takes & TAKES_COND) ? AG_RESCALE : o->rule->rule;
}

static bool has_parameter(ag_rule rule, const char *name)
{
    ag_parameter_info p;
    ag_parameter_info_init(&p);
    for (int i = 0; ag_rule_parameter_at(rule, i, &p) == AG_OK; i++)
        if (strcmp(p.name, name) == 0) return true;
    return false;
}

/* Nothing that was given is left aside. */
static bool parameters_complete(const options *o, fault *why)
{
    for (int i = 0; i < o->parameter_count; i++) {
        char name[40];
        if (has_parameter(guided_rule(o), o->parameters[i].name)) continue;
        snprintf(name, sizeof name, "%s", o->parameters[i].name);
        for (char *at = name; *at != '\0'; at++)
            if (*at == '_') *at = '-';
        return fault_set(why, "%s has no --%s", o->rule->name, name);
    }
    return true;
}

static bool files_complete(const options *o, fault *why)
{
    for (int i = 0; i < GUIDED_FILES; i++) {
        if (o->file[i] == NULL && (o->rule->needs & 1u << i))
            return fault_set(why, "%s needs --%s", o->rule->name, guided_files[i].option);
        if (o->file[i] != NULL && !(o->rule->takes & 1u << i))
            return fault_set(why, "%s has no --%s", o->rule->name, guided_files[i].option);
    }
    return true;
}

/* A prediction and the scale it is weighed by go together. */
static bool scales_complete(const options *o, fault *why)
{
    const struct {
        const char *name;
        bool given, taken;
    } scales[] = {
        { "cfg-scale", o->has_cfg_scale, (o->rule->takes & TAKES_UNCOND) || has_parameter(o->rule->rule, "cfg_scale") },
        { "perturbed-scale", o->has_perturbed_scale, o->rule->takes & TAKES_PERTURBED },
        { "alpha", o->has_alpha, (o->rule->takes & TAKES_PREDICTION) || has_parameter(o->rule->rule, "alpha") },
    };
    for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++)
        if (scales[i].given && !scales[i].taken) return fault_set(why, "%s has no --%s", o->rule->name, scales[i].name);
    if (!(o->rule->takes & TAKES_PERTURBED)) return true;
    if ((o->file[FILE_UNCOND] != NULL) != (o->has_cfg_scale != 0))
        return fault_set(why, "--uncond and --cfg-scale go together");
    if ((o->file[FILE_PERTURBED] != NULL) != (o->has_perturbed_scale != 0))
        return fault_set(why, "--perturbed and --perturbed-scale go together");
    return true;
}

bool guided_complete(const options *o, fault *why)
{
    const uint32_t uses = guided_info(guided_rule(o)).uses;
    if (!files_complete(o, why) || !scales_complete(o, why) || !parameters_complete(o, why)) return false;
    if (o->grid[0] != 0 && !(o->rule->takes & TAKES_PICTURE)) return fault_set(why, "%s has no --grid", o->rule->name);
    if (o->lse != NULL && !(uses & AG_USES_LSE)) return fault_set(why, "%s has no --lse", o->rule->name);
    if (o->state_out != NULL && !(uses & AG_USES_STATE)) return fault_set(why, "%s has no --state-out", o->rule->name);
    if (o->group[0] != 0 && !(uses & AG_USES_GROUPS)) return fault_set(why, "%s has no --group", o->rule->name);
    if ((o->rule->takes & TAKES_PREDICTION) && !(o->has_from && o->has_to && o->has_alpha && o->has_sigma))
        return fault_set(why, "convert needs --from, --to, --alpha and --sigma");
    return o->out != NULL ? true : fault_set(why, "%s needs --out", o->rule->name);
}
