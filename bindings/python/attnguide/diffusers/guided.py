"""guided(): a model that runs some of its layers perturbed, in the last part of the batch."""
from __future__ import annotations

import contextlib
import inspect
import weakref
from collections.abc import Iterator, Sequence

import torch
from torch.utils._pytree import tree_map

from .._engine import refuse
from .._guidance import combine
from .._rows import Row
from .fork import Fork, plain
from .layers import is_joint, layers_of
from .perturb import Order, Perturbed
from .places import grids_of
from .seen import watched

PARTS = {"pag": 2, "cfg+pag": 3}
in_use = weakref.WeakSet()


def first_tensor(values):
    return next((x for x in values.values() if isinstance(x, torch.Tensor) and x.dim() > 1), None)


def is_list(x, rows):
    """Whether x says something of each row; a list of tensors is something else, a table of cosines and sines."""
    return isinstance(x, list) and len(x) == rows and not any(isinstance(one, torch.Tensor) for one in x)


def named_arguments(model, args, kwargs):
    """The arguments of a call by name, in the order of the model's signature."""
    signature = inspect.signature(type(model).forward)
    arguments = dict(list(signature.bind_partial(model, *args, **kwargs).arguments.items())[1:])
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            arguments.update(arguments.pop(name, {}))
    return arguments


class Guided:
    """What guided() gives: .calls counts the model's calls, .layers are the names of what is perturbed."""

    def __init__(self, model, layers, rows, row, scale, cfg, fork):
        self.model, self.row, self.stock, self.fork_early = model, row, rows == "stock", fork
        self.scale, self.cfg = scale, cfg
        self.parts = PARTS.get(rows, 2 if cfg == 1 else 3)
        found, self.blocks = layers_of(model, layers, cross_too=row.method == "sparse")
        self.targets = [Perturbed(self, layer, row) for layer in found]
        self.layers = [layer.name for layer in found]
        self.calls, self.fork, self.grids, self.text_first = 0, None, [], None

    # ---- the model's own entry and exit ----

    def begin(self, model, args, kwargs):
        arguments = named_arguments(model, args, kwargs)
        first = first_tensor(arguments)
        if first is None:
            refuse("SHAPE", f"{type(model).__name__} is called without a tensor of a batch")
        self.grids, rows = grids_of(model, arguments), first.shape[0]
        if self.stock:
            arguments = self.with_perturbed(arguments, rows)
            rows = rows // (self.parts - 1) * self.parts
        else:
            self.check_parts(arguments, rows)
        self.fork = Fork(self.parts, forked=not self.fork_early, rows=rows)
        for target in self.targets:
            target.taken = 0
        return (), arguments

    def with_perturbed(self, arguments, rows):
        """The conditional rows once more behind a stock pipeline's own."""
        kept = self.parts - 1
        if rows % kept:
            refuse("SHAPE", f"the model is called for {rows} rows, which are not [uncond, cond]: without "
                            f"classifier-free guidance leave cfg at 1")

        def longer(x):
            if is_list(x, rows):
                return x + x[-(rows // kept):]
            whole = isinstance(x, torch.Tensor) and x.dim() and x.shape[0] == rows
            return torch.cat([x, x[-(rows // kept):]]) if whole else x
        return tree_map(longer, arguments, is_leaf=lambda x: is_list(x, rows))

    def check_parts(self, arguments, rows):
        if rows % self.parts:
            refuse("SHAPE", f"the model is called for {rows} rows, which are not {self.parts} equal parts")
        one = rows // self.parts
        for name, x in arguments.items():
            if isinstance(x, torch.Tensor) and x.dim() and x.shape[0] == rows and not torch.equal(
                    x[-one:], x[-2 * one:-one]):
                refuse("VALUE", f"the perturbed rows of {name} differ from the conditional ones: they must begin equal")

    def end(self, model, args, output):
        self.calls += 1
        for target in self.targets:
            target.check_taken()
        if not self.stock:
            return output
        if isinstance(output, torch.Tensor):
            return self.guide(output)
        if isinstance(output, tuple):
            return (self.guide(output[0]), *output[1:])
        key = next(iter(output.keys()))
        output[key] = self.guide(output[key])
        return output

    def guide(self, prediction):
        """Without its perturbed part, which goes into the conditional one."""
        if not isinstance(prediction, torch.Tensor) or prediction.shape[0] % self.parts:
            refuse("SHAPE", f"{type(self.model).__name__} returns no tensor of {self.parts} equal parts")
        one = prediction.shape[0] // self.parts
        prediction = prediction.contiguous()
        cond, perturbed = prediction[-2 * one:-one], prediction[-one:]
        weight = self.scale / self.cfg
        combine("linear", [cond, perturbed], [1 + weight, -weight], out=cond)
        return prediction[:-one]

    # ---- blocks ----

    def enter_block(self, forks):
        def enter(block, args, kwargs):
            return self.fork.enter((args, kwargs)) if forks else self.enter_plain(args, kwargs)
        return enter

    def enter_plain(self, args, kwargs):
        """Into a block without a fork inside: it sees plain tensors, with or without perturbed rows."""
        return tree_map(plain, self.fork.enter((args, kwargs)))

    def leave_block(self, block, args, kwargs, output):
        if self.fork.forked:
            return output
        rows = next((x.shape[0] for x in (*args, *kwargs.values()) if isinstance(x, torch.Tensor) and x.dim() > 1), 0)
        return self.fork.leave(output, rows)

    def enter_unit(self, module, args, kwargs):
        """Into a part with a perturbed layer: from here on the perturbed rows are there."""
        self.fork.forked = True
        return self.fork.enter((args, kwargs))

    # ---- hooks ----

    def install(self, stack):
        def hook(module, register, call):
            handle = getattr(module, register)(call, **({"with_kwargs": True} if call != self.end else {}))
            stack.callback(handle.remove)
        hook(self.model, "register_forward_pre_hook", self.begin)
        hook(self.model, "register_forward_hook", self.end)
        units = {target.layer.unit_name: target.layer for target in self.targets}
        inside = {layer.block_name for layer in units.values()}
        for name, block in self.blocks:
            if name in units:
                continue
            hook(block, "register_forward_pre_hook", self.enter_block(name in inside))
            if name not in inside:
                hook(block, "register_forward_hook", self.leave_block)
        for layer in units.values():
            hook(layer.unit, "register_forward_pre_hook", self.enter_unit)
        for target in self.targets:
            target.install(stack)
        joint = next((module for module in self.model.modules() if is_joint(module)), None)
        if joint is not None and all(target.layer.module is not joint for target in self.targets):
            Order(self, joint).install(stack)
        stack.enter_context(watched())


@contextlib.contextmanager
def uncompiled(model):
    """Inside, a model that compile() has compiled in place runs as it is: its graph knows no rows that begin late."""
    compiled = model.__dict__.pop("_compiled_call_impl", None)
    try:
        yield
    finally:
        if compiled is not None:
            model._compiled_call_impl = compiled


@contextlib.contextmanager
def guided(model: torch.nn.Module, layers: int | str | Sequence[int | str], rows: str = "cfg+pag",
           row: Row | None = None, scale: float | None = None, cfg: float = 1, fork: bool = True) -> Iterator[Guided]:
    """Inside the with, `model` (a U-Net or a diffusion transformer of diffusers) runs `layers` perturbed as `row` asks,
    in the last part of the batch; afterwards it is as it was before.

    layers: numbers of blocks of a transformer, the joint ones first, then the single ones; numbers of self-attention
        layers of a U-Net in the order of model.named_modules(); or exact names of attention layers.
    rows: "cfg+pag": the model is called with [uncond, cond, perturbed], each of any number of pictures; "pag": with
        [cond, perturbed]. The perturbed part comes in equal to the conditional one and goes out perturbed.
        "stock": a pipeline that knows nothing of it calls the model with [uncond, cond], or with [cond] where cfg is 1,
        and gets C + (scale/cfg) (C - P) in place of C, so that its own guidance with cfg gives
        U + cfg (C - U) + scale (C - P).
    row: from row(); default row("identity"), which is PAG. Its grid and image come from the model's own sizes, unless
        it has them.
    fork: True runs the model without the perturbed rows up to the first perturbed layer and makes them there; the
        results are those of False to rounding.
    Raises Refused for layers that do not exist, for methods that a layer cannot have, and for rows that do not fit."""
    if rows not in ("stock", *PARTS):
        refuse("VALUE", f'rows is {rows!r}, not one of "cfg+pag", "pag", "stock"')
    if rows != "stock" and (scale is not None or cfg != 1):
        refuse("COMBINATION", f"scale and cfg go with rows=\"stock\" alone, not with {rows!r}")
    if rows == "stock" and scale is None:
        refuse("VALUE", "rows=\"stock\" needs scale, the weight of C - P")
    if cfg == 0:
        refuse("VALUE", "cfg is 0: the pipeline's own guidance would drop the conditional prediction")
    row = Row("identity") if row is None else row
    if not isinstance(row, Row):
        raise TypeError(f"row is {row!r}, not what row() makes")
    if hasattr(model, "_orig_mod"):
        refuse("COMBINATION", "the model is a compiled wrapper: guide the model inside it, and call that")
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"model is a {type(model).__name__}: give the pipeline's unet or transformer")
    if model in in_use:
        refuse("COMBINATION", f"this {type(model).__name__} is guided already")
    made = Guided(model, layers, rows, row, scale, cfg, fork)
    in_use.add(model)
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(uncompiled(model))
            made.install(stack)
            yield made
    finally:
        in_use.discard(model)
