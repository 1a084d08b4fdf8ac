"""sweep(): which layer to perturb? The one without which the pictures fall apart."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

from .._rows import Row
from .guided import guided
from .layers import blocks_of, numbered

Result = TypeVar("Result")


def sweep(model: torch.nn.Module, run: Callable[[], Result], layers: Sequence[int | str] | None = None,
          row: Row | None = None, cfg: float = 1) -> Iterator[tuple[int | str, Result]]:
    """For each layer: (the layer, what run() returns) while the model is the perturbed network alone. Where it would
    predict C it predicts P, perturbed in that layer. Look at the pictures: the layer in which identity destroys what
    guidance is to mend, and nothing else, is the one to guide by.

    run: samples with the pipeline of `model`, from the same noise each time.
    layers: as for guided(), one after the other; default: every number that has self-attention.
    row: as for guided().
    cfg: the pipeline's guidance_scale; 1 where it calls the model for the conditional prediction alone."""
    if layers is None:
        layers = [i for i, names in enumerate(numbered(model, blocks_of(model))) if names]
    for layer in layers:
        with guided(model, layer, rows="stock", row=row, scale=-cfg, cfg=cfg):
            result = run()
        yield layer, result
