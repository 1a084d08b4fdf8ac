/* options.c - what was asked for: the table of options and the two ways into it. */
#include "options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "suggest.h"
#include "value.h"

typedef struct entry {
    const char *name; /* as a key; the option has - for _ */
    unsigned commands;
    value_reader *read;
    size_t place; /* 0: a parameter of a rule, which only the library's table knows */
    size_t also;  /* an int set to 1 as well: that it was given; 0 = none */
} entry;

#define AT(field) offsetof(options, field)

enum {
    BOTH = FOR_RUN | FOR_CASE,
    RULE = FOR_COMBINE | FOR_RULE,
    SPACE = FOR_CONVERT | FOR_RULE,
    STEP = FOR_SAMPLER | FOR_SAMPLER_CASE,
    WEIGHED = FOR_COMBINE | FOR_CONVERT | FOR_SAMPLER,
    HOW = FOR_RUN | FOR_REPLAY | WEIGHED,
    TEAM = HOW | FOR_DEMO
};

_Static_assert(AT(image_length) == AT(image_offset) + sizeof(int64_t), "value_range fills both");

static const entry entries[] = {
    { "q", FOR_RUN, value_text, AT(q), 0 },
    { "k", FOR_RUN, value_text, AT(k), 0 },
    { "v", FOR_RUN, value_text, AT(v), 0 },
    { "out", FOR_RUN | WEIGHED, value_text, AT(out), 0 },
    { "lse", FOR_RUN | FOR_COMBINE, value_text, AT(lse), 0 },
    { "curvature", FOR_RUN, value_text, AT(curvature), 0 },
    { "bias", FOR_RUN, value_text, AT(bias), 0 },
    { "mask", FOR_RUN, value_text, AT(mask), 0 },
    { "index", FOR_RUN, value_text, AT(index), 0 },
    { "group", RULE, value_group, AT(group), 0 },
    { "inputs", FOR_CASE | FOR_RULE | FOR_SAMPLER_CASE, value_text, AT(inputs), 0 },
    { "grid", BOTH | RULE, value_grid, AT(grid), 0 },
    { "sigma", SPACE, value_real, AT(sigma), AT(has_sigma) },
    { "image", FOR_RUN, value_range, AT(image_offset), 0 },
    { "image_offset", FOR_CASE, value_integer, AT(image_offset), 0 },
    { "image_length", FOR_CASE, value_integer, AT(image_length), 0 },
    { "strength", BOTH, value_real, AT(strength), AT(blend) },
    { "heads", BOTH, value_list, AT(heads), 0 },
    { "rows", BOTH, value_list, AT(rows), 0 },
    { "kind", BOTH, value_kind, AT(row.kind), 0 },
    { "seed", BOTH | FOR_DEMO, value_unsigned, AT(seed), 0 },
    { "scale", BOTH, value_real, AT(scale), AT(has_scale) },
    { "causal", BOTH, value_switch, AT(causal), 0 },
    { "dtype", HOW, value_dtype, AT(dtype), 0 },
    { "backend", HOW, value_place, AT(place), 0 },
    { "threads", TEAM, value_positive, AT(threads), 0 },
    { "kernel", TEAM, value_text, AT(kernel), 0 },
    { "cond", FOR_COMBINE, value_text, AT(file[FILE_COND]), 0 },
    { "uncond", FOR_COMBINE, value_text, AT(file[FILE_UNCOND]), 0 },
    { "perturbed", FOR_COMBINE, value_text, AT(file[FILE_PERTURBED]), 0 },
    { "x0", FOR_COMBINE, value_text, AT(file[FILE_X0]), 0 },
    { "received", FOR_COMBINE, value_text, AT(file[FILE_RECEIVED]), 0 },
    { "taps", FOR_RULE, value_count, AT(taps), 0 },
    { "positive", FOR_COMBINE, value_text, AT(file[FILE_POSITIVE]), 0 },
    { "negative", FOR_COMBINE, value_text, AT(file[FILE_NEGATIVE]), 0 },
    { "empty", FOR_COMBINE, value_text, AT(file[FILE_EMPTY]), 0 },
    { "a", FOR_COMBINE, value_text, AT(file[FILE_A]), 0 },
    { "b", FOR_COMBINE, value_text, AT(file[FILE_B]), 0 },
    { "lse_a", FOR_COMBINE, value_text, AT(file[FILE_LSE_A]), 0 },
    { "lse_b", FOR_COMBINE, value_text, AT(file[FILE_LSE_B]), 0 },
    { "x", FOR_COMBINE | FOR_CONVERT, value_text, AT(file[FILE_X]), 0 },
    { "prediction", FOR_CONVERT, value_text, AT(file[FILE_PREDICTION]), 0 },
    { "state_in", FOR_COMBINE, value_text, AT(file[FILE_STATE]), 0 },
    { "state_out", FOR_COMBINE, value_text, AT(state_out), 0 },
    { "momentum_in", FOR_COMBINE, value_text, AT(file[FILE_STATE]), 0 }, /* the paper's name, of APG's */
    { "momentum_out", FOR_COMBINE, value_text, AT(state_out), 0 },
    { "cfg_scale", RULE, value_real, AT(cfg_scale), AT(has_cfg_scale) },
    { "perturbed_scale", RULE, value_real, AT(perturbed_scale), AT(has_perturbed_scale) },
    { "alpha", RULE | FOR_CONVERT, value_real, AT(alpha), AT(has_alpha) },
    { "from", SPACE, value_prediction, AT(from), AT(has_from) },
    { "to", SPACE, value_prediction, AT(to), AT(has_to) },
    { "x", FOR_SAMPLER, value_text, AT(step.file[STEP_X]), AT(step.has[STEP_X]) },
    { "prediction", FOR_SAMPLER, value_text, AT(step.file[STEP_PREDICTION]), AT(step.has[STEP_PREDICTION]) },
    { "noise", FOR_SAMPLER, value_text, AT(step.file[STEP_NOISE]), AT(step.has[STEP_NOISE]) },
    { "from", STEP, value_prediction, AT(step.from), AT(step.has[STEP_FROM]) },
    { "alpha", STEP, value_real, AT(step.alpha), AT(step.has[STEP_ALPHA]) },
    { "sigma", STEP, value_real, AT(step.sigma), AT(step.has[STEP_SIGMA]) },
    { "alpha_to", STEP, value_real, AT(step.alpha_to), AT(step.has[STEP_ALPHA_TO]) },
    { "sigma_to", STEP, value_real, AT(step.sigma_to), AT(step.has[STEP_SIGMA_TO]) },
    { "variance", STEP, value_variance, AT(step.variance), AT(step.has[STEP_VARIANCE]) },
    { "eta", STEP, value_real, AT(step.eta), AT(step.has[STEP_ETA]) },
    { "gamma", STEP, value_real, AT(step.gamma), AT(step.has[STEP_GAMMA]) },
    { "shrink", FOR_DEMO, value_positive, AT(shrink), 0 },
    { "patch", FOR_DEMO, value_positive, AT(patch), 0 },
    { "noise", FOR_DEMO, value_real, AT(noise), 0 },
    { "bandwidth", FOR_DEMO, value_real, AT(bandwidth), 0 },
};

void options_init(options *o)
{
    *o = (options){ .image_length = AG_ALL_TOKENS,
                    .strength = 1,
                    .dtype = AG_F32,
                    .place = AG_HOST,
                    .cfg_scale = 1,
                    .taps = 9,
                    .shrink = 1,
                    .patch = 3,
                    .noise = 0.1 };
    ag_row_init(&o->row, AG_STANDARD);
    ag_row_args_init(&o->run);
    o->row.draws = DRAWS_UNTOLD;
}

/* Keys are compared with - and _ alike. */
static bool same_key(const char *name, const char *key, size_t length)
{
    if (strlen(name) != length) return false;
    for (size_t i = 0; i < length; i++)
        if (name[i] != key[i] && !(name[i] == '_' && key[i] == '-')) return false;
    return true;
}

/* The numbers that methods take are options as well: fields of row and run. */
static bool number_find(const char *key, size_t length, entry *found)
{
    ag_method_info m;
    ag_parameter_info p;
    for (int method = 0; method_at(method, &m); method++)
        for (int i = 0; parameter_at(method, i, &p); i++) {
            if (!same_key(p.name, key, length)) continue;
            const int on_or_off = p.least == 0 && p.most == 1;
            *found = (entry){ p.name, BOTH, value_real, (p.at_run ? AT(run) : AT(row)) + p.offset, 0 };
            if (p.whole) found->read = on_or_off ? value_switch : value_count;
            return true;
        }
    return false;
}

/* And those that rules take: a number, a list of them, or a word. */
static bool rule_number_find(const char *key, size_t length, entry *found)
{
    ag_parameter_info p;
    for (int i = 0; guided_parameter(i, &p); i++) {
        if (!same_key(p.name, key, length)) continue;
        *found = (entry){ .name = p.name, .commands = RULE, .read = value_real };
        if (p.whole) found->read = value_count;
        return true;
    }
    return false;
}

static bool entry_find(unsigned command, const char *key, size_t length, entry *found)
{
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        *found = entries[i];
        if ((found->commands & command) && same_key(found->name, key, length)) return true;
    }
    if ((command & BOTH) && number_find(key, length, found)) return true;
    return (command & RULE) && rule_number_find(key, length, found);
}

static void offer_numbers(suggestion *s)
{
    ag_method_info m;
    ag_parameter_info p;
    for (int method = 0; method_at(method, &m); method++)
        for (int i = 0; parameter_at(method, i, &p); i++) suggest_offer(s, p.name);
}

/* An option of that command or, with dashes "", a key. It is near, or the sentence does without. */
static bool refuse_unknown(unsigned command, const char *key, size_t length, const char *dashes, fault *why)
{
    const char *kind = *dashes != '\0' ? "option" : "key";
    suggestion s = suggest_for(key, length);
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++)
        if (entries[i].commands & command) suggest_offer(&s, entries[i].name);
    if (command & BOTH) offer_numbers(&s);
    ag_parameter_info p;
    for (int i = 0; (command & RULE) && guided_parameter(i, &p); i++) suggest_offer(&s, p.name);
    if (s.name == NULL) return fault_set(why, "the %s '%s%.*s' is not known", kind, dashes, (int)length, key);
    char name[32];
    snprintf(name, sizeof name, "%s", s.name);
    for (char *at = name; *dashes != '\0' && *at != '\0'; at++)
        if (*at == '_') *at = '-';
    return fault_set(why, "the %s '%s%.*s' is not known; did you mean %s%s?", kind, dashes, (int)length, key, dashes,
                     name);
}

static const char *words_of(const char *name)
{
    ag_parameter_info p;
    for (int i = 0; guided_parameter(i, &p); i++)
        if (strcmp(p.name, name) == 0) return p.words;
    return NULL;
}

static bool read_number(const entry *e, const char *text, double *value, const char *shown, fault *why)
{
    int32_t whole;
    const char *words = words_of(e->name);
    if (words != NULL) return value_word(text, words, value, shown, why);
    if (e->read == value_real) return value_real(text, value, shown, why);
    const bool good = e->read(text, &whole, shown, why);
    if (good) *value = whole;
    return good;
}

/* Numbers with commas between them, where several parameters have the name. */
static bool read_numbers(const entry *e, const char *text, parameter *to, const char *shown, fault *why)
{
    const int most = guided_parameters(e->name);
    char one[64];
    for (to->count = 0; to->count < MOST_LISTED; text++) {
        const size_t length = most > 1 ? strcspn(text, ",") : strlen(text);
        if (to->count == most) return fault_set(why, "%s: there are more than %d numbers", shown, most);
        snprintf(one, sizeof one, "%.*s", (int)length, text);
        if (!read_number(e, length < sizeof one ? one : text, &to->values[to->count++], shown, why)) return false;
        text += length;
        if (*text == '\0') return true;
    }
    return fault_set(why, "%s: there are more than %d numbers", shown, MOST_LISTED);
}

/* What is given twice is what was given last. */
static bool rule_number_set(const entry *e, options *o, const char *value, const char *shown, fault *why)
{
    parameter given = { .name = e->name };
    int at = 0;
    if (!read_numbers(e, value, &given, shown, why)) return false;
    while (at < o->parameter_count && strcmp(o->parameters[at].name, e->name) != 0) at++;
    if (at == MOST_PARAMETERS) return fault_set(why, "%s: there are too many parameters", shown);
    if (at == o->parameter_count) o->parameter_count++;
    o->parameters[at] = given;
    return true;
}

static bool entry_set(const entry *e, options *o, const char *value, const char *shown, fault *why)
{
    if (e->place == 0) return rule_number_set(e, o, value, shown, why);
    if (!e->read(value, (char *)o + e->place, shown, why)) return false;
    if (e->also != 0) *(int *)((char *)o + e->also) = 1;
    return true;
}

static const parameter *given_find(const options *o, const char *name)
{
    for (int i = 0; i < o->parameter_count; i++)
        if (strcmp(name, o->parameters[i].name) == 0) return &o->parameters[i];
    return NULL;
}

double options_parameter(const options *o, const char *name, int i, double absent)
{
    const parameter *given = given_find(o, name);
    if (o->has_cfg_scale && strcmp(name, "cfg_scale") == 0) return o->cfg_scale;
    if (o->has_alpha && strcmp(name, "alpha") == 0) return o->alpha;
    return given != NULL && i < given->count ? given->values[i] : absent;
}

int options_listed(const options *o, const char *name)
{
    const parameter *given = given_find(o, name);
    return given != NULL ? given->count : 0;
}

bool options_set(options *o, unsigned command, const char *key, const char *value, const char *shown, fault *why)
{
    entry e;
    if (!entry_find(command, key, strlen(key), &e)) return refuse_unknown(command, key, strlen(key), "", why);
    return entry_set(&e, o, value, shown, why);
}

/* --name VALUE, --name=VALUE, and --causal, which stands alone. */
static bool parse_option(options *o, unsigned command, arguments *given, int *at, fault *why)
{
    const char *argument = given->argv[*at];
    size_t length = strcspn(argument + 2, "=");
    entry e;
    if (!entry_find(command, argument + 2, length, &e)) return refuse_unknown(command, argument + 2, length, "--", why);

    char shown[40];
    snprintf(shown, sizeof shown, "%.*s", (int)length + 2, argument);
    if (argument[2 + length] == '=') return entry_set(&e, o, argument + 2 + length + 1, shown, why);
    if (e.place == AT(causal)) return entry_set(&e, o, "1", shown, why);
    if (*at + 1 == given->argc) return fault_set(why, "%s: a value is missing", shown);
    return entry_set(&e, o, given->argv[++*at], shown, why);
}

bool options_parse(options *o, unsigned command, arguments *given, fault *why)
{
    given->count = 0;
    for (int i = given->first; i < given->argc; i++) {
        if (given->argv[i][0] == '-' && given->argv[i][1] == '-') {
            if (!parse_option(o, command, given, &i, why)) return false;
            continue;
        }
        if (given->argv[i][0] == '-')
            return fault_set(why, "the option '%s' is not known: options begin with --", given->argv[i]);
        if (given->count == given->most) return fault_set(why, "'%s' is one argument too many", given->argv[i]);
        given->positional[given->count++] = given->argv[i];
    }
    return true;
}
