/* baseline.c - the opponent everybody has: the whole N x M matrix by sgemm, softmax by our vector exp, and sgemm again,
 * head after head, with the best core that OpenBLAS can be told to use on this machine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../src/os.h"
#include "bench.h"

#if defined(AG_WITH_OPENBLAS)
#include "../src/cpu/openblas.h"

#define LOG2E 1.4426950408889634

bool baseline_ready(void) { return ag_openblas_here() != NULL; }

static void set_threads(int threads)
{
    void (*set)(int) = NULL;
    *(void **)&set = ag_os_symbol(ag_os_library("libopenblas.so.0"), "openblas_set_num_threads");
    if (set) set(threads);
}

typedef struct rows {
    const ag_softmax *softmax;
    float *s;
    int64_t n, m;
    int workers;
} rows;

static void softmax_share(void *arg, int worker)
{
    const rows *r = arg;
    for (int64_t i = r->n * worker / r->workers; i < r->n * (worker + 1) / r->workers; i++) {
        float *row = r->s + i * r->m;
        const float by = 1 / r->softmax->exp2(row, r->m, r->softmax->max(row, r->m));
        for (int64_t j = 0; j < r->m; j++) row[j] *= by;
    }
}

void baseline_run(const subject *s, crew *c)
{
    const ag_openblas *blas = ag_openblas_here();
    const ag_problem *p = &s->problem;
    const int n = (int)p->n_q, m = (int)p->n_k, d = (int)p->d;
    static float *matrix;
    static size_t size;
    if (size < (size_t)n * (size_t)m) {
        ag_os_free(matrix);
        size = (size_t)n * (size_t)m;
        matrix = ag_os_alloc(size * sizeof *matrix);
    }
    if (!matrix) return;
    set_threads(s->threads);
    rows r = { ag_softmax_here(), matrix, n, m, s->threads };
    for (int64_t h = 0; h < p->batch * p->heads; h++) {
        const float *q = (const float *)s->args.q + h * n * d, *k = (const float *)s->args.k + h * m * d;
        const float *v = (const float *)s->args.v + h * m * d;
        float *out = (float *)s->args.out + h * n * d;
        blas->sgemm(AG_ROW_MAJOR, AG_NO_TRANS, AG_TRANS, n, m, d, (float)(p->scale * LOG2E), q, d, k, d, 0, matrix, m);
        crew_run(c, softmax_share, &r);
        blas->sgemm(AG_ROW_MAJOR, AG_NO_TRANS, AG_NO_TRANS, n, d, m, 1, matrix, m, v, d, 0, out, d);
    }
}

/* In a process of its own, which OPENBLAS_CORETYPE was set for: prints the rate of a product. */
int baseline_probe(void)
{
    enum { N = 768 };
    const ag_openblas *blas = ag_openblas_here();
    float *x = calloc(3 * N * N, sizeof *x);
    double best = 1e9;
    if (!blas || !x) return 1;
    set_threads(1);
    for (int i = 0; i < 2 * N * N; i++) x[i] = (float)(i % 17) / 16;
    for (int round = 0; round < 6; round++) {
        const double start = clock_now();
        blas->sgemm(AG_ROW_MAJOR, AG_NO_TRANS, AG_TRANS, N, N, N, 1, x, N, x + N * N, N, 0, x + 2 * N * N, N);
        const double took = clock_now() - start;
        if (round && took < best) best = took;
    }
    printf("%f\n", 2.0 * N * N * N / best * 1e-9);
    free(x);
    return 0;
}

static double probe(const char *program, const char *core)
{
    char line[64] = "";
    int ends[2];
    if (pipe(ends)) return 0;
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        if (*core) setenv("OPENBLAS_CORETYPE", core, 1);
        execl(program, program, "bench", "--probe", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    if (child > 0) {
        const ssize_t n = read(ends[0], line, sizeof line - 1);
        line[n > 0 ? n : 0] = 0;
        waitpid(child, NULL, 0);
    }
    close(ends[0]);
    return atof(line);
}

/* Debian's OpenBLAS takes some new processors for old ones, at half their speed. It reads its core once, when loaded.
 * */
void baseline_choose_core(const char *program)
{
    static const char *const cores[] = { "", "Haswell", "SkylakeX", "Cooperlake", "Sapphirerapids", "Zen" };
    const char *best = "";
    double rate = 0;
    if (getenv("OPENBLAS_CORETYPE")) return;
    for (size_t i = 0; i < sizeof cores / sizeof *cores; i++) {
        const double found = probe(program, cores[i]);
        if (found <= rate * 1.05) continue;
        rate = found;
        best = cores[i];
    }
    if (*best) setenv("OPENBLAS_CORETYPE", best, 1);
}

#else

bool baseline_ready(void) { return false; }
void baseline_choose_core(const char *program) { (void)program; }
void baseline_run(const subject *s, crew *c) { (void)s, (void)c; }
int baseline_probe(void) { return 1; }

#endif
