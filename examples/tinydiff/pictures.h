/* pictures.h - the data: pictures of two pairs of objects, and the judge that says which pictures could be data.
 *
 * A picture is 16 x 16 RGB in [-1,1], planes [3][16][16], of four quadrants of 8 x 8. Each holds one object of 5 x 5 at
 * an offset of 0 .. 2 in both directions, on a background of (-.8,-.8,-.8). Four shapes in six colours make 24 types.
 * Top-left and bottom-right are of one type, top-right and bottom-left of another. Every quadrant alone shows each type
 * equally often: only attention between quadrants can make a valid picture. */
#ifndef TINYDIFF_PICTURES_H
#define TINYDIFF_PICTURES_H

#include <stdbool.h>
#include <stdint.h>

enum { CHANNELS = 3, SIDE = 16, PICTURE = CHANNELS * SIDE * SIDE, QUADRANTS = 4, QUADRANT = SIDE / 2, OBJECT = 5 };
enum { SQUARE, FRAME, DIAMOND, CROSS, SHAPES, COLOURS = 6, TYPES = SHAPES * COLOURS, OFFSETS = QUADRANT - OBJECT };
enum { PAIRS = TYPES * (TYPES - 1) / 2 };

/* Type t is of shape t / COLOURS and colour t % COLOURS. Quadrants are numbered row by row. */
typedef struct description {
    int type[QUADRANTS], top[QUADRANTS], left[QUADRANTS];
    int label; /* a colour: that of one of the two pairs, drawn */
} description;

/* Picture number `index` of a seed. */
void picture_describe(uint64_t seed, uint64_t index, description *d);
void picture_draw(const description *d, float *picture);

/* Pictures first .. first + count - 1 of a seed, [count][PICTURE], and their labels [count]. */
void pictures_make(uint64_t seed, int64_t first, int64_t count, float *pictures, int32_t *labels);

/* What pictures first .. first + count - 1 begin from: [count][PICTURE] standard normal numbers. */
void noise_make(uint64_t seed, int64_t first, int64_t count, float *noise);

/* What the judge saw. Each quadrant, clipped to [-1,1], is what it resembles most among all types at all offsets. */
typedef struct verdict {
    int type[QUADRANTS];
    double error[QUADRANTS]; /* squared distance to that */
    bool well_formed;        /* every error is below a quarter of the least squared distance between two types */
    bool agree;              /* the types are those of two diagonal pairs, and the pairs differ */
    bool valid;              /* both */
} verdict;

#define JUDGE_THRESHOLD 5.76

verdict picture_judge(const float *picture);

#endif
