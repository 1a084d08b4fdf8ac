"""The weights of linear combinations: of guidance, of conversions between predictions, and of a sampler's steps."""
from __future__ import annotations

import ctypes

from ._engine import lib, refuse
from ._rows import suggest

PREDICTIONS = lib.words("ag_prediction")
VARIANCES = lib.words("ag_variance", "AG_VARIANCE_")


def word(what, value, known):
    if value not in known:
        refuse("TYPE", f"{what} is {value!r}{suggest(str(value), known)}")
    return known[value]


def plain(call, count, *numbers):
    """The `count` weights that a call without a refusal gives."""
    array = (ctypes.c_double * count)()
    getattr(lib.c, call)(array, *numbers)
    return list(array)


def judged(call, count, *arguments):
    """The same of a call that may refuse."""
    array = (ctypes.c_double * count)()
    lib.call(call, array, *arguments)
    return list(array)


def weights_cfg(g: float) -> list[float]:
    """Of C, U: U + g (C - U)."""
    return plain("ag_weights_cfg", 2, g)


def weights_perturbed(w: float) -> list[float]:
    """Of C, P: C + w (C - P)."""
    return plain("ag_weights_perturbed", 2, w)


def weights_cfg_perturbed(g: float, w: float) -> list[float]:
    """Of C, U, P: U + g (C - U) + w (C - P)."""
    return plain("ag_weights_cfg_perturbed", 3, g, w)


def weights_oseg(g: float, w: float) -> list[float]:
    """Of C, U^, C^ (hats: predictions with perturbed queries): C + (g-1) (C - U^) + w (C - C^)."""
    return plain("ag_weights_oseg", 3, g, w)


def weights_classifier(w: float, sigma: float) -> list[float]:
    """Of eps, grad log p(y|x): eps - w sigma grad."""
    return plain("ag_weights_classifier", 2, w, sigma)


def weights_convert(come_from: str, to: str, alpha: float, sigma: float) -> list[float]:
    """Of x and a prediction: the prediction as another, "eps", "x0", "v", "score", "flow", "denoised", where
    x = alpha x0 + sigma eps. Refused where it is not defined."""
    return judged("ag_weights_convert", 2, word("come_from", come_from, PREDICTIONS), word("to", to, PREDICTIONS),
                  alpha, sigma)


def weights_noise(alpha: float, sigma: float, alpha_to: float, sigma_to: float) -> list[float]:
    """Of x, z: x with more noise, z being fresh."""
    return judged("ag_weights_noise", 2, alpha, sigma, alpha_to, sigma_to)


def weights_ddpm(come_from: str, alpha: float, sigma: float, alpha_to: float,
                 sigma_to: float, variance: str = "small") -> list[float]:
    """Of x, the prediction, z: a step of DDPM, with variance "small" or "large". arXiv 2006.11239."""
    return judged("ag_weights_ddpm", 3, word("come_from", come_from, PREDICTIONS), alpha, sigma, alpha_to, sigma_to,
                  word("variance", variance, VARIANCES))


def weights_ddim(come_from: str, alpha: float, sigma: float, alpha_to: float,
                 sigma_to: float, eta: float = 0) -> list[float]:
    """Of x, the prediction, z: a step of DDIM. arXiv 2010.02502."""
    return judged("ag_weights_ddim", 3, word("come_from", come_from, PREDICTIONS), alpha, sigma, alpha_to, sigma_to,
                  eta)


def weights_euler(sigma: float, sigma_to: float) -> list[float]:
    """Of x, dx/dsigma: a step of Euler's."""
    return judged("ag_weights_euler", 2, sigma, sigma_to)


def weight_min_snr(come_from: str, alpha: float, sigma: float, gamma: float = 5) -> float:
    """The min-SNR weight of the loss in training. arXiv 2303.09556."""
    return judged("ag_weight_min_snr", 1, word("come_from", come_from, PREDICTIONS), alpha, sigma, gamma)[0]


def schedule_adaptive(w: float, a: float, t: float) -> float:
    """max(0, w - a (1000 - t)), t from 1000 (noise) to 0."""
    return lib.c.ag_schedule_adaptive(w, a, t)


def schedule_interval(w: float, sigma: float, low: float, high: float) -> float:
    """w where low < sigma <= high, else 0. arXiv 2404.07724."""
    return lib.c.ag_schedule_interval(w, sigma, low, high)
