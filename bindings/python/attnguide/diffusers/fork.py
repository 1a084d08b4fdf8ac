"""Rows that begin late: up to the first perturbed layer the perturbed rows equal the conditional ones, so that a model
runs without them, and they are made there.

A Fork knows how the batch is cut: `parts` of equal size, the last one perturbed, the one before it conditional. Before
the fork the tensors between a model's blocks are Late: they hold all parts but the last. After the fork a Late tensor
takes its missing part from the conditional one wherever it is used: that is what skip connections of a U-Net do."""
import torch
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from .._engine import refuse

# What brings two tensors of a batch together between blocks. In other functions a tensor that happens to have as many
# rows as the batch may be anything, a weight for instance.
JOINING = {torch.add, torch.sub, torch.mul, torch.cat, torch.concat, torch.where} | {
    getattr(torch.Tensor, name) for name in
    ("add", "add_", "sub", "mul", "mul_", "__add__", "__radd__", "__iadd__", "__sub__", "__rsub__", "__mul__",
     "__rmul__", "__imul__")}


class Fork:
    """How a batch is cut, `rows` as the model was called, and whether its perturbed rows are there yet."""

    def __init__(self, parts, forked, rows):
        self.parts, self.forked, self.rows = parts, forked, rows

    def late(self, x):
        """A tensor without perturbed rows, as one."""
        made = x.as_subclass(Late)
        made.fork = self
        return made

    def cut(self, x):
        return self.late(x.narrow(0, 0, x.shape[0] // self.parts * (self.parts - 1)))

    def filled(self, x):
        """A Late tensor with the perturbed rows, which are the conditional ones."""
        if not hasattr(x, "whole"):
            held = plain(x)
            one = held.shape[0] // (self.parts - 1)
            x.whole = torch.cat([held, held.narrow(0, held.shape[0] - one, one)])
        return x.whole

    def rows_of(self, values):
        """(rows of the whole batch, whether the first tensor has all of them) as a block is called."""
        for x in tree_flatten(values)[0]:
            if isinstance(x, Late):
                return plain(x).shape[0] // (self.parts - 1) * self.parts, False
            if isinstance(x, torch.Tensor) and x.dim() > 1:
                return x.shape[0], True
        return 0, True

    def enter(self, values):
        """The arguments of a block as its rows are now, Late before the fork and plain after it."""
        if self.forked:
            return tree_map(lambda x: self.filled(x) if isinstance(x, Late) else x, values)
        rows, whole = self.rows_of(values)
        if whole and rows % self.parts:
            refuse("SHAPE", f"a block is called for {rows} rows, which are not {self.parts} equal parts")
        return tree_map(lambda x: self.cut(x) if is_batch(x, rows) or is_batch(x, self.rows) else x, values)

    def leave(self, values, rows):
        """What a block returns before the fork: its tensors of so many rows are Late."""
        return tree_map(lambda x: self.late(x) if is_batch(x, rows) else x, values)


class Late(torch.Tensor):
    """A tensor of a batch whose perturbed rows are not there yet."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        leaves, form = tree_flatten((args, kwargs or {}))
        late = [x for x in leaves if isinstance(x, Late)]
        with torch._C.DisableTorchFunctionSubclass():
            fork = next((x.fork for x in late if "fork" in x.__dict__), None)
            if fork is None:
                return func(*args, **(kwargs or {}))
            if fork.forked:
                leaves = [fork.filled(x) if isinstance(x, Late) else x for x in leaves]
                inputs, named = tree_unflatten(leaves, form)
                return func(*inputs, **named)
            held = late[0].shape[0]
            rows = held // (fork.parts - 1) * fork.parts if func in JOINING else 0
            leaves = [plain(fork.cut(x)) if is_batch(x, rows) else plain(x) for x in leaves]
            inputs, named = tree_unflatten(leaves, form)
            return fork.leave(func(*inputs, **named), held)


def plain(x):
    return x.as_subclass(torch.Tensor) if isinstance(x, Late) else x


def is_batch(x, rows):
    """Whether x is a plain tensor with so many rows. Weights are none."""
    return type(x) is torch.Tensor and x.dim() > 0 and rows > 0 and x.shape[0] == rows
