/* attnguide.c - the command: which subcommand, its help, how errors are said. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "attnguide.h"
#include "command.h"

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

static const command *command_find(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (!strcmp(name, commands[i].name)) return &commands[i];
    return NULL;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) return true;
    return false;
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
    const command *found = command_find(argv[1]);
    if (found == NULL && asks_for_help(argc > 2 ? 2 : argc, argv)) {
        fputs(help_all, stdout);
        return EXIT_GOOD;
    }
    if (found == NULL) {
        fprintf(stderr, "attnguide: there is no command '%s' (see attnguide --help)\n", argv[1]);
        return EXIT_USAGE;
    }
    if (asks_for_help(argc - 1, argv + 1)) {
        fputs(found->help, stdout);
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
