/* beside.c - two builds of the library in one process: "kernels LIBRARY" lists what it has and what of that is usable
 * here, "times LIBRARY OTHER" runs the same problems by both in turn and prints the medians. Absolute paths: libraries
 * of one soname are two only by their files. */
#include <attnguide.h>
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HEADS = 8, N = 1024, D = 64, ALL = HEADS * N * D, ROUNDS = 11 };

static float q[ALL], k[ALL], v[ALL], out[2][ALL];

/* The calls of one build; structs are initialized by what this program is linked with. */
typedef struct library {
    ag_status (*kernel_at)(int i, ag_kernel_info *info);
    ag_status (*context_create)(const ag_context_options *options, ag_context **context, char *why, size_t why_size);
    ag_status (*attend)(ag_context *context, const ag_problem *p, const ag_args *a, char *why, size_t why_size);
    ag_context *context;
} library;

/* POSIX has pointers to objects and to functions alike, and ISO C no conversion. */
static int find(void *handle, const char *name, void *to)
{
    void *found = dlsym(handle, name);
    memcpy(to, &found, sizeof found);
    return found != NULL;
}

/* With one thread: others would measure the machine's other work. */
static int load(library *l, const char *path)
{
    ag_context_options options;
    ag_context_options_init(&options);
    options.threads = 1;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle && find(handle, "ag_kernel_at", &l->kernel_at) &&
        find(handle, "ag_context_create", &l->context_create) && find(handle, "ag_attention_guided", &l->attend) &&
        !l->context_create(&options, &l->context, NULL, 0))
        return 1;
    printf("%s: %s\n", path, handle ? "calls are missing" : dlerror());
    return 0;
}

/* Of the CPU: a plugin may lie beside one library and not the other. */
static int list(const library *l)
{
    ag_kernel_info info;
    ag_kernel_info_init(&info);
    for (int i = 0; !l->kernel_at(i, &info); i++)
        if (!strcmp(info.backend, "cpu"))
            printf("%s %s: %s\n", info.step, info.name, info.unavailable ? info.unavailable : "usable");
    return 0;
}

/* ---- times ---- */

static double milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double greatest_difference(void)
{
    double most = 0;
    for (int i = 0; i < ALL; i++)
        if (!(fabs((double)out[0][i] - (double)out[1][i]) <= most)) most = fabs((double)out[0][i] - (double)out[1][i]);
    return most;
}

/* Both in turn, so that what else the machine does meets both; the first round, which makes the plans, does not count.
 * Whether the two agree, and neither takes twice the other's time or more. */
static int compare(const library both[2], const char *what, const ag_problem *p)
{
    double ms[2][ROUNDS + 1], median[2];
    for (int round = 0; round <= ROUNDS; round++)
        for (int i = 0; i < 2; i++) {
            char why[AG_MESSAGE_SIZE] = "";
            ag_args args;
            ag_args_init(&args, q, k, v, out[i]);
            const double begin = milliseconds();
            if (both[i].attend(both[i].context, p, &args, why, sizeof why)) return printf("%s: %s\n", what, why), 0;
            ms[i][round] = milliseconds() - begin;
        }
    for (int i = 0; i < 2; i++) {
        qsort(ms[i] + 1, ROUNDS, sizeof **ms, ascending);
        median[i] = ms[i][1 + ROUNDS / 2];
    }
    const double difference = greatest_difference(), tolerance = p->products == AG_BF16 ? 1e-2 : 1e-5;
    printf("%-24s %8.2f ms %8.2f ms, ratio %.2f, difference %.1e\n", what, median[0], median[1], median[1] / median[0],
           difference);
    return difference <= tolerance && median[1] < 2 * median[0];
}

static float number(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / (float)(1 << 23) - 1;
}

/* Methods whose cost lies in other loops than those of standard attention. */
static const ag_method methods[] = { AG_STANDARD, AG_SMOOTHED, AG_MASKED, AG_NOISY, AG_SPARSE };

static int compare_methods(const library both[2], ag_problem p)
{
    int good = 1;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        ag_method_info info;
        ag_row row;
        ag_row_init(&row, methods[i]);
        if (methods[i] != AG_STANDARD) ag_row_picture(&row, 0, 1, 32, 32);
        if (methods[i] == AG_SMOOTHED) row.sigma = 3;
        if (methods[i] == AG_MASKED) row.probability = 0.5;
        if (methods[i] == AG_NOISY) row.amplitude = 1;
        p.rows = &row, p.row_count = 1;
        ag_method_info_init(&info);
        for (int at = 0; !ag_method_at(at, &info) && info.method != methods[i];) at++;
        good &= compare(both, info.name, &p);
    }
    return good;
}

static int compare_kernels(const library both[2], ag_problem p)
{
    ag_kernel_info info;
    int good = 1;
    ag_kernel_info_init(&info);
    for (int i = 0; !both[0].kernel_at(i, &info); i++) {
        if (strcmp(info.backend, "cpu") || strcmp(info.step, "attend") || info.unavailable) continue;
        if (!strcmp(info.name, "attend_f64_ref")) continue;
        p.kernel = info.name;
        p.products = strstr(info.name, "bf16") ? AG_BF16 : AG_NONE;
        good &= compare(both, info.name, &p);
    }
    return good;
}

static int times(const library both[2])
{
    ag_problem p;
    uint32_t state = 1;
    for (int i = 0; i < ALL; i++) q[i] = number(&state), k[i] = number(&state), v[i] = number(&state);
    ag_problem_init(&p, 1, HEADS, N, N, D);
    const int good = compare_methods(both, p);
    return !(compare_kernels(both, p) && good);
}

int main(int argc, char **argv)
{
    library both[2];
    if (argc == 3 && !strcmp(argv[1], "kernels")) return !load(both, argv[2]) || list(both);
    if (argc == 4 && !strcmp(argv[1], "times")) return !load(both, argv[2]) || !load(both + 1, argv[3]) || times(both);
    return puts("beside kernels LIBRARY | beside times LIBRARY OTHER"), 2;
}
