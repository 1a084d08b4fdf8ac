/* main.c - tinydiff's command: a small diffusion model, sampled through attnguide, and what guidance does to its
 * pictures. README.md tells more. */
#include "../../tools/npy.h"
#include "cost.h"
#include "sampler.h"
#include "sheet.h"
#include "study.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "Usage: tinydiff COMMAND ...\n"
    "A small diffusion model, sampled through attnguide, and what guidance does to its pictures.\n"
    "\n"
    "  sample WEIGHTS OUT.png|OUT.npy [key=value ...]    pictures by one setting; key=value as in setting.h\n"
    "  data OUT.png                                      pictures of the data\n"
    "  study STUDY WEIGHTS RESULTS                       measure what RESULTS does not hold yet\n"
    "  quick WEIGHTS LAYER                               infinite smoothing against no guidance; fails below z = 3\n"
    "  cost WEIGHTS LAYER                                the time of a guided step against a plain one\n"
    "  table RESULTS | json RESULTS                      results as tables, or as JSON\n"
    "\n"
    "  --count N  --seed S  --threads T  --early WEIGHTS  --model NAME  --stage NAME  --rows N  --no-fork\n"
    "  --cuda: attention of sample on the CUDA device, the rest on the host\n"
    "\n"
    "Exit status: 0 all is well, 1 something failed, 2 the command line is wrong.\n";

enum { MOST_WORDS = 64 };

typedef struct options {
    const char *word[MOST_WORDS]; /* the command, then what is neither an option nor its value */
    int words, threads, rows;
    int64_t count, seed;
    const char *early, *model, *stage;
    bool no_fork, cuda;
} options;

static int failed(const char *why) { return fprintf(stderr, "tinydiff: %s\n", why), 1; }

static int misused(const char *why) { return fprintf(stderr, "tinydiff: %s; tinydiff --help tells more\n", why), 2; }

static bool count_from(const char *value, int64_t least, int64_t most, int64_t *to)
{
    char *end;
    errno = 0;
    *to = strtoll(value, &end, 10);
    return end != value && !*end && !errno && *to >= least && *to <= most;
}

/* True: it was an option and is set. */
static bool set_option(options *o, const char *key, const char *value)
{
    int64_t n;
    if (!strcmp(key, "--early")) return o->early = value, true;
    if (!strcmp(key, "--model")) return o->model = value, true;
    if (!strcmp(key, "--stage")) return o->stage = value, true;
    if (!strcmp(key, "--count")) return count_from(value, 1, 1 << 20, &o->count);
    if (!strcmp(key, "--seed")) return count_from(value, 0, INT64_MAX, &o->seed);
    if (!strcmp(key, "--threads")) return count_from(value, 1, 1024, &n) && (o->threads = (int)n, true);
    if (!strcmp(key, "--rows")) return count_from(value, 1, 64, &n) && (o->rows = (int)n, true);
    return false;
}

static bool read_options(options *o, int argc, char **argv)
{
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    *o = (options){ .threads = online > 0 ? (int)online : 1, .rows = 6, .count = 24, .seed = 1 };
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--no-fork")) o->no_fork = true;
        else if (!strcmp(argv[i], "--cuda")) o->cuda = true;
        else if (!strncmp(argv[i], "--", 2)) {
            if (i + 1 == argc || !set_option(o, argv[i], argv[i + 1])) return false;
            i++;
        } else if (o->words == MOST_WORDS) return false;
        else o->word[o->words++] = argv[i];
    }
    return o->words > 0;
}

/* ---- Commands ---------------------------------------------------------------------------------------------------- */

typedef struct networks {
    network main, early;
    const network *early_or_none;
    device device;
    const device *device_or_none;
} networks;

static bool open_networks(networks *n, const options *o, const char *path, char *why)
{
    memset(n, 0, sizeof *n);
    if (!network_read(&n->main, path, why)) return false;
    if (o->early && !network_read(&n->early, o->early, why)) return network_free(&n->main), false;
    n->early_or_none = o->early ? &n->early : NULL;
    n->device_or_none = o->cuda ? &n->device : NULL;
    if (!o->cuda || device_open(&n->device, why)) return true;
    return network_free(&n->main), network_free(&n->early), false;
}

static void close_networks(networks *n) { network_free(&n->main), network_free(&n->early), device_close(&n->device); }

static float *sampled(const networks *n, const options *o, const char *line, int64_t count, char *why)
{
    setting s;
    float *pictures = malloc((size_t)count * PICTURE * sizeof *pictures);
    if (!pictures) return snprintf(why, WHY, "there is no memory for %lld pictures", (long long)count), NULL;
    if (!setting_parse(&s, line, why)) return free(pictures), NULL;
    const sampling what = { .n = &n->main,
                            .early = n->early_or_none,
                            .s = &s,
                            .device = n->device_or_none,
                            .seed = (uint64_t)o->seed,
                            .count = count,
                            .batch = 32,
                            .threads = o->threads,
                            .no_fork = o->no_fork };
    if (sample(&what, pictures, why)) return pictures;
    return free(pictures), NULL;
}

static bool write_pictures(const char *path, const float *pictures, int64_t count, const options *o, char *why)
{
    const size_t length = strlen(path);
    fault f = { "" };
    if (length > 4 && !strcmp(path + length - 4, ".npy")) {
        const int64_t extent[] = { count, CHANNELS, SIDE, SIDE };
        return npy_write(path, pictures, 4, extent, &f) || (snprintf(why, WHY, "%.255s", f.text), false);
    }
    const int columns = (int)(count / o->rows);
    if (!columns) return snprintf(why, WHY, "there are fewer pictures than rows"), false;
    return sheet_write(path, pictures, o->rows, columns, why);
}

static int run_sample(const options *o)
{
    char why[WHY], line[SETTING_LINE] = "setting";
    networks n;
    if (o->words < 3) return misused("sample wants weights and a file");
    for (int i = 3; i < o->words; i++) {
        if (strlen(line) + strlen(o->word[i]) + 2 > sizeof line) return misused("the setting is too long");
        strcat(strcat(line, " "), o->word[i]);
    }
    if (!open_networks(&n, o, o->word[1], why)) return failed(why);
    float *pictures = sampled(&n, o, line, o->count, why);
    const bool good = pictures && write_pictures(o->word[2], pictures, o->count, o, why);
    int64_t valid = 0;
    for (int64_t i = 0; good && i < o->count; i++) valid += picture_judge(pictures + i * PICTURE).valid;
    if (good) printf("%lld valid of %lld\n", (long long)valid, (long long)o->count);
    free(pictures), close_networks(&n);
    return good ? 0 : failed(why);
}

static int run_data(const options *o)
{
    char why[WHY];
    float *pictures = malloc((size_t)o->count * PICTURE * sizeof *pictures);
    int32_t *labels = malloc((size_t)o->count * sizeof *labels);
    if (o->words != 2) return free(pictures), free(labels), misused("data wants a file");
    if (!pictures || !labels) return free(pictures), free(labels), failed("there is no memory for pictures");
    pictures_make((uint64_t)o->seed, 0, o->count, pictures, labels);
    const bool good = write_pictures(o->word[1], pictures, o->count, o, why);
    free(pictures), free(labels);
    return good ? 0 : failed(why);
}

static int run_study(const options *o)
{
    char why[WHY];
    networks n;
    results r;
    static study s;
    if (o->words != 4) return misused("study wants a study, weights and results");
    if (!study_read(&s, o->word[1], why) || !results_read(&r, o->word[3], why)) return failed(why);
    if (!open_networks(&n, o, o->word[2], why)) return results_free(&r), failed(why);
    const study_options what = { .model = o->model ? o->model : "model",
                                 .results = o->word[3],
                                 .stage = o->stage,
                                 .n = &n.main,
                                 .early = n.early_or_none,
                                 .threads = o->threads };
    const bool good = study_run(&s, &what, &r, why);
    close_networks(&n), results_free(&r);
    return good ? 0 : failed(why);
}

static int run_quick(const options *o)
{
    enum { COUNT = 512, NOISE = 44 };
    char why[WHY], line[SETTING_LINE];
    uint8_t verdicts[2][COUNT];
    scores s[2];
    networks n;
    options quick = *o;
    quick.seed = NOISE;
    if (o->words != 3) return misused("quick wants weights and a layer");
    snprintf(line, sizeof line, "smoothed inputs=CP method=smoothed sigma=inf layer=%.8s w=1", o->word[2]);
    if (!open_networks(&n, o, o->word[1], why)) return failed(why);
    bool good = true;
    for (int i = 0; good && i < 2; i++) {
        float *pictures = sampled(&n, &quick, i ? line : "none", COUNT, why);
        good = pictures != NULL;
        if (good) scores_make(&s[i], pictures, COUNT, verdicts[i]);
        free(pictures);
    }
    close_networks(&n);
    if (!good) return failed(why);
    const double z = scores_paired_z(verdicts[1], verdicts[0], COUNT);
    printf("valid: %.1f %% unguided, %.1f %% with infinite smoothing; z = %.1f over %d pairs\n", 100 * s[0].valid,
           100 * s[1].valid, z, COUNT);
    return z >= 3 ? 0 : failed("guidance has no effect here: z is below 3");
}

static int run_cost(const options *o)
{
    char why[WHY];
    network n;
    if (o->words != 3) return misused("cost wants weights and a layer");
    if (!network_read(&n, o->word[1], why)) return failed(why);
    const bool good = cost_report(&n, o->word[2], stdout, why);
    network_free(&n);
    return good ? 0 : failed(why);
}

static int run_report(const options *o)
{
    char why[WHY];
    results r;
    if (o->words != 2) return misused("it wants results");
    if (!results_read(&r, o->word[1], why)) return failed(why);
    if (!strcmp(o->word[0], "json")) results_json(&r, stdout);
    else results_table(&r, stdout);
    results_free(&r);
    return ferror(stdout) || fflush(stdout) ? failed("cannot write") : 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const options *o);
    } commands[] = { { "sample", run_sample }, { "data", run_data },    { "study", run_study }, { "quick", run_quick },
                     { "cost", run_cost },     { "table", run_report }, { "json", run_report } };
    options o;
    if (argc > 1 && !strcmp(argv[1], "--help")) return fputs(usage, stdout), 0;
    if (!read_options(&o, argc, argv))
        return misused("an option is not known, has no such value, or there is no command");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(o.word[0], commands[i].name)) return commands[i].run(&o);
    return misused("there is no such command");
}
