/* paths.c - the files of one replayed case. */
#include "paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "folder.h"

bool paths_make(paths *p, const char *from, const char *to, const char *name, const char *inputs, fault *why)
{
    if (!name_is_plain(name) || (inputs != NULL && !name_is_plain(inputs)))
        return fault_set(why, "the name of a case or of its inputs is not a plain folder name");
    p->folder = path_join(from, name, why);
    p->target = path_join(to, name, why);
    if (inputs != NULL) p->shared = path_join(from, inputs, why);
    return p->folder != NULL && p->target != NULL && (inputs == NULL || p->shared != NULL);
}

void paths_free(paths *p)
{
    free(p->folder);
    free(p->shared);
    free(p->target);
    for (int i = 0; i < p->count; i++) free(p->file[i]);
}

/* folder/name.npy, owned by p. */
static const char *add_file(paths *p, const char *folder, const char *name, fault *why)
{
    char file[32];
    snprintf(file, sizeof file, "%s.npy", name);
    char *path = path_join(folder, file, why);
    if (path != NULL) p->file[p->count++] = path;
    return path;
}

const char *paths_input(paths *p, const char *name, fault *why)
{
    const char *folders[] = { p->folder, p->shared };
    for (int i = 0; i < 2 && folders[i] != NULL; i++) {
        const char *path = add_file(p, folders[i], name, why);
        if (path == NULL || access(path, F_OK) == 0) return path;
        free(p->file[--p->count]);
    }
    fault_set(why, "%s.npy is missing", name);
    return NULL;
}

const char *paths_output(paths *p, const char *name, fault *why)
{
    const char *path = add_file(p, p->target, name, why);
    if (path != NULL) unlink(path);
    return path;
}
