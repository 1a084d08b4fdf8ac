/* setting.c - see setting.h. */
#include "setting.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool number(const char *value, double *to)
{
    char *end;
    *to = strtod(value, &end);
    return end != value && !*end;
}

static bool whole(const char *value, int least, int most, int *to)
{
    double d;
    if (!number(value, &d) || !(d >= least && d <= most) || d != (int)d) return false;
    *to = (int)d;
    return true;
}

/* A method by its name, or one of its kinds by the variant's: both are in the table. */
static bool set_method(setting *s, const char *name)
{
    ag_method_info info;
    for (int i = 0; ag_method_info_init(&info), ag_method_at(i, &info) == AG_OK; i++)
        if (strcmp(name, info.name) == 0 || (info.variant && strcmp(name, info.variant) == 0)) {
            ag_row_init(&s->row, info.method);
            s->row.kind = info.kind;
            return true;
        }
    return false;
}

static bool set_rule(setting *s, const char *name)
{
    ag_rule_info info;
    for (int i = 0; ag_rule_info_init(&info), ag_rule_at(i, &info) == AG_OK; i++)
        if (strcmp(name, info.name) == 0) return s->rule = info.rule, true;
    return false;
}

/* A parameter of the method: a field of ag_row, or of ag_row_args where it is given at a run. */
static bool set_method_parameter(setting *s, const char *key, double value)
{
    ag_method_info method;
    ag_parameter_info p;
    for (int i = 0; ag_method_info_init(&method), ag_method_at(i, &method) == AG_OK; i++) {
        if (method.method != s->row.method || method.kind != s->row.kind) continue;
        for (int j = 0; ag_parameter_info_init(&p), ag_parameter_at(i, j, &p) == AG_OK; j++) {
            if (strcmp(key, p.name) != 0) continue;
            char *field = (char *)(p.at_run ? (void *)&s->row_args : (void *)&s->row) + p.offset;
            if (p.whole) memcpy(field, &(int32_t){ (int32_t)value }, sizeof(int32_t));
            else memcpy(field, &value, sizeof value);
            return true;
        }
    }
    return false;
}

/* A list is for parameters of one name, one after the other: scales=1,3 of FDG. */
static bool set_rule_parameter(setting *s, const char *key, const char *value)
{
    ag_parameter_info p;
    for (int i = 0; ag_parameter_info_init(&p), ag_rule_parameter_at(s->rule, i, &p) == AG_OK; i++) {
        char *end;
        if (strcmp(key, p.name) != 0) continue;
        s->parameters[p.offset / sizeof(double)] = strtod(value, &end);
        if (end == value || (*end && *end != ',')) return false;
        if (!*end) return true;
        value = end + 1;
    }
    return false;
}

static bool set_inputs(setting *s, const char *value)
{
    const size_t length = strlen(value);
    if (!length || length > MOST_SETTING_INPUTS || strspn(value, "CUNPQARK") != length) return false;
    memcpy(s->inputs, value, length + 1);
    return true;
}

static bool set_layers(setting *s, const char *value)
{
    char *end;
    for (s->layers = 0;; value = end + 1) {
        const long layer = strtol(value, &end, 10);
        if (end == value || layer < 0 || layer > 63 || (*end && *end != ',')) return false;
        s->layers |= (uint64_t)1 << layer;
        if (!*end) return true;
    }
}

static bool set(setting *s, const char *key, const char *value)
{
    double d;
    if (!strcmp(key, "inputs")) return set_inputs(s, value);
    if (!strcmp(key, "rule")) return set_rule(s, value);
    if (!strcmp(key, "inside")) return s->inside = true, set_rule(s, value);
    if (!strcmp(key, "kernel")) return strlen(value) < sizeof s->kernel && strcpy(s->kernel, value);
    if (!strcmp(key, "method")) return set_method(s, value);
    if (!strcmp(key, "layer")) return set_layers(s, value);
    if (!strcmp(key, "steps")) return whole(value, 1, 1000, &s->steps);
    if (!strcmp(key, "levels")) return whole(value, 1, 8, &s->levels);
    if (!strcmp(key, "sampler")) return s->heun = !strcmp(value, "heun"), s->heun || !strcmp(value, "euler");
    if (!strcmp(key, "group")) return s->by_position = true, !strcmp(value, "position");
    if (set_rule_parameter(s, key, value)) return true;
    if (!number(value, &d)) return false;
    if (!strcmp(key, "w")) return s->w = d, true;
    if (!strcmp(key, "g")) return s->g = d, true;
    if (!strcmp(key, "from")) return s->from = d, true;
    if (!strcmp(key, "to")) return s->to = d, true;
    return set_method_parameter(s, key, d);
}

/* key=value; the word is whole again afterwards. */
static bool set_word(setting *s, char *word)
{
    char *equals = strchr(word, '=');
    if (!equals) return false;
    *equals = 0;
    const bool good = set(s, word, equals + 1);
    *equals = '=';
    return good;
}

/* What the words say together. */
static bool check(const setting *s, char *why)
{
    const bool perturbed = setting_has(s, 'P') || setting_has(s, 'Q') || setting_has(s, 'R') || s->inside;
    const char *wrong = perturbed && s->row.method == AG_STANDARD && s->rule != AG_MERGE ? "it has no method"
                        : perturbed && !s->layers                                        ? "it has no layer"
                        : !perturbed && s->layers                     ? "it has a layer, and nothing is perturbed"
                        : s->rule == AG_TAG && strlen(s->inputs) != 2 ? "tag takes a guided prediction of two inputs"
                        : s->inside && strcmp(s->inputs, "C") != 0    ? "inside goes with inputs=C"
                        : setting_has(s, 'R') && setting_has(s, 'P')  ? "R takes the place of P"
                        : (setting_has(s, 'R') || setting_has(s, 'K')) && !setting_has(s, 'C') ? "R and K begin from C"
                                                                                               : NULL;
    if (wrong) snprintf(why, AG_MESSAGE_SIZE, "setting %s: %s", s->name, wrong);
    return !wrong;
}

bool setting_parse(setting *s, const char *line, char *why)
{
    char words[SETTING_LINE], *next = NULL;
    memset(s, 0, sizeof *s);
    strcpy(s->inputs, "C");
    s->g = 1, s->steps = 24, s->from = -1, s->to = 1;
    ag_row_init(&s->row, AG_STANDARD), ag_row_args_init(&s->row_args);
    ag_parameters_init(s->parameters, AG_MOST_PARAMETERS);
    if (strlen(line) >= sizeof words) return snprintf(why, AG_MESSAGE_SIZE, "a setting's line is too long"), false;
    strcpy(words, line);
    for (char *word = strtok_r(words, " \t\r\n", &next); word; word = strtok_r(NULL, " \t\r\n", &next)) {
        if (!*s->name && !strchr(word, '=') && strlen(word) < sizeof s->name) strcpy(s->name, word);
        else if (!set_word(s, word))
            return snprintf(why, AG_MESSAGE_SIZE, "setting %s: %s: there is no such key, or no such value", s->name,
                            word),
                   false;
    }
    if (!*s->name) return snprintf(why, AG_MESSAGE_SIZE, "a setting has no name"), false;
    return check(s, why);
}
