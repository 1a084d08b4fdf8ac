"""Where a model's blocks and its self-attention are."""
import operator

import torch

from .._engine import refuse

NOT_BLOCKS = ("refiner", "down", "up", "mid", "attentions", "resnets", "motion", "embed", "norm", "ff", "to_out")


def is_attention(module):
    """An attention layer with a processor, of diffusers' old kind or its new ones."""
    return isinstance(module, torch.nn.Module) and hasattr(module, "processor") and any(
        hasattr(module, name) for name in ("to_q", "to_qkv", "to_qkv_mlp_proj"))


def is_self(module):
    """Whether it attends to its own sequence, text beside the image included. What the module itself does not say, its
    first call does: keys of another number are no self-attention."""
    return is_attention(module) and not getattr(module, "is_cross_attention", False)


def is_unet(model):
    return hasattr(model, "mid_block") and hasattr(model, "up_blocks")


def is_joint(module):
    """Whether text with projections of its own joins the picture inside this layer."""
    return is_attention(module) and any(getattr(module, name, None) is not None for name in
                                        ("add_v_proj", "to_added_qkv"))


def is_linear(module):
    """Attention without softmax, as Sana's."""
    return "Linear" in type(module.processor).__name__ or "Linear" in type(module).__name__


def blocks_of(model):
    """(name, block) of a model's parts in the order in which it runs them: of a U-Net down, middle and up, of a
    transformer every block, the joint ones before the single ones."""
    if is_unet(model):
        lists = [("down_blocks", model.down_blocks), ("mid_block", [model.mid_block]), ("up_blocks", model.up_blocks)]
        return [(name if name == "mid_block" else f"{name}.{i}", block)
                for name, blocks in lists for i, block in enumerate(blocks) if block is not None]
    found = []
    for name, blocks in model.named_children():
        if isinstance(blocks, torch.nn.ModuleList) and not any(part in name for part in NOT_BLOCKS):
            found += [(f"{name}.{i}", block) for i, block in enumerate(blocks)
                      if any(is_attention(part) for part in block.modules())]
    return found


def self_attention(block, name):
    """(name, layer) of the self-attention in a transformer's block. Where a block's layers do not say what they are,
    the customary names do: attn2 is cross-attention, unless the block has joint attention."""
    found = [(f"{name}.{inner}" if inner else name, module) for inner, module in block.named_modules()
             if is_self(module)]
    joint = any(is_joint(module) for _, module in found)
    return [(at, module) for at, module in found
            if joint or hasattr(module, "is_cross_attention") or at.rsplit(".", 1)[-1] not in ("attn2", "cross_attn")]


class Layer:
    """A layer that is perturbed: its name, its module, the block in which it is, and the part of the model before which
    the perturbed rows must be there, its unit."""

    def __init__(self, name, module, block_name, unit_name, unit):
        self.name, self.module, self.block_name, self.unit_name, self.unit = name, module, block_name, unit_name, unit


def unit_of(model, block_name, name):
    """The largest part around a layer that is called for all its tokens at once: a transformer's block, or a U-Net's
    attention at one place."""
    path = name.split(".")
    for cut in range(len(path), 0, -1):
        if cut >= 2 and path[cut - 2] == "attentions":
            return ".".join(path[:cut])
    return block_name


def layer_named(model, blocks, name, cross_too):
    modules = dict(model.named_modules())
    if name not in modules:
        near = [one for one, module in modules.items() if is_self(module)]
        refuse("VALUE", f"the model has no layer {name!r}; its self-attention is called {', '.join(near[:4])} ...")
    if not is_attention(modules[name]):
        refuse("VALUE", f"{name} is a {type(modules[name]).__name__}, not an attention layer")
    if not is_self(modules[name]) and not cross_too:
        refuse("COMBINATION", f"{name} is cross-attention: of all methods only sparse applies there")
    block = next((one for one, _ in blocks if name == one or name.startswith(one + ".")), None)
    if block is None:
        refuse("VALUE", f"{name} is in none of the model's blocks")
    unit = unit_of(model, block, name)
    return Layer(name, modules[name], block, unit, modules[unit])


def numbered(model, blocks):
    """For each number that may stand in guided()'s `layers` the names of what it means: none, one, or several."""
    if is_unet(model):
        return [[name] for name, module in model.named_modules() if is_self(module)]
    return [[name for name, _ in self_attention(block, at)] for at, block in blocks]


def layers_of(model, asked, cross_too=False):
    """The layers of guided()'s argument `layers`: numbers of blocks of a transformer, numbers of self-attention layers
    in the order of model.named_modules() of a U-Net, or exact names, with cross_too also those of cross-attention."""
    blocks = blocks_of(model)
    if not blocks:
        refuse("VALUE", f"{type(model).__name__} has no blocks with attention that are known here")
    asked = list(asked) if hasattr(asked, "__iter__") and not isinstance(asked, str) else [asked]
    asked = [one if isinstance(one, (str, bool)) or not hasattr(one, "__index__") else operator.index(one)
             for one in asked]
    if not asked:
        refuse("VALUE", "layers is empty: nothing would be perturbed")
    meant = numbered(model, blocks)
    what = "self-attention layers" if is_unet(model) else "blocks"
    names = []
    for one in asked:
        if isinstance(one, bool) or not isinstance(one, (int, str)):
            refuse("TYPE", f"layers holds {one!r}, neither a number nor a name")
        if isinstance(one, str):
            names.append(one)
        elif 0 <= one < len(meant):
            if not meant[one]:
                refuse("COMBINATION", f"block {one} has no self-attention")
            names += meant[one]
        else:
            refuse("VALUE", f"layers holds {one}, but the model has {len(meant)} {what}")
    return [layer_named(model, blocks, name, cross_too) for name in dict.fromkeys(names)], blocks
