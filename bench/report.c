/* report.c - what was measured, as text on standard output, as JSON, and as columns for the plot. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

bool report_open(report *r, const plan_of_work *work)
{
    *r = (report){ .work = work };
    if (work->json && !(r->json = fopen(work->json, "w"))) return false;
    if (work->table && !(r->table = fopen(work->table, "w"))) return false;
    if (r->json) fprintf(r->json, "[\n");
    if (r->table) fprintf(r->table, "# kind\tthreads\tflop_per_byte\tgflops\tlabel\n");
    return true;
}

void report_limits(report *r, const limits *l, int threads)
{
    printf("\n%d thread%s: multiply-add peak %.1f GFLOP/s (spread %.1f %%)", threads, threads > 1 ? "s" : "",
           limits_gflops(l), 100 * sample_spread(&l->fma));
    if (limits_bf16(l) > 0) printf(", bf16 %.1f", limits_bf16(l));
    printf(", copy %.1f GB/s (spread %.1f %%), write alone %.1f, read alone %.1f\n", limits_copy(l),
           100 * sample_spread(&l->copy), limits_write(l), limits_read(l));
    printf("%-22s %-21s %-4s %-21s %10s %6s %9s %6s %6s %9s\n", "operation", "shape", "type", "kernel", "ms", "spread",
           "GFLOP/s", "peak", "copy", "error");
    if (r->table)
        fprintf(r->table, "roof\t%d\t%g\t%g\tlimits\n", threads, limits_gflops(l) / limits_copy(l), limits_gflops(l));
}

static void number(FILE *f, const char *name, double x)
{
    if (isfinite(x)) fprintf(f, ", \"%s\": %.6g", name, x);
    else fprintf(f, ", \"%s\": null", name);
}

static void write_json(report *r, const subject *s, double seconds, const double *share)
{
    FILE *f = r->json;
    fprintf(f, "%s  {\"op\": \"%s\", \"shape\": \"%s\", \"dtype\": \"%s\", \"threads\": %d, \"kernel\": \"%s\"",
            r->rows++ ? ",\n" : "", s->op, s->shape, dtype_name(s->dtype), s->threads,
            s->kernel[0] ? s->kernel : "default");
    number(f, "seconds", seconds);
    number(f, "spread", sample_spread(&s->times));
    number(f, "gflops", s->flop / seconds * 1e-9);
    number(f, "share_of_peak", share[0]);
    number(f, "share_of_copy", share[1]);
    number(f, "error", s->error);
    fprintf(f, "}");
}

void report_subject(report *r, const subject *s, const limits *l)
{
    if (!s->times.n) {
        printf("%-22s %-21s %-4s %-21s refused: %s\n", s->op, s->shape, dtype_name(s->dtype), s->kernel, s->refused);
        return;
    }
    const double seconds = sample_median(&s->times), gflops = s->flop / seconds * 1e-9;
    const double share[2] = { gflops / limits_gflops(l), s->bytes / seconds * 1e-9 / limits_copy(l) };
    printf("%-22s %-21s %-4s %-21s %10.3f %5.1f%% %9.1f %5.1f%% %5.1f%% ", s->op, s->shape, dtype_name(s->dtype),
           s->kernel[0] ? s->kernel : "default", seconds * 1e3, 100 * sample_spread(&s->times), gflops, 100 * share[0],
           100 * share[1]);
    if (isfinite(s->error)) printf("%9.1e\n", s->error);
    else printf("%9s\n", "-");
    if (r->json) write_json(r, s, seconds, share);
    if (r->table && s->flop > 0)
        fprintf(r->table, "%s\t%d\t%g\t%g\t%s %s %s\n", s->baseline ? "baseline" : "library", s->threads,
                s->flop / s->bytes, gflops, s->op, s->shape, dtype_name(s->dtype));
}

bool report_close(report *r)
{
    bool good = true;
    if (r->json) {
        fprintf(r->json, "\n]\n");
        good = fclose(r->json) == 0;
    }
    if (r->table) good = fclose(r->table) == 0 && good;
    return good;
}
