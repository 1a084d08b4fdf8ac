/* qualified.h - kernels that were right on a device of an architecture (90: sm_90), as make gpu-check found.
 * Written by it: a run renews the rows of its own architecture. */
#ifndef AG_QUALIFIED_H
#define AG_QUALIFIED_H

typedef struct ag_qualified {
    const char *kernel;
    int architecture;
} ag_qualified;

/* Ends with a row without a kernel. */
static const ag_qualified ag_qualified_list[] = {
    { 0, 0 },
};

#endif
