/* planted.c - a library that must not be loaded: it leaves a mark where MARK says. */
#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor)) static void leave_a_mark(void)
{
    FILE *mark = fopen(getenv("MARK"), "w");
    if (mark) fclose(mark);
}
