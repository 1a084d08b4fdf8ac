/* exp2.c - the vector 2^x of every instruction set against libm, seen through the row functions of their sets. Needs
 * no Check. The last line is "N passed, N failed, N skipped". */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../../src/cpu/cpu.h"

enum { ROW = 4096, LONGEST = 70 };

extern const ag_backend ag_cpu;

static int passed, failed, skipped;

static void expect(int is_right, const char *set, const char *what, double at)
{
    passed += is_right;
    failed += !is_right;
    if (!is_right) printf("FAILED: %s: %s at %.9g\n", set, what, at);
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Every 1021st float from -2^-31 to -100, a row at a time. */
static void error_is_small(const char *set, const ag_softmax *softmax)
{
    const uint32_t first = 0xb0000000, last = 0xc2c80000, step = 1021;
    float x[ROW], y[ROW];
    double most = 0, at = 0;
    for (uint32_t bits = first; bits <= last; bits += ROW * step) {
        for (uint32_t i = 0; i < ROW; i++) y[i] = x[i] = float_of(bits + i * step < last ? bits + i * step : last);
        softmax->exp2(y, ROW, 0);
        for (int i = 0; i < ROW; i++) {
            const double want = exp2(x[i]), error = fabs(y[i] - want) / want;
            if (error <= most || isnan(most)) continue;
            most = error;
            at = x[i];
        }
    }
    printf("%s: largest relative error %.3g at %.9g\n", set, most, at);
    expect(most < 1.8e-7, set, "the relative error is not below 1.8e-7", at);
}

/* Each alone, in a row of its own, and in every lane of a long one. */
static void edges_are_right(const char *set, const ag_softmax *softmax)
{
    static const float below[] = { -100.00001f, -126, -126.5f, -149, -1e3f, -1e10f, -FLT_MAX, -INFINITY };
    float row[LONGEST];
    for (int lane = 0; lane < LONGEST; lane++) {
        for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
            for (int j = 0; j < LONGEST; j++) row[j] = -1;
            row[lane] = below[i];
            softmax->exp2(row, LONGEST, 0);
            expect(row[lane] == 0, set, "what vanishes is not 0", below[i]);
        }
        for (int j = 0; j < LONGEST; j++) row[j] = -1;
        row[lane] = 0;
        softmax->exp2(row, LONGEST, 0);
        expect(row[lane] == 1, set, "2^0 is not 1 in lane", lane);
        for (int j = 0; j < LONGEST; j++) row[j] = -1;
        row[lane] = NAN;
        expect(isnan(softmax->exp2(row, LONGEST, 0)) && isnan(row[lane]), set, "NaN is lost in lane", lane);
    }
}

/* Rows of every length: the sum and the maximum are those of the row, and nothing past its end is touched. */
static void lengths_are_right(const char *set, const ag_softmax *softmax)
{
    for (int n = 0; n < LONGEST; n++) {
        float row[LONGEST + 1], most = -FLT_MAX;
        double sum = 0;
        for (int j = 0; j <= LONGEST; j++) row[j] = (float)(j * 37 % 71) / -3 - 1;
        for (int j = 0; j < n; j++) {
            sum += exp2(row[j]);
            most = row[j] > most ? row[j] : most;
        }
        const float next = row[n];
        expect(softmax->max(row, n) == most, set, "the maximum is wrong for length", n);
        const double got = softmax->exp2(row, n, 0);
        expect(fabs(got - sum) <= 1e-6 * sum && row[n] == next, set, "the sum or the end is wrong for length", n);
    }
}

int main(void)
{
    for (const ag_kernel_set *const *at = ag_cpu_sets; *at; at++) {
        const ag_kernel_set *set = *at;
        const uint32_t missing = set->needs & ~ag_cpu.features();
        if (!set->softmax.max) continue;
        if (missing) {
            printf("skipped: %s: %s\n", set->name, ag_cpu.lacking(missing));
            skipped++;
            continue;
        }
        error_is_small(set->name, &set->softmax);
        edges_are_right(set->name, &set->softmax);
        lengths_are_right(set->name, &set->softmax);
    }
    printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed != 0;
}
