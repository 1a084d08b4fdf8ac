"""Predictions combined by the rules of guidance, and the weights of linear combinations."""
from __future__ import annotations

import ctypes
import math
import operator
from collections.abc import Sequence

import numpy

from ._arrays import dtype_of, is_packed, packed, same_family, writable
from ._engine import Context, lib, refuse, text
from ._rows import suggest
from ._types import Array, Triple, Weights

RULES = lib.words("ag_rule")


class Rule:
    """What the library's tables tell of a rule. A parameter has two names: the header's and the table's."""

    def __init__(self, name, number):
        self.name, self.number = name, number
        self.info = next(one for one in lib.rules() if one.rule == number)
        self.parameters = lib.rule_parameters(number)
        self.places = {}
        for parameter in reversed(self.parameters):
            self.places[text(parameter.name)] = parameter.offset // 8
        for prefix in (f"AG_{name.split('_')[0].upper()}_", f"AG_{name.upper()}_"):
            self.places.update((key[len(prefix):].lower(), value) for key, value in vars(lib).items()
                               if key.startswith(prefix) and isinstance(value, int) and self.holds(value))

    def holds(self, place):
        return any(one.offset == 8 * place for one in self.parameters)

    def number_of(self, place, value):
        """A value as a number; one of a parameter's words is told by its place among them."""
        if not isinstance(value, str):
            return float(value)
        parameter = next(one for one in self.parameters if one.offset == 8 * place)
        words = (text(parameter.words) or "").split()
        if value not in words:
            or_words = f" or one of {', '.join(words)}" if words else ""
            refuse("VALUE", f"{text(parameter.name)} is {value!r}, not a number{or_words}")
        return parameter.least + words.index(value)

    def array(self, given):
        """The array of parameters with those given by name; a list fills the places from its own on."""
        array = (ctypes.c_double * len(self.parameters))(*[math.nan] * len(self.parameters))
        for name, value in given.items():
            if name not in self.places:
                refuse("TYPE", f"rule {self.name} has no parameter {name!r}{suggest(name, self.places)}")
            values = value if isinstance(value, (list, tuple)) else [value]
            for place, one in enumerate(values, self.places[name]):
                if not self.holds(place):
                    refuse("VALUE", f"{name} has {len(values)} values, too many for rule {self.name}")
                array[place] = self.number_of(place, one)
        return array


rules: dict[str, Rule] = {}


def rule_of(name):
    if name not in rules:
        number = RULES.get(name, next((one.rule for one in lib.rules() if text(one.name) == name), None))
        if number is None:
            refuse("TYPE", f"there is no rule {name!r}{suggest(str(name), RULES)}")
        rules[name] = Rule(next(key for key, value in RULES.items() if value == number), number)
    return rules[name]


def samples_of(rule, shape):
    """(samples, count): samples are the first axis, or, of a rule by rows, all but the last."""
    if not shape:
        refuse("SHAPE", "the inputs have no axis: samples are the first one")
    cut = len(shape) - 1 if rule.info.by_rows else 1
    return math.prod(shape[:cut]), math.prod(shape[cut:])


def sample_stride(rule, kind, name, x):
    """Elements from sample to sample; what lies within one is packed."""
    cut = len(x.shape) - 1 if rule.info.by_rows else 1
    strides, whole = kind.strides(x), packed(tuple(x.shape))
    if any(have != want and extent > 1 for have, want, extent in
           zip(strides[max(cut, 1):], whole[max(cut, 1):], x.shape[max(cut, 1):])):
        refuse("STRIDE", f"a sample of {name} is not packed")
    if cut != 1 and not is_packed(kind, x):
        refuse("STRIDE", f"{name} is not packed")
    return strides[0] if cut == 1 else x.shape[-1]


def grouped(shape, dim):
    """(outer, reduced, inner) for statistics over axis or neighbouring axes `dim` of a sample."""
    given = [operator.index(one) for one in (dim if hasattr(dim, "__iter__") else [dim])]
    if any(not -len(shape) <= one < len(shape) for one in given):
        refuse("SHAPE", f"dim is {dim}, but the inputs have {len(shape)} axes")
    axes = sorted(one % len(shape) for one in given)
    if not axes or axes[0] == 0 or axes != list(range(axes[0], axes[-1] + 1)):
        refuse("SHAPE", f"dim is {dim}: statistics run over neighbouring axes of a sample, and axis 0 counts samples")
    return math.prod(shape[1:axes[0]]), math.prod(shape[axes[0]:axes[-1] + 1]), math.prod(shape[axes[-1] + 1:])


def describe(rule, kind, inputs, out, weights, group, dim, picture, levels):
    samples, count = samples_of(rule, tuple(inputs[0].shape))
    g = lib.new("ag_guidance", rule.number, len(inputs), samples, count)
    for i, x in enumerate(inputs):
        if tuple(x.shape) != tuple(inputs[0].shape):
            refuse("SHAPE", f"input {i} has shape {tuple(x.shape)}, input 0 {tuple(inputs[0].shape)}")
        g.dtype[i], g.stride[i] = dtype_of(kind, f"input {i}", x), sample_stride(rule, kind, f"input {i}", x)
    if tuple(out.shape) != tuple(inputs[0].shape):
        refuse("SHAPE", f"out has shape {tuple(out.shape)}, the inputs {tuple(inputs[0].shape)}")
    g.out_dtype, g.out_stride = dtype_of(kind, "out", out), sample_stride(rule, kind, "out", out)
    if weights is not None:
        g.weights_per_sample = weights.ndim > 1
        wanted = (samples, len(inputs)) if weights.ndim > 1 else (len(inputs),)
        if weights.shape != wanted:
            refuse("SHAPE", f"weights have shape {weights.shape}, not {wanted}")
    if dim is not None:
        group = grouped(tuple(inputs[0].shape), dim)
    for name, extents in (("group", group), ("picture", picture)):
        if extents is not None and len(extents) != 3:
            refuse("SHAPE", f"{name} is {tuple(extents)}, not three extents")
        if extents is not None:
            getattr(g, name)[:] = [operator.index(extent) for extent in extents]
    if levels is not None:
        g.levels = levels
    return g


def floats(kind, name, x, count):
    """The address of a packed float32 array of `count` elements."""
    dtype_of(kind, name, x, ("f32",))
    if not is_packed(kind, x) or math.prod(x.shape) != count:
        refuse("SHAPE", f"{name} has shape {tuple(x.shape)} or is not packed: {count} packed numbers are wanted")
    return kind.address(x)


def lse_named(lse):
    return {f"lse_{i}": x for i, x in enumerate(lse or ())}


def combine(rule: str, inputs: Sequence[Array], weights: Weights | None = None, out: Array | None = None,
            state: Array | None = None, first_step: bool = False, lse: Sequence[Array] | None = None,
            group: Triple | None = None, dim: int | Sequence[int] | None = None, picture: Triple | None = None,
            levels: int | None = None, context: Context | None = None,
            **parameters: float | str | Sequence[float]) -> Array | tuple[Array, Array]:
    """Predictions combined by a rule; its formula and source are in the public header, at ag_rule.

    rule: "linear", "rescale", "apg", "cfg_zero", "nag", "merge", "renorm", "tcfg", "mambo", "tag", "perp_neg",
        "momentum_guidance", "smc", "mahiro", "fdg".
    inputs: arrays of one shape, in the rule's order (C, U; ...), float32, float16 or bfloat16. Samples are the first
        axis, for nag and merge all axes but the last; a sample is packed.
    weights: of rules with weights, [inputs] or [samples, inputs]; from weights_cfg() and the like.
    out: where the result goes, of any type; it may be an input.
    state: of apg, momentum_guidance and smc, float32 of the inputs' shape: read, then written. first_step: True where
        it holds nothing yet.
    group=(outer, reduced, inner): statistics over parts of a sample; or dim: the axis, or neighbouring axes, over which
        they run. picture=(channels, height, width), levels: fdg; picture's default: the last three axes.
    lse: of merge, a pair of float32 arrays, one number a row. Then the result is (out, lse).
    parameters: the rule's, by their names in the header or in `attnguide combine`: scale=7.5, eta=0, base="uncond" ...
    Raises Refused with a sentence; out and state are untouched then."""
    known, inputs = rule_of(rule), list(inputs)
    if not inputs:
        refuse("COMBINATION", "there are no inputs")
    if lse is not None and len(lse) != 2:
        refuse("COMBINATION", f"lse has {len(lse)} arrays, not one for each of two inputs")
    kind = same_family(out=out, state=state, **lse_named(lse), **{f"input_{i}": x for i, x in enumerate(inputs)})
    if len(inputs) > lib.AG_MOST_INPUTS:
        refuse("COMBINATION", f"there are {len(inputs)} inputs, more than {lib.AG_MOST_INPUTS}")
    writable(kind, out=out, state=state)
    kind.no_gradient(inputs)
    place, device, stream = kind.begin([*inputs, *(x for x in (out, state) if x is not None)])
    if out is None:
        out = kind.empty(inputs[0], tuple(inputs[0].shape))
    if weights is not None:
        weights = numpy.ascontiguousarray(weights.tolist() if hasattr(weights, "tolist") else weights, numpy.float64)
    if picture is None and known.info.uses & lib.AG_USES_PICTURE and len(inputs[0].shape) == 4:
        picture = tuple(inputs[0].shape[1:])
    g = describe(known, kind, inputs, out, weights, group, dim, picture, levels)
    g.place, g.device = place, device
    args = lib.new("ag_guidance_args")
    for i, x in enumerate(inputs):
        args.input[i] = kind.address(x)
    args.out, args.cuda_stream, args.first_step = kind.address(out), stream, bool(first_step)
    if weights is not None:
        args.weights = weights.ctypes.data
    numbers = known.array(parameters)
    if known.parameters:
        args.parameters, args.parameter_count = ctypes.addressof(numbers), len(numbers)
    if state is not None:
        args.state = floats(kind, "state", state, g.samples * g.count)
    sums = None
    if lse is not None:
        for i, one in enumerate(lse):
            args.lse[i] = floats(kind, f"lse {i}", one, g.samples)
        sums = kind.empty(lse[0], tuple(lse[0].shape))
        args.lse_out = kind.address(sums)
    context = context or kind.context()
    if place == lib.AG_HOST:
        g.workers, args.executor = context.workers, context.executor
    lib.call("ag_guidance_combine", context.pointer, ctypes.byref(g), ctypes.byref(args))
    for x in (out, state):
        if x is not None:
            kind.written(x)
    return out if sums is None else (out, sums)
