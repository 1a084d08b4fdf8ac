/* emulated.h - the tests on the emulated device: AG_CUDA_PLUGIN names the emulated plugin. */
#ifndef AG_TEST_EMULATED_H
#define AG_TEST_EMULATED_H

#include <check.h>

#include "emulation.h"

/* From now on problems are on the device, and every buffer is memory of its. 0: there is none. */
int emulated_begin(void);

/* What was asked of the device. */
extern ag_emulation *emulated;

/* test_attend.c */
void add_attend_shapes(TCase *c);

#endif
