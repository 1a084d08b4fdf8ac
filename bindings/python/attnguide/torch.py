"""PyTorch: F.scaled_dot_product_attention on the host by the library, and attention with methods as one operator.

activate() puts the library under every call of F.scaled_dot_product_attention on CPU tensors of float32, float16 and
bfloat16; PyTorch's own backward runs on what it returns. What the library does not serve, double, dropout or empty
tensors, PyTorch's own kernel computes as before. deactivate() puts that kernel back."""
import contextlib
import ctypes
import functools
import json
import os
from collections.abc import Iterator, Sequence

import torch
from torch import library as operators

from . import _attention
from ._engine import Context, OpenMP, Refused, refuse
from ._rows import Row, listed

OPERATOR = "aten::_scaled_dot_product_flash_attention_for_cpu"
DTYPES = (torch.float32, torch.float16, torch.bfloat16)
override = []


def openmp_region():
    """The address of GOMP_parallel in the OpenMP runtime that PyTorch runs on; None where it runs on another, or where
    the system does not tell."""
    if "OpenMP" not in torch.__config__.parallel_info() or not os.path.exists("/proc/self/maps"):
        return None
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        loaded = {line.split(None, 5)[5].strip() for line in maps if line.count("/")}
    for path in loaded:
        if os.path.basename(path).startswith(("libgomp", "libomp", "libiomp5")):
            try:
                return ctypes.cast(ctypes.CDLL(path).GOMP_parallel, ctypes.c_void_p).value
            except (AttributeError, OSError):
                continue
    return None


@functools.cache
def context_of(threads):
    region = openmp_region() if threads > 1 else None
    return OpenMP(threads, region) if region else Context(threads)


def context():
    """A context on PyTorch's own threads, as many as it uses now."""
    return context_of(torch.get_num_threads())


def serves(q, k, v, dropout, mask):
    """Whether the library computes this; if not, PyTorch does."""
    return (not dropout and q.dtype in DTYPES and k.dtype is q.dtype and v.dtype is q.dtype and q.numel() and k.numel()
            and v.numel() and q.stride(-1) == k.stride(-1) == v.stride(-1) == 1
            and (mask is None or mask.dtype in DTYPES or mask.dtype is torch.bool))


def seen_sums(sums, mask):
    """lse as PyTorch's backward expects it: 0 for a query that sees nothing, whose weights are exp(-inf - lse)."""
    return sums if mask is None else sums.masked_fill_(sums == -torch.inf, 0)


def attend(previous, keys, q, k, v, dropout_p=0.0, is_causal=False, *, attn_mask=None, scale=None):
    """The operator: (out, lse). out lies in memory as q does, which PyTorch's own promises to compiled graphs."""
    if serves(q, k, v, dropout_p, attn_mask):
        options = {"lse": True}
        if scale is not None:
            options["scale"] = scale
        if is_causal:  # query i sees the keys up to i, however many there are
            longer = max(q.shape[2], k.shape[2])
            options.update(causal=True, global_n_q=longer, global_n_k=longer)
        out = torch.empty_like(q) if v.shape[3] == q.shape[3] else None
        try:
            out, sums = _attention.run("attention", q, k, v, out=out, bias=attn_mask, options=options,
                                       differentiated=True)
            return out, seen_sums(sums, attn_mask)
        except Refused:
            pass
    return previous.call_boxed(keys, q, k, v, dropout_p, is_causal, attn_mask=attn_mask, scale=scale)


def activate() -> None:
    """From now on the library serves F.scaled_dot_product_attention on CPU tensors. Twice is once."""
    if override:
        return
    previous = operators.get_kernel(OPERATOR, "CPU")
    overriding = operators.Library("aten", "IMPL")
    overriding.impl(OPERATOR.removeprefix("aten::"), functools.partial(attend, previous), "CPU", with_keyset=True,
                 allow_override=True)
    override.append(overriding)


def deactivate() -> None:
    """PyTorch's own kernel serves again. Without activate() it does nothing."""
    while override:
        override.pop()._destroy()


@contextlib.contextmanager
def active() -> Iterator[None]:
    """activate() inside a with; afterwards all is as it was before."""
    before = bool(override)
    activate()
    try:
        yield
    finally:
        if not before:
            deactivate()


# ---- methods, as an operator of their own ----

@functools.lru_cache(256)
def rows_of(words):
    return [Row(**fields) for fields in json.loads(words)]


@operators.custom_op("attnguide::attention", mutates_args=())
def operator(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, rows: str, scale: float | None, causal: bool,
             key_mask: torch.Tensor | None, key_lengths: torch.Tensor | None, bias: torch.Tensor | None, lse: bool,
             layout: str) -> tuple[torch.Tensor, torch.Tensor]:
    options = _attention.options_of({}, scale=scale, causal=causal, lse=lse)
    out, sums = _attention.run("attention", q, k, v, rows_of(rows), None, key_mask, key_lengths, bias, options, layout,
                               differentiated=True)
    return out, q.new_empty(0, dtype=torch.float32) if sums is None else sums


@operator.register_fake
def shapes(q, k, v, rows, scale, causal, key_mask, key_lengths, bias, lse, layout):
    asked = rows_of(rows)
    batch = len(asked) if len(asked) > 1 else q.shape[0]
    _, heads, tokens, _ = _attention.by_head(layout, q.shape)
    out = q.new_empty(_attention.by_head(layout, (batch, heads, tokens, v.shape[3])))
    return out, q.new_empty((batch, heads, tokens) if lse else 0, dtype=torch.float32)


def no_backward(*_):
    refuse("COMBINATION", "attention with methods has no gradient: use torch.no_grad(), or standard attention through "
                          "F.scaled_dot_product_attention")


operator.register_autograd(no_backward)


def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, rows: Row | Sequence[Row] | None = None,
              scale: float | None = None, causal: bool = False, key_mask: torch.Tensor | None = None,
              key_lengths: torch.Tensor | None = None, bias: torch.Tensor | None = None, lse: bool = False,
              layout: str = "bhnd") -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    """attention() of this package as one operator, attnguide::attention, which torch.compile keeps whole. Arguments as
    there; rows are constants of a compiled graph: make them outside. A backward through it raises Refused."""
    words = "[" + ",".join([asked.words for asked in listed(rows)]) + "]"
    out, sums = operator(q, k, v, words, scale, causal, key_mask, key_lengths, bias, lse, layout)
    return (out, sums) if lse else out
