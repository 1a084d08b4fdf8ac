"""What the nodes and the override need of ComfyUI, with its signatures and shapes: attention that can be overridden,
a batch of conditions, a model's options, and tiny models that tell their blocks as its own do."""
import sys
import types

import torch
import torch.nn.functional as F
from torch import nn


# ---- attention ----

def kernel(q, k, v, heads, mask=None, attn_precision=None, skip_reshape=False, skip_output_reshape=False, **others):
    """[B,N,H*D], or with skip_reshape [B,H,N,D]; the result [B,N,H*D], or with skip_output_reshape [B,H,N,D]."""
    if not skip_reshape:
        width = q.shape[-1] // heads
        q, k, v = (x.unflatten(-1, (-1, width)).transpose(1, 2) for x in (q, k, v))
    if mask is not None and mask.dim() < 4:
        mask = mask[None, None] if mask.dim() == 2 else mask[:, None]
    out = F.scaled_dot_product_attention(q, k, v, mask, scale=others.get("scale"),
                                         enable_gqa=others.get("enable_gqa", False))
    return out if skip_output_reshape else out.transpose(1, 2).flatten(2)


def attention(*args, **kwargs):
    """Calls the override of the options with the kernel, and tells it not to come back here."""
    kwargs["_inside_attn_wrapper"] = True
    options = kwargs.get("transformer_options")
    if options and "optimized_attention_override" in options:
        return options["optimized_attention_override"](kernel, *args, **kwargs)
    return kernel(*args, **kwargs)


# ---- models ----

class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.to_q, self.to_k, self.to_v, self.to_out = (nn.Linear(width, width, bias=False) for _ in range(4))

    def forward(self, x, context=None, transformer_options=None):
        context = x if context is None else context
        return self.to_out(attention(self.to_q(x), self.to_k(context), self.to_v(context), self.heads,
                                     transformer_options=transformer_options))


class Block(nn.Module):
    """Self-attention, then cross-attention."""

    def __init__(self, width, heads):
        super().__init__()
        self.attn1, self.attn2 = Attention(width, heads), Attention(width, heads)

    def forward(self, x, context, transformer_options):
        x = x + self.attn1(x, transformer_options=transformer_options)
        return x + self.attn2(x, context, transformer_options=transformer_options)


class Spatial(nn.Module):
    """Transformer blocks at one place of a U-Net."""

    def __init__(self, width, heads, depth):
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))

    def forward(self, x, context, options):
        options["activations_shape"] = list(x.shape)
        tokens = x.flatten(2).transpose(1, 2)
        for i, block in enumerate(self.blocks):
            options["block_index"] = i
            tokens = block(tokens, context, options)
        return x + tokens.transpose(1, 2).reshape(x.shape)


class UNet(nn.Module):
    """input.0, input.1 at half the size with two blocks, middle.0 at a quarter, output.0, output.1."""

    def __init__(self, width=16, heads=2):
        super().__init__()
        self.into, self.out = nn.Conv2d(4, width, 1), nn.Conv2d(width, 4, 1)
        self.down = nn.ModuleList(nn.Conv2d(width, width, 3, 2, 1) for _ in range(2))
        self.input = nn.ModuleList([Spatial(width, heads, 1), Spatial(width, heads, 2)])
        self.middle = Spatial(width, heads, 1)
        self.output = nn.ModuleList([Spatial(width, heads, 1), Spatial(width, heads, 1)])

    def forward(self, x, timesteps, context, transformer_options):
        options = transformer_options
        options["original_shape"] = list(x.shape)
        h, skips = self.into(x), []
        for i, (block, down) in enumerate(zip(self.input, self.down)):
            options["block"] = ("input", i)
            skips.append(block(h, context, options))
            h = down(skips[-1])
        options["block"] = ("middle", 0)
        h = self.middle(h, context, options)
        for i, block in enumerate(self.output):
            options["block"] = ("output", i)
            skip = skips.pop()
            h = block(F.interpolate(h, skip.shape[-2:]) + skip, context, options)
        return self.out(h)


class Joint(nn.Module):
    """Double blocks, where text joins inside attention, then single ones, on [B,H,N,D]. Without txt_in text does not
    say where it is."""

    def __init__(self, text="first", width=16, heads=2, patch=2, doubles=2, singles=2, also_self=False):
        super().__init__()
        self.patch_size, self.heads, self.first = patch, heads, text == "first"
        self.also_self = also_self
        self.img_in, self.txt_in = nn.Linear(4 * patch * patch, width), nn.Linear(16, width)
        self.double_blocks = nn.ModuleList(nn.Linear(width, 3 * width) for _ in range(doubles))
        self.single_blocks = nn.ModuleList(nn.Linear(width, 3 * width) for _ in range(singles))
        self.out = nn.Linear(width, 4 * patch * patch)
        if not self.first:
            self.double_blocks[0].flipped_img_txt = True

    def attend(self, qkv, x, options):
        q, k, v = qkv(F.layer_norm(x, x.shape[-1:])).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return attention(q, k, v, self.heads, skip_reshape=True, transformer_options=options)

    def joined(self, text, image):
        return torch.cat([text, image] if self.first else [image, text], 1)

    def parted(self, both, length):
        return (both[:, :length], both[:, length:]) if self.first else (both[:, -length:], both[:, :-length])

    def forward(self, x, timesteps, context, transformer_options):
        options, p, (b, c, h, w) = transformer_options, self.patch_size, x.shape
        x = F.pad(x, (0, -w % p, 0, -h % p))
        rows, columns = x.shape[2] // p, x.shape[3] // p
        patches = x.reshape(b, c, rows, p, columns, p).permute(0, 2, 4, 1, 3, 5)
        image = self.img_in(patches.reshape(b, rows * columns, -1))
        text = self.txt_in(context)
        length = text.shape[1]
        options["total_blocks"], options["block_type"] = len(self.double_blocks), "double"
        for i, block in enumerate(self.double_blocks):
            options["block_index"] = i
            more = self.parted(self.attend(block, self.joined(text, image), options), length)
            if self.also_self:
                more = more[0], more[1] + self.attend(block, image, options)
            text, image = text + more[0], image + more[1]
        both = self.joined(text, image)
        options["total_blocks"], options["block_type"] = len(self.single_blocks), "single"
        if self.first:
            options["img_slice"] = [length, both.shape[1]]
        for i, block in enumerate(self.single_blocks):
            options["block_index"] = i
            both = both + self.attend(block, both, options)
        image = self.out(self.parted(both, length)[1])
        image = image.reshape(b, rows, columns, c, p, p).permute(0, 3, 1, 4, 2, 5).reshape(x.shape)
        return image[..., :h, :w]


class Apart(nn.Module):
    """A transformer of blocks with self- and cross-attention, perhaps over time as well: [B,4,T,H,W]."""

    def __init__(self, width=16, heads=2, depth=3, patch=(1, 2, 2), told=True):
        super().__init__()
        self.patch_size, self.told = patch, told
        self.into = nn.Conv3d(4, width, patch, patch)
        self.out = nn.ConvTranspose3d(width, 4, patch, patch)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))

    def forward(self, x, timesteps, context, transformer_options):
        h = self.into(x)
        tokens = h.flatten(2).transpose(1, 2)
        if self.told:
            transformer_options["total_blocks"], transformer_options["block_type"] = len(self.blocks), "double"
        for i, block in enumerate(self.blocks):
            if self.told:
                transformer_options["block_index"] = i
            tokens = block(tokens, context, transformer_options)
        return self.out(tokens.transpose(1, 2).reshape(h.shape))


# ---- sampling ----

class Sampling:
    """Of a model of eps with 1000 timesteps, sigma growing evenly with them."""

    sigma_max = torch.tensor(10.0)

    def timestep(self, sigma):
        return sigma * 99.9


class Model:
    """What functions of guidance are given as "model"."""

    def __init__(self, network):
        self.diffusion_model, self.model_sampling = network, Sampling()

    def apply_model(self, x, t, c_crossattn=None, transformer_options=None, **others):
        return x - self.diffusion_model(x, t, c_crossattn, dict(transformer_options or {}))


class ModelPatcher:
    def __init__(self, model, model_options=None):
        self.model, self.model_options = model, model_options or {"transformer_options": {}}

    def clone(self):
        def copied(x):
            if isinstance(x, dict):
                return {key: copied(value) for key, value in x.items()}
            return [copied(one) for one in x] if isinstance(x, list) else x
        return ModelPatcher(self.model, copied(self.model_options))

    def set_model_sampler_cfg_function(self, function, disable_cfg1_optimization=False):
        self.model_options["sampler_cfg_function"] = function
        self.disable(disable_cfg1_optimization)

    def set_model_sampler_post_cfg_function(self, function, disable_cfg1_optimization=False):
        self.model_options["sampler_post_cfg_function"] = [
            *self.model_options.get("sampler_post_cfg_function", []), function]
        self.disable(disable_cfg1_optimization)

    def disable(self, optimization):
        if optimization:
            self.model_options["disable_cfg1_optimization"] = True


def condition(context, **others):
    return [{"model_conds": {"c_crossattn": context}, **others}]


def calc_cond_batch(model, conds, x, sigma, model_options):
    """The prediction for each condition; those of one shape in one batch, the last one first."""
    batches, out = {}, [torch.zeros_like(x) for _ in conds]
    for i, cond in enumerate(conds):
        for one in cond or ():
            context, area = one["model_conds"]["c_crossattn"], one.get("area", (*x.shape[2:4], 0, 0))
            batches.setdefault((context.shape, area), []).insert(0, (i, context))
    for (_, (height, width, top, left)), parts in batches.items():
        place = (slice(None), slice(None), slice(top, top + height), slice(left, left + width))
        options = {**model_options.get("transformer_options", {}), "cond_or_uncond": [i for i, _ in parts],
                   "sigmas": sigma, "uuids": [object() for _ in parts]}
        count = len(parts)
        given = {"input": torch.cat([x[place]] * count), "timestep": torch.cat([sigma] * count),
                 "c": {"c_crossattn": torch.cat([context.expand(x.shape[0], -1, -1) for _, context in parts]),
                       "transformer_options": options}, "cond_or_uncond": options["cond_or_uncond"]}
        wrapper = model_options.get("model_function_wrapper")
        done = wrapper(model.apply_model, given) if wrapper else model.apply_model(
            given["input"], given["timestep"], **given["c"])
        for (i, _), made in zip(parts, done.chunk(count)):
            out[i][place] += made
    return out


def sampling_function(patcher, x, sigma, uncond, cond, cond_scale):
    """The denoised picture, as a sampler asks for it."""
    options, model = patcher.model_options, patcher.model
    if cond_scale == 1 and not options.get("disable_cfg1_optimization"):
        uncond = None
    c, u = calc_cond_batch(model, [cond, uncond], x, sigma, options)
    known = {"cond_scale": cond_scale, "model": model, "sigma": sigma, "model_options": options, "input": x,
             "cond_denoised": c, "uncond_denoised": u}
    if "sampler_cfg_function" in options:
        denoised = x - options["sampler_cfg_function"]({
            **known, "cond": x - c, "uncond": x - u, "timestep": sigma, "input_cond": cond, "input_uncond": uncond})
    else:
        denoised = u + (c - u) * cond_scale
    for function in options.get("sampler_post_cfg_function", ()):
        denoised = function({**known, "denoised": denoised, "cond": cond, "uncond": uncond})
    return denoised


def install():
    """Puts this in ComfyUI's place among the modules."""
    comfy, samplers = types.ModuleType("comfy"), types.ModuleType("comfy.samplers")
    samplers.calc_cond_batch, comfy.samplers = calc_cond_batch, samplers
    sys.modules["comfy"], sys.modules["comfy.samplers"] = comfy, samplers
