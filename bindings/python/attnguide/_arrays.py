"""What the library is told of an array: address, element strides, type and place. Nothing is ever copied.

Two families of arrays, numpy's and PyTorch's, have the same functions; family() tells which. Neither imports the other:
a tensor can only be given by who has imported PyTorch."""
import ctypes
import functools
import sys

import numpy

from ._engine import DTYPES, default_context, lib, refuse


class Numpy:
    """Arrays of numpy; bfloat16 is that of ml_dtypes."""

    names = {"float32": "f32", "float16": "f16", "bfloat16": "bf16", "bool": "u8", "uint8": "u8"}
    place = (lib.AG_HOST, 0, None)

    @staticmethod
    def told(x):
        """All that a call is judged by but the address, gradients, and whether it may be written."""
        dtype = x.dtype
        return x.shape, x.strides, dtype.num, dtype.isnative

    @staticmethod
    def graded():
        """Whether gradients are wanted now."""
        return False

    @staticmethod
    def address(x):
        return x.__array_interface__["data"][0]

    @staticmethod
    def address_in_object(x):
        return ctypes.c_size_t.from_address(id(x) + HEAD).value

    @staticmethod
    def strides(x):
        size = x.itemsize
        if any(stride % size for stride, extent in zip(x.strides, x.shape) if extent > 1):
            refuse("STRIDE", f"strides {x.strides} are not multiples of an element's {size} bytes")
        return tuple(stride // size for stride in x.strides)

    @classmethod
    def dtype(cls, x):
        return cls.names.get(x.dtype.name) if x.dtype.isnative else None

    @staticmethod
    def empty(like, shape, dtype=None):
        return numpy.empty(shape, dtype or like.dtype)

    @staticmethod
    def maker(like, shape, dtype=None):
        """What makes such an empty array at each call."""
        return functools.partial(numpy.empty, shape, dtype or like.dtype)

    @staticmethod
    def integers(name, values, _):
        return whole_numbers(name, values)

    @staticmethod
    def is_read_only(x):
        return not x.flags.writeable

    @staticmethod
    def written(_):
        """Arrays do not know when they were changed."""

    @staticmethod
    def begin(_):
        return Numpy.place

    @staticmethod
    def no_gradient(_):
        """Arrays have none."""

    context = staticmethod(default_context)
    float32 = numpy.float32


class Torch:
    """Tensors of PyTorch, on the host or on a CUDA device, there on the current stream."""

    def __init__(self, torch):
        self.torch, self.float32 = torch, torch.float32
        self.own_context = None
        self.names = {torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16", torch.bool: "u8",
                      torch.uint8: "u8"}

    @staticmethod
    def told(x):
        return x.shape, x.stride(), x.dtype, x.is_cpu or x.device, x.is_neg()

    def graded(self):
        return self.torch.is_grad_enabled()

    @staticmethod
    def address(x):
        return x.data_ptr()

    @staticmethod
    def strides(x):
        return x.stride()

    def dtype(self, x):
        return self.names.get(x.dtype)

    def empty(self, like, shape, dtype=None):
        return self.torch.empty(shape, dtype=dtype or like.dtype, device=like.device)

    def maker(self, like, shape, dtype=None):
        """Of all calls that make a tensor this one passes through the least code."""
        return functools.partial(self.torch.empty_strided, shape, packed(shape), dtype=dtype or like.dtype,
                                 device=like.device)

    def integers(self, name, values, like):
        if isinstance(values, self.torch.Tensor) and values.dtype is self.torch.int32 and values.device == like.device:
            return values.contiguous()
        if isinstance(values, self.torch.Tensor):
            values = values.cpu().numpy()
        return self.torch.from_numpy(whole_numbers(name, values)).to(like.device)

    @staticmethod
    def is_read_only(_):
        return False

    def written(self, x):
        """What autograd has kept of a tensor is no longer there."""
        if not x.is_inference():
            self.torch.autograd.graph.increment_version(x)

    def context(self):
        """One on PyTorch's own threads."""
        if self.own_context is None:
            from .torch import context
            self.own_context = context
        return self.own_context()

    def no_gradient(self, tensors):
        """Refuses a gradient that nobody would compute."""
        if self.torch.is_grad_enabled() and any(x.requires_grad for x in tensors):
            refuse("COMBINATION", "a tensor requires a gradient, which this call does not have: use torch.no_grad()")

    def begin(self, tensors):
        """The place that all of the tensors share, its device and stream."""
        first = tensors[0].device
        if any(x.device != first for x in tensors):
            refuse("COMBINATION", "the tensors are on different devices")
        if any(x.is_neg() for x in tensors):
            refuse("TYPE", "a tensor is a view whose numbers are negated when they are read: use resolve_neg()")
        if first.type == "cpu":
            return Numpy.place
        if first.type != "cuda":
            refuse("UNAVAILABLE", f"tensors are on the device {first}: the library knows cpu and cuda")
        return lib.AG_CUDA, first.index, self.stream(tensors[0])

    def stream(self, x):
        return self.torch.cuda.current_stream(x.device).cuda_stream


# numpy's C interface has the address of an array's numbers behind the head of the object. Read there it costs a tenth
# of what it costs by way of __array_interface__, which makes a dict.
HEAD = object.__basicsize__
if sys.implementation.name == "cpython":
    probe = numpy.zeros(2)[1:]
    if Numpy.address_in_object(probe) == Numpy.address(probe):
        Numpy.address = Numpy.address_in_object


def whole_numbers(name, values, dtype=numpy.int32):
    """Integers as a packed array; what its type does not hold is refused."""
    given = numpy.asarray(values)
    if given.size and given.dtype.kind not in "iu":
        refuse("TYPE", f"{name} has elements of type {given.dtype}, not integers")
    made = numpy.ascontiguousarray(given, dtype)
    if not numpy.array_equal(made, given):
        refuse("VALUE", f"{name} holds numbers beyond {made.dtype}")
    return made


def writable(kind, **outputs):
    """Refuses outputs that must not be written."""
    for name, x in outputs.items():
        if x is not None and kind.is_read_only(x):
            refuse("COMBINATION", f"{name} is read-only")


families = {numpy.ndarray: Numpy}


def family(x):
    """The functions for arrays of x's kind."""
    known = families.get(type(x))
    if known:
        return known
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, torch.Tensor):
        known = next((one for one in families.values() if isinstance(one, Torch)), None) or Torch(torch)
    elif isinstance(x, numpy.ndarray):
        known = Numpy
    else:
        raise TypeError(f"a numpy array or a torch tensor is wanted, not {type(x).__name__}")
    families[type(x)] = known
    return known


def same_family(**arrays):
    """The functions that serve all of the arrays that are there."""
    kinds = {name: family(x) for name, x in arrays.items() if x is not None}
    first, kind = next(iter(kinds.items()))
    for name, other in kinds.items():
        if other is not kind:
            raise TypeError(f"{first} and {name} are arrays of different libraries")
    return kind


def dtype_of(kind, name, x, allowed=("f32", "f16", "bf16")):
    """The ag_dtype of x, which must be one of those allowed."""
    dtype = kind.dtype(x)
    if dtype not in allowed:
        refuse("TYPE", f"{name} has elements of type {x.dtype}, not one of {', '.join(allowed)}")
    return DTYPES[dtype]


def is_packed(kind, x):
    """Whether the elements follow each other; an axis of one element may have any stride."""
    return all(have == want for have, want, extent in zip(kind.strides(x), packed(tuple(x.shape)), x.shape)
               if extent > 1)


def packed(shape):
    strides, step = [], 1
    for extent in reversed(shape):
        strides.insert(0, step)
        step *= max(extent, 1)
    return tuple(strides)


def broadcast(name, shape, strides, to):
    """The strides with which an array of that shape fills `to`, 0 where it repeats."""
    if len(shape) > len(to):
        refuse("SHAPE", f"{name} has {len(shape)} axes, more than {len(to)}")
    missing = len(to) - len(shape)
    for have, want in zip(shape, to[missing:]):
        if have not in (1, want):
            refuse("SHAPE", f"{name} of shape {tuple(shape)} does not broadcast to {tuple(to)}")
    return [0] * missing + [0 if have == 1 else stride for have, stride in zip(shape, strides)]
