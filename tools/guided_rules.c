/* guided_rules.c - the rules of guidance by name, and what each of them needs. */
#include <string.h>

#include "options.h"

const guided_file guided_files[GUIDED_FILES] = {
    [FILE_COND] = { "cond", "cond" },
    [FILE_UNCOND] = { "uncond", "uncond" },
    [FILE_PERTURBED] = { "perturbed", "perturbed" },
    [FILE_POSITIVE] = { "positive", "positive" },
    [FILE_NEGATIVE] = { "negative", "negative" },
    [FILE_A] = { "a", "out_a" },
    [FILE_B] = { "b", "out_b" },
    [FILE_X] = { "x", "x" },
    [FILE_PREDICTION] = { "prediction", "prediction" },
    [FILE_MOMENTUM] = { "momentum-in", "momentum" },
    [FILE_LSE_A] = { "lse-a", "lse_a" },
    [FILE_LSE_B] = { "lse-b", "lse_b" },
    [FILE_X0] = { "x0", "x0" },
    [FILE_RECEIVED] = { "received", "received" },
};

enum {
    COND = 1 << FILE_COND,
    UNCOND = 1 << FILE_UNCOND,
    PERTURBED = 1 << FILE_PERTURBED,
    TOKENS = 1 << FILE_POSITIVE | 1 << FILE_NEGATIVE,
    SHARDS = 1 << FILE_A | 1 << FILE_B | 1 << FILE_LSE_A | 1 << FILE_LSE_B,
    SPACE = 1 << FILE_X | 1 << FILE_PREDICTION,
    MOMENTUM = 1 << FILE_MOMENTUM,
    PICTURE = 1 << FILE_X0 | 1 << FILE_RECEIVED
};

static const combination rules[] = {
    { "linear", "combine", AG_LINEAR, COND, COND | UNCOND | PERTURBED, 0 },
    { "apg", "apg", AG_APG, COND | UNCOND, COND | UNCOND | MOMENTUM, 0 },
    { "cfg_zero_star", "cfg_zero_star", AG_CFG_ZERO, COND | UNCOND, COND | UNCOND, 0 },
    { "nag", "nag", AG_NAG, TOKENS, TOKENS, 1 },
    { "merge", "merge", AG_MERGE, SHARDS, SHARDS, 1 },
    { "sag_blur", "sag_blur", AG_LINEAR, PICTURE, PICTURE, 0 },
    { "convert", "convert", AG_LINEAR, SPACE, SPACE, 0 },
};

const combination *guided_find(const char *name)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (!strcmp(name, rules[i].name)) return &rules[i];
    return NULL;
}

const combination *guided_of_case(const char *name)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (!strcmp(name, rules[i].operation)) return &rules[i];
    return NULL;
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
    if (!(o->rule->takes & PERTURBED)) return true;
    if ((o->file[FILE_UNCOND] != NULL) != (o->has_cfg_scale != 0))
        return fault_set(why, "--uncond and --cfg-scale go together");
    if ((o->file[FILE_PERTURBED] != NULL) != (o->has_perturbed_scale != 0))
        return fault_set(why, "--perturbed and --perturbed-scale go together");
    return true;
}

bool guided_complete(const options *o, fault *why)
{
    const ag_rule rule = o->rule->rule;
    if (!files_complete(o, why) || !scales_complete(o, why)) return false;
    if (o->has_rescale && !(o->rule->takes & PERTURBED)) return fault_set(why, "%s has no --rescale", o->rule->name);
    if (o->lse != NULL && rule != AG_MERGE) return fault_set(why, "%s has no --lse", o->rule->name);
    if (o->momentum_out != NULL && rule != AG_APG) return fault_set(why, "%s has no --momentum-out", o->rule->name);
    if ((o->rule->takes & SPACE) && !(o->has_from && o->has_to && o->has_alpha && o->has_sigma))
        return fault_set(why, "convert needs --from, --to, --alpha and --sigma");
    return o->out != NULL ? true : fault_set(why, "%s needs --out", o->rule->name);
}
