/* blur_weights_tmpl.h - one axis' matrix (axis.h) in the blocks that blur_tile_tmpl.h multiplies with, written over the
 * vector verbs that the including file chose.
 *
 * A row of the matrix is the taps three times: as they lie, and reflected at either end. And it is the same from both
 * ends, G[i][j] = G[n-1-i][n-1-j], so that the sums x_j + x_(n-1-j) and the differences need half the products each:
 * rows i and n-1-i are E + O and E - O, where E = (G[i][j] + G[n-1-i][j]) / 2 belongs to the sums and O = (G[i][j] -
 * G[n-1-i][j]) / 2 to the differences, over half the columns. A short band is multiplied as it is, where that is
 * less. */
#include "../../program/axis.h"
#include "blur_tile_tmpl.h"

/* The blocks of an axis are kept for all its lines while they are no more floats than this: half of a second cache. */
enum { BLUR_KEPT = 1 << 16 };

typedef struct blur_matrix {
    const ag_axis *axis;
    int folded, kept;
    int64_t rows, blocks; /* of a block; how many */
    int64_t length;       /* columns of a block, at most */
    int64_t half;         /* folded: columns; the middle one of an odd line included */
    double *taps;         /* taps[x], -2 in < x < 2 in; 0 beyond the radius */
    double *row[2];
    float *weight;
} blur_matrix;

static blur_matrix blur_matrix_of(const ag_axis *axis)
{
    blur_matrix m = { .axis = axis, .half = (axis->in + 1) / 2 };
    const int64_t band = 2 * axis->radius + BLUR_BAND;
    if (axis->mean) return m;     /* nothing to multiply with */
    m.folded = m.half + 2 < band; /* 2: what folding costs */
    m.rows = m.folded ? BLUR_PAIRS : BLUR_BAND;
    m.blocks = ((m.folded ? m.half : axis->in) + m.rows - 1) / m.rows;
    m.length = m.folded ? m.half : band < axis->in ? band : axis->in;
    m.kept = m.blocks * m.length <= BLUR_KEPT / BLUR_BAND;
    return m;
}

/* Floats of its weights, and doubles beside them. */
static int64_t blur_matrix_weights(const blur_matrix *m) { return (m->kept ? m->blocks : 1) * m->length * BLUR_BAND; }
static int64_t blur_matrix_doubles(const blur_matrix *m) { return m->axis->mean ? 0 : 6 * m->axis->in; }

/* G[i][low .. low + n) */
static void blur_matrix_row(const blur_matrix *m, int64_t i, int64_t low, int64_t n, double *to)
{
    const int64_t in = m->axis->in;
    const double *direct = m->taps + low - i, *left = m->taps + low + i, *right = left - 2 * (in - 1);
    for (int64_t j = 0; j < n; j++) to[j] = direct[j] + left[j] + right[j];
    if (low == 0) to[0] = m->taps[i] + m->taps[2 * (in - 1) - i]; /* the ends are not reflected onto themselves */
    if (low + n == in) to[n - 1] = m->taps[in - 1 - i] + m->taps[in - 1 + i];
}

/* Columns of block number `block`: all of the folded line, or the band around its rows. */
static int64_t blur_block_low(const blur_matrix *m, int64_t block)
{
    return m->folded ? 0 : ag_axis_low(m->axis, block * BLUR_BAND);
}

static int64_t blur_block_length(const blur_matrix *m, int64_t block)
{
    return m->folded ? m->half : ag_axis_high(m->axis, block * BLUR_BAND, BLUR_BAND) - blur_block_low(m, block);
}

static void blur_pack_pair(const blur_matrix *m, int64_t i, float *to)
{
    const double *near = m->row[0], *far = m->row[1];
    blur_matrix_row(m, i, 0, m->half, m->row[0]);
    blur_matrix_row(m, m->axis->in - 1 - i, 0, m->half, m->row[1]);
    for (int64_t j = 0; j < m->half; j++) { /* the token in the middle is its own mirror image: near and far are one */
        to[2 * BLUR_PAIRS * j] = (float)(0.5 * (near[j] + far[j]));
        to[2 * BLUR_PAIRS * j + BLUR_PAIRS] = (float)(0.5 * (near[j] - far[j]));
    }
}

static void blur_pack_block(const blur_matrix *m, int64_t block, float *to)
{
    const int64_t low = blur_block_low(m, block), length = blur_block_length(m, block),
                  most = m->folded ? m->half : m->axis->in;
    for (int64_t r = 0; r < m->rows; r++) {
        const int64_t i = block * m->rows + r;
        if (i >= most) { /* rows that nobody asks for */
            for (int64_t j = 0; j < length; j++)
                to[j * BLUR_BAND + r] = to[j * BLUR_BAND + r + (m->folded ? BLUR_PAIRS : 0)] = 0;
        } else if (m->folded) {
            blur_pack_pair(m, i, to + r);
        } else {
            blur_matrix_row(m, i, low, length, m->row[0]);
            for (int64_t j = 0; j < length; j++) to[j * BLUR_BAND + r] = (float)m->row[0][j];
        }
    }
}

/* `doubles` and `weight` have room for what matrix_doubles and matrix_weights say. */
static void blur_matrix_make(blur_matrix *m, double *doubles, float *weight)
{
    const int64_t in = m->axis->in;
    if (m->axis->mean) return;
    m->taps = doubles + 2 * in;
    m->row[0] = doubles + 4 * in;
    m->row[1] = doubles + 5 * in;
    m->weight = weight;
    for (int64_t x = -2 * in; x < 2 * in; x++) m->taps[x] = ag_axis_tap(m->axis, x);
    for (int64_t block = 0; m->kept && block < m->blocks; block++)
        blur_pack_block(m, block, weight + block * m->length * BLUR_BAND);
}

static const float *blur_matrix_block(const blur_matrix *m, int64_t block)
{
    if (m->kept) return m->weight + block * m->length * BLUR_BAND;
    blur_pack_block(m, block, m->weight);
    return m->weight;
}
