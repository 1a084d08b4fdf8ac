/* check_pictures.c - the only place the functions of pictures are judged. */
#include "pictures.h"

#include <string.h>

typedef long long ll;

/* *product of n extents; 0 where one is below 1 or floats of it would not fit in memory. */
static int multiply(int64_t *product, const int64_t *extent, int n)
{
    *product = 1;
    for (int i = 0; i < n; i++)
        if (extent[i] < 1 || __builtin_mul_overflow(*product, extent[i], product)) return 0;
    return *product <= PTRDIFF_MAX / (int64_t)sizeof(float);
}

static int overlap(const float *a, int64_t n_a, const float *b, int64_t n_b)
{
    const uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;
    return x < y + (uintptr_t)n_b * sizeof *b && y < x + (uintptr_t)n_a * sizeof *a;
}

static ag_status check_planes(int64_t samples, int64_t channels, int64_t height, int64_t width, int64_t *all,
                              ag_why why)
{
    const int64_t extent[] = { samples, channels, height, width };
    if (multiply(all, extent, 4)) return AG_OK;
    return ag_refuse(why, AG_ERR_SHAPE, "a picture of %lld x %lld x %lld x %lld is empty or beyond the address space",
                     (ll)samples, (ll)channels, (ll)height, (ll)width);
}

ag_status ag_check_sag(const ag_sag *theirs, const ag_sag_arrays *a, ag_sag *s, ag_why why)
{
    int64_t all, tokens, y, x;
    ag_status status = ag_take_struct(s, sizeof *s, theirs, "sag", why);
    if (!status) status = check_planes(s->samples, s->channels, s->height, s->width, &all, why);
    if (status) return status;
    if (s->height <= AG_SAG_REACH || s->width <= AG_SAG_REACH)
        return ag_refuse(why, AG_ERR_SHAPE, "a picture of %lld x %lld is too small: 9 taps are reflected from 5 on",
                         (ll)s->height, (ll)s->width);
    const int64_t grid[] = { s->samples, s->grid_height, s->grid_width };
    if (!multiply(&tokens, grid, 3) || __builtin_mul_overflow(s->height, s->grid_height, &y) ||
        __builtin_mul_overflow(s->width, s->grid_width, &x))
        return ag_refuse(why, AG_ERR_SHAPE, "a grid of %lld x %lld is empty or beyond the address space",
                         (ll)s->grid_height, (ll)s->grid_width);
    if (!a->x0 || !a->received || !a->out)
        return ag_refuse(why, AG_ERR_NULL, "%s is NULL", !a->x0 ? "x0" : !a->received ? "received" : "out");
    if (overlap(a->out, all, a->x0, all) || overlap(a->out, all, a->received, tokens))
        return ag_refuse(why, AG_ERR_ALIAS, "out overlaps %s, which is read while out is written",
                         overlap(a->out, all, a->x0, all) ? "x0" : "received");
    return AG_OK;
}

static ag_status check_windows(const ag_crops *c, ag_why why)
{
    if (!c->top || !c->left) return ag_refuse(why, AG_ERR_NULL, "%s is NULL", c->top ? "left" : "top");
    for (int64_t i = 0; i < c->count; i++)
        if (c->top[i] < 0 || c->left[i] < 0 || c->top[i] > c->height - c->crop_height ||
            c->left[i] > c->width - c->crop_width)
            return ag_refuse(why, AG_ERR_INDEX, "crop %lld at %lld, %lld is not inside the picture of %lld x %lld",
                             (ll)i, (ll)c->top[i], (ll)c->left[i], (ll)c->height, (ll)c->width);
    return AG_OK;
}

ag_status ag_check_crops(const ag_crops *theirs, const ag_crops_arrays *a, ag_crops *c, ag_why why)
{
    int64_t all, of_crops;
    ag_status status = ag_take_struct(c, sizeof *c, theirs, "crops", why);
    if (!status) status = check_planes(c->samples, c->channels, c->height, c->width, &all, why);
    if (status) return status;
    const int64_t extent[] = { c->count, c->samples, c->channels, c->crop_height, c->crop_width };
    if (c->crop_height > c->height || c->crop_width > c->width || !multiply(&of_crops, extent, 5))
        return ag_refuse(why, AG_ERR_SHAPE, "%lld crops of %lld x %lld are none, empty or larger than the picture",
                         (ll)c->count, (ll)c->crop_height, (ll)c->crop_width);
    if ((status = check_windows(c, why))) return status;
    if (!a->crops || !a->out) return ag_refuse(why, AG_ERR_NULL, "%s is NULL", a->crops ? "out" : "values");
    if (overlap(a->out, all, a->crops, of_crops))
        return ag_refuse(why, AG_ERR_ALIAS, "out overlaps the values, which are read while it is written");
    if (a->cond && a->cond != a->out && overlap(a->out, all, a->cond, all))
        return ag_refuse(why, AG_ERR_ALIAS, "out overlaps cond, but is not cond");
    return AG_OK;
}
