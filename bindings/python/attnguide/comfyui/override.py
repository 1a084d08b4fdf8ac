"""override(): what goes into transformer_options["optimized_attention_override"]."""
from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import torch

from .._engine import Refused, lib, refuse
from .._layer import INFINITE, STANDARD, attend
from .._rows import Row
from .layers import Seen, asked_layers, names_of, place_of
from .places import picture

ON_GRID = ("smoothed", "orthogonal")  # which need to know rows and columns
DTYPES = (torch.float32, torch.float16, torch.bfloat16)
made = itertools.count()
PARTS = {"cond": (0,), "uncond": (1,), "all": None}


def by_head(x, width, skip_reshape):
    """q, k or v as four axes, without a copy: [B,H,N,D] as it is, [B,N,H*D] as [B,N,H,D]."""
    return x if skip_reshape else x.unflatten(-1, (-1, width))


def four_axes(mask, batch, queries):
    """A mask as [batch,heads,queries,keys] by broadcast; of two axes it is that of a picture, or one of keys alone."""
    if mask is None or mask.dim() == 4:
        return mask
    if mask.dim() == 2 and mask.shape[0] == batch and mask.shape[0] not in (1, queries):
        return mask[:, None, None]
    return mask[None, None] if mask.dim() == 2 else mask[:, None]


class Override:
    """What override() makes: called with ComfyUI's attention function and the arguments of the call. It keeps nothing:
    what a call of the model has seen lies in the options of that call."""

    def __init__(self, previous, layers, row, rows, latent, patch, text):
        self.previous, self.row, self.rows = previous, row, rows
        self.asked = asked_layers(layers)
        self.latent, self.patch, self.text = latent, patch, text
        self.key = f"attnguide_{next(made)}"

    def __call__(self, func, *args, **kwargs):
        out = self.perturb(*args, **kwargs)
        if out is not NotImplemented:
            return out
        return func(*args, **kwargs) if self.previous is None else self.previous(func, *args, **kwargs)

    def look(self, options, queries, keys):
        """(the asked layers whose attention a call is, what was seen so far)."""
        seen, place = options.get(self.key), place_of(options)
        if seen is None:  # ComfyUI's own options are those of one call, and only there the conditions have uuids
            seen = options[self.key] = Seen(fresh="uuids" in options)
        if place is None:
            return [], seen
        is_self = seen.is_self_attention(place, queries, keys)
        if is_self:
            seen.number(place, options)
        if is_self == (self.row.method == "sparse"):
            return [], seen
        meant = {*names_of(place), seen.numbers.get(place)}
        return [layer for layer in self.asked if layer in meant], seen

    def perturb(self, q, k, v, heads, mask=None, attn_precision=None, skip_reshape=False, skip_output_reshape=False,
                **others):
        """The result, or NotImplemented where the call is none of ours."""
        del attn_precision  # sums are always float32
        options = others.get("transformer_options")
        if options is None:
            return NotImplemented
        axis = 2 if skip_reshape else 1
        layers, seen = self.look(options, q.shape[axis], k.shape[axis])
        if not layers:
            return NotImplemented
        why = self.not_served(q, k, v)
        chosen = [] if why else self.chosen(options, q.shape[0])
        if why is None:
            seen.served.update(layers)
            if not any(chosen):
                return NotImplemented
            try:
                out = self.run(options, chosen, q, k, v, heads, mask, skip_reshape, skip_output_reshape, others)
                self.pass_by(options, q.shape[axis], k.shape[axis])
                return out
            except Refused as refused:
                if refused.status != lib.AG_ERR_UNAVAILABLE:
                    raise
                why = str(refused)
        seen.declined.update(dict.fromkeys(layers, why))
        return NotImplemented

    def pass_by(self, options, queries, keys):
        """The override before, where it is one of ours, counts the layers that it is not called for as well."""
        if isinstance(self.previous, Override):
            self.previous.look(options, queries, keys)
            self.previous.pass_by(options, queries, keys)

    @staticmethod
    def not_served(q, k, v):
        """Why the library cannot compute this at all; None where it may."""
        for x in (q, k, v):
            if x.dtype not in DTYPES:
                return f"its tensors are {x.dtype}, which is not served"
            if x.device.type not in ("cpu", "cuda"):
                return f"its tensors are on {x.device}, which is not served"
        return None

    def chosen(self, options, batch):
        """For each row of the batch whether it is perturbed."""
        if not isinstance(self.rows, str):
            if not all(0 <= i < batch for i in self.rows):
                refuse("INDEX", f"rows holds {sorted(self.rows)}, but an attention call has {batch} rows")
            return [i in self.rows for i in range(batch)]
        if self.rows == "all":
            return [True] * batch
        parts = options.get("cond_or_uncond")
        if not parts:
            refuse("VALUE", f"rows is {self.rows!r}, but cond_or_uncond is not among the options: give rows=\"all\"")
        if batch % len(parts):
            refuse("SHAPE", f"an attention call has {batch} rows, which are not {len(parts)} equal parts")
        return [part in PARTS[self.rows] for part in parts for _ in range(batch // len(parts))]

    def run(self, options, chosen, q, k, v, heads, mask, skip_reshape, skip_output_reshape, others):
        width = q.shape[-1] if skip_reshape else q.shape[-1] // heads
        q, k, v = (by_head(x, width, skip_reshape) for x in (q, k, v))
        axis = 2 if skip_reshape else 1
        row = self.row_for(options, q.shape[axis], k.shape[axis])
        rows = [row if one else STANDARD for one in chosen]
        out = attend(q, k, v, four_axes(mask, q.shape[0], q.shape[axis]), False, others.get("scale"),
                     "bhnd" if skip_reshape else "bnhd", rows)
        if skip_output_reshape:
            return out if skip_reshape else out.transpose(1, 2)
        return (out.transpose(1, 2) if skip_reshape else out).flatten(2)

    def row_for(self, options, queries, keys):
        """The row with the grid and the image of this call."""
        row = self.row
        if queries != keys or (row.image and (row.grid or row.method not in ON_GRID)):
            return row
        grid, image = picture(options, keys, row.grid, self.latent, self.patch, self.text)
        if grid is None and row.fields.get("sigma", 0) > INFINITE and row.fields.get("sigma_t", 0) == 0:
            grid = 1, 1, image[1]
        return row.with_grid(grid, image)


def override(previous: Callable | None = None, layers: int | str | Sequence[int | str] = "middle.0",
             row: Row | None = None, rows: str | Sequence[int] = "cond", latent: Sequence[int] | None = None,
             patch: int | Sequence[int] | None = None, text: str | None = None) -> Callable[..., Any]:
    """What a node puts into transformer_options["optimized_attention_override"]: self-attention of the layers runs in
    the library, perturbed in the rows. Every other call goes to `previous`, or to ComfyUI's own attention.

    previous: the override that was there before.
    layers: numbers of self-attention layers from 0 on, in the order in which the model runs them (of a transformer:
        numbers of blocks, the single ones after the double ones); or names "middle.0", "input.4", "input.4.1" (the
        second transformer block there), "double.3", "single.7"; or text with several, "middle.0, 5".
    row: ag.row("identity") (PAG, the default), ag.row("smoothed", sigma=10) ... Its grid and image come from the shapes
        that ComfyUI tells, where it has none of its own.
    rows: "cond", "uncond" or "all" by cond_or_uncond of the options; or numbers of batch rows.
    latent, patch: of transformers: the shape of the latent, and the patch size where it is neither 1 nor 2.
    text: of transformers in which text joins the picture: "first" or "last".
    Refused: what is asked for and cannot be; a row without its grid. Nothing is copied, nothing is kept."""
    row = Row("identity") if row is None else row
    if not isinstance(row, Row):
        raise TypeError(f"row is {row!r}, not what row() makes")
    if previous is not None and not callable(previous):
        raise TypeError(f"previous is {previous!r}, not an override")
    if isinstance(rows, str) and rows not in PARTS:
        refuse("VALUE", f"rows is {rows!r}, not one of {', '.join(PARTS)}")
    if text not in (None, "first", "last"):
        refuse("VALUE", f"text is {text!r}, neither \"first\" nor \"last\"")
    return Override(previous, layers, row, rows if isinstance(rows, str) else frozenset(rows), latent, patch, text)
