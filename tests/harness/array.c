/* array.c - see array.h. */
#include "array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int parse_shape(const char *at, array *a)
{
    a->count = 1;
    while (*at != ')') {
        char *end;
        if (a->rank == ARRAY_AXES) return 1;
        a->shape[a->rank] = strtoll(at, &end, 10);
        if (end == at || a->shape[a->rank] < 0) return 1;
        a->count *= a->shape[a->rank++];
        at = end + strspn(end, ", ");
    }
    return a->rank == 0;
}

static const char *parse_header(const char *header, array *a)
{
    static const char *const types[] = { "'<f4'", "'<i4'", "'|u1'" };
    const char *type = strstr(header, "'descr': "), *shape = strstr(header, "'shape': (");
    if (!strstr(header, "'fortran_order': False")) return "not in C order";
    for (int i = 0; type && i < 3; i++)
        if (!strncmp(type + 9, types[i], 5)) a->type = types[i][2];
    if (!a->type) return "not of float32, int32 or bytes";
    return !shape || parse_shape(shape + 10, a) ? "not of one to four axes" : NULL;
}

static const char *read_body(FILE *file, array *a)
{
    unsigned char start[10];
    char header[65536];
    if (fread(start, 1, 10, file) != 10 || memcmp(start, "\x93NUMPY\1\0", 8)) return "not an .npy file of version 1";
    const size_t length = start[8] | (size_t)start[9] << 8;
    if (length == sizeof header || fread(header, 1, length, file) != length) return "short header";
    header[length] = 0;
    const char *wrong = parse_header(header, a);
    if (wrong) return wrong;
    const size_t bytes = (size_t)a->count * (a->type == 'u' ? 1 : 4);
    a->data = malloc(bytes + 1); /* an empty array has data, too */
    if (!a->data) return "no memory";
    return fread(a->data, 1, bytes, file) != bytes || fgetc(file) != EOF
               ? "its data does not have the size of its shape"
               : NULL;
}

const char *array_read(const char *path, array *a)
{
    FILE *file = fopen(path, "rb");
    *a = (array){ 0 };
    if (!file) return "cannot be opened";
    const char *wrong = read_body(file, a);
    fclose(file);
    if (wrong) free(a->data), a->data = NULL;
    return wrong;
}
