"""The model of tinydiff in PyTorch: a diffusion transformer (DiT) over 16 or 64 tokens. What the engine in C computes
is held against it, and train.py trains it.

x [B, 3, 16, 16] is (1 - t) picture + t noise, t [B] in 0 .. 1, labels [B] in 0 .. 6 where 6 is no label; the result is
the velocity noise - picture.
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

CLASSES = 6
FREQUENCIES = 64


class Attention(nn.Module):
    """Self-attention whose queries and keys have unit mean square per head, times a learned gain."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.q_gain = nn.Parameter(torch.ones(width // heads))
        self.k_gain = nn.Parameter(torch.ones(width // heads))

    def forward(self, x):
        rows, tokens, width = x.shape
        q, k, v = self.qkv(x).view(rows, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q = F.rms_norm(q, q.shape[-1:], self.q_gain, 1e-6)
        k = F.rms_norm(k, k.shape[-1:], self.k_gain, 1e-6)
        out = F.scaled_dot_product_attention(q, k, v)
        return self.out(out.transpose(1, 2).reshape(rows, tokens, width))


class Block(nn.Module):
    """Attention and MLP, each shifted, scaled and gated by the condition (adaLN-zero)."""

    def __init__(self, width, heads):
        super().__init__()
        self.attention = Attention(width, heads)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.condition = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.condition.weight)
        nn.init.zeros_(self.condition.bias)

    def forward(self, x, condition):
        shift, scale, gate, shift2, scale2, gate2 = self.condition(condition)[:, None].chunk(6, -1)
        x = x + gate * self.attention(F.layer_norm(x, x.shape[-1:]) * (1 + scale) + shift)
        hidden = self.up(F.layer_norm(x, x.shape[-1:]) * (1 + scale2) + shift2)
        return x + gate2 * self.down(F.gelu(hidden, approximate="tanh"))


class Model(nn.Module):
    """patch 4 or 2 gives 16 or 64 tokens. With context tokens the label stands beside the picture, before it in the
    sequence, instead of in the condition."""

    def __init__(self, patch=4, context=0, width=128, layers=6, heads=4):
        super().__init__()
        self.patch, self.context, self.heads = patch, context, heads
        self.side = 16 // patch
        channels = 3 * patch * patch
        self.input = nn.Linear(channels, width)
        self.position = nn.Parameter(torch.randn(self.side**2, width) * 0.1)
        self.time1 = nn.Linear(2 * FREQUENCIES, width)
        self.time2 = nn.Linear(width, width)
        self.label = nn.Parameter(torch.randn(CLASSES + 1, max(1, context), width) * 0.3)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(layers)])
        self.last_condition = nn.Linear(width, 2 * width)
        self.output = nn.Linear(width, channels)
        for p in (self.last_condition.weight, self.last_condition.bias, self.output.weight, self.output.bias):
            nn.init.zeros_(p)

    def condition(self, t, labels):
        angles = t[:, None] * torch.exp(torch.linspace(0, math.log(1000), FREQUENCIES))
        time = self.time2(F.silu(self.time1(torch.cat([angles.sin(), angles.cos()], 1))))
        return F.silu(time if self.context else time + self.label[labels, 0])

    def tokens(self, x):
        rows, p, n = x.shape[0], self.patch, self.side
        return x.view(rows, 3, n, p, n, p).permute(0, 2, 4, 1, 3, 5).reshape(rows, n * n, 3 * p * p)

    def picture(self, tokens):
        rows, p, n = tokens.shape[0], self.patch, self.side
        return tokens.view(rows, n, n, 3, p, p).permute(0, 3, 1, 4, 2, 5).reshape(rows, 3, n * p, n * p)

    def forward(self, x, t, labels):
        condition = self.condition(t, labels)
        h = self.input(self.tokens(x)) + self.position
        if self.context:
            h = torch.cat([self.label[labels], h], 1)
        for block in self.blocks:
            h = block(h, condition)
        shift, scale = self.last_condition(condition)[:, None].chunk(2, -1)
        h = F.layer_norm(h[:, self.context :], h.shape[-1:]) * (1 + scale) + shift
        return self.picture(self.output(h))


def settings_of(model):
    return {
        "patch": model.patch,
        "context": model.context,
        "width": model.position.shape[1],
        "layers": len(model.blocks),
        "heads": model.heads,
    }
