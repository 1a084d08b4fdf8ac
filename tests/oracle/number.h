/* number.h - the tests' own reading and writing of element types, in float64. */
#ifndef AG_TEST_NUMBER_H
#define AG_TEST_NUMBER_H

#include "attnguide.h"

/* The nearest value of `type`, ties to even; infinite beyond the type's range. */
double number_round(ag_dtype type, double x);

/* Element number `at` of an array of `type`. U8 reads as 0 or 1. */
double number_read(ag_dtype type, const void *data, int64_t at);
void number_write(ag_dtype type, void *data, int64_t at, double x);

size_t number_size(ag_dtype type);

#endif
