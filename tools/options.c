/* options.c - what was asked for: the table of options and the two ways into it. */
#include "options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "value.h"

typedef struct entry {
    const char *name; /* as a key; the option has - for _ */
    unsigned commands;
    value_reader *read;
    size_t place;
    size_t also; /* an int set to 1 as well: that it was given; 0 = none */
} entry;

#define AT(field) offsetof(options, field)

enum {
    BOTH = FOR_RUN | FOR_CASE,
    RULE = FOR_COMBINE | FOR_RULE,
    SPACE = FOR_CONVERT | FOR_RULE,
    TWO = FOR_COMBINE | FOR_CONVERT,
    HOW = FOR_RUN | FOR_REPLAY | TWO,
    TEAM = HOW | FOR_DEMO
};

_Static_assert(AT(image_length) == AT(image_offset) + sizeof(int64_t), "value_range fills both");

static const entry entries[] = {
    { "q", FOR_RUN, value_text, AT(q), 0 },
    { "k", FOR_RUN, value_text, AT(k), 0 },
    { "v", FOR_RUN, value_text, AT(v), 0 },
    { "out", FOR_RUN | TWO, value_text, AT(out), 0 },
    { "lse", FOR_RUN | FOR_COMBINE, value_text, AT(lse), 0 },
    { "curvature", FOR_RUN, value_text, AT(curvature), 0 },
    { "bias", FOR_RUN, value_text, AT(bias), 0 },
    { "mask", FOR_RUN, value_text, AT(mask), 0 },
    { "index", FOR_RUN, value_text, AT(index), 0 },
    { "inputs", FOR_CASE | FOR_RULE, value_text, AT(inputs), 0 },
    { "grid", BOTH | RULE, value_grid, AT(grid), 0 },
    { "sigma", BOTH | SPACE, value_real, AT(sigma), AT(has_sigma) },
    { "sigma_t", BOTH, value_real, AT(sigma_t), 0 },
    { "inverse_temperature", BOTH, value_real, AT(inverse_temperature), 0 },
    { "probability", BOTH, value_real, AT(probability), 0 },
    { "amplitude", BOTH, value_real, AT(amplitude), 0 },
    { "image", FOR_RUN, value_range, AT(image_offset), 0 },
    { "image_offset", FOR_CASE, value_integer, AT(image_offset), 0 },
    { "image_length", FOR_CASE, value_integer, AT(image_length), 0 },
    { "strength", BOTH, value_real, AT(strength), AT(blend) },
    { "heads", BOTH, value_list, AT(heads), 0 },
    { "rows", BOTH, value_list, AT(rows), 0 },
    { "keep_parallel", BOTH, value_switch, AT(keep_parallel), 0 },
    { "kind", BOTH, value_kind, AT(kind), 0 },
    { "draws", BOTH, value_count, AT(draws), AT(has_draws) },
    { "gain", BOTH, value_real, AT(gain), 0 },
    { "mix", BOTH, value_real, AT(mix), 0 },
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
    { "a", FOR_COMBINE, value_text, AT(file[FILE_A]), 0 },
    { "b", FOR_COMBINE, value_text, AT(file[FILE_B]), 0 },
    { "lse_a", FOR_COMBINE, value_text, AT(file[FILE_LSE_A]), 0 },
    { "lse_b", FOR_COMBINE, value_text, AT(file[FILE_LSE_B]), 0 },
    { "x", FOR_CONVERT, value_text, AT(file[FILE_X]), 0 },
    { "prediction", FOR_CONVERT, value_text, AT(file[FILE_PREDICTION]), 0 },
    { "momentum_in", FOR_COMBINE, value_text, AT(file[FILE_MOMENTUM]), 0 },
    { "momentum_out", FOR_COMBINE, value_text, AT(momentum_out), 0 },
    { "cfg_scale", RULE, value_real, AT(cfg_scale), AT(has_cfg_scale) },
    { "perturbed_scale", RULE, value_real, AT(perturbed_scale), AT(has_perturbed_scale) },
    { "rescale", RULE, value_real, AT(rescale), AT(has_rescale) },
    { "eta", RULE, value_real, AT(eta), 0 },
    { "radius", RULE, value_real, AT(radius), 0 },
    { "momentum", RULE, value_real, AT(momentum), AT(has_momentum) },
    { "base", RULE, value_base, AT(from_uncond), 0 },
    { "nag_scale", RULE, value_real, AT(nag_scale), 0 },
    { "tau", RULE, value_real, AT(tau), 0 },
    { "alpha", RULE | FOR_CONVERT, value_real, AT(alpha), AT(has_alpha) },
    { "norm", RULE, value_count, AT(norm), 0 },
    { "from", SPACE, value_prediction, AT(from), AT(has_from) },
    { "to", SPACE, value_prediction, AT(to), AT(has_to) },
    { "shrink", FOR_DEMO, value_positive, AT(shrink), 0 },
    { "patch", FOR_DEMO, value_positive, AT(patch), 0 },
    { "noise", FOR_DEMO, value_real, AT(noise), 0 },
    { "bandwidth", FOR_DEMO, value_real, AT(bandwidth), 0 },
};

void options_init(options *o)
{
    *o = (options){ .image_length = AG_ALL_TOKENS,
                    .strength = 1,
                    .gain = 1,
                    .mix = 1,
                    .inverse_temperature = 1,
                    .keep_parallel = 1,
                    .draws = 1,
                    .dtype = AG_F32,
                    .place = AG_HOST,
                    .cfg_scale = 1,
                    .nag_scale = 1,
                    .eta = 1,
                    .tau = 2.5,
                    .norm = 1,
                    .taps = 9,
                    .shrink = 1,
                    .patch = 3,
                    .noise = 0.1 };
}

/* Keys are compared with - and _ alike. */
static bool same_key(const char *name, const char *key, size_t length)
{
    if (strlen(name) != length) return false;
    for (size_t i = 0; i < length; i++)
        if (name[i] != key[i] && !(name[i] == '_' && key[i] == '-')) return false;
    return true;
}

static const entry *entry_find(unsigned command, const char *key, size_t length)
{
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++)
        if ((entries[i].commands & command) && same_key(entries[i].name, key, length)) return &entries[i];
    return NULL;
}

static bool entry_set(const entry *e, options *o, const char *value, const char *shown, fault *why)
{
    if (!e->read(value, (char *)o + e->place, shown, why)) return false;
    if (e->also != 0) *(int *)((char *)o + e->also) = 1;
    return true;
}

bool options_set(options *o, unsigned command, const char *key, const char *value, const char *shown, fault *why)
{
    const entry *e = entry_find(command, key, strlen(key));
    return e ? entry_set(e, o, value, shown, why) : fault_set(why, "the key '%s' is not known", shown);
}

/* --name VALUE, --name=VALUE, and --causal, which stands alone. */
static bool parse_option(options *o, unsigned command, arguments *given, int *at, fault *why)
{
    const char *argument = given->argv[*at];
    size_t length = strcspn(argument + 2, "=");
    const entry *e = entry_find(command, argument + 2, length);
    if (e == NULL) return fault_set(why, "the option '%s' is not known", argument);

    char shown[40];
    snprintf(shown, sizeof shown, "%.*s", (int)length + 2, argument);
    if (argument[2 + length] == '=') return entry_set(e, o, argument + 2 + length + 1, shown, why);
    if (e->place == AT(causal)) return entry_set(e, o, "1", shown, why);
    if (*at + 1 == given->argc) return fault_set(why, "%s: a value is missing", shown);
    return entry_set(e, o, given->argv[++*at], shown, why);
}

bool options_parse(options *o, unsigned command, arguments *given, fault *why)
{
    given->count = 0;
    for (int i = given->first; i < given->argc; i++) {
        if (given->argv[i][0] == '-' && given->argv[i][1] == '-') {
            if (!parse_option(o, command, given, &i, why)) return false;
            continue;
        }
        if (given->argv[i][0] == '-') return fault_set(why, "the option '%s' is not known", given->argv[i]);
        if (given->count == given->most) return fault_set(why, "'%s' is one argument too many", given->argv[i]);
        given->positional[given->count++] = given->argv[i];
    }
    return true;
}
