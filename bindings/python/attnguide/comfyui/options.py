"""The options of a perturbed prediction: a model's own, copied, with an override and what it wants to know."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._rows import Row
from .layers import Seen
from .override import override

TEXT_FIRST = ("txt_in", "joint_blocks", "cap_embedder")  # what the parts are called that take the text in


def text_of(network, shape):
    """"first" or "last", as text lies beside the picture in such a network; None where it is not known."""
    blocks = getattr(network, "double_blocks", None)
    if blocks and getattr(blocks[0], "flipped_img_txt", False) or type(network).__name__.startswith("HiDream"):
        return "last"
    if getattr(network, "pad_tokens_multiple", None) and pads(network, shape):
        return None
    return "first" if any(hasattr(network, name) for name in TEXT_FIRST) else None


def pads(network, shape):
    """Whether tokens that mean nothing follow the picture's."""
    sides = network.patch_size
    side = sides if isinstance(sides, int) else sides[-1]
    return -(-shape[-1] // side) * -(-shape[-2] // side) % network.pad_tokens_multiple != 0


def has_references(conds):
    """Whether other pictures lie beside the one that is made."""
    return any("ref_latents" in one.get("model_conds", {}) for cond in conds for one in cond or ())


class Wrapper:
    """A model_function_wrapper: tells the override the shape of each latent, and checks that it was heard."""

    def __init__(self, made, previous):
        self.made, self.previous = made, previous

    def __call__(self, apply_model, given):
        seen = Seen(fresh=True)
        told = {"original_shape": list(given["input"].shape), self.made.key: seen}
        options = {**given["c"].get("transformer_options", {}), **told}
        given = {**given, "c": {**given["c"], "transformer_options": options}}
        if self.previous is None:
            out = apply_model(given["input"], given["timestep"], **given["c"])
        else:
            out = self.previous(apply_model, given)
        seen.check(self.made.asked)
        return out


def perturbed_options(model_options: dict[str, Any], model: Any, shape: Sequence[int],
                      layers: int | str | Sequence[int | str], row: Row | None = None, rows: str = "cond",
                      text: str | None = None, conds: Sequence[Any] = ()) -> dict[str, Any]:
    """model_options, copied, for comfy.samplers.calc_cond_batch(): a prediction with perturbed attention.

    model: what a post-cfg function is given as "model"; its diffusion_model tells the patch size and where text lies.
    shape: of the latent. layers, row, rows: as of override().
    text: "first", "last", or None: as the model has it. conds: the conditions of the prediction.
    The prediction raises Refused if one of the layers was not perturbed. model_options stays as it is."""
    network = getattr(model, "diffusion_model", None)
    if text is None and not has_references(conds):
        text = text_of(network, shape)
    options = dict(model_options.get("transformer_options", {}))
    made = override(options.get("optimized_attention_override"), layers, row, rows, None,
                    getattr(network, "patch_size", None), text)
    options["optimized_attention_override"] = made
    return {**model_options, "transformer_options": options,
            "model_function_wrapper": Wrapper(made, model_options.get("model_function_wrapper"))}
