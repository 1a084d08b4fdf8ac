/* combine.c - the commands combine and convert: predictions named on the command line become one, samplers step. */
#include <string.h>

#include "command.h"
#include "execute.h"
#include "options.h"
#include "progress.h"

static const char *rule_name(int i)
{
    static suggest_list *const lists[] = { guided_name, sampler_name, NULL };
    return suggest_joined(lists, i);
}

static bool find_rule(const arguments *given, options *o, fault *why)
{
    static const char *const aliases[] = {
        "CFG",      "linear with --uncond", "PAG",       "linear with --perturbed", "SEG", "linear with --perturbed",
        "CFG-Zero", "cfg_zero_star",        "CFG-Zero*", "cfg_zero_star",           "SAG", "sag_blur",
        NULL
    };
    static const suggest_names names = { "rule", rule_name, aliases };
    const char *name = given->count > 0 ? given->positional[0] : "linear";
    o->rule = strcmp(name, "convert") != 0 ? guided_find(name) : NULL;
    if (o->rule == NULL && operation_find(name) != NULL)
        return fault_set(why, "there is no rule '%s': that is an operation of attnguide run", name);
    return o->rule != NULL ? true : suggest_refuse(&names, name, why);
}

static int combine(const options *o)
{
    fault why;
    ag_context *context = context_make(o->threads, &why);
    if (context == NULL) return refused(&why);
    progress_begin(0);
    progress_step(0, o->sampler != NULL ? o->sampler->name : o->rule->name);
    bool good = o->sampler != NULL ? sampler_run(context, o, &why) : guided_run(context, o, &why);
    progress_end();
    ag_context_free(context);
    return good ? EXIT_GOOD : refused(&why);
}

/* The first argument that is neither an option nor the value of one: every option here has a value. */
static const char *first_word(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) return argv[i];
        if (strchr(argv[i], '=') == NULL) i++;
    }
    return "linear";
}

int command_combine(int argc, char **argv)
{
    fault why;
    options o;
    const char *positional[1];
    arguments given = { .argc = argc, .first = 1, .argv = argv, .positional = positional, .most = 1 };
    options_init(&o);
    o.sampler = sampler_find(first_word(argc, argv));
    const bool good = o.sampler != NULL ? options_parse(&o, FOR_SAMPLER, &given, &why) && sampler_complete(&o, &why)
                                        : options_parse(&o, FOR_COMBINE, &given, &why) && find_rule(&given, &o, &why) &&
                                              guided_complete(&o, &why);
    if (!good) return misused("combine", &why);
    return combine(&o);
}

int command_convert(int argc, char **argv)
{
    fault why;
    options o;
    arguments given = { .argc = argc, .first = 1, .argv = argv, .positional = NULL, .most = 0 };
    options_init(&o);
    o.rule = guided_find("convert");
    if (!options_parse(&o, FOR_CONVERT, &given, &why) || !guided_complete(&o, &why)) return misused("convert", &why);
    return combine(&o);
}
