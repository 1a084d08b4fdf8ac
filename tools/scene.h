/* scene.h - the demo's task: a photograph, the same with noise, and the noisy one's patches as queries and keys.
 *
 * With q' = [q, 1] and k' = [2 k / h^2, -|k|^2 / h^2] the logit of scale 1 is -|q - k|^2 / h^2 + |q|^2 / h^2: attention
 * is non-local means (Buades 2005) and one retrieval step of a modern Hopfield network (arXiv 2008.02217).
 */
#ifndef TOOLS_SCENE_H
#define TOOLS_SCENE_H

#include <stdint.h>

#include "options.h"
#include "png_file.h"

typedef struct scene {
    picture clean, noisy;
    int64_t tokens;     /* pixels, in raster order; values are the noisy pixels, [tokens, 3] */
    int64_t width;      /* of q and k: 3 patch^2 + 1 */
    float *q, *k;       /* [tokens, width] */
    double bandwidth;   /* h */
    double mean_square; /* mean over pixels of |q|^2 / h^2, which turns -lse into an energy of distances */
} scene;

bool scene_make(const char *path, const options *o, scene *s, fault *why);
void scene_free(scene *s);

/* Peak signal to noise ratio against the clean picture, in dB, of `pixel` cut to 0 .. 1. */
double scene_psnr(const scene *s, const float *pixel);

#endif
