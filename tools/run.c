/* run.c - the command run: one operation on arrays named on the command line. */
#include <stdio.h>

#include "case.h"
#include "command.h"
#include "progress.h"

static bool find_operation(const arguments *given, options *o, fault *why)
{
    static const suggest_names names = { "operation", operation_name, operation_aliases };
    if (given->count == 0)
        return fault_set(why, "the operation is missing, such as standard in: attnguide run standard --q F ...");
    const char *word = given->positional[0];
    o->op = operation_find(word);
    if (o->op == NULL && (guided_find(word) != NULL || sampler_find(word) != NULL))
        return fault_set(why, "there is no operation '%s': that is a rule of attnguide combine", word);
    return o->op != NULL ? true : suggest_refuse(&names, word, why);
}

static bool has_what_it_needs(const options *o, fault *why)
{
    const struct {
        unsigned bit;
        const char *path, *name;
    } inputs[] = { { AG_NEEDS_Q, o->q, "--q" }, { AG_NEEDS_K, o->k, "--k" }, { AG_NEEDS_V, o->v, "--v" } };
    for (int i = 0; i < 3; i++)
        if ((o->op->needs & inputs[i].bit) && inputs[i].path == NULL)
            return fault_set(why, "%s needs %s", o->op->name, inputs[i].name);
    return o->out ? true : fault_set(why, "%s needs --out", o->op->name);
}

static bool place_extra(options *o, fault *why)
{
    if (o->lse != NULL && o->op->operation != AG_ATTENTION) return fault_set(why, "%s has no --lse", o->op->name);
    if (o->curvature != NULL && o->op->operation != AG_ENERGY)
        return fault_set(why, "%s has no --curvature", o->op->name);
    o->extra = o->lse != NULL ? o->lse : o->curvature;
    return true;
}

int command_run(int argc, char **argv)
{
    fault why;
    options o;
    const char *positional[1];
    arguments given = { .argc = argc, .first = 1, .argv = argv, .positional = positional, .most = 1 };
    options_init(&o);
    if (!options_parse(&o, FOR_RUN, &given, &why) || !find_operation(&given, &o, &why) ||
        !has_what_it_needs(&o, &why) || !place_extra(&o, &why))
        return misused("run", &why);

    ag_context *context = context_make(o.threads, &why);
    if (context == NULL) return refused(&why);
    progress_begin(0);
    progress_step(0, o.op->name);
    bool good = case_run(context, &o, &why);
    progress_end();
    ag_context_free(context);
    return good ? EXIT_GOOD : refused(&why);
}
