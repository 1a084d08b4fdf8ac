/* fault.h - one sentence that says what went wrong. */
#ifndef TOOLS_FAULT_H
#define TOOLS_FAULT_H

#include <stdbool.h>

typedef struct fault {
    char text[512]; /* always ended; cut where it does not fit */
} fault;

/* Always false, so that a refusal is one line: return fault_set(why, ...). */
bool fault_set(fault *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
