"""The attention of one layer of an engine's model: tensors and masks as engines have them, a row for each row of the
batch."""
import torch

from . import _attention
from ._rows import Row

HIDDEN = -1e4  # from here down a bias is customarily a mask
STANDARD = Row("standard")
INFINITE = 9999


def heads_first(x, layout):
    return x if layout == "bhnd" else x.transpose(1, 2)


def key_mask_of(mask, batch, keys):
    """A mask that is the same for all heads and queries as [batch or 1, keys] bool; None if it is another."""
    if mask.dim() != 4 or mask.shape[2] != 1 or mask.shape[3] != keys:
        return None
    row = mask[:, :1]
    if mask.shape[1] > 1 and not torch.equal(mask, row.expand_as(mask)):
        return None
    row = row[:, 0, 0]
    if row.dtype is not torch.bool:
        seen = row > HIDDEN
        if not torch.all((row == 0) | ~seen):
            return None
        row = seen
    return row.expand(batch, keys)


def attend(q, k, v, mask, causal, scale, layout, rows):
    """The layer's attention by the library, in the shape and memory order that its processor expects. Only a tensor
    whose last axis is not contiguous is copied."""
    q, k, v = (x if x.stride(-1) == 1 else x.contiguous() for x in (q, k, v))
    batch, keys = q.shape[0], k.shape[2 if layout == "bhnd" else 1]
    options = {} if scale is None else {"scale": scale}
    if causal:
        options["causal"] = True
    if mask is not None and mask.dim() == 2 and tuple(mask.shape) == (batch, keys):
        mask = mask[:, None, None, :]
    key_mask = None if mask is None else key_mask_of(mask, batch, keys)
    out = None
    if layout == "bhnd":
        out = q.new_empty((batch, q.shape[2], q.shape[1], v.shape[3])).transpose(1, 2)
    return _attention.run("attention", q, k, v, rows, out, key_mask, None, None if key_mask is not None else mask,
                          options, layout)[0]
