/* setting.h - how pictures are sampled, as a line of words: a name, then key=value.
 *
 *     seg  inputs=CP method=smoothed sigma=inf layer=3 w=1
 *
 * inputs   what the rule combines, in its order. C: with the label; U: without one; N: with another label; P: with the
 *          label, perturbed; Q: without, perturbed; A: an early network's; R: C and a random step as long as C - P;
 *          K: C with more contrast
 * rule     a rule of the library (linear), and its parameters by their names; levels of FDG; group=position: statistics
 *          at each place over channels
 * w g      of rules with weights: C,X: C + w (C - X); C,U: U + g (C - U); C,U,P: U + g (C - U) + w (C - P); C,Q,P:
 *          C + (g-1) (C - Q) + w (C - P)
 * method   a method of the library (kind=permute and the like for its variants), and its parameters by their names, in
 *          the layers of layer=3 or layer=2,3
 * inside   nag or merge: the rule combines attention's outputs in those layers; then inputs is C
 * kernel   of the library, by its name: the attention of all layers runs on it
 * sampler  euler or heun; steps (24); from, to: guided at times from < t <= to alone
 */
#ifndef TINYDIFF_SETTING_H
#define TINYDIFF_SETTING_H

#include <attnguide.h>
#include <stdbool.h>

enum { MOST_SETTING_INPUTS = 4, SETTING_NAME = 40, SETTING_LINE = 256 };

typedef struct setting {
    char name[SETTING_NAME];
    char inputs[MOST_SETTING_INPUTS + 1];
    ag_rule rule;
    double parameters[AG_MOST_PARAMETERS];
    bool by_position;
    int levels;
    double w, g;
    ag_row row;                /* of the perturbed rows */
    ag_row_args row_args;      /* likewise */
    uint64_t layers;           /* bit i: layer i is perturbed */
    bool inside;               /* the rule, NAG or MERGE, is attention's */
    char kernel[SETTING_NAME]; /* empty: the library's choice */
    bool heun;
    int steps;
    double from, to;
} setting;

/* False: why[AG_MESSAGE_SIZE] says which word is wrong. */
bool setting_parse(setting *s, const char *line, char *why);

static inline bool setting_has(const setting *s, char input)
{
    for (const char *c = s->inputs; *c; c++)
        if (*c == input) return true;
    return false;
}

#endif
