"""Attention calls of a layer, whatever processor makes them: through F.scaled_dot_product_attention or through
diffusers' dispatcher with any backend."""
import contextlib
import contextvars
import functools
import threading

import torch
import torch.nn.functional as F
from diffusers.models.attention_dispatch import _AttentionBackendRegistry
from torch.overrides import TorchFunctionMode

catching = contextvars.ContextVar("catching", default=None)


class Products(TorchFunctionMode):
    """Hands calls of F.scaled_dot_product_attention to `take`(q, k, v, mask, causal, scale, layout), which may return
    NotImplemented: then the call goes where it was going. Tells `joined`(tensors) of every torch.cat."""

    def __init__(self, take, joined):
        super().__init__()
        self.take, self.joined = take, joined

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = self.take_call(*args, **kwargs) if func is F.scaled_dot_product_attention else NotImplemented
        if func is torch.cat:
            self.joined(args[0] if args else kwargs["tensors"])
        return func(*args, **kwargs) if result is NotImplemented else result

    def take_call(self, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None,
                  enable_gqa=False):
        del dropout_p, enable_gqa  # models are run, not trained
        return self.take(query, key, value, attn_mask, is_causal, scale, "bhnd")


def dispatched(backend):
    """The backend, but inside caught() what catches."""
    @functools.wraps(backend)
    def call(*args, **kwargs):
        take, result = catching.get(), NotImplemented
        if take is not None:
            result = take(kwargs["query"], kwargs["key"], kwargs["value"], kwargs.get("attn_mask"),
                          kwargs.get("is_causal", False), kwargs.get("scale"), "bnhd")
        return backend(*args, **kwargs) if result is NotImplemented else result
    return call


watchers = []
watching = threading.Lock()


class Watched(dict):
    """The dispatcher's table of backends while somebody watches: what is looked up in it can be caught."""

    def __getitem__(self, name):
        return dispatched(super().__getitem__(name))

    def get(self, name, otherwise=None):
        return dispatched(super().__getitem__(name)) if name in self else otherwise


@contextlib.contextmanager
def watched():
    """Inside, calls of the dispatcher can be caught. Several may watch, and end in any order: the table is the one
    before again when the last one ends, with what was added or taken away meanwhile."""
    with watching:
        if not watchers:
            watchers.append(_AttentionBackendRegistry._backends)
            _AttentionBackendRegistry._backends = Watched(watchers[0])
        watchers.append(None)
    try:
        yield
    finally:
        with watching:
            watchers.pop()
            if len(watchers) == 1:
                table, before = _AttentionBackendRegistry._backends, watchers.pop()
                for name in [name for name in before if name not in table]:
                    del before[name]
                before.update((name, backend) for name, backend in table.items() if name not in before)
                _AttentionBackendRegistry._backends = before


@contextlib.contextmanager
def caught(take, joined=lambda _: None):
    """Inside, `take` gets every attention call instead of its kernel."""
    token = catching.set(take)
    try:
        with Products(take, joined):
            yield
    finally:
        catching.reset(token)


@contextlib.contextmanager
def forward_of(module, make):
    """Inside, module.forward is make(what it was); afterwards the very same as before."""
    own = module.__dict__.get("forward")
    module.forward = make(module.forward)
    try:
        yield
    finally:
        del module.forward
        if own is not None:
            module.forward = own


@contextlib.contextmanager
def outputs_of(module, to):
    """Inside, what the module returns is appended to a list. None, and what is no module, returns nothing."""
    handle = module.register_forward_hook(lambda _, __, out: to.append(out)) if isinstance(
        module, torch.nn.Module) else None
    try:
        yield
    finally:
        if handle is not None:
            handle.remove()
