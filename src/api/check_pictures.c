/* check_pictures.c - the only place the functions of pictures are validated. */
#include "pictures.h"

#include <string.h>

#include "../plan/check.h"

typedef long long ll;

/* *product of n extents; 0 where one is below 1 or floats of it would not fit in memory. */
static int multiply(int64_t *product, const int64_t *extent, int n)
{
    *product = 1;
    for (int i = 0; i < n; i++)
        if (extent[i] < 1 || __builtin_mul_overflow(*product, extent[i], product)) return 0;
    return *product <= PTRDIFF_MAX / (int64_t)sizeof(float);
}

/* All are there and lie right; out is apart from the others. */
static ag_status check_floats(const ag_region *out, const ag_region *read, int n, ag_why why)
{
    for (int i = -1; i < n; i++) {
        const ag_region *r = i < 0 ? out : &read[i];
        if (!r->at) return ag_refuse(why, AG_ERR_NULL, "%s is NULL", r->name);
        ag_status s = ag_check_address(r->name, r->at, sizeof(float), why);
        if (!s && i >= 0) s = ag_check_apart(out, r, why);
        if (s) return s;
    }
    return AG_OK;
}

static ag_status check_planes(int64_t samples, int64_t channels, int64_t height, int64_t width, int64_t *all,
                              ag_why why)
{
    const int64_t extent[] = { samples, channels, height, width };
    if (multiply(all, extent, 4)) return AG_OK;
    return ag_refuse(why, AG_ERR_SHAPE,
                     "samples %lld x channels %lld x height %lld x width %lld: an extent is below 1, or they are "
                     "beyond the address space",
                     (ll)samples, (ll)channels, (ll)height, (ll)width);
}

ag_status ag_check_sag(const ag_sag *theirs, const ag_sag_arrays *a, ag_sag *s, ag_why why)
{
    int64_t all, tokens, y, x;
    ag_sag_init(s, 0, 0, 0, 0);
    ag_status status = ag_struct_take(s, sizeof *s, theirs, (ag_struct){ "sag", "ag_sag" }, why);
    if (!status) status = check_planes(s->samples, s->channels, s->height, s->width, &all, why);
    if (status) return status;
    if (s->height <= AG_SAG_REACH || s->width <= AG_SAG_REACH)
        return ag_refuse(why, AG_ERR_SHAPE,
                         "height %lld x width %lld is too small: both must be 5 or more, as 9 taps are reflected",
                         (ll)s->height, (ll)s->width);
    const int64_t grid[] = { s->samples, s->grid_height, s->grid_width };
    if (!multiply(&tokens, grid, 3) || __builtin_mul_overflow(s->height, s->grid_height, &y) ||
        __builtin_mul_overflow(s->width, s->grid_width, &x))
        return ag_refuse(why, AG_ERR_SHAPE,
                         "grid_height %lld x grid_width %lld: one is below 1, or they are beyond the address space",
                         (ll)s->grid_height, (ll)s->grid_width);
    const ag_region out = ag_region_packed("out", a->out, all, sizeof(float));
    const ag_region read[] = { ag_region_packed("x0", a->x0, all, sizeof(float)),
                               ag_region_packed("received", a->received, tokens, sizeof(float)) };
    return check_floats(&out, read, 2, why);
}

static ag_status check_windows(const ag_crops *c, ag_why why)
{
    if (!c->top || !c->left) return ag_refuse(why, AG_ERR_NULL, "%s is NULL", c->top ? "left" : "top");
    ag_status s = ag_check_address("top", c->top, sizeof *c->top, why);
    if (!s) s = ag_check_address("left", c->left, sizeof *c->left, why);
    if (s) return s;
    for (int64_t i = 0; i < c->count; i++)
        if (c->top[i] < 0 || c->left[i] < 0 || c->top[i] > c->height - c->crop_height ||
            c->left[i] > c->width - c->crop_width)
            return ag_refuse(why, AG_ERR_INDEX,
                             "top[%lld] is %lld and left[%lld] %lld: the crop is not inside the picture of %lld x %lld",
                             (ll)i, (ll)c->top[i], (ll)i, (ll)c->left[i], (ll)c->height, (ll)c->width);
    return AG_OK;
}

ag_status ag_check_crops(const ag_crops *theirs, const ag_crops_arrays *a, ag_crops *c, ag_why why)
{
    int64_t all, of_crops;
    ag_crops_init(c, 0, 0, 0, 0);
    ag_status status = ag_struct_take(c, sizeof *c, theirs, (ag_struct){ "crops", "ag_crops" }, why);
    if (!status) status = check_planes(c->samples, c->channels, c->height, c->width, &all, why);
    if (status) return status;
    const int64_t extent[] = { c->count, c->samples, c->channels, c->crop_height, c->crop_width };
    if (c->crop_height > c->height || c->crop_width > c->width || !multiply(&of_crops, extent, 5))
        return ag_refuse(why, AG_ERR_SHAPE,
                         "count %lld of crop_height %lld x crop_width %lld: one is below 1, or larger than the picture",
                         (ll)c->count, (ll)c->crop_height, (ll)c->crop_width);
    if ((status = check_windows(c, why))) return status;
    const size_t n = sizeof *c->top;
    const ag_region out = ag_region_packed("out", a->out, all, sizeof(float));
    const ag_region read[] = { ag_region_packed("values", a->crops, of_crops, sizeof(float)),
                               ag_region_packed("top", c->top, c->count, n),
                               ag_region_packed("left", c->left, c->count, n),
                               ag_region_packed("cond", a->cond == a->out ? NULL : a->cond, all, sizeof(float)) };
    if (a->cond && (status = ag_check_address("cond", a->cond, sizeof(float), why))) return status;
    return check_floats(&out, read, a->cond && a->cond != a->out ? 4 : 3, why);
}
