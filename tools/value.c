/* value.c - texts into numbers and choices, strictly. */
#include "value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "operation.h"

bool value_text(const char *text, void *place, const char *shown, fault *why)
{
    if (*text == '\0') return fault_set(why, "%s: the value is empty", shown);
    *(const char **)place = text;
    return true;
}

bool value_real(const char *text, void *place, const char *shown, fault *why)
{
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || isspace((unsigned char)*text))
        return fault_set(why, "%s: '%s' is not a number", shown, text);
    if (errno == ERANGE && (value > 1 || value < -1)) /* an underflow is as near as a double gets */
        return fault_set(why, "%s: '%s' is too large", shown, text);
    *(double *)place = value;
    return true;
}

int64_t value_digits(const char **text)
{
    int64_t value = 0;
    if (!isdigit((unsigned char)**text)) return -1;
    for (; isdigit((unsigned char)**text); ++*text)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, **text - '0', &value)) return -1;
    return value;
}

bool value_integer(const char *text, void *place, const char *shown, fault *why)
{
    const char *at = text;
    int64_t value = value_digits(&at);
    if (value < 0 || *at != '\0') return fault_set(why, "%s: '%s' is not a whole number from 0 to 2^63-1", shown, text);
    *(int64_t *)place = value;
    return true;
}

bool value_count(const char *text, void *place, const char *shown, fault *why)
{
    const char *at = text;
    int64_t value = value_digits(&at);
    if (value < 0 || *at != '\0' || value > INT32_MAX)
        return fault_set(why, "%s: '%s' is not a whole number from 0 to 2^31-1", shown, text);
    *(int32_t *)place = (int32_t)value;
    return true;
}

bool value_positive(const char *text, void *place, const char *shown, fault *why)
{
    int32_t value = 0;
    if (!value_count(text, &value, shown, why)) return false;
    if (value == 0) return fault_set(why, "%s: 0 is too few", shown);
    *(int32_t *)place = value;
    return true;
}

bool value_unsigned(const char *text, void *place, const char *shown, fault *why)
{
    char *end = NULL;
    errno = 0;
    uint64_t value = isdigit((unsigned char)*text) ? strtoull(text, &end, 10) : 0;
    if (end == NULL || *end != '\0' || errno == ERANGE)
        return fault_set(why, "%s: '%s' is not a whole number from 0 to 2^64-1", shown, text);
    *(uint64_t *)place = value;
    return true;
}

bool value_switch(const char *text, void *place, const char *shown, fault *why)
{
    if (strcmp(text, "0") != 0 && strcmp(text, "1") != 0)
        return fault_set(why, "%s: '%s' is neither 0 nor 1", shown, text);
    *(int32_t *)place = *text - '0';
    return true;
}

/* count numbers with `separator` between them, and nothing else. */
static bool digits_between(const char *text, char separator, int64_t *values, int count)
{
    for (int i = 0; i < count; i++) {
        values[i] = value_digits(&text);
        if (values[i] < 0 || *text != (i + 1 < count ? separator : '\0')) return false;
        text++;
    }
    return true;
}

bool value_grid(const char *text, void *place, const char *shown, fault *why)
{
    if (!digits_between(text, 'x', place, 3)) return fault_set(why, "%s: '%s' is not FRAMESxHEIGHTxWIDTH", shown, text);
    return true;
}

bool value_group(const char *text, void *place, const char *shown, fault *why)
{
    if (!digits_between(text, 'x', place, 3)) return fault_set(why, "%s: '%s' is not OUTERxREDUCEDxINNER", shown, text);
    return true;
}

bool value_range(const char *text, void *place, const char *shown, fault *why)
{
    if (!digits_between(text, ':', place, 2)) return fault_set(why, "%s: '%s' is not OFFSET:LENGTH", shown, text);
    return true;
}

typedef struct choice {
    const char *name;
    int value;
} choice;

static const choice dtypes[] = { { "f32", AG_F32 }, { "f16", AG_F16 }, { "bf16", AG_BF16 }, { NULL, 0 } };
/* A library that has no CUDA says so itself. auto is this command's notion only. */
static const choice places[] = { { "auto", AG_HOST }, { "cpu", AG_HOST }, { "cuda", AG_CUDA }, { NULL, 0 } };
static const choice predictions[] = { { "eps", AG_EPS },   { "x0", AG_X0 },
                                      { "v", AG_V },       { "score", AG_SCORE },
                                      { "flow", AG_FLOW }, { "denoised", AG_DENOISED },
                                      { NULL, 0 } };
static const choice variances[] = { { "small", AG_VARIANCE_SMALL }, { "large", AG_VARIANCE_LARGE }, { NULL, 0 } };

static const choice *choose(const char *text, const choice *table)
{
    while (table->name != NULL && strcmp(text, table->name) != 0) table++;
    return table->name != NULL ? table : NULL;
}

bool value_kind(const char *text, void *place, const char *shown, fault *why)
{
    char known[80] = "";
    size_t used = 0;
    ag_method_info m;
    for (int i = 0; method_at(i, &m); i++) {
        if (m.variant == NULL) continue;
        if (!strcmp(text, m.variant)) {
            *(ag_kind *)place = m.kind;
            return true;
        }
        if (used < sizeof known)
            used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", m.variant);
    }
    return fault_set(why, "%s: '%s' is none of %s", shown, text, known);
}

bool value_dtype(const char *text, void *place, const char *shown, fault *why)
{
    const choice *chosen = choose(text, dtypes);
    if (chosen == NULL) return fault_set(why, "%s: '%s' is not f32, f16 or bf16", shown, text);
    *(ag_dtype *)place = (ag_dtype)chosen->value;
    return true;
}

bool value_place(const char *text, void *place, const char *shown, fault *why)
{
    const choice *chosen = choose(text, places);
    if (chosen == NULL) return fault_set(why, "%s: '%s' is not auto, cpu or cuda", shown, text);
    *(ag_place *)place = (ag_place)chosen->value;
    return true;
}

/* A word of a list such as "cond uncond", of the value that is its place there. */
bool value_word(const char *text, const char *words, double *value, const char *shown, fault *why)
{
    char known[80] = "";
    size_t used = 0;
    int place = 0;
    for (const char *at = words; *at != '\0'; place++) {
        const size_t length = strcspn(at, " ");
        if (strlen(text) == length && !memcmp(text, at, length)) {
            *value = place;
            return true;
        }
        used +=
            (size_t)snprintf(known + used, sizeof known - used, "%s%.*s", place == 0 ? "" : " nor ", (int)length, at);
        at += length + strspn(at + length, " ");
    }
    return fault_set(why, "%s: '%s' is neither %s", shown, text, known);
}

bool value_prediction(const char *text, void *place, const char *shown, fault *why)
{
    const choice *chosen = choose(text, predictions);
    if (chosen == NULL) return fault_set(why, "%s: '%s' is not eps, x0, v, score, flow or denoised", shown, text);
    *(ag_prediction *)place = (ag_prediction)chosen->value;
    return true;
}

bool value_variance(const char *text, void *place, const char *shown, fault *why)
{
    const choice *chosen = choose(text, variances);
    if (chosen == NULL) return fault_set(why, "%s: '%s' is neither small nor large", shown, text);
    *(ag_variance *)place = (ag_variance)chosen->value;
    return true;
}

bool list_parse(const char *text, int64_t extent, uint8_t *flags, const char *shown, fault *why)
{
    for (const char *at = text;; at++) {
        int64_t value = value_digits(&at);
        if (value < 0 || (*at != ',' && *at != '\0'))
            return fault_set(why, "%s: '%s' is not a list of numbers such as 0,3", shown, text);
        if (value >= extent)
            return fault_set(why, "%s: %" PRId64 " is not below %" PRId64 ", the number of %s; they are counted from 0",
                             shown, value, extent, shown);
        if (flags != NULL) flags[value] = 1;
        if (*at == '\0') return true;
    }
}

bool value_list(const char *text, void *place, const char *shown, fault *why)
{
    if (!list_parse(text, INT64_MAX, NULL, shown, why)) return false;
    *(const char **)place = text;
    return true;
}
