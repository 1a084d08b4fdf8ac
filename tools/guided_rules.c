/* guided_rules.c - the rules of guidance by name, and the files that each of them takes. */
#include <string.h>

#include "guided.h"

const guided_file guided_files[GUIDED_FILES] = {
    [FILE_COND] = { "cond", "cond" },
    [FILE_UNCOND] = { "uncond", "uncond" },
    [FILE_PERTURBED] = { "perturbed", "perturbed" },
    [FILE_POSITIVE] = { "positive", "positive" },
    [FILE_NEGATIVE] = { "negative", "negative" },
    [FILE_EMPTY] = { "empty", "empty" },
    [FILE_A] = { "a", "out_a" },
    [FILE_B] = { "b", "out_b" },
    [FILE_X0] = { "x0", "x0" },
    [FILE_X] = { "x", "x" },
    [FILE_PREDICTION] = { "prediction", "prediction" },
    [FILE_STATE] = { "state-in", "previous" },
    [FILE_LSE_A] = { "lse-a", "lse_a" },
    [FILE_LSE_B] = { "lse-b", "lse_b" },
    [FILE_RECEIVED] = { "received", "received" },
};

enum {
    SHARDS = 1 << FILE_LSE_A | 1 << FILE_LSE_B,
    STATE = 1 << FILE_STATE,
    PREDICTIONS = TAKES_COND | TAKES_UNCOND | TAKES_PERTURBED
};

static const combination first = { "linear",  "combine",  "U + g (C - U) + w (C - P), with what is given; the default",
                                   AG_LINEAR, TAKES_COND, PREDICTIONS,
                                   0 };
static const combination last[] = {
    { "sag_blur", "sag_blur", "a picture blurred where it was attended to (SAG)", AG_LINEAR, TAKES_PICTURE,
      TAKES_PICTURE, 0 },
    { "convert", "convert", "", AG_LINEAR, TAKES_SPACE, TAKES_SPACE, 0 },
};

/* The files of the names in a list such as "cond uncond". */
static unsigned files_of(const char *names)
{
    unsigned files = 0;
    for (const char *at = names; *at != '\0'; at += strspn(at, " ")) {
        const size_t length = strcspn(at, " ");
        for (int i = 0; i < FILE_INPUTS; i++)
            if (strlen(guided_files[i].name) == length && !memcmp(guided_files[i].name, at, length)) files |= 1u << i;
        at += length;
    }
    return files;
}

/* Combination i; false: past the last. Between the first and the last are the library's rules, but the linear one.
 * Inputs without names are combined by their scales. */
static bool combination_at(int i, combination *found)
{
    ag_rule_info info;
    ag_rule_info_init(&info);
    *found = first;
    if (i-- == 0) return true;
    for (int at = 0; ag_rule_at(at, &info) == AG_OK; at++) {
        if (info.rule == first.rule || i-- > 0) continue;
        const unsigned named = info.inputs != NULL ? files_of(info.inputs) : TAKES_COND;
        const unsigned needs = named | (info.uses & AG_USES_LSE ? SHARDS : 0);
        *found = (combination){ info.name, info.name, NULL, info.rule, needs, needs, info.by_rows };
        if (info.inputs == NULL) found->takes |= PREDICTIONS;
        if (info.uses & AG_USES_STATE) found->takes |= STATE;
        return true;
    }
    if (i >= (int)(sizeof last / sizeof last[0])) return false;
    *found = last[i];
    return true;
}

enum { MOST_COMBINATIONS = 64 };

/* All of them, listed when they are first asked for: the command has one thread then. */
static const combination *listed(int i)
{
    static combination all[MOST_COMBINATIONS];
    static int count;
    while (count < MOST_COMBINATIONS && combination_at(count, &all[count])) count++;
    return i < count ? &all[i] : NULL;
}

const combination *guided_find(const char *name)
{
    const combination *c;
    for (int i = 0; (c = listed(i)) != NULL && strcmp(name, c->name) != 0;) i++;
    return c;
}

const combination *guided_of_case(const char *name)
{
    const combination *c;
    for (int i = 0; (c = listed(i)) != NULL && strcmp(name, c->operation) != 0;) i++;
    return c;
}

const combination *guided_at(int i) { return listed(i); }

/* convert, the last, is a command of its own. */
const char *guided_name(int i) { return listed(i) != NULL && listed(i + 1) != NULL ? listed(i)->name : NULL; }

const char *guided_case_name(int i) { return listed(i) != NULL ? listed(i)->operation : NULL; }

ag_rule_info guided_info(ag_rule rule)
{
    ag_rule_info info;
    ag_rule_info_init(&info);
    ag_rule_at((int)rule, &info);
    return info;
}

bool guided_parameter(int i, ag_parameter_info *info)
{
    ag_rule_info rule;
    ag_rule_info_init(&rule);
    ag_parameter_info_init(info);
    for (int at = 0; ag_rule_at(at, &rule) == AG_OK; at++) {
        if (i < rule.parameter_count) return ag_rule_parameter_at(rule.rule, i, info) == AG_OK;
        i -= rule.parameter_count;
    }
    return false;
}

int guided_parameters(const char *name)
{
    ag_rule_info rule;
    ag_parameter_info p;
    int most = 0;
    ag_rule_info_init(&rule);
    ag_parameter_info_init(&p);
    for (int at = 0; ag_rule_at(at, &rule) == AG_OK; at++) {
        int count = 0;
        for (int i = 0; ag_rule_parameter_at(rule.rule, i, &p) == AG_OK; i++) count += !strcmp(p.name, name);
        most = count > most ? count : most;
    }
    return most;
}
