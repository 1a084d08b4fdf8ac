/* results.c - see results.h. */
#include "results.h"
#include "weights.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEADER                                                                                                         \
    "model\tstage\tname\tsetting\tseed\tn\tvalid\tz\tlow\thigh\twell_formed\tagree\tlabel\tcoverage\tentropy\t"        \
    "out_of_range\tpixels\tfeatures\tverdicts"

/* The numbers of a line after n, in the file's order. */
enum { NUMBERS = 12, COLUMNS = 6 + NUMBERS + 1 };

static void numbers_of(result *one, double *numbers[NUMBERS])
{
    scores *s = &one->s;
    double *const all[NUMBERS] = {
        &s->valid, &one->z,      &s->low,     &s->high,         &s->well_formed, &s->agree,
        &s->label, &s->coverage, &s->entropy, &s->out_of_range, &s->pixels,      &s->features
    };
    memcpy(numbers, all, sizeof all);
}

/* Four verdicts a digit. */
static void put_verdicts(FILE *file, const uint8_t *verdicts, int64_t count)
{
    for (int64_t i = 0; i < count; i += 4) {
        int digit = 0;
        for (int64_t j = i; j < i + 4; j++) digit = digit * 2 + (j < count && verdicts[j]);
        fputc("0123456789abcdef"[digit], file);
    }
}

static bool get_verdicts(const char *digits, uint8_t *verdicts, int64_t count)
{
    if ((int64_t)strlen(digits) != (count + 3) / 4) return false;
    for (int64_t i = 0; i < count; i++) {
        const char *at = strchr("0123456789abcdef", digits[i / 4]);
        if (!at) return false;
        verdicts[i] = (uint8_t)((at - "0123456789abcdef") >> (3 - i % 4) & 1);
    }
    return true;
}

static bool copy(char *to, size_t size, const char *from) { return strlen(from) < size && strcpy(to, from); }

static bool parse(char *line, result *one)
{
    char *column[COLUMNS], *end;
    double *numbers[NUMBERS];
    memset(one, 0, sizeof *one);
    for (int i = 0; i < COLUMNS; i++) {
        if (!(column[i] = strsep(&line, "\t"))) return false;
    }
    one->seed = strtoll(column[4], &end, 10), one->s.count = strtoll(column[5], &end, 10);
    if (line || one->s.count < 1 || one->s.count > 1 << 24 || !copy(one->model, sizeof one->model, column[0]) ||
        !copy(one->stage, sizeof one->stage, column[1]) || !copy(one->name, sizeof one->name, column[2]) ||
        !copy(one->line, sizeof one->line, column[3]))
        return false;
    numbers_of(one, numbers);
    for (int i = 0; i < NUMBERS; i++) *numbers[i] = strtod(column[6 + i], &end);
    one->s.verdicts = malloc((size_t)one->s.count);
    if (one->s.verdicts && get_verdicts(column[COLUMNS - 1], one->s.verdicts, one->s.count)) return true;
    free(one->s.verdicts);
    return false;
}

static bool append(results *r, const result *one)
{
    result *more = realloc(r->list, (size_t)(r->count + 1) * sizeof *more);
    if (!more) return false;
    r->list = more, r->list[r->count++] = *one;
    return true;
}

bool results_read(results *r, const char *path, char *why)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    bool good = true;
    FILE *file = fopen(path, "r");
    memset(r, 0, sizeof *r);
    if (!file) return errno == ENOENT || (snprintf(why, WHY, "cannot read %.180s: %s", path, strerror(errno)), false);
    for (int i = 0; good && (length = getline(&line, &size, file)) > 0; i++) {
        result one;
        /* A last line without an end was cut off while it was written. */
        if (line[length - 1] != '\n') break;
        line[length - 1] = 0;
        if (i == 0) good = strcmp(line, HEADER) == 0;
        else good = parse(line, &one) && append(r, &one);
        if (!good) snprintf(why, WHY, "line %d of %.180s is not one of results", i + 1, path);
    }
    free(line), fclose(file);
    if (!good) results_free(r);
    return good;
}

void results_free(results *r)
{
    for (int i = 0; i < r->count; i++) free(r->list[i].s.verdicts);
    free(r->list);
    memset(r, 0, sizeof *r);
}

bool results_add(results *r, const char *path, const result *one, char *why)
{
    double *numbers[NUMBERS];
    result copied = *one;
    FILE *file = fopen(path, "a");
    if (!file || !append(r, one)) {
        snprintf(why, WHY, "cannot write %.180s: %s", path, strerror(errno));
        if (file) fclose(file);
        return false;
    }
    if (fseek(file, 0, SEEK_END) == 0 && ftell(file) == 0) fputs(HEADER "\n", file);
    fprintf(file, "%s\t%s\t%s\t%s\t%lld\t%lld", one->model, one->stage, one->name, one->line, (long long)one->seed,
            (long long)one->s.count);
    numbers_of(&copied, numbers);
    for (int i = 0; i < NUMBERS; i++) fprintf(file, "\t%.6g", *numbers[i]);
    fputc('\t', file);
    put_verdicts(file, one->s.verdicts, one->s.count);
    fputc('\n', file);
    if (fclose(file) == 0) return true;
    return snprintf(why, WHY, "cannot write %.180s: %s", path, strerror(errno)), false;
}

const result *results_find(const results *r, const result *like)
{
    for (int i = 0; i < r->count; i++) {
        const result *one = &r->list[i];
        if (one->seed == like->seed && one->s.count == like->s.count && !strcmp(one->model, like->model) &&
            !strcmp(one->stage, like->stage) && !strcmp(one->line, like->line))
            return one;
    }
    return NULL;
}

void results_json(const results *r, FILE *out)
{
    static const char *const names[NUMBERS] = { "valid",  "z",       "low",      "high",    "well_formed",
                                                "agree",  "label",   "coverage", "entropy", "out_of_range",
                                                "pixels", "features" };
    fputs("[", out);
    for (int i = 0; i < r->count; i++) {
        result one = r->list[i];
        double *numbers[NUMBERS];
        numbers_of(&one, numbers);
        fprintf(out, "%s\n{\"model\": \"%s\", \"stage\": \"%s\", \"setting\": \"%s\", \"n\": %lld, \"seed\": %lld",
                i ? "," : "", one.model, one.stage, one.line, (long long)one.s.count, (long long)one.seed);
        for (int j = 0; j < NUMBERS; j++) fprintf(out, ", \"%s\": %.6g", names[j], *numbers[j]);
        fputs("}", out);
    }
    fputs("\n]\n", out);
}

static bool same_table(const result *a, const result *b)
{
    return !strcmp(a->model, b->model) && !strcmp(a->stage, b->stage);
}

static void put_row(const result *one, FILE *out)
{
    const scores *s = &one->s;
    fprintf(out, "| %s | %.1f [%.1f, %.1f] | %.1f | %.1f | %.1f | %.2f | %.3f | %.2f | %.3f | %.3f |\n", one->name,
            100 * s->valid, 100 * s->low, 100 * s->high, one->z, 100 * s->well_formed, 100 * s->agree, s->coverage,
            s->entropy, 100 * s->out_of_range, s->pixels, s->features);
}

void results_table(const results *r, FILE *out)
{
    for (int i = 0; i < r->count; i++) {
        const result *first = &r->list[i];
        bool begun = false;
        for (int j = 0; j < i; j++) begun |= same_table(&r->list[j], first);
        if (begun) continue;
        fprintf(out, "%sModel %s, %s, N = %lld, noise %lld\n\n", i ? "\n" : "", first->model, first->stage,
                (long long)first->s.count, (long long)first->seed);
        fputs("| setting | valid % [95 %] | z | legal % | agree % | coverage | entropy | out of range % | pixels | "
              "features |\n|---|---|---|---|---|---|---|---|---|---|\n",
              out);
        for (int j = i; j < r->count; j++)
            if (same_table(&r->list[j], first)) put_row(&r->list[j], out);
    }
}
