"""How strong guidance is at a step: where ComfyUI's sampler is, by its sigma."""
import math

from .._weights import schedule_adaptive, schedule_interval

OFF = -1  # sigma_start or sigma_end of a node: no limit


def noise_level(sigma):
    """The sigma of a step as a number."""
    return float(sigma.max()) if hasattr(sigma, "max") else float(sigma)


def inside(scale, sigma, start, end):
    """scale where end < sigma <= start, else 0."""
    return schedule_interval(scale, sigma, end if end != OFF else -1, start if start != OFF else math.inf)


def step_of(sampling, sigma):
    """The step from 1000, noise, to 0, as the model's own timesteps tell it, whatever they are counted in."""
    most = float(sampling.timestep(sampling.sigma_max))
    return 1000 * float(sampling.timestep(sigma).max()) / most


def weight(scale, adaptive, sigma, sampling, start, end):
    """The weight of C - P: scale, less `adaptive` for each step from 1000 down, inside the interval."""
    if adaptive:
        scale = schedule_adaptive(scale, adaptive, step_of(sampling, sigma))
    return inside(scale, noise_level(sigma), start, end)
