/* engine.h - the model, run for a batch of pictures in up to four branches: with the label, without one, perturbed.
 * Rows are ordered by branch. A perturbed branch with a parent does not exist below the first perturbed layer: up to
 * there its rows would be its parent's. */
#ifndef TINYDIFF_ENGINE_H
#define TINYDIFF_ENGINE_H

#include "device.h"
#include "network.h"
#include "setting.h"

enum { MOST_BRANCHES = 4, ROOT = -1 };

typedef struct branch {
    char input; /* its letter in a setting: C, U, N, P, Q */
    bool perturbed;
    int parent; /* a branch before it, or ROOT: it runs from the first layer on */
} branch;

typedef struct engine engine;

/* What a setting's inputs need, roots first; the number of branches. fork false: every branch is a root. */
int branches_of(const setting *s, bool fork, branch *branches);

/* For `pictures` pictures at once, on the calling thread; attention on a device, if one is given. Network and device
 * must live as long. NULL: why[AG_MESSAGE_SIZE] says what is wrong. */
engine *engine_create(ag_context *context, const device *d, const network *n, const setting *s, const branch *branches,
                      int branch_count, int64_t pictures, char *why);
void engine_free(engine *e);

/* Velocities of all branches at time t: x [pictures][PICTURE], labels [pictures] in 0 .. 5. Random methods draw by
 * `seed` and the pictures' numbers, `first` being the first one's. */
bool engine_predict(engine *e, const float *x, double t, const int *labels, uint64_t seed, int64_t first, char *why);

/* [pictures][PICTURE], of the branch whose letter that is; NULL: there is none. */
const float *engine_prediction(const engine *e, char input);

#endif
