/* methods.h - the library's table of methods, for whatever tries all of them. The oracle knows them by itself. */
#ifndef AG_TEST_METHODS_H
#define AG_TEST_METHODS_H

#include "attnguide.h"

/* Methods, scrambled by its kinds: numbers of ag_method_at(). */
int methods_count(void);
ag_method_info methods_info(int number);

/* The number of a row's method and kind; -1: there is no such. */
int methods_number(ag_method method, ag_kind kind);

/* Its kind, or its name where it has one kind only. */
const char *methods_word(int number);

/* The number of that name and kind (NULL: the first); -1: there is no such. */
int methods_named(const char *name, const char *kind);

/* Nonzero: it has a parameter number i. */
int methods_parameter(int number, int i, ag_parameter_info *info);

/* The parameter of that name; 0: it takes none. */
int methods_takes(int number, const char *name, ag_parameter_info *info);

/* Sets a parameter of the row's method; nothing where it takes none of that name. */
void row_set(ag_row *row, ag_row_args *run, const char *name, double value);

/* The field itself. */
void row_put(ag_row *row, ag_row_args *run, const ag_parameter_info *p, double value);
double row_get(const ag_row *row, const ag_row_args *run, const ag_parameter_info *p);

/* Every parameter of the row's method at the value to begin with. */
void row_usual(ag_row *row, ag_row_args *run);

#endif
