/* demo_report.c - what the demo measured, and the files that tell it. */
#include "demo_report.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"

#define SHEET_COLUMNS 5

static double weight_at(int i) { return (i - WEIGHT_ONE / 2) / (WEIGHT_ONE / 2.0); }

/* C + w (C - P) into the scratch picture. */
static void guide(report *r, const result *from, double weight)
{
    const float *standard = r->results[0].pixel;
    for (int64_t i = 0; i < 3 * r->s->tokens; i++)
        r->scratch.pixel[i] = standard[i] + (float)weight * (standard[i] - from->pixel[i]);
}

void report_measure(report *r)
{
    for (result *one = r->results; one < r->results + r->count; one++) {
        one->psnr = scene_psnr(r->s, one->pixel);
        for (int i = 0; i < WEIGHTS; i++) {
            guide(r, one, weight_at(i));
            one->guided[i] = scene_psnr(r->s, r->scratch.pixel);
            if (one->guided[i] > one->guided[one->best]) one->best = i;
        }
    }
}

/* ---- Tables ------------------------------------------------------------------------------------------------ */

static void write_table_tsv(FILE *file, const report *r)
{
    fputs("method\tpsnr\tpsnr_w1\tbest_w\tpsnr_best_w\tmean_energy\tseconds\n", file);
    fprintf(file, "noisy\t%.2f\tnan\tnan\tnan\tnan\tnan\n", scene_psnr(r->s, r->s->noisy.pixel));
    for (const result *one = r->results; one < r->results + r->count; one++) {
        bool guided = one != r->results;
        fprintf(file, "%s\t%.2f\t%.2f\t%.2f\t%.2f\t%.3f\t%.3f\n", one->title, one->psnr,
                guided ? one->guided[WEIGHT_ONE] : NAN, guided ? weight_at(one->best) : NAN,
                guided ? one->guided[one->best] : NAN, one->energy, one->seconds);
    }
}

static void write_table_text(FILE *file, const report *r)
{
    fprintf(file, "%d x %d pixels, patches of %" PRId64 " channels, h = %.3f\n\n", r->s->clean.width,
            r->s->clean.height, r->s->width - 1, r->s->bandwidth);
    fputs("                           PSNR    guided C + w (C - P)           mean     time\n", file);
    fputs("method                       dB   w = 1, dB   best w, dB        energy        s\n", file);
    fprintf(file, "%-22s  %7.2f\n", "noisy", scene_psnr(r->s, r->s->noisy.pixel));
    for (const result *one = r->results; one < r->results + r->count; one++) {
        fprintf(file, "%-22s  %7.2f", one->title, one->psnr);
        if (one != r->results)
            fprintf(file, "   %9.2f   %5.2f, %5.2f", one->guided[WEIGHT_ONE], weight_at(one->best),
                    one->guided[one->best]);
        else fprintf(file, "%27s", "");
        if (isnan(one->energy)) fprintf(file, "  %10s", "none");
        else fprintf(file, "  %10.3f", one->energy);
        fprintf(file, "  %7.3f\n", one->seconds);
    }
}

static void write_weights(FILE *file, const report *r)
{
    fputs("w", file);
    for (int i = 1; i < r->count; i++) fprintf(file, "\t%s", r->results[i].title);
    for (int w = 0; w < WEIGHTS; w++) {
        fprintf(file, "\n%.2f", weight_at(w));
        for (int i = 1; i < r->count; i++) fprintf(file, "\t%.4f", r->results[i].guided[w]);
    }
    fputc('\n', file);
}

/* Column, row, picture, label, note. The first row has the pictures without perturbation; below, rows of P alternate
 * with rows of guided. */
static void write_sheet(FILE *file, const report *r)
{
    const result *standard = r->results;
    fprintf(file, "# %d %d\n0\t0\tclean.png\tclean\tthe photograph\n", r->s->clean.width, r->s->clean.height);
    fprintf(file, "1\t0\tnoisy.png\tnoisy\t%.2f dB\n", scene_psnr(r->s, r->s->noisy.pixel));
    fprintf(file, "2\t0\t%s.png\tC: %s\t%.2f dB\n", standard->name, standard->title, standard->psnr);
    for (int i = 1; i < r->count; i++) {
        const result *one = &r->results[i];
        int column = (i - 1) % SHEET_COLUMNS, row = 1 + 2 * ((i - 1) / SHEET_COLUMNS);
        fprintf(file, "%d\t%d\t%s.png\tP: %s\t%.2f dB\n", column, row, one->name, one->title, one->psnr);
        fprintf(file, "%d\t%d\tguided_%s.png\tguided, w = 1\t%.2f dB (best w = %.2f: %.2f dB)\n", column, row + 1,
                one->name, one->guided[WEIGHT_ONE], weight_at(one->best), one->guided[one->best]);
    }
}

typedef void writer(FILE *file, const report *r);

static bool write_text(const report *r, const char *name, writer *write, fault *why)
{
    char *path = path_join(r->folder, name, why);
    if (path == NULL) return false;
    FILE *file = fopen(path, "w");
    bool good = file != NULL;
    if (good) {
        write(file, r);
        good = !ferror(file);
        good = fclose(file) == 0 && good;
    }
    if (!good) fault_set(why, "%s cannot be written: %s", path, strerror(errno));
    free(path);
    return good;
}

/* ---- Pictures ---------------------------------------------------------------------------------------------- */

static bool write_picture(const report *r, const char *prefix, const char *name, float *pixel, fault *why)
{
    char file[64];
    snprintf(file, sizeof file, "%s%s.png", prefix, name);
    char *path = path_join(r->folder, file, why);
    const picture image = { r->s->clean.width, r->s->clean.height, pixel };
    bool good = path != NULL && png_file_write(path, &image, why);
    free(path);
    return good;
}

static bool write_guided(report *r, const result *one, fault *why)
{
    guide(r, one, 1);
    if (!write_picture(r, "guided_", one->name, r->scratch.pixel, why)) return false;
    guide(r, one, weight_at(one->best));
    return write_picture(r, "best_", one->name, r->scratch.pixel, why);
}

bool report_write(report *r, fault *why)
{
    if (!write_picture(r, "", "clean", r->s->clean.pixel, why) ||
        !write_picture(r, "", "noisy", r->s->noisy.pixel, why))
        return false;
    for (int i = 0; i < r->count; i++)
        if (!write_picture(r, "", r->results[i].name, r->results[i].pixel, why) ||
            (i > 0 && !write_guided(r, &r->results[i], why)))
            return false;
    write_table_text(stdout, r);
    return write_text(r, "table.tsv", write_table_tsv, why) && write_text(r, "table.txt", write_table_text, why) &&
           write_text(r, "weights.tsv", write_weights, why) && write_text(r, "sheet.tsv", write_sheet, why);
}
