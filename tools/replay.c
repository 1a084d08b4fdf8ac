/* replay.c - the command replay: every line of DIR/cases.txt, NAME OP key=value ..., into OUTDIR/NAME/. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "command.h"
#include "folder.h"
#include "paths.h"
#include "progress.h"
#include "replay_rule.h"

typedef struct replay {
    options how;           /* what all cases share */
    const char *from, *to; /* DIR, OUTDIR */
    ag_context *context;
    int written, refused;
} replay;

static bool takes_index(const options *o)
{
    ag_method_info method;
    return method_at(method_number(o->op->method, o->row.kind), &method) && (method.takes & AG_TAKES_INDEX);
}

static bool find_inputs(options *o, paths *p, fault *why)
{
    const struct {
        unsigned bit;
        const char *name, **path;
    } needed[] = { { AG_NEEDS_Q, "q", &o->q }, { AG_NEEDS_K, "k", &o->k }, { AG_NEEDS_V, "v", &o->v } };
    for (int i = 0; i < 3; i++)
        if ((o->op->needs & needed[i].bit) && (*needed[i].path = paths_input(p, needed[i].name, why)) == NULL)
            return false;
    o->bias = paths_input(p, "bias", why);
    o->mask = paths_input(p, "mask", why);
    o->index = takes_index(o) ? paths_input(p, "index", why) : NULL;
    return true;
}

static bool place_outputs(options *o, paths *p, fault *why)
{
    if ((o->out = paths_output(p, o->op->out, why)) == NULL) return false;
    return o->op->extra == NULL || (o->extra = paths_output(p, o->op->extra, why)) != NULL;
}

static bool run_operation(const replay *r, options *o, paths *p, fault *why)
{
    return find_inputs(o, p, why) && place_outputs(o, p, why) && folder_make(p->target, why) &&
           case_run(r->context, o, why);
}

static bool run_case(const replay *r, const char *name, options *o, fault *why)
{
    paths p = { 0 };
    bool good = paths_make(&p, r->from, r->to, name, o->inputs, why) &&
                (o->sampler != NULL ? replay_sampler(r->context, o, &p, why)
                 : o->rule != NULL  ? replay_rule(r->context, o, &p, why)
                                    : run_operation(r, o, &p, why));
    if (!good && p.target != NULL) rmdir(p.target); /* stays if it holds anything */
    paths_free(&p);
    return good;
}

static const char *case_name(int i)
{
    static suggest_list *const lists[] = { operation_name, guided_case_name, sampler_name, NULL };
    return suggest_joined(lists, i);
}

static const suggest_names case_names = { "operation", case_name, operation_aliases };

/* The rest of a line: OP key=value ... */
static bool read_case(char **rest, options *o, fault *why)
{
    const char *op = strtok_r(NULL, " \t\r\n", rest);
    if (op == NULL) return fault_set(why, "the operation is missing");
    o->op = operation_find(op);
    o->rule = guided_of_case(op);
    o->sampler = sampler_find(op);
    const unsigned command = o->sampler != NULL ? FOR_SAMPLER_CASE : o->rule != NULL ? FOR_RULE : FOR_CASE;
    if (o->op == NULL && o->rule == NULL && o->sampler == NULL) return suggest_refuse(&case_names, op, why);
    for (char *key; (key = strtok_r(NULL, " \t\r\n", rest)) != NULL;) {
        char *value = strchr(key, '=');
        if (value == NULL) return fault_set(why, "'%s' is not key=value", key);
        *value++ = '\0';
        if (!options_set(o, command, key, value, key, why)) return false;
    }
    return true;
}

/* Empty lines and lines that begin with # are no cases. */
static void replay_line(replay *r, char *line)
{
    char *rest;
    const char *name = strtok_r(line, " \t\r\n", &rest);
    if (name == NULL || *name == '#') return;
    fault why;
    options o = r->how;
    if (read_case(&rest, &o, &why) && run_case(r, name, &o, &why)) {
        r->written++;
        return;
    }
    progress_say("%s: %s", name, why.text);
    r->refused++;
}

static bool replay_file(replay *r, FILE *file, fault *why)
{
    char *line = NULL;
    size_t size = 0;
    int total = 0, done = 0;
    while (getline(&line, &size, file) >= 0) total++;
    rewind(file);
    progress_begin(total);
    for (; getline(&line, &size, file) >= 0; done++) {
        progress_step(done, "cases");
        replay_line(r, line);
    }
    progress_end();
    free(line);
    return ferror(file) ? fault_set(why, "cases.txt cannot be read: %s", strerror(errno)) : true;
}

static bool replay_folder(replay *r, fault *why)
{
    char *path = path_join(r->from, "cases.txt", why);
    if (path == NULL) return false;
    FILE *file = fopen(path, "r");
    bool good = file != NULL ? folder_make(r->to, why) && replay_file(r, file, why)
                             : fault_set(why, "%s: %s", path, strerror(errno));
    if (file != NULL) fclose(file);
    free(path);
    return good;
}

int command_replay(int argc, char **argv)
{
    fault why;
    replay r = { 0 };
    const char *positional[2];
    arguments given = { .argc = argc, .first = 1, .argv = argv, .positional = positional, .most = 2 };
    options_init(&r.how);
    if (!options_parse(&r.how, FOR_REPLAY, &given, &why)) return misused("replay", &why);
    if (given.count < 2) {
        fault_set(&why, "DIR and OUTDIR are needed");
        return misused("replay", &why);
    }
    r.from = positional[0];
    r.to = positional[1];
    r.context = context_make(r.how.threads, &why);
    if (r.context == NULL) return refused(&why);
    bool good = replay_folder(&r, &why);
    ag_context_free(r.context);
    if (!good) return refused(&why);
    printf("%d cases written, %d refused\n", r.written, r.refused);
    return r.refused == 0 ? EXIT_GOOD : EXIT_REFUSED;
}
