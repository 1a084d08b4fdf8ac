/* operation.h - the operations by the names that the command line and cases.txt use: every method of the library, and
 * what else it computes. */
#ifndef TOOLS_OPERATION_H
#define TOOLS_OPERATION_H

#include "attnguide.h"
#include "suggest.h"

typedef struct operation {
    const char *name;
    ag_operation operation;
    ag_method method;
    unsigned needs;    /* AG_NEEDS_ bits: the input files a case must have */
    const char *out;   /* name of the array in a replayed case */
    const char *extra; /* a second array replayed along: lse, curvature; NULL = none */
    const char *help;  /* what is not a method: one line */
} operation;

/* Number i; NULL past the last. */
const operation *operation_at(int i);

/* NULL: no such name. */
const operation *operation_find(const char *name);

/* NULL: beyond the last. */
const char *operation_name(int i);

/* What papers call them, for suggest_refuse(). */
extern const char *const operation_aliases[];

/* Method number i of the library; false past the last. */
int method_at(int i, ag_method_info *info);
int parameter_at(int method, int i, ag_parameter_info *info);

/* The number of a method, or of a kind of it, for method_at; -1: none. */
int method_number(ag_method method, ag_kind kind);

/* By its word, which method_word gives. */
int method_named(const char *word);

/* The parameter of that method, by name; false: it takes none of that name. */
int parameter_find(int method, const char *name, ag_parameter_info *info);

/* Sets the field of ag_row or ag_row_args, which place points to. */
void parameter_set(const ag_parameter_info *parameter, void *place, double value);

/* The method's kind, or its name where it has one kind only. */
const char *method_word(const ag_method_info *info);

#endif
