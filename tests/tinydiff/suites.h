/* suites.h - the suites of tinydiff's tests. */
#ifndef TESTS_TINYDIFF_SUITES_H
#define TESTS_TINYDIFF_SUITES_H

#include <check.h>

Suite *data_suite(void);
Suite *weights_suite(void);
Suite *engine_suite(void);

#endif
