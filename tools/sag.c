/* sag.c - sag_blur: a picture and the attention it received, from files into a file. */
#include <inttypes.h>
#include <stdlib.h>

#include "npy.h"
#include "options.h"

/* x0 [samples, channels, height, width], received [samples, tokens of one frame of the grid]. */
static bool read_files(const options *o, npy_array *x0, npy_array *received, fault *why)
{
    if (!npy_read_as(o->file[FILE_X0], NPY_F32, x0, why)) return false;
    if (!npy_read_as(o->file[FILE_RECEIVED], NPY_F32, received, why)) return false;
    if (x0->axes != 4)
        return fault_set(why, "x0 is %s, not of 4 dimensions: samples, channels, height, width", npy_shape_of(x0).text);
    int64_t tokens;
    if (o->grid[0] != 1 || __builtin_mul_overflow(o->grid[1], o->grid[2], &tokens))
        return fault_set(why, "sag_blur needs --grid 1xHxW: one frame, height and width in tokens");
    if (received->axes != 2 || received->extent[0] != x0->extent[0] || received->extent[1] != tokens)
        return fault_set(why, "received is %s, not (%" PRId64 ", %" PRId64 "): samples of x0, tokens of the grid",
                         npy_shape_of(received).text, x0->extent[0], tokens);
    return true;
}

static bool blur(const options *o, const npy_array *x0, const npy_array *received, fault *why)
{
    const int64_t *e = x0->extent;
    float *out = malloc(x0->count * sizeof *out + 1);
    if (out == NULL) return fault_set(why, "there is no memory for the result");
    ag_sag s;
    ag_sag_init(&s, e[0], e[1], e[2], e[3]);
    s.grid_height = o->grid[1];
    s.grid_width = o->grid[2];
    bool good = ag_sag_blur(&s, x0->data, received->data, out, why->text, sizeof why->text) == AG_OK &&
                npy_write(o->out, out, 4, e, why);
    free(out);
    return good;
}

bool sag_run(const options *o, fault *why)
{
    npy_array x0 = { 0 }, received = { 0 };
    if (o->taps != 9 || (o->has_sigma && o->sigma != 1)) return fault_set(why, "sag_blur has 9 taps and sigma 1");
    if (o->dtype != AG_F32) return fault_set(why, "sag_blur computes in float32: --dtype is f32 alone");
    bool good = read_files(o, &x0, &received, why) && blur(o, &x0, &received, why);
    npy_free(&x0);
    npy_free(&received);
    return good;
}
