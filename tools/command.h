/* command.h - the commands of attnguide. Each gets its own arguments, argv[0] being its name, and returns the exit
 * code. */
#ifndef TOOLS_COMMAND_H
#define TOOLS_COMMAND_H

#include "fault.h"

enum { EXIT_GOOD = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

int command_info(int argc, char **argv);
int command_run(int argc, char **argv);
int command_combine(int argc, char **argv);
int command_convert(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_demo(int argc, char **argv);
int command_bench(int argc, char **argv);

/* Say why on stderr and return the exit code. */
int refused(const fault *why);
int misused(const char *command, const fault *why);

/* Prints a help text, its generated lines filled in. */
void help_print(const char *text);

/* What stands for its lines that begin with %rules and %parameters. */
void help_rules(void);
void help_parameters(void);

/* What the library tells of its methods, in tables. */
void info_methods(void);

extern const char help_all[], help_info[], help_run[], help_replay[], help_demo[], help_bench[];
extern const char help_combine[], help_convert[];

#endif
