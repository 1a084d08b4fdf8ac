/* report.c - the program that makes docs/gpu-report.md, a JSON array and the list of qualified kernels from the records
 * of a run. report RECORDS [--markdown FILE] [--json FILE] [--qualified OLD NEW] */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "goals.h"
#include "qualified.h"
#include "results.h"

/* ---- cells ---- */

/* A bar would end the cell. */
static void cell(FILE *to, const char *text)
{
    fputs("| ", to);
    for (; *text; text++) fputc(*text == '|' ? '/' : *text, to);
    fputc(' ', to);
}

static void cell_number(FILE *to, const char *format, double x)
{
    char text[64] = "-";
    if (!isnan(x)) snprintf(text, sizeof text, format, x);
    cell(to, text);
}

static void cell_of(FILE *to, const result *r, const char *key, const char *format)
{
    cell_number(to, format, result_number(r, key));
}

static void end_row(FILE *to) { fputs("|\n", to); }

static int any(const results *all, const char *kind) { return results_find(all, kind, "record", kind) != NULL; }

static int is_peer(const result *r) { return result_is(r, "time") && strcmp(result_text(r, "by"), "attnguide") != 0; }

static const char *value_of(const results *all, const char *kind, const char *key)
{
    return result_text(results_find(all, kind, "key", key), "value");
}

/* ---- sections ---- */

static void write_head(const results *all, FILE *to)
{
    const char *device = value_of(all, "device", "name");
    fprintf(to, "# GPU report\n\nWritten by `make gpu-check`; not by hand.\n\n");
    fprintf(to, "%s, commit %s.\n", value_of(all, "run", "date"), value_of(all, "run", "commit"));
    if (*device)
        fprintf(to, "%s, sm_%s, %s multiprocessors, driver %s, cuDNN %s, cuBLAS %s.\n", device,
                value_of(all, "device", "architecture"), value_of(all, "device", "multiprocessors"),
                value_of(all, "run", "driver"), value_of(all, "device", "cuDNN"), value_of(all, "device", "cuBLAS"));
    else fprintf(to, "No device: nothing in this report ran on a GPU.\n");
}

static void write_stages(const results *all, FILE *to)
{
    fprintf(to, "\n## Stages\n\n| stage | result | seconds | |\n|---|---|---|---|\n");
    for (int i = 0; i < all->n; i++) {
        const result *r = &all->list[i];
        if (!result_is(r, "stage")) continue;
        cell(to, result_text(r, "name"));
        cell(to, result_text(r, "status"));
        cell_of(to, r, "seconds", "%.0f");
        cell(to, result_text(r, "reason"));
        end_row(to);
    }
}

static void write_goals(const results *all, FILE *to)
{
    fprintf(to,
            "\n## Goals\n\nSet for an H200. A share of a copy compares with a copy on the device that moves as many "
            "bytes, measured beside it.\n\n");
    goals_write(all, to);
}

static void write_kernels(const results *all, FILE *to)
{
    const char *first = "\n";
    fprintf(to, "\n## Kernels against the float64 oracle\n\n");
    const result *v = results_find(all, "verified", "record", "verified");
    fprintf(
        to,
        "%s problems; %s more were left out so that no more plans are asked of cuDNN. Errors are norm against norm, "
        "the largest of any problem.\n\n",
        result_text(v, "items"), result_text(v, "left out for want of plans"));
    fprintf(to, "| kernel | step | judged | refused | wrong | f32 | f16 | bf16 | of allowed | |\n"
                "|---|---|---|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < all->n; i++) {
        const result *r = &all->list[i];
        if (!result_is(r, "kernel")) continue;
        cell(to, result_text(r, "name"));
        cell(to, result_text(r, "step"));
        cell_of(to, r, "judged", "%.0f");
        cell_of(to, r, "refused", "%.0f");
        cell_of(to, r, "wrong", "%.0f");
        cell_of(to, r, "error f32", "%.2g");
        cell_of(to, r, "error f16", "%.2g");
        cell_of(to, r, "error bf16", "%.2g");
        cell_of(to, r, "share of allowed", "%.2f");
        cell(to, result_text(r, "status"));
        end_row(to);
    }
    for (int i = 0; i < all->n; i++) {
        const result *r = &all->list[i];
        if (!result_is(r, "kernel") || !*result_text(r, "reason")) continue;
        fprintf(to, "%s- %s, %s: %s\n", first, result_text(r, "name"), result_text(r, "status"),
                result_text(r, "reason"));
        first = "";
    }
}

static int is_first(const results *all, int i, const char *key)
{
    return results_find(all, result_text(&all->list[i], "record"), key, result_text(&all->list[i], key)) ==
           &all->list[i];
}

static void write_rules(const results *all, FILE *to)
{
    const char *first = "\n";
    fprintf(to, "\n## What a host expects\n\n| rule | operations that keep it | that break it |\n|---|---|---|\n");
    for (int i = 0; i < all->n; i++) {
        const result *r = &all->list[i];
        int kept = 0, broken = 0;
        if (!result_is(r, "rule") || !is_first(all, i, "name")) continue;
        for (int j = i; j < all->n; j++) {
            if (!result_is(&all->list[j], "rule")) continue;
            if (strcmp(result_text(&all->list[j], "name"), result_text(r, "name")) != 0) continue;
            if (strcmp(result_text(&all->list[j], "status"), "pass")) broken++;
            else kept++;
        }
        cell(to, result_text(r, "name"));
        cell_number(to, "%.0f", kept);
        cell_number(to, "%.0f", broken);
        end_row(to);
    }
    for (int i = 0; i < all->n; i++) {
        const result *r = &all->list[i];
        if (!result_is(r, "rule") || !strcmp(result_text(r, "status"), "pass")) continue;
        fprintf(to, "%s- %s: %s: %s\n", first, result_text(r, "name"), result_text(r, "operation"),
                result_text(r, "reason"));
        first = "";
    }
}

static void write_ceilings(const results *all, FILE *to)
{
    for (int i = 0; i < all->n; i++) {
        const result *r = &all->list[i];
        if (result_is(r, "ceiling"))
            fprintf(to, "- %s: %.0f %s\n", result_text(r, "name"), result_number(r, "value"), result_text(r, "unit"));
    }
}

static void write_time(const result *r, FILE *to)
{
    const double us = result_number(r, "us");
    cell(to, result_text(r, "name"));
    cell_number(to, "%.1f", us);
    cell_number(to, "%.1f %%", 100 * result_number(r, "spread"));
    cell_of(to, r, "launches", "%.0f");
    cell_of(to, r, "other nodes", "%.0f");
    cell_number(to, "%.1f", result_number(r, "flop") > 0 ? result_number(r, "flop") / us * 1e-6 : NAN);
    cell_number(to, "%.0f", result_number(r, "bytes") / us * 1e-3);
    cell_of(to, r, "floor us", "%.1f");
    cell_number(to, "%.2f", result_number(r, "floor us") / us);
    cell(to, strcmp(result_text(r, "status"), "pass") ? result_text(r, "reason") : result_text(r, "kernels"));
    end_row(to);
}

static void write_times(const results *all, FILE *to)
{
    fprintf(to,
            "\n## Times\n\nOf one run: the median of graph replays over inputs that rotate through more than the "
            "second-level cache; spread: (third - first quartile) / median. TFLOP/s count a dense row; GB/s the "
            "fewest bytes. The floor: a copy of as many bytes, a product of as many flop, the multiply-adds of a blur, "
            "or cuBLAS's two float32 products.\n\n");
    write_ceilings(all, to);
    fprintf(to, "\n| subject | us | spread | launches | other nodes | TFLOP/s | GB/s | floor us | of it | kernels |\n"
                "|---|---|---|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < all->n; i++)
        if (result_is(&all->list[i], "time") && !strcmp(result_text(&all->list[i], "by"), "attnguide"))
            write_time(&all->list[i], to);
}

static void write_peers(const results *all, FILE *to)
{
    int peers = 0;
    for (int i = 0; i < all->n; i++) peers += is_peer(&all->list[i]);
    if (!peers) return;
    fprintf(to, "\n## Beside PyTorch\n\n%s\n\n", value_of(all, "run", "peers"));
    fprintf(to, "| subject | by | us | spread | attnguide us | ratio | |\n|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < all->n; i++) {
        const result *r = &all->list[i];
        if (!is_peer(r)) continue;
        const double ours = goal_time(all, result_text(r, "name"), "attnguide"), us = result_number(r, "us");
        cell(to, result_text(r, "name"));
        cell(to, result_text(r, "by"));
        cell_number(to, "%.1f", us);
        cell_number(to, "%.1f %%", 100 * result_number(r, "spread"));
        cell_number(to, "%.1f", ours);
        cell_number(to, "%.2f", us / ours);
        cell(to, result_text(r, "reason"));
        end_row(to);
    }
}

static void write_sanitizer(const results *all, FILE *to)
{
    fprintf(to, "\n## compute-sanitizer\n\n| tool | result | errors | |\n|---|---|---|---|\n");
    for (int i = 0; i < all->n; i++) {
        const result *r = &all->list[i];
        if (!result_is(r, "sanitizer")) continue;
        cell(to, result_text(r, "tool"));
        cell(to, result_text(r, "status"));
        cell_of(to, r, "errors", "%.0f");
        cell(to, result_text(r, "reason"));
        end_row(to);
    }
}

static void write_device(const results *all, FILE *to)
{
    fprintf(to, "\n## Device\n\n| | |\n|---|---|\n");
    for (int i = 0; i < all->n; i++) {
        const result *r = &all->list[i];
        if (!result_is(r, "device") && !result_is(r, "run")) continue;
        cell(to, result_text(r, "key"));
        cell(to, result_text(r, "value"));
        end_row(to);
    }
}

static int write_markdown(const results *all, const char *path)
{
    static const struct {
        const char *kind;
        void (*write)(const results *, FILE *);
    } sections[] = {
        { "kernel", write_kernels }, { "rule", write_rules },          { "time", write_times },
        { "time", write_peers },     { "sanitizer", write_sanitizer },
    };
    FILE *to = fopen(path, "w");
    if (!to) return 1;
    write_head(all, to);
    write_stages(all, to);
    write_goals(all, to);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (any(all, sections[i].kind)) sections[i].write(all, to);
    write_device(all, to);
    return fclose(to) != 0;
}

static int write_json(const results *all, const char *path)
{
    FILE *to = fopen(path, "w");
    if (!to) return 1;
    fputs("[\n", to);
    for (int i = 0; i < all->n; i++) fprintf(to, "%s%s\n", all->list[i].line, i + 1 < all->n ? "," : "");
    fputs("]\n", to);
    return fclose(to) != 0;
}

static int obey(const results *all, int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        int bad = 1;
        if (!strcmp(argv[i], "--markdown") && i + 1 < argc) bad = write_markdown(all, argv[++i]);
        else if (!strcmp(argv[i], "--json") && i + 1 < argc) bad = write_json(all, argv[++i]);
        else if (!strcmp(argv[i], "--qualified") && i + 2 < argc) {
            bad = qualified_write(all, *argv[i + 1] ? argv[i + 1] : NULL, argv[i + 2]);
            i += 2;
        }
        if (!bad) continue;
        fprintf(stderr, "report: %s: it cannot be done\n", argv[i]);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    results all;
    FILE *file = argc > 1 ? fopen(argv[1], "r") : NULL;
    if (!file) {
        fprintf(stderr, "report RECORDS [--markdown FILE] [--json FILE] [--qualified OLD NEW]\n");
        return 2;
    }
    const int unreadable = results_read(&all, file);
    fclose(file);
    if (unreadable) fprintf(stderr, "report: %s: line %d is no record\n", argv[1], all.n);
    const int failed = unreadable || obey(&all, argc, argv);
    results_free(&all);
    return failed;
}
