/* cost.h - what a guided step costs beside a plain one. */
#ifndef TINYDIFF_COST_H
#define TINYDIFF_COST_H

#include "network.h"
#include <stdio.h>

/* Columns between tabs, for one thread and 32 pictures: the setting, the median time of a step over the plain one's
 * (interleaved), forked and not; every layer as the perturbed one. False: why[256] says what is wrong. */
bool cost_report(const network *n, const char *layer, FILE *out, char *why);

#endif
