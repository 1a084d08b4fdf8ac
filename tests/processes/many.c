/* many.c - to preload: a machine of MANY processors, of which this process may use the last MAY (0: nobody can tell).
 * The kernel's own rule: a set with room for fewer than there are is refused. */
#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t number(const char *name)
{
    const char *text = getenv(name);
    return text ? (size_t)atol(text) : 0;
}

int sched_getaffinity(pid_t process, size_t size, cpu_set_t *set)
{
    const size_t many = number("MANY"), may = number("MAY");
    (void)process;
    if (size * 8 < many || !may) {
        errno = EINVAL;
        return -1;
    }
    memset(set, 0, size);
    for (size_t i = many - may; i < many; i++) CPU_SET_S(i, size, set);
    return 0;
}

int sched_setaffinity(pid_t process, size_t size, const cpu_set_t *set)
{
    (void)process;
    for (size_t i = 0; i < 8 * size; i++)
        if (CPU_ISSET_S(i, size, set)) printf("stays on %zu\n", i);
    return 0;
}

long sysconf(int name)
{
    long (*real)(int);
    if (name == _SC_NPROCESSORS_ONLN || name == _SC_NPROCESSORS_CONF) return (long)number("MANY");
    *(void **)&real = dlsym(RTLD_NEXT, "sysconf");
    return real(name);
}
