"""Names of types for hints: PyTorch is imported by type checkers alone."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar, Union

import numpy

if TYPE_CHECKING:
    import torch

Array = TypeVar("Array", numpy.ndarray, "torch.Tensor")  # all arrays of a call are of one kind
Triple = Sequence[int]  # (frames, height, width), (outer, reduced, inner) or (channels, height, width)
Weights = Union[Sequence[float], Sequence[Sequence[float]], numpy.ndarray]
