/* paths.h - the files of one replayed case: where its arrays are looked up, and where the results go. */
#ifndef TOOLS_PATHS_H
#define TOOLS_PATHS_H

#include "fault.h"

/* Owns every path that options point at. */
typedef struct paths {
    char *folder, *shared, *target; /* DIR/NAME, DIR/<inputs> or NULL, OUTDIR/NAME */
    char *file[16];
    int count;
} paths;

/* name and inputs, which may be NULL, are single folders of `from`. */
bool paths_make(paths *p, const char *from, const char *to, const char *name, const char *inputs, fault *why);
void paths_free(paths *p);

/* The path of array `name` among the inputs. NULL: in neither folder, and why says so. */
const char *paths_input(paths *p, const char *name, fault *why);

/* Where array `name` of the results goes; what an earlier replay left there is removed, so that a refused case cannot
 * pass for a good one. */
const char *paths_output(paths *p, const char *name, fault *why);

#endif
