/* distance.h - how far pictures are from the data: the sliced Wasserstein distance, on pixels and on features of a
 * fixed random network. Validity sees one picture at a time; this sees whether all of them together are spread as the
 * data are. */
#ifndef TINYDIFF_DISTANCE_H
#define TINYDIFF_DISTANCE_H

#include <stdint.h>

/* pictures [count][PICTURE], count >= 1. Each distance is the root mean square, over 192 directions and all pictures,
 * of the difference between the pictures' quantiles along a direction and those of 4096 data. Features have mean 0 and
 * deviation 1 over the data. The first call makes what belongs to the data. */
void distance_to_data(const float *pictures, int64_t count, double *pixels, double *features);

#endif
