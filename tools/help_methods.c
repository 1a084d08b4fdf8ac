/* help_methods.c - what help and info say of methods, from the library's own table. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "operation.h"
#include "sampler.h"

/* ---- help ---- */

static void print_formula(const ag_method_info *m)
{
    printf("%s%s%s%s\n", m->formula, m->source ? " (" : "", m->source ? m->source : "", m->source ? ")" : "");
}

static void print_method(const char *name)
{
    ag_method_info m;
    for (int i = 0; method_at(i, &m); i++) {
        if (strcmp(m.name, name) != 0) continue;
        if (m.variant == NULL) print_formula(&m);
        else {
            if (m.kind == 0) puts("by --kind:");
            printf("      %-9s", m.variant);
            print_formula(&m);
        }
    }
}

static void print_operations(void)
{
    const operation *op;
    for (int i = 0; (op = operation_at(i)) != NULL; i++) {
        printf("  %-12s ", op->name);
        if (op->help != NULL) puts(op->help);
        else print_method(op->name);
    }
}

static void print_number(double x)
{
    if (isinf(x)) fputs(x > 0 ? "inf" : "-inf", stdout);
    else printf("%.15g", x);
}

static void print_range(const ag_parameter_info *p)
{
    const int above = p->most == DBL_MAX || (p->whole && p->most == INT32_MAX);
    if (p->least == -DBL_MAX && above) fputs("finite", stdout);
    else if (above) {
        print_number(p->least);
        fputs(" or more", stdout);
    } else {
        print_number(p->least);
        fputs(" .. ", stdout);
        print_number(p->most);
    }
}

static void print_default(const ag_parameter_info *p)
{
    if (isnan(p->initial)) fputs("must be set", stdout);
    else print_number(p->initial);
}

/* Numbers that several methods take are one option. */
static int said_before(int method, const char *name)
{
    ag_parameter_info p;
    for (int i = 0; i < method; i++)
        if (parameter_find(i, name, &p)) return 1;
    return 0;
}

static void print_users(const char *name)
{
    int n = 0;
    ag_method_info m;
    ag_parameter_info p;
    for (int i = 0; method_at(i, &m); i++)
        if (parameter_find(i, name, &p)) printf("%s%s", n++ ? ", " : "", method_word(&m));
}

static void print_option(const ag_parameter_info *p)
{
    char option[32] = "--";
    for (size_t i = 0; p->name[i] && i + 3 < sizeof option; i++) {
        option[i + 2] = p->name[i] == '_' ? '-' : p->name[i];
        option[i + 3] = 0;
    }
    strncat(option, p->whole ? " N" : " X", sizeof option - strlen(option) - 1);
    printf("  %-23s ", option);
    print_users(p->name);
    printf(": %s; ", p->meaning);
    print_range(p);
    fputs(isnan(p->initial) ? "; " : "; default ", stdout);
    print_default(p);
    putchar('\n');
}

static void print_numbers(void)
{
    ag_method_info m;
    ag_parameter_info p;
    for (int method = 0; method_at(method, &m); method++)
        for (int i = 0; parameter_at(method, i, &p); i++)
            if (!said_before(method, p.name)) print_option(&p);
}

static void print_steps(void)
{
    for (int i = 0; sampler_at(i) != NULL; i++) printf("  %-15s %s\n", sampler_at(i)->name, sampler_at(i)->help);
}

void help_print(const char *text)
{
    for (const char *end; *text; text = end) {
        end = strchr(text, '\n') + 1;
        if (!strncmp(text, "%operations", 11)) print_operations();
        else if (!strncmp(text, "%numbers", 8)) print_numbers();
        else if (!strncmp(text, "%rules", 6)) help_rules();
        else if (!strncmp(text, "%steps", 6)) print_steps();
        else if (!strncmp(text, "%parameters", 11)) help_parameters();
        else fwrite(text, 1, (size_t)(end - text), stdout);
    }
}

/* ---- info: the tables that docs/masks.md, docs/layers.md and docs/perturbations.md hold, line by line ---- */

static void print_masks(void)
{
    ag_method_info m;
    puts("| method | key mask, lengths | bias, causal | lse | strength, head set | grid | seed | index |\n"
         "|---|---|---|---|---|---|---|---|");
    for (int i = 0; method_at(i, &m); i++)
        printf("| %s | yes | %s | %s | %s | %s | %s | %s |\n", method_word(&m),
               m.takes & (AG_TAKES_BIAS | AG_TAKES_CAUSAL) ? "yes" : "refused",
               m.takes & AG_TAKES_LSE ? "yes" : "refused", m.takes & AG_TAKES_BLEND ? "yes" : "-",
               m.takes & AG_TAKES_GRID ? "needed" : "-", m.takes & AG_TAKES_SEED ? "yes" : "-",
               m.takes & AG_TAKES_INDEX ? "yes" : "-");
}

static const char *reads(uint32_t needs)
{
    return needs == AG_NEEDS_V ? "v" : needs == (AG_NEEDS_Q | AG_NEEDS_K | AG_NEEDS_V) ? "q, k, v" : "some";
}

static void print_reads(void)
{
    ag_method_info m;
    puts("| method | picture alone | beside text, or with strength, head set or lse |\n|---|---|---|");
    for (int i = 0; method_at(i, &m); i++) printf("| %s | %s | q, k, v |\n", method_word(&m), reads(m.reads));
}

static void print_parameters(void)
{
    ag_method_info m;
    ag_parameter_info p;
    puts("| method | number | what it is | range | default | to begin with |\n|---|---|---|---|---|---|");
    for (int method = 0; method_at(method, &m); method++)
        for (int i = 0; parameter_at(method, i, &p); i++) {
            printf("| %s | %s%s | %s | ", method_word(&m), p.at_run ? "at run: " : "", p.name, p.meaning);
            print_range(&p);
            fputs(" | ", stdout);
            print_default(&p);
            fputs(" | ", stdout);
            print_number(p.usual);
            puts(" |");
        }
}

void info_methods(void)
{
    ag_method_info m;
    puts("| method | for run | formula | source |\n|---|---|---|---|");
    for (int i = 0; method_at(i, &m); i++)
        printf("| %s | %s%s%s | %s | %s |\n", method_word(&m), m.name, m.variant ? " --kind " : "",
               m.variant ? m.variant : "", m.formula, m.source ? m.source : "-");
    puts("");
    print_masks();
    puts("");
    print_reads();
    puts("");
    print_parameters();
}
