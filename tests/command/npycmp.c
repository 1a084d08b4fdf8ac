/* npycmp.c - the judge of the command's test: npycmp TOLERANCE EXPECTED.npy ACTUAL.npy
 *
 * Exit 0 if both are float32 of one shape, infinities stand at the same places with the same sign, no value is a NaN,
 * and |actual - expected| / |expected| (L2 norms over the finite values) is at most the tolerance.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/array.h"

/* NaN: not comparable. */
static double difference(const array *expected, const array *actual)
{
    const float *wanted = expected->data, *found = actual->data;
    double error = 0, norm = 0;
    for (int64_t i = 0; i < expected->count; i++) {
        const double e = wanted[i], a = found[i];
        if (isinf(e) || isinf(a)) {
            if (e != a) return NAN;
            continue;
        }
        error += (a - e) * (a - e);
        norm += e * e;
    }
    return norm > 0 ? sqrt(error / norm) : sqrt(error);
}

static int read_floats(const char *path, array *a)
{
    const char *wrong = array_read(path, a);
    if (!wrong && a->type != 'f') wrong = "not float32";
    if (wrong) fprintf(stderr, "npycmp: %s: %s\n", path, wrong);
    return !wrong;
}

int main(int argc, char **argv)
{
    array expected, actual;
    if (argc != 4) return 2;
    if (!read_floats(argv[2], &expected) || !read_floats(argv[3], &actual)) return 1;
    if (expected.rank != actual.rank || memcmp(expected.shape, actual.shape, sizeof actual.shape)) {
        fprintf(stderr, "npycmp: %s and %s are of different shapes\n", argv[2], argv[3]);
        return 1;
    }
    const double found = difference(&expected, &actual);
    free(expected.data);
    free(actual.data);
    if (found <= atof(argv[1])) return 0; /* false for a NaN */
    fprintf(stderr, "npycmp: %s: difference %.3g, tolerance %s\n", argv[3], found, argv[1]);
    return 1;
}
