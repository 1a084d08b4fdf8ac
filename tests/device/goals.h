/* goals.h - what the CUDA backend is to reach on an H200, each goal with its number from the records. */
#ifndef AG_GPU_GOALS_H
#define AG_GPU_GOALS_H

#include "results.h"

/* A subject's time in microseconds by whom; NAN: not measured. by "fastest SDPA": whichever of PyTorch's is. */
double goal_time(const results *all, const char *name, const char *by);

/* A table in Markdown: each goal, its value, must, aim, and which of them is reached. */
void goals_write(const results *all, FILE *to);

#endif
