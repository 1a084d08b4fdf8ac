/* help_rules.c - what help says of rules of guidance, from the library's own table. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "guided.h"

void help_rules(void)
{
    for (int i = 0; guided_name(i) != NULL; i++) {
        const combination *c = guided_at(i);
        const ag_rule_info info = guided_info(c->rule);
        printf("  %-15s ", c->name);
        if (c->help != NULL) puts(c->help);
        else
            printf("%s%s%s%s\n", info.formula, info.source ? " (" : "", info.source ? info.source : "",
                   info.source ? ")" : "");
    }
}

/* Of those that the command has a word for; a rescaled combination is a linear one to it. */
static const char *word_of(ag_rule rule)
{
    for (int i = 0; guided_name(i) != NULL; i++)
        if (guided_at(i)->rule == rule) return guided_at(i)->name;
    return guided_at(0)->name;
}

static void print_parameter(ag_rule rule, const ag_parameter_info *p)
{
    char option[48];
    snprintf(option, sizeof option, "--%s %s", p->name, p->words != NULL ? p->words : p->whole ? "N" : "X");
    char *const values = strchr(option, ' ') + 1;
    for (char *at = option; *at != '\0'; at++) {
        if (*at == '_') *at = '-';
        if (*at == ' ' && at > values) *at = '|'; /* words */
    }
    printf("  %-20s %s: %s", option, word_of(rule), p->meaning);
    if (p->words == NULL) printf(", default %g", p->initial);
    putchar('\n');
}

/* cfg_scale belongs to predictions, whatever the rule is, and is told of among them. */
void help_parameters(void)
{
    const char *before = "";
    ag_rule_info rule;
    ag_parameter_info p;
    ag_rule_info_init(&rule);
    ag_parameter_info_init(&p);
    for (int at = 0; ag_rule_at(at, &rule) == AG_OK; at++)
        for (int i = 0; ag_rule_parameter_at(rule.rule, i, &p) == AG_OK; i++) {
            if (strcmp(p.name, "cfg_scale") != 0 && strcmp(p.name, before) != 0) print_parameter(rule.rule, &p);
            before = p.name; /* a list is told of once */
        }
}
