/* guide.h - a setting as one function: the velocity with which a batch of pictures moves, guided by a rule of the
 * library over what the engine predicts. */
#ifndef TINYDIFF_GUIDE_H
#define TINYDIFF_GUIDE_H

#include "engine.h"

typedef struct guide guide;

/* early: the network of input A; NULL where no setting has one. fork false: perturbed rows run from the first layer on,
 * as they do in engines that cannot fork. The device may be NULL: engine.h. All
 * of them must live as long. NULL: why[AG_MESSAGE_SIZE]
 * says what is wrong. */
guide *guide_create(ag_context *context, const device *d, const network *n, const network *early, const setting *s,
                    bool fork, int64_t pictures, char *why);
void guide_free(guide *g);

/* out = the guided velocity of x at time t, both [pictures][PICTURE]. evaluation: 0 in the first of a run, then one
 * more each time; random methods and directions draw by it, and by the pictures' numbers from `first` on. */
bool guide_velocity(guide *g, const float *x, double t, const int *labels, int evaluation, int64_t first, float *out,
                    char *why);

#endif
