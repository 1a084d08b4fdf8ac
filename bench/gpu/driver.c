/* driver.c - the program behind gpu-check: properties, verify, rules, time; each appends records to a file. Exit status
 * 0: everything was right; 1: something was wrong; 2: it could not be run, and the last line says why. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tests/harness/problem.h"
#include "../../tests/device/device.h"
#include "../../tests/device/properties.h"
#include "../../tests/device/record.h"
#include "../../tests/device/rules.h"
#include "../../tests/device/verify.h"
#include "timing.h"

typedef struct order {
    const char *what, *records, *fixture;
    double seconds;
    int workers, plans, few, small;
} order;

static const char usage[] = "driver {properties|verify|rules|time} [--records FILE] [--seconds S] [--fixture FILE]\n"
                            "       [--workers N] [--plans N] [--few] [--small]\n";

static int read_order(int argc, char **argv, order *o)
{
    if (argc < 2) return 1;
    *o = (order){ .what = argv[1], .seconds = 60, .workers = 8, .plans = 200 };
    for (int i = 2; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!strcmp(argv[i], "--few")) o->few = 1;
        else if (!strcmp(argv[i], "--small")) o->small = 1;
        else if (!value) return 1;
        else if (!strcmp(argv[i], "--records")) o->records = argv[++i];
        else if (!strcmp(argv[i], "--fixture")) o->fixture = argv[++i];
        else if (!strcmp(argv[i], "--seconds")) o->seconds = atof(argv[++i]);
        else if (!strcmp(argv[i], "--workers")) o->workers = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--plans")) o->plans = atoi(argv[++i]);
        else return 1;
    }
    return 0;
}

static int obey(const order *o)
{
    const verification v = { o->workers, o->seconds, o->plans, o->few };
    if (!strcmp(o->what, "verify")) return verify(&v) != 0; /* its processes open the device themselves */
    const char *missing = device_open();
    if (missing) {
        printf("%s\n", missing);
        return 2;
    }
    if (!strcmp(o->what, "properties")) return properties(o->fixture);
    if (!strcmp(o->what, "rules")) return rules(o->seconds) != 0;
    if (!strcmp(o->what, "time")) return timing(o->seconds, o->small);
    fputs(usage, stdout);
    return 2;
}

int main(int argc, char **argv)
{
    order o;
    if (read_order(argc, argv, &o)) {
        fputs(usage, stdout);
        return 2;
    }
    if (record_open(o.records)) {
        printf("%s cannot be written\n", o.records);
        return 2;
    }
    problem_where = AG_CUDA;
    const int result = obey(&o);
    record_close();
    return result;
}
