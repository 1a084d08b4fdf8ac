/* study.c - see study.h. */
#include "study.h"
#include "../../tools/progress.h"
#include "sampler.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 32 };

/* ---- The file -------------------------------------------------------------------------------------------------- */

static bool take_line(study *s, char *words, plan_line *now)
{
    long long count, seed;
    size_t length = strlen(words);
    while (length && isspace((unsigned char)words[length - 1])) words[--length] = 0;
    if (!*words || *words == '#') return true;
    if (*words == '[') {
        if (sscanf(words, "[%31[a-z-] %lld %lld]", now->stage, &count, &seed) != 3 || count < 1 || count > 1 << 20)
            return false;
        now->count = count, now->seed = seed;
        return true;
    }
    if (!*now->stage || s->count == MOST_SETTINGS || length >= sizeof now->line) return false;
    s->lines[s->count] = *now;
    strcpy(s->lines[s->count++].line, words);
    return true;
}

bool study_read(study *s, const char *path, char *why)
{
    char *words = NULL;
    size_t size = 0;
    plan_line now = { .count = 0 };
    bool good = true;
    FILE *file = fopen(path, "r");
    s->count = 0;
    if (!file) return snprintf(why, WHY, "cannot read %.180s: %s", path, strerror(errno)), false;
    for (int i = 1; good && getline(&words, &size, file) > 0; i++)
        if (!(good = take_line(s, words, &now)))
            snprintf(why, WHY, "line %d of %.180s is no stage and no setting", i, path);
    free(words), fclose(file);
    return good;
}

/* ---- Running ---------------------------------------------------------------------------------------------------- */

int study_layer(const results *r, const char *model)
{
    const result *best = NULL;
    for (int i = 0; i < r->count; i++) {
        const result *one = &r->list[i];
        if (!strcmp(one->model, model) && !strcmp(one->stage, "layers") && !strncmp(one->name, "identity-", 9) &&
            (!best || one->s.agree < best->s.agree))
            best = one;
    }
    return best ? atoi(best->name + 9) : -1;
}

/* layer=* becomes the chosen layer. */
static bool fill_layer(const results *r, const char *model, const char *from, char *line, char *why)
{
    const char *star = strstr(from, "layer=*");
    const int layer = star ? study_layer(r, model) : 0;
    if (layer < 0) return snprintf(why, WHY, "the stage \"layers\" of model %s must be run first", model), false;
    if (star) snprintf(line, SETTING_LINE, "%.*slayer=%d%s", (int)(star - from), from, layer, star + 7);
    else strcpy(line, from);
    return true;
}

typedef struct counter {
    double before; /* pictures of the settings that are done */
    const char *label;
} counter;

static void show(void *arg, int64_t done)
{
    const counter *c = arg;
    progress_step(c->before + (double)done, c->label);
}

static bool measure(const study_options *o, const setting *s, result *one, counter *c, char *why)
{
    float *pictures = malloc((size_t)one->s.count * PICTURE * sizeof *pictures);
    uint8_t *verdicts = malloc((size_t)one->s.count);
    const sampling what = { .n = o->n,
                            .early = o->early,
                            .s = s,
                            .seed = (uint64_t)one->seed,
                            .count = one->s.count,
                            .batch = BATCH,
                            .threads = o->threads,
                            .progress = show,
                            .arg = c };
    bool good = pictures && verdicts;
    if (!good) snprintf(why, WHY, "there is no memory for %lld pictures", (long long)one->s.count);
    good = good && sample(&what, pictures, why);
    if (good) scores_make(&one->s, pictures, one->s.count, verdicts);
    else free(verdicts);
    free(pictures);
    return good;
}

/* One setting: found, or measured and added. The stage's first one is what z compares with. */
static bool run_line(const study *s, int i, const study_options *o, results *r, counter *c, char *why)
{
    const plan_line *l = &s->lines[i];
    int first = i;
    setting set;
    result one = { .seed = l->seed, .s.count = l->count }, base = one;
    while (first > 0 && !strcmp(s->lines[first - 1].stage, l->stage)) first--;
    if (!fill_layer(r, o->model, l->line, one.line, why) || !setting_parse(&set, one.line, why)) return false;
    snprintf(one.model, sizeof one.model, "%s", o->model), strcpy(one.stage, l->stage), strcpy(one.name, set.name);
    if (results_find(r, &one) || (setting_has(&set, 'A') && !o->early)) return true;
    c->label = l->stage;
    if (!measure(o, &set, &one, c, why)) return false;
    strcpy(base.model, one.model), strcpy(base.stage, one.stage), strcpy(base.line, s->lines[first].line);
    const result *found = results_find(r, &base);
    if (found) one.z = scores_paired_z(one.s.verdicts, found->s.verdicts, one.s.count);
    return results_add(r, o->results, &one, why);
}

bool study_run(const study *s, const study_options *o, results *r, char *why)
{
    double all = 0;
    counter c = { 0, "" };
    bool good = true;
    for (int i = 0; i < s->count; i++)
        if (!o->stage || !strcmp(o->stage, s->lines[i].stage)) all += (double)s->lines[i].count;
    progress_begin(all);
    for (int i = 0; good && i < s->count; i++) {
        if (o->stage && strcmp(o->stage, s->lines[i].stage) != 0) continue;
        good = run_line(s, i, o, r, &c, why);
        c.before += (double)s->lines[i].count;
    }
    progress_end();
    return good;
}
