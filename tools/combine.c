/* combine.c - the commands combine and convert: predictions named on the command line become one. */
#include <string.h>

#include "command.h"
#include "execute.h"
#include "options.h"
#include "progress.h"

static bool find_rule(const arguments *given, options *o, fault *why)
{
    const char *name = given->count > 0 ? given->positional[0] : "linear";
    o->rule = strcmp(name, "convert") != 0 ? guided_find(name) : NULL;
    return o->rule != NULL ? true : fault_set(why, "there is no rule '%s'", name);
}

static int combine(const options *o)
{
    fault why;
    ag_context *context = context_make(o->threads, &why);
    if (context == NULL) return refused(&why);
    progress_begin(0);
    progress_step(0, o->rule->name);
    bool good = guided_run(context, o, &why);
    progress_end();
    ag_context_free(context);
    return good ? EXIT_GOOD : refused(&why);
}

int command_combine(int argc, char **argv)
{
    fault why;
    options o;
    const char *positional[1];
    arguments given = { .argc = argc, .first = 1, .argv = argv, .positional = positional, .most = 1 };
    options_init(&o);
    if (!options_parse(&o, FOR_COMBINE, &given, &why) || !find_rule(&given, &o, &why) || !guided_complete(&o, &why))
        return misused("combine", &why);
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
