"""Rules of guidance in ComfyUI's terms: which there are, their parameters, and where they go in. All of it is read from
the library's tables, so that a new rule of two predictions is here as soon as it is there."""
from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from .._binding.calls import text
from .._engine import lib
from .._guidance import combine, rule_of
from .._weights import weights_cfg
from .schedule import OFF, inside, noise_level

SCALE = "cfg_scale"  # the sampler's own, never a parameter of a node
WHERE = {"cond uncond": "cfg", "x0 x": "latent"}  # by the table's names of the inputs
OF_NOISE = ("cfg_zero_star", "tcfg")  # which act on x - denoised, as their authors' code does


class Parameter(NamedTuple):
    """A parameter as a node offers it. words: what its values are called; several: there is one for each level."""

    name: str
    meaning: str
    usual: float | str
    least: float
    most: float
    words: tuple[str, ...]
    whole: bool
    several: bool


def where(info):
    """"cfg": in place of classifier-free guidance; "latent", "after": on its result, with the latent or with C; None: a
    rule of something else."""
    if info.by_rows:
        return None
    inputs = text(info.inputs)
    return WHERE.get(inputs) if inputs else "after" if info.parameter_count else None


def rules() -> list[str]:
    """The rules that ComfyUI's samplers can apply."""
    return [text(info.name) for info in lib.rules() if where(info)]


def parameters(name: str) -> list[Parameter]:
    """What a node of the rule offers."""
    found = {}
    for one in rule_of(name).parameters:
        key, words = text(one.name), tuple((text(one.words) or "").split())
        usual = words[int(one.usual - one.least)] if words else one.usual
        found.setdefault(key, []).append(Parameter(key, text(one.meaning), usual, one.least, one.most, words,
                                                   bool(one.whole), False))
    return [several[0]._replace(several=len(several) > 1) for key, several in found.items() if key != SCALE]


def usual_levels(name: str, parameter: str) -> list[float]:
    """Usual values of a parameter with one for each level: those of two levels."""
    return [one.usual for one in rule_of(name).parameters if text(one.name) == parameter][:2]


class Guide:
    """A rule with its parameters, called as ComfyUI calls functions of guidance. It keeps the state of a rule that has
    one from step to step, and begins anew when sigma rises: another picture has begun."""

    def __init__(self, name: str, values: dict[str, float | str | Sequence[float]], space: str = "denoised",
                 over: str = "sample", start: float = OFF, end: float = OFF):
        self.rule, self.values, self.space, self.over = rule_of(name), values, space, over
        self.start, self.end = start, end
        self.name, self.where = name, where(self.rule.info)
        self.has_scale = SCALE in self.rule.places
        self.state, self.last = None, -math.inf

    def __deepcopy__(self, _):
        """Of a clone of the model: it remembers nothing."""
        return Guide(self.name, self.values, self.space, self.over, self.start, self.end)

    def cfg(self, args: dict[str, Any]) -> torch.Tensor:
        """For set_model_sampler_cfg_function(): the latent less the guided prediction."""
        x, c, u, g = (args[key] for key in ("input", "cond_denoised", "uncond_denoised", "cond_scale"))
        sigma = noise_level(args["sigma"])
        if args.get("input_uncond", ()) is None:
            return x - c
        if not inside(1, sigma, self.start, self.end):
            return x - combine("linear", [c.contiguous(), u.contiguous()], weights_cfg(float(g)))
        return x - self.applied([c, u], x, sigma, **({SCALE: float(g)} if self.has_scale else {}))

    def post(self, args: dict[str, Any]) -> torch.Tensor:
        """For set_model_sampler_post_cfg_function(): the guided prediction."""
        x, denoised, sigma = args["input"], args["denoised"], noise_level(args["sigma"])
        if not inside(1, sigma, self.start, self.end):
            return denoised
        if self.where == "latent":
            return self.run([denoised, x], sigma)
        return self.applied([args["cond_denoised"], denoised], x, sigma, weights=[0, 1])

    def applied(self, predictions, x, sigma, **more):
        """The rule over predictions of the denoised picture, in its space."""
        if self.space == "denoised":
            return self.run(predictions, sigma, **more)
        return x - self.run([x - one for one in predictions], sigma, **more)

    def run(self, inputs, sigma, **more):
        uses = self.rule.info.uses
        inputs = [one.contiguous() for one in inputs]
        if uses & lib.AG_USES_STATE:
            more.update(self.kept(inputs[0], sigma))
        if uses & lib.AG_USES_GROUPS and self.over == "channels":
            more["dim"] = 1
        if uses & lib.AG_USES_PICTURE:
            more["levels"] = max(len(value) for value in self.values.values() if isinstance(value, (list, tuple)))
        return combine(self.name, inputs, **more, **self.values)

    def kept(self, like, sigma):
        first = self.state is None or self.state.shape != like.shape or sigma > self.last
        self.last = sigma
        if first:
            self.state = torch.zeros_like(like, dtype=torch.float32)
        return {"state": self.state, "first_step": first}
