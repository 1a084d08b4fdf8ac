"""A node for each rule of guidance that the library has for ComfyUI's samplers, its inputs read from the table."""
import math

import attnguide as ag
from attnguide.comfyui import rules
from attnguide.comfyui.schedule import OFF

from .perturb import LIMIT, MODEL

MOST = 1000.0  # what a widget goes up to
TITLES = {"apg": "APG", "cfg_zero_star": "CFG-Zero*", "tcfg": "TCFG", "mambo": "MAMBO-G", "tag": "TAG",
          "smc": "SMC-CFG", "fdg": "Frequency-Decoupled", "momentum_guidance": "Momentum"}
WHERE = {"cfg": "It takes the place of CFG, with the sampler's cfg as g.",
         "after": "It changes the result of CFG, and of the nodes before it.",
         "latent": "It changes the result of CFG, and of the nodes before it."}
FIXED = {
    "space": (["denoised", "noise"], {"tooltip": "What the rule sees: denoised predictions, or the latent less these, "
                                                 "which is what models of eps and of flow predict, times sigma."}),
    "over": (["sample", "channels"], {"tooltip": "Norms and angles over a whole picture, or over the channels at each "
                                                 "of its places."}),
    "sigma_start": ("FLOAT", {**LIMIT, "tooltip": "Apply it only where sigma is at most this. -1: from the start."}),
    "sigma_end": ("FLOAT", {**LIMIT, "tooltip": "Apply it only where sigma is above this. -1: to the end."}),
}


def widget(name, parameter):
    """A parameter as ComfyUI wants an input described."""
    if parameter.words:
        return list(parameter.words), {"default": parameter.usual, "tooltip": parameter.meaning}
    if parameter.several:
        levels = ", ".join(f"{value:g}" for value in rules.usual_levels(name, parameter.name))
        return "STRING", {"default": levels, "tooltip": f"{parameter.meaning}; with commas"}
    told = {"default": parameter.usual, "min": max(parameter.least, -MOST), "max": min(parameter.most, MOST),
            "tooltip": parameter.meaning}
    return ("INT", told) if parameter.whole else ("FLOAT", {**told, "step": 0.01, "round": 0.0001})


def inputs(name):
    """INPUT_TYPES of the rule's node."""
    info = rules.rule_of(name).info
    own = {parameter.name: widget(name, parameter) for parameter in rules.parameters(name)}
    fixed = dict(FIXED)
    if rules.where(info) == "latent":
        del fixed["space"]
    else:
        choices, told = fixed["space"]
        fixed["space"] = choices, {**told, "default": "noise" if name in rules.OF_NOISE else "denoised"}
    if not info.uses & rules.lib.AG_USES_GROUPS:
        del fixed["over"]
    return {"required": {"model": ("MODEL", MODEL), **own, **fixed}}


def levels(name, value):
    """The numbers of a text with commas."""
    try:
        found = [float(part) for part in value.split(",")]
    except ValueError:
        found = [math.nan]
    if not all(map(math.isfinite, found)):
        raise ag.Refused(f"{name} is {value!r}, not numbers with commas between them")
    return found


def patch_with(name):
    """The function of a rule's node."""
    several = {parameter.name for parameter in rules.parameters(name) if parameter.several}

    def patch(self, model, sigma_start=OFF, sigma_end=OFF, space="denoised", over="sample", **given):
        values = {key: levels(key, value) if key in several else value for key, value in given.items()}
        guide, guided = rules.Guide(name, values, space, over, sigma_start, sigma_end), model.clone()
        if guide.where != "cfg":
            guided.set_model_sampler_post_cfg_function(guide.post)
        elif "sampler_cfg_function" in guided.model_options:
            raise ag.Refused("another node takes the place of CFG in this model already: only one of them can")
        else:
            guided.set_model_sampler_cfg_function(guide.cfg, disable_cfg1_optimization=not guide.has_scale)
        return (guided,)
    return patch


def node_of(name):
    """(class, title) of a rule's node."""
    info = rules.rule_of(name).info
    source = rules.text(info.source)
    made = type(f"GuidanceRule_{name}", (), {
        "INPUT_TYPES": classmethod(lambda cls: inputs(name)), "RETURN_TYPES": ("MODEL",), "FUNCTION": "patch",
        "CATEGORY": "attnguide/rules", "OUTPUT_TOOLTIPS": ("The guided model.",), "patch": patch_with(name),
        "DESCRIPTION": f"{rules.text(info.formula)}{f' ({source})' if source else ''}. {WHERE[rules.where(info)]}"})
    return made, f"Guidance rule: {TITLES.get(name, name.capitalize())} (attnguide)"


NODES = {f"AttnguideRule_{name}": node_of(name) for name in rules.rules()}
