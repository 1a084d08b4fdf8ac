/* methods.c - see methods.h. */
#include "methods.h"

#include <string.h>

int methods_count(void)
{
    int n = 0;
    ag_method_info info;
    ag_method_info_init(&info);
    while (!ag_method_at(n, &info)) n++;
    return n;
}

ag_method_info methods_info(int number)
{
    ag_method_info info;
    ag_method_info_init(&info);
    if (ag_method_at(number, &info)) info.name = NULL;
    return info;
}

int methods_number(ag_method method, ag_kind kind)
{
    for (int i = 0; i < methods_count(); i++) {
        const ag_method_info info = methods_info(i);
        if (info.method == method && (!info.variant || info.kind == kind)) return i;
    }
    return -1;
}

const char *methods_word(int number)
{
    const ag_method_info info = methods_info(number);
    return info.variant ? info.variant : info.name;
}

int methods_named(const char *name, const char *kind)
{
    for (int i = 0; i < methods_count(); i++) {
        const ag_method_info info = methods_info(i);
        if (!strcmp(info.name, name) && (!kind || !info.variant || !strcmp(info.variant, kind))) return i;
    }
    return -1;
}

int methods_parameter(int number, int i, ag_parameter_info *info)
{
    ag_parameter_info_init(info);
    return !ag_parameter_at(number, i, info);
}

int methods_takes(int number, const char *name, ag_parameter_info *info)
{
    for (int i = 0; methods_parameter(number, i, info); i++)
        if (!strcmp(info->name, name)) return 1;
    return 0;
}

void row_put(ag_row *row, ag_row_args *run, const ag_parameter_info *p, double value)
{
    void *at = (char *)(p->at_run ? (void *)run : (void *)row) + p->offset;
    if (p->whole) *(int32_t *)at = (int32_t)value;
    else *(double *)at = value;
}

double row_get(const ag_row *row, const ag_row_args *run, const ag_parameter_info *p)
{
    const void *at = (const char *)(p->at_run ? (const void *)run : (const void *)row) + p->offset;
    return p->whole ? *(const int32_t *)at : *(const double *)at;
}

void row_set(ag_row *row, ag_row_args *run, const char *name, double value)
{
    ag_parameter_info p;
    if (methods_takes(methods_number(row->method, row->kind), name, &p)) row_put(row, run, &p, value);
}

void row_usual(ag_row *row, ag_row_args *run)
{
    ag_parameter_info p;
    for (int i = 0; methods_parameter(methods_number(row->method, row->kind), i, &p); i++)
        row_put(row, run, &p, p.usual);
}
