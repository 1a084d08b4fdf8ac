/* main.c - the command: which subcommand, its help, how errors are said. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "attnguide.h"
#include "command.h"
#include "guided.h"
#include "operation.h"
#include "sampler.h"

typedef struct command {
    const char *name;
    int (*main)(int argc, char **argv);
    const char *help;
} command;

static const command commands[] = {
    { "info", command_info, help_info },          { "run", command_run, help_run },
    { "combine", command_combine, help_combine }, { "convert", command_convert, help_convert },
    { "replay", command_replay, help_replay },    { "demo", command_demo, help_demo },
    { "bench", command_bench, help_bench },
};

int refused(const fault *why)
{
    fprintf(stderr, "attnguide: %s\n", why->text);
    return EXIT_REFUSED;
}

int misused(const char *name, const fault *why)
{
    fprintf(stderr, "attnguide %s: %s (see attnguide %s --help)\n", name, why->text, name);
    return EXIT_USAGE;
}

static const int command_count = (int)(sizeof commands / sizeof commands[0]);

static const char *command_name(int i) { return i < command_count ? commands[i].name : NULL; }

static const command *command_find(const char *name)
{
    for (int i = 0; i < command_count; i++)
        if (!strcmp(name, commands[i].name)) return &commands[i];
    return NULL;
}

static bool is_help(const char *word) { return !strcmp(word, "--help") || !strcmp(word, "-h"); }

static int no_command(const char *word)
{
    static const char *const aliases[] = { NULL };
    static const suggest_names names = { "command", command_name, aliases };
    fault why;
    const char *meant = operation_find(word) != NULL ? word : suggest_alias(operation_aliases, word);
    if (meant != NULL) fault_set(&why, "there is no command '%s'; did you mean attnguide run %s?", word, meant);
    else if (guided_find(word) != NULL || sampler_find(word) != NULL)
        fault_set(&why, "there is no command '%s'; did you mean attnguide combine %s?", word, word);
    else suggest_refuse(&names, word, &why);
    fprintf(stderr, "attnguide: %s (see attnguide --help)\n", why.text);
    return EXIT_USAGE;
}

/* help, --help or -h, then perhaps the name of a command. */
static int help(int argc, char **argv)
{
    if (argc < 3 || is_help(argv[2])) {
        fputs(help_all, stdout);
        return EXIT_GOOD;
    }
    const command *found = command_find(argv[2]);
    if (found == NULL) return no_command(argv[2]);
    help_print(found->help);
    return EXIT_GOOD;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) {
        fputs("attnguide: a command is missing: info, run, combine, convert, replay, demo or bench (see attnguide "
              "--help)\n",
              stderr);
        return EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("attnguide %s\n", ag_version_string());
        return EXIT_GOOD;
    }
    if (is_help(argv[1]) || !strcmp(argv[1], "help")) return help(argc, argv);
    const command *found = command_find(argv[1]);
    if (found == NULL) return no_command(argv[1]);
    for (int k = 2; k < argc; k++)
        if (is_help(argv[k])) {
            help_print(found->help);
            return EXIT_GOOD;
        }
    return found->main(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    int code = dispatch(argc, argv);
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    fputs("attnguide: what should go to the standard output could not be written\n", stderr);
    return code == EXIT_GOOD ? EXIT_REFUSED : code;
}
