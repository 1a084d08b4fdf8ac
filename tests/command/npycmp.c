/* npycmp.c - the judge of the command's test: npycmp TOLERANCE EXPECTED.npy ACTUAL.npy
 *
 * Exit 0 if both are float32 of one shape, infinities stand at the same places with the same sign, no value is a NaN,
 * and |actual - expected| / |expected| (L2 norms over the finite values) is at most the tolerance. Reads what NumPy's
 * version 1 and the command write, with a reader of its own.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct array {
    char shape[256];
    size_t count;
    float *value;
} array;

static int complain(const char *path, const char *what)
{
    fprintf(stderr, "npycmp: %s: %s\n", path, what);
    return 0;
}

/* The text between ( and ), without spaces and a last comma, and the product of its numbers. */
static int read_shape(const char *header, array *a)
{
    const char *at = strchr(header, '(');
    size_t length = 0;
    a->count = 1;
    if (at == NULL) return 0;
    for (at++; *at != '\0' && *at != ')' && length + 1 < sizeof a->shape; at++)
        if (*at != ' ') a->shape[length++] = *at;
    while (length > 0 && a->shape[length - 1] == ',') length--;
    a->shape[length] = '\0';
    for (const char *number = a->shape; *number != '\0';) {
        a->count *= strtoull(number, (char **)&number, 10);
        if (*number == ',') number++;
        else if (*number != '\0') return 0;
    }
    return *at == ')';
}

static int read_body(FILE *file, const char *path, array *a)
{
    unsigned char start[10];
    char header[65536];
    if (fread(start, 1, 10, file) != 10 || memcmp(start, "\x93NUMPY\1\0", 8) != 0)
        return complain(path, "not an .npy file of version 1");
    size_t length = start[8] | (size_t)start[9] << 8;
    if (fread(header, 1, length, file) != length) return complain(path, "short header");
    header[length] = '\0';
    if (strstr(header, "'<f4'") == NULL || strstr(header, "False") == NULL || !read_shape(header, a))
        return complain(path, "not float32 in C order");
    a->value = malloc(a->count * sizeof *a->value + 1);
    if (a->value == NULL || fread(a->value, sizeof *a->value, a->count, file) != a->count || fgetc(file) != EOF)
        return complain(path, "its data does not have the size of its shape");
    return 1;
}

static int read_array(const char *path, array *a)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) return complain(path, "cannot be opened");
    int good = read_body(file, path, a);
    fclose(file);
    return good;
}

/* NaN: not comparable. */
static double difference(const array *expected, const array *actual)
{
    double error = 0, norm = 0;
    for (size_t i = 0; i < expected->count; i++) {
        double e = expected->value[i], a = actual->value[i];
        if (isinf(e) || isinf(a)) {
            if (e != a) return NAN;
            continue;
        }
        error += (a - e) * (a - e);
        norm += e * e;
    }
    return norm > 0 ? sqrt(error / norm) : sqrt(error);
}

int main(int argc, char **argv)
{
    array expected = { 0 }, actual = { 0 };
    if (argc != 4) return 2;
    if (!read_array(argv[2], &expected) || !read_array(argv[3], &actual)) return 1;
    if (strcmp(expected.shape, actual.shape) != 0) {
        fprintf(stderr, "npycmp: shapes (%s) and (%s)\n", expected.shape, actual.shape);
        return 1;
    }
    double found = difference(&expected, &actual);
    free(expected.value);
    free(actual.value);
    if (found <= atof(argv[1])) /* false for a NaN */
        return 0;
    fprintf(stderr, "npycmp: %s: difference %.3g, tolerance %s\n", argv[3], found, argv[1]);
    return 1;
}
