/* golden.c - see golden.h: reading cases.txt and .npy files. */
#include "golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *golden_folder = "tests/golden/attention";

/* ---- cases.txt ---------------------------------------------------------------------------------------------- */

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

/* ---- .npy --------------------------------------------------------------------------------------------------- */

static int parse_header(const char *header, array *a)
{
    const char *type = strstr(header, "'descr': '"), *shape = strstr(header, "'shape': (");
    if (!type || !shape || !strstr(header, "'fortran_order': False")) return 1;
    a->type = type[11];
    a->count = 1;
    shape += 10;
    while (*shape && *shape != ')' && a->rank < 4) {
        char *end;
        a->shape[a->rank] = strtoll(shape, &end, 10);
        if (end == shape) break;
        a->count *= a->shape[a->rank++];
        shape = end + strspn(end, ", ");
    }
    return a->rank == 0;
}

static array read_npy(const char *path)
{
    unsigned char start[10];
    char header[512] = "";
    array a = { 0 };
    FILE *file = fopen(path, "rb");
    if (!file) return a;
    const size_t size = fread(start, 1, 10, file) == 10 ? start[8] + 256u * start[9] : sizeof header;
    if (size < sizeof header && fread(header, 1, size, file) == size && !parse_header(header, &a)) {
        const size_t bytes = (size_t)a.count * (a.type == 'u' ? 1 : 4);
        a.data = malloc(bytes);
        if (a.data && fread(a.data, 1, bytes, file) != bytes) {
            free(a.data);
            a.data = NULL;
        }
    }
    fclose(file);
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
