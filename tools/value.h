/* value.h - texts into numbers and choices, strictly: all of the text, or a sentence.
 *
 * Every reader takes the text, where to put what it says, and how to name the option in the sentence.
 */
#ifndef TOOLS_VALUE_H
#define TOOLS_VALUE_H

#include "attnguide.h"
#include "fault.h"

typedef bool value_reader(const char *text, void *place, const char *shown, fault *why);

value_reader value_text;       /* const char *; borrowed, not empty */
value_reader value_real;       /* double; "inf" allowed */
value_reader value_integer;    /* int64_t, >= 0 */
value_reader value_count;      /* int32_t, >= 0 */
value_reader value_positive;   /* int32_t, >= 1 */
value_reader value_unsigned;   /* uint64_t */
value_reader value_switch;     /* int32_t: 0 or 1 */
value_reader value_grid;       /* int64_t[3]: TxHxW */
value_reader value_range;      /* int64_t[2]: OFFSET:LENGTH */
value_reader value_kind;       /* ag_kind */
value_reader value_dtype;      /* ag_dtype */
value_reader value_place;      /* ag_place */
value_reader value_prediction; /* ag_prediction */
value_reader value_variance;   /* ag_variance */
value_reader value_group;      /* int64_t [3] */
value_reader value_list;       /* const char *: numbers separated by commas, validated and borrowed */

/* The place of a word in a list of them, with spaces between. */
bool value_word(const char *text, const char *words, double *value, const char *shown, fault *why);

/* "0,3" sets flags[0] and flags[3]. flags [extent]; NULL to validate the text alone. shown is how errors name it. */
bool list_parse(const char *text, int64_t extent, uint8_t *flags, const char *shown, fault *why);

/* The decimal number at *text, which then points behind it; -1: no digit there, or too large. */
int64_t value_digits(const char **text);

#endif
