/* qualified.c - see qualified.h. */
#include "qualified.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LEAST_JUDGED = 10, MOST_ROWS = 512 };

static const char head[] =
    "/* qualified.h - kernels that were right on a device of an architecture (90: sm_90), as make gpu-check found.\n"
    " * Written by it: a run renews the rows of its own architecture. */\n"
    "#ifndef AG_QUALIFIED_H\n"
    "#define AG_QUALIFIED_H\n"
    "\n"
    "typedef struct ag_qualified {\n"
    "    const char *kernel;\n"
    "    int architecture;\n"
    "} ag_qualified;\n"
    "\n"
    "/* Ends with a row without a kernel. */\n"
    "static const ag_qualified ag_qualified_list[] = {\n";
static const char tail[] = "    { 0, 0 },\n};\n\n#endif\n";

typedef struct row {
    char kernel[80];
    int architecture;
} row;

/* Rows of other architectures; -1: the file could not be read. */
static int read_rows(const char *path, int architecture, row *rows)
{
    char line[256];
    int n = 0;
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!path) return 0;
    if (!file) return -1;
    while (n < MOST_ROWS && fgets(line, sizeof line, file))
        if (sscanf(line, " { \"%79[^\"]\", %d }", rows[n].kernel, &rows[n].architecture) == 2)
            n += rows[n].architecture != architecture;
    fclose(file);
    return n;
}

/* It was judged often enough, and never wrong. */
static int passed(const result *r)
{
    return result_is(r, "kernel") && !strcmp(result_text(r, "status"), "pass") && *result_text(r, "step") &&
           result_number(r, "judged") >= LEAST_JUDGED;
}

static int judged(const results *all)
{
    for (int i = 0; i < all->n; i++)
        if (result_is(&all->list[i], "kernel")) return 1;
    return 0;
}

int qualified_write(const results *all, const char *from, const char *to)
{
    static row rows[MOST_ROWS];
    const double here = result_number(results_find(all, "device", "key", "architecture"), "value");
    /* Without a judgement there is nothing to renew: every row stays. */
    const int architecture = isnan(here) || !judged(all) ? 0 : (int)here;
    const int n = read_rows(from, architecture, rows);
    FILE *file = n >= 0 ? fopen(to, "w") : NULL;
    if (!file) return 1;
    fputs(head, file);
    for (int i = 0; i < n; i++) fprintf(file, "    { \"%s\", %d },\n", rows[i].kernel, rows[i].architecture);
    for (int i = 0; i < all->n && architecture; i++)
        if (passed(&all->list[i]))
            fprintf(file, "    { \"%s\", %d },\n", result_text(&all->list[i], "name"), architecture);
    fputs(tail, file);
    return fclose(file) != 0;
}
