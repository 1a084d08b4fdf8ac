/* info.c - the command info: what this library and this machine have. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "execute.h"
#include "options.h"

static void print_backends(void)
{
    puts("\nbackends");
    for (int i = 0;; i++) {
        ag_kernel_info info = { .size = sizeof info };
        if (ag_backend_at(i, &info) != AG_OK) return;
        if (info.unavailable) printf("  %-8s unavailable: %s\n", info.backend, info.unavailable);
        else printf("  %-8s usable\n", info.backend);
    }
}

static void print_kernels(void)
{
    puts("\nkernels, in the order in which they are tried");
    for (int i = 0;; i++) {
        ag_kernel_info info = { .size = sizeof info };
        if (ag_kernel_at(i, &info) != AG_OK) return;
        const char *more = info.unavailable ? info.unavailable : info.detail ? info.detail : "";
        printf("  %-6s %-10s %-20s %s%s%s\n", info.backend, info.step, info.name,
               info.unavailable ? "unavailable" : "usable", *more ? ": " : "", more);
    }
}

int command_info(int argc, char **argv)
{
    fault why;
    options o;
    options_init(&o);
    arguments given = { .argc = argc, .first = 1, .argv = argv };
    if (argc == 2 && !strcmp(argv[1], "--methods")) {
        info_methods();
        return EXIT_GOOD;
    }
    if (!options_parse(&o, 0, &given, &why)) return misused("info", &why);
    ag_context *context = context_make(0, &why);
    if (context == NULL) return refused(&why);
    printf("attnguide %s\nthreads  %d\n", ag_version_string(), ag_context_threads(context));
    ag_context_free(context);
    print_backends();
    print_kernels();
    return EXIT_GOOD;
}
