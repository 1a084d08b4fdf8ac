"""PyTorch as a contestant: its attention, and the guidance code that people run on it, written anew and well."""
import logging
import math
import warnings

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend

from measure import Subject

WHO = "PyTorch"
TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}


def setup(threads):
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    warnings.filterwarnings("ignore", category=UserWarning)
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # that there is no CUDA is as it should be


def view(tensor):
    """The same memory as a torch tensor."""
    return torch.frombuffer(tensor.memory, dtype=TYPES[tensor.dtype], count=tensor.count).view(*tensor.shape)


def subject(case, compute, name, **also):
    """compute() returns [B,H,N,d], or anything if no row of it is wanted."""
    last = {}

    def run():
        last["out"] = None  # its memory is free for this run
        last["out"] = compute()
    made = Subject(also.pop("who", WHO), case, run, detail=name, **also)
    made.row = lambda b, h, i: last["out"][b, h, i].double().tolist()
    made.last = last
    return made


# ---- attention ----

def attention(case, tensors, **also):
    """The ways its scaled_dot_product_attention can be had on a processor: its own choice, for memory [B,H,N,d] and, as
    a projection leaves it, [B,N,H,d]; and the plain form."""
    q, k, v = (view(t) for t in tensors[:3])
    projected = [x.transpose(1, 2).contiguous().transpose(1, 2) for x in (q, k, v)]
    choice = SDPBackend(torch._fused_sdp_choice(q, k, v)).name.lower().replace("_", " ")
    plain = torch.ops.aten._scaled_dot_product_attention_math
    ways = [(f"{choice}, [B,H,N,d]", lambda: F.scaled_dot_product_attention(q, k, v)),
            (f"{choice}, [B,N,H,d]", lambda: F.scaled_dot_product_attention(*projected)),
            ("math", lambda: plain(q, k, v)[0])]
    return [subject(case, compute, name, dtype=tensors[0].dtype, **also) for name, compute in ways]


# ---- SEG ----

def gaussian(sigma, extent):
    """The taps of one axis, in float32; and how many places lie on each side of the middle."""
    n = math.ceil(6 * sigma)
    n = min(n + 1 - n % 2, extent + 1 - extent % 2)
    half = n // 2
    x = torch.arange(-half, half + 1, dtype=torch.float32)
    weights = torch.exp(-0.5 * (x / sigma) ** 2)
    return weights / weights.sum(), half


def picture(q, side):
    """[B,H,N,d] as [B,H d,side,side]: a channel is a head's coordinate."""
    return q.transpose(2, 3).reshape(q.shape[0], -1, side, side)


def tokens(image, like):
    return image.reshape(like.shape[0], like.shape[1], like.shape[3], -1).transpose(2, 3)


def blur_published(q, side, sigma):
    """As SEG-SDXL does it: a depthwise convolution with the whole k x k kernel, made anew in every call."""
    if sigma > 9999:
        return q.mean(dim=2, keepdim=True).expand_as(q)
    image, (weights, half) = picture(q, side), gaussian(sigma, side)
    kernel = torch.outer(weights, weights).to(q.dtype).expand(image.shape[1], 1, -1, -1)
    padded = F.pad(image, (half, half, half, half), mode="reflect")
    return tokens(F.conv2d(padded, kernel, groups=image.shape[1]), q)


def blur_rows_columns(q, side, sigma):
    """The same as two convolutions, one along each axis."""
    image, (weights, half) = picture(q, side), gaussian(sigma, side)
    down = weights.to(q.dtype).view(1, 1, -1, 1).expand(image.shape[1], 1, -1, 1)
    across = weights.to(q.dtype).view(1, 1, 1, -1).expand(image.shape[1], 1, 1, -1)
    image = F.conv2d(F.pad(image, (0, 0, half, half), mode="reflect"), down, groups=image.shape[1])
    return tokens(F.conv2d(F.pad(image, (half, half, 0, 0), mode="reflect"), across, groups=image.shape[1]), q)


def blur_matrices(q, side, sigma):
    """The same as two products with the axis's matrix, the reflection folded in: the best form we know in PyTorch."""
    weights, half = gaussian(sigma, side)
    place = torch.arange(side).view(-1, 1) + torch.arange(-half, half + 1)
    place = torch.where(place.abs() < side, place.abs(), 2 * (side - 1) - place.abs())
    axis = torch.zeros(side, side).scatter_add_(1, place, weights.expand(side, -1)).to(q.dtype)
    image = q.reshape(-1, side, side * q.shape[3])
    image = torch.matmul(axis, image).view(-1, side, q.shape[3])
    return torch.matmul(axis, image).view(q.shape)


def seg(case, tensors, side, sigma, blur, name, **also):
    """A perturbed row of the SEG processor: queries blurred, then attention with all rows."""
    q, k, v = (view(t) for t in tensors[:3])
    return subject(case, lambda: F.scaled_dot_product_attention(blur(q, side, sigma), k, v), name,
                   dtype=tensors[0].dtype, **also)


# ---- PAG ----

def pag(case, tensors, **also):
    """A perturbed row without text: the processors return the values."""
    v = view(tensors[2])
    return subject(case, v.clone, "values", dtype=tensors[0].dtype, **also)


def pag_joint(case, tensors, context, **also):
    """A perturbed row beside text, without the N x N mask: each image token sees its own key and the text; the text
    sees all. In two forms: one softmax over the text and the own key; and flash attention to the text, its log-sum-exp
    merged with the own key."""
    q, k, v = (view(t) for t in tensors[:3])
    scale = 1 / math.sqrt(q.shape[3])
    flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu

    def text_rows():
        return F.scaled_dot_product_attention(q[:, :, :context], k, v)

    def own_key():
        return (q[:, :, context:] * k[:, :, context:]).sum(dim=3, keepdim=True) * scale

    def one_softmax():
        logits = torch.matmul(q[:, :, context:], k[:, :, :context].transpose(2, 3)) * scale
        weights = torch.cat((logits, own_key()), dim=3).softmax(dim=3)
        image = torch.matmul(weights[..., :-1], v[:, :, :context]).addcmul_(weights[..., -1:], v[:, :, context:])
        return torch.cat((text_rows(), image), dim=2)

    def merged():
        image, lse = flash(q[:, :, context:], k[:, :, :context], v[:, :, :context])
        share = torch.sigmoid(own_key() - lse.view(*q.shape[:2], -1, 1)).to(q.dtype)
        return torch.cat((text_rows(), torch.lerp(image, v[:, :, context:], share)), dim=2)
    return [subject(case, one_softmax, "one softmax", dtype=tensors[0].dtype, **also),
            subject(case, merged, "flash, merged with the own key", dtype=tensors[0].dtype, **also)]


# ---- PLADIS ----

def entmax_sorted(logits):
    """Entmax of power 1.5 as deep-spin's package has it: sorted, then the support from running means."""
    x = (logits - logits.max(dim=-1, keepdim=True).values) / 2
    ordered = x.sort(dim=-1, descending=True).values
    count = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    mean = ordered.cumsum(dim=-1) / count
    spread = count * ((ordered ** 2).cumsum(dim=-1) / count - mean ** 2)
    tau = mean - ((1 - spread) / count).clamp(min=0).sqrt()
    support = (tau <= ordered).sum(dim=-1, keepdim=True)
    return (x - tau.gather(-1, support - 1)).clamp(min=0) ** 2


def entmax_bisected(logits, steps=50):
    """The same by halving, as its bisection has it."""
    x = logits / 2
    top = x.max(dim=-1, keepdim=True).values
    low, wide = top - 1, 1 - x.shape[-1] ** -0.5
    for _ in range(steps):
        wide /= 2
        weights = (x - low - wide).clamp(min=0) ** 2
        low = torch.where(weights.sum(dim=-1, keepdim=True) >= 1, low + wide, low)
    return weights / weights.sum(dim=-1, keepdim=True)


def pladis(case, tensors, scale, entmax, name, **also):
    """A row of cross-attention as published: the dense map, softmax and entmax of it, one product."""
    q, k, v = (view(t) for t in tensors[:3])

    def compute():
        logits = torch.matmul(q, k.transpose(2, 3)) / math.sqrt(q.shape[3])
        soft = logits.softmax(dim=-1)
        return torch.matmul(soft + scale * (entmax(logits) - soft), v)
    return subject(case, compute, name, dtype=tensors[0].dtype, **also)


# ---- the combination ----

def combine(cond, uncond, perturbed, g, w, phi):
    """CFG + perturbed + rescale, per sample."""
    out = uncond + g * (cond - uncond) + w * (cond - perturbed)
    axes = list(range(1, out.dim()))
    factor = cond.std(dim=axes, keepdim=True) / out.std(dim=axes, keepdim=True)
    return out * (phi * factor + 1 - phi)


def combinations(case, inputs, weights, **also):
    """weights: g, w, phi."""
    x = [view(t) for t in inputs]
    compiled = torch.compile(combine, dynamic=False)
    moved = sum(t.numel() * t.element_size() for t in x + x[:1])
    made = [subject(case, lambda: combine(*x, *weights), "plain", bytes=moved, **also),
            subject(case, lambda: compiled(*x, *weights), "compiled", bytes=moved, **also)]
    for one in made:
        one.last_sample = lambda last=one.last: last["out"][-1].flatten().tolist()
    return made


def named():
    return {"PyTorch": torch.__version__.split("+")[0]}
