/* operation.h - the operations by the names that the command line and cases.txt use. */
#ifndef TOOLS_OPERATION_H
#define TOOLS_OPERATION_H

#include "attnguide.h"

typedef struct operation {
    const char *name;
    ag_operation operation;
    ag_method method;
    unsigned needs;    /* AG_NEEDS_ bits: the input files a case must have */
    const char *out;   /* name of the array in a replayed case */
    const char *extra; /* a second array replayed along: lse, curvature; NULL = none */
} operation;

extern const operation operations[];
extern const int operation_count;

/* NULL: no such name. */
const operation *operation_find(const char *name);

#endif
