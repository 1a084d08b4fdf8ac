/* folder.h - paths and folders. */
#ifndef TOOLS_FOLDER_H
#define TOOLS_FOLDER_H

#include "fault.h"

/* folder/name, to be freed. NULL: no memory, and why says so. */
char *path_join(const char *folder, const char *name, fault *why);

/* Makes a folder and those above it; one that exists is good. */
bool folder_make(const char *path, fault *why);

/* Whether name can be one component of a path: not empty, no slash, not . or .. */
bool name_is_plain(const char *name);

#endif
