"""attnguide - attention and its guidance perturbations over numpy arrays and torch tensors, by a C library inside.

    import attnguide as ag
    out = ag.attention(q, k, v, rows=[ag.row("standard"), ag.row("smoothed", sigma=10, grid=(1, 64, 64))])

ag.torch, ag.diffusers and ag.comfyui are loaded when they are first used."""
import importlib

from ._attention import attention, attention_map, blur, energy, received
from ._engine import Context, Refused, info, lib
from ._guidance import combine
from ._pictures import coverage_average, sag_blur
from ._rows import row
from ._weights import (schedule_adaptive, schedule_interval, weight_min_snr, weights_cfg, weights_cfg_perturbed,
                       weights_classifier, weights_convert, weights_ddim, weights_ddpm, weights_euler, weights_noise,
                       weights_oseg, weights_perturbed)

__version__ = lib.c.ag_version_string().decode()

__all__ = ["Context", "Refused", "attention", "attention_map", "blur", "combine", "coverage_average", "energy", "info",
           "received", "row", "sag_blur", "schedule_adaptive", "schedule_interval", "weight_min_snr", "weights_cfg",
           "weights_cfg_perturbed", "weights_classifier", "weights_convert", "weights_ddim", "weights_ddpm",
           "weights_euler", "weights_noise", "weights_oseg", "weights_perturbed"]

LATER = ("torch", "diffusers", "comfyui")


def __getattr__(name):
    if name in LATER:
        return importlib.import_module("." + name, __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *LATER])
