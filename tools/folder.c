/* folder.c - paths and folders. */
#include "folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

char *path_join(const char *folder, const char *name, fault *why)
{
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) >= 0) return path;
    fault_set(why, "there is no memory for a path");
    return NULL;
}

/* mkdir of every prefix of path, which is cut and mended. */
static bool make_prefixes(char *path)
{
    for (char *at = path + 1;; at++) {
        if (*at != '/' && *at != '\0') continue;
        char kept = *at;
        *at = '\0';
        bool good = mkdir(path, 0777) == 0 || errno == EEXIST;
        *at = kept;
        if (!good || kept == '\0') return good;
    }
}

bool folder_make(const char *path, fault *why)
{
    if (*path == '\0') return fault_set(why, "a folder's name is empty");
    char *copy = strdup(path);
    if (copy == NULL) return fault_set(why, "there is no memory for a path");
    bool good = make_prefixes(copy);
    free(copy);
    struct stat status;
    if (good && stat(path, &status) == 0 && !S_ISDIR(status.st_mode)) {
        errno = ENOTDIR;
        good = false;
    }
    return good ? true : fault_set(why, "%s cannot be made: %s", path, strerror(errno));
}

bool name_is_plain(const char *name)
{
    return *name != '\0' && strchr(name, '/') == NULL && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}
