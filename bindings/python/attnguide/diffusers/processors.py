"""Processors for the PAG pipelines of diffusers: pipe.set_pag_applied_layers(layers, pag_attn_processors=...)."""
from __future__ import annotations

import gc
import weakref

from diffusers.models import attention_processor as theirs

from .._rows import Row
from .guided import PARTS
from .layers import Layer
from .perturb import Perturbed
from .seen import caught, outputs_of


def is_in_sana(attn):
    """Whether the layer is the linear one of Sana's blocks: its processor, replaced by now, was all that said so."""
    for modules in gc.get_referrers(attn):
        holders = gc.get_referrers(modules) if isinstance(modules, dict) else []
        for attributes in [holder for holder in holders if isinstance(holder, dict)]:
            holders += gc.get_referrers(attributes)
        if any("Sana" in type(owner).__name__ and owner._modules.get("attn1") is attn for owner in holders):
            return True
    return False


def usual_processor(attn, kwargs):
    """What diffusers gives such a layer itself; its PAG pipelines have put a processor of ours there."""
    if is_in_sana(attn):
        return theirs.SanaLinearAttnProcessor2_0()
    if getattr(attn, "add_k_proj", None) is not None:
        return theirs.JointAttnProcessor2_0()
    if "image_rotary_emb" in kwargs:
        return theirs.HunyuanAttnProcessor2_0()
    return theirs.AttnProcessor2_0()


class Processor:
    """Runs a layer as it would without guidance, its attention calls perturbed in the last part of the batch."""

    def __init__(self, rows, row):
        self.parts, self.row = PARTS[rows], row
        self.grids, self.text_first = [], None
        self.layers = weakref.WeakKeyDictionary()

    def layer_of(self, attn, kwargs):
        """(what is perturbed, the usual processor) of a layer, found once."""
        if attn not in self.layers:
            usual = usual_processor(attn, kwargs)
            attn.processor = usual  # tells whether the layer is linear
            try:
                layer = Layer("the layer", weakref.proxy(attn), None, None, None)
                self.layers[attn] = Perturbed(self, layer, self.row), usual
            finally:
                attn.processor = self
        return self.layers[attn]

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, temb=None,
                 image_rotary_emb=None):
        given = {"encoder_hidden_states": encoder_hidden_states, "attention_mask": attention_mask, "temb": temb,
                 "image_rotary_emb": image_rotary_emb}
        given = {name: value for name, value in given.items() if value is not None}
        target, usual = self.layer_of(attn, given)
        target.taken = 0
        target.picture = tuple(hidden_states.shape[-2:]) if hidden_states.dim() == 4 else None
        if type(usual) is theirs.SanaLinearAttnProcessor2_0:
            return target.linear(lambda *args, **named: usual(attn, *args, **named))(hidden_states, **given)
        with outputs_of(getattr(attn, "to_v", None), target.values), caught(target.take):
            out = usual(attn, hidden_states, **given)
        target.values.clear()
        target.check_taken()
        return out


def pag_processors(method: str = "identity", **fields: object) -> tuple[Processor, Processor]:
    """The pair for pipe.set_pag_applied_layers(layers, pag_attn_processors=pair): with classifier-free guidance, where
    the pipeline runs [uncond, cond, perturbed], and without it, where it runs [cond, perturbed].

    method, fields: as of row(). These processors are told no height and width where the layer's input has lost them:
    a finite sigma then needs grid=(frames, height, width); an infinite one takes all image tokens as one frame."""
    row = Row(method, **fields)
    return Processor("cfg+pag", row), Processor("pag", row)
