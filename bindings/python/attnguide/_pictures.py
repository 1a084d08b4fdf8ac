"""Guidance by changed pictures: Self-Attention Guidance and sliding windows. On the host."""
from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy

from ._arrays import dtype_of, is_packed, same_family, whole_numbers, writable
from ._engine import lib, refuse
from ._types import Array


def extents(kind, name, x, axes):
    """The shape of a packed float32 array of so many axes."""
    dtype_of(kind, name, x, ("f32",))
    if len(x.shape) != axes or not is_packed(kind, x):
        refuse("SHAPE", f"{name} has shape {tuple(x.shape)} or is not packed: {axes} axes are wanted")
    return tuple(x.shape)


def on_host(kind, out, *arrays):
    """Refuses tensors of a device, gradients, and an output that is read-only."""
    kind.no_gradient([x for x in arrays if x is not None])
    writable(kind, out=out)
    arrays = (out, *arrays)
    if kind.begin([x for x in arrays if x is not None])[0] != lib.AG_HOST:
        refuse("UNAVAILABLE", "pictures are changed on the host alone")


def shaped(kind, out, like, name):
    """The output: a new array where none is given, else one of the shape of `like`."""
    if out is None:
        return kind.empty(like, tuple(like.shape))
    if extents(kind, "out", out, 4) != tuple(like.shape):
        refuse("SHAPE", f"out has shape {tuple(out.shape)}, {name} {tuple(like.shape)}")
    return out


def sag_blur(x0: Array, received: Array, out: Array | None = None) -> Array:
    """x0 [samples,C,H,W] blurred where its tokens have received more than 1, received [samples,h,w] being received() of
    the layer's tokens on their grid. Self-Attention Guidance, arXiv 2210.00939."""
    kind = same_family(x0=x0, received=received, out=out)
    on_host(kind, out, x0, received)
    sag = lib.new("ag_sag", *extents(kind, "x0", x0, 4))
    samples, sag.grid_height, sag.grid_width = extents(kind, "received", received, 3)
    if samples != sag.samples:
        refuse("SHAPE", f"x0 has {sag.samples} samples, received {samples}")
    out = shaped(kind, out, x0, "x0")
    lib.call("ag_sag_blur", ctypes.byref(sag), kind.address(x0), kind.address(received), kind.address(out))
    return out


def coverage_average(values: Array, cond: Array, top: Sequence[int], left: Sequence[int],
                     out: Array | None = None) -> Array:
    """The mean of crops' values [count,samples,C,h,w] over those that hold an element, at rows top and columns left of
    cond [samples,C,H,W], which stays where at most one does. Sliding-window guidance."""
    kind = same_family(values=values, cond=cond, out=out)
    on_host(kind, out, values, cond)
    crops = lib.new("ag_crops", *extents(kind, "cond", cond, 4))
    crops.count, samples, channels, crops.crop_height, crops.crop_width = extents(kind, "values", values, 5)
    places = [whole_numbers(name, one, numpy.int64) for name, one in (("top", top), ("left", left))]
    if (samples, channels) != (crops.samples, crops.channels) or any(one.shape != (crops.count,) for one in places):
        refuse("SHAPE", f"values {tuple(values.shape)}, cond {tuple(cond.shape)}, top {places[0].shape} and left "
                        f"{places[1].shape} do not go together")
    crops.top, crops.left = places[0].ctypes.data, places[1].ctypes.data
    out = shaped(kind, out, cond, "cond")
    lib.call("ag_coverage_average", ctypes.byref(crops), kind.address(values), kind.address(cond), kind.address(out))
    return out
