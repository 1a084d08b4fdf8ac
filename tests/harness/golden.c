/* golden.c - see golden.h: reading cases.txt. */
#include "golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *golden_folder = "tests/golden/attention";

static FILE *open_cases(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/cases.txt", golden_folder);
    return fopen(path, "r");
}

int golden_count(void)
{
    FILE *file = open_cases();
    char line[512];
    int count = 0;
    while (file && fgets(line, sizeof line, file)) count++;
    if (file) fclose(file);
    return count;
}

int golden_case(int number, golden *g)
{
    FILE *file = open_cases();
    if (!file) return 1;
    for (int i = 0; i <= number; i++)
        if (!fgets(g->line, sizeof g->line, file)) g->line[0] = 0;
    fclose(file);
    return sscanf(g->line, "%63s %31s", g->name, g->operation) != 2;
}

const char *golden_value(const golden *g, const char *key)
{
    char pattern[64];
    snprintf(pattern, sizeof pattern, " %s=", key);
    const char *at = strstr(g->line, pattern);
    return at ? at + strlen(pattern) : NULL;
}

double golden_number(const golden *g, const char *key, double absent)
{
    const char *value = golden_value(g, key);
    return value ? strtod(value, NULL) : absent;
}

ag_prediction golden_prediction(const golden *g, const char *key)
{
    static const char *const names[] = { "eps ", "x0 ", "v ", "score ", "flow " };
    int i = 0;
    while (i < 4 && strncmp(golden_value(g, key), names[i], strlen(names[i])) != 0) i++;
    return (ag_prediction)i;
}

/* A file that is not there has no data; one that is there and cannot be read is told, for its case fails then. */
static array read_npy(const char *path)
{
    array a;
    const char *wrong = array_read(path, &a);
    if (wrong && access(path, F_OK) == 0) printf("%s: %s\n", path, wrong);
    return a;
}

array golden_array(const golden *g, const char *name)
{
    char path[512];
    const char *inputs = golden_value(g, "inputs");
    snprintf(path, sizeof path, "%s/%s/%s.npy", golden_folder, g->name, name);
    const array own = read_npy(path);
    if (own.data || !inputs) return own;
    snprintf(path, sizeof path, "%s/%.*s/%s.npy", golden_folder, (int)strcspn(inputs, " \n"), inputs, name);
    return read_npy(path);
}
