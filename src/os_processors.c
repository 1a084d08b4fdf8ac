/* os_processors.c - how many processors this process may use, by its affinity and its group's quota of time, and how to
 * stay on one of them: Linux. */
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os.h"

/* More than any kernel is built for: with less room than it has processors it would tell nothing. */
enum { MOST = 1 << 16, LINE = 8192 };

typedef struct affinity {
    cpu_set_t part[MOST / CPU_SETSIZE];
} affinity;

static int affinity_here(affinity *may)
{
    memset(may, 0, sizeof *may);
    return sched_getaffinity(0, sizeof *may, may->part) ? 0 : CPU_COUNT_S(sizeof *may, may->part);
}

int ag_os_processors(void)
{
    affinity may;
    const int n = affinity_here(&may);
    if (n > 0) return n;
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online < 1 ? 1 : online > MOST ? MOST : (int)online;
}

void ag_thread_pin(int i)
{
    affinity may, one;
    const int n = affinity_here(&may);
    if (n < 1) return;
    i %= n;
    for (int cpu = 0; cpu < MOST; cpu++) {
        if (!CPU_ISSET_S(cpu, sizeof may, may.part) || i--) continue;
        memset(&one, 0, sizeof one);
        CPU_SET_S(cpu, sizeof one, one.part);
        sched_setaffinity(0, CPU_ALLOC_SIZE(cpu + 1), one.part);
        return;
    }
}

/* ---- the quota: control groups of version 2 (cpu.max) and 1 (cpu.cfs_quota_us), which may both be there ---- */

static int first_line(char line[LINE], const char *root, const char *folder, const char *name)
{
    char path[3 * LINE];
    const int n = snprintf(path, sizeof path, "%s%s/%s", root, folder, name);
    FILE *file = n > 0 && (size_t)n < sizeof path ? fopen(path, "re") : NULL;
    const int found = file && fgets(line, LINE, file);
    if (file) fclose(file);
    return found;
}

/* Of one group, rounded up: a quota of half a processor is one thread's. "max" and -1 are none. */
static int quota_of(const char *root, const char *folder, int version)
{
    char line[LINE];
    long long quota = 0, period = 0;
    if (version == 2) {
        if (!first_line(line, root, folder, "cpu.max") || sscanf(line, "%lld %lld", &quota, &period) != 2)
            return INT_MAX;
    } else {
        if (first_line(line, root, folder, "cpu.cfs_quota_us")) quota = strtoll(line, NULL, 10);
        if (first_line(line, root, folder, "cpu.cfs_period_us")) period = strtoll(line, NULL, 10);
    }
    if (quota <= 0 || period <= 0) return INT_MAX;
    const long long processors = quota / period + (quota % period != 0);
    return processors > INT_MAX ? INT_MAX : (int)processors;
}

/* The least of a group and those that hold it, up to where they are mounted. Changes `folder`. */
static int least_quota(const char *root, char *folder, size_t mount, int version)
{
    int least = INT_MAX;
    for (;;) {
        const int n = quota_of(root, folder, version);
        if (n < least) least = n;
        char *slash = strrchr(folder, '/');
        if (!slash || (size_t)(slash - folder) < mount) return least;
        *slash = 0;
    }
}

/* Whether `word` is in a list parted by commas. */
static int lists(const char *list, const char *word)
{
    const size_t n = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += n)
        if ((at == list || at[-1] == ',') && (at[n] == ',' || at[n] == '\n' || !at[n])) return 1;
    return 0;
}

/* The group of this process: of version 2 the line "0::/group", of version 1 "4:cpu,cpuacct:/group". */
static int group_here(char group[LINE], const char *root, int version)
{
    char path[LINE], line[LINE];
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "re");
    int found = 0;
    while (file && !found && fgets(line, sizeof line, file)) {
        char *kinds = strchr(line, ':');
        char *at = kinds ? strchr(++kinds, ':') : NULL;
        if (!at) continue;
        *at++ = 0;
        if (version == 2 ? *kinds != 0 : !lists(kinds, "cpu")) continue;
        at[strcspn(at, "\n")] = 0;
        strcpy(group, at);
        found = 1;
    }
    if (file) fclose(file);
    return found;
}

/* A line of mountinfo: "31 23 0:28 /root /mount/point rw shared:1 - cgroup2 cgroup2 rw". Where the root is not above
 * the group, as in a container that is told of groups outside, its own group is what is mounted. */
static int quota_of_mount(const char *root, const char *line, const char *group, int version)
{
    char top[LINE], folder[2 * LINE], kind[64], options[LINE] = "";
    const char *dash = strstr(line, " - ");
    if (!dash || sscanf(line, "%*s %*s %*s %8191s %8191s", top, folder) != 2) return INT_MAX;
    if (sscanf(dash, " - %63s %*s %8191s", kind, options) < 1) return INT_MAX;
    if (strcmp(kind, version == 2 ? "cgroup2" : "cgroup") || (version == 1 && !lists(options, "cpu"))) return INT_MAX;
    const size_t above = strcmp(top, "/") ? strlen(top) : 0, mount = strlen(folder);
    const int below = !strncmp(group, top, above) && group[above] == '/' && !strstr(group, "/..");
    if (below && group[above + 1]) strcpy(folder + mount, group + above);
    return least_quota(root, folder, mount, version);
}

int ag_os_quota(const char *root)
{
    char path[LINE], line[LINE], group[LINE];
    int least = INT_MAX;
    for (int version = 1; version <= 2; version++) {
        if (!group_here(group, root, version)) continue;
        snprintf(path, sizeof path, "%s/proc/self/mountinfo", root);
        FILE *file = fopen(path, "re");
        while (file && fgets(line, sizeof line, file)) {
            const int n = quota_of_mount(root, line, group, version);
            if (n < least) least = n;
        }
        if (file) fclose(file);
    }
    return least;
}
