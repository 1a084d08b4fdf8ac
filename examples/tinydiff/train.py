#!/usr/bin/env python3
"""Trains the model of tinydiff from scratch, on one core in about twelve minutes, and writes its weights.

    python train.py build/libtinydiff.so weights/a.safetensors --seed 1
    python train.py build/libtinydiff.so weights/a.safetensors --seed 1 --early weights/a_early.safetensors

The pictures come from pictures.c, through the library that `make` builds, so that the data is defined once. What is
written are the moving averages of the weights, in half precision. Training stops after a number of steps, not of
minutes; on the same machine with one thread the same command gives the same weights.
"""
import argparse
import copy
import ctypes
import json
import sys
import time

import numpy as np
import torch
from safetensors.torch import save_file

from model import CLASSES, Model, settings_of

PICTURE = (3, 16, 16)


class Pictures:
    """Batches of pictures and labels, [n, 3, 16, 16] and [n], of one seed, each picture once."""

    def __init__(self, library, seed):
        self.make = ctypes.CDLL(library).pictures_make
        self.make.argtypes = [ctypes.c_uint64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p]
        self.seed, self.next = seed, 0

    def batch(self, count):
        pictures, labels = np.empty((count, *PICTURE), np.float32), np.empty(count, np.int32)
        self.make(self.seed, self.next, count, pictures.ctypes.data, labels.ctypes.data)
        self.next += count
        return torch.from_numpy(pictures), torch.from_numpy(labels).long()


def rate(step, steps, highest):
    """Learning rate: 200 steps of warm-up, then flat, then down to a twentieth over the last 30 %."""
    left = (1 - step / steps) / 0.3
    return highest * min(1, (step + 1) / 200, max(0.05, left))


def loss_of(model, pictures, labels, options):
    """Flow matching: x = (1 - t) picture + t noise, the model says noise - picture. Some labels are dropped."""
    count = len(labels)
    labels = torch.where(torch.rand(count) < options.drop, CLASSES, labels)
    t = torch.sigmoid(0.4 + 1.1 * torch.randn(count))
    noise = torch.randn_like(pictures)
    mix = t[:, None, None, None]
    return ((model((1 - mix) * pictures + mix * noise, t, labels) - (noise - pictures)) ** 2).mean()


def optimizer_of(model, highest):
    """Weight decay on matrices alone, embeddings excluded."""
    named = list(model.named_parameters())
    matrices = [p for name, p in named if p.ndim == 2 and name.endswith(".weight")]
    others = [p for name, p in named if not (p.ndim == 2 and name.endswith(".weight"))]
    groups = [{"params": matrices, "weight_decay": 0.02}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=highest, betas=(0.9, 0.98), foreach=True)


def save(model, path, step, seed):
    about = {**{k: str(v) for k, v in settings_of(model).items()}, "step": str(step), "seed": str(seed)}
    save_file({k: v.half().contiguous() for k, v in model.state_dict().items()}, path, metadata=about)


def train(options):
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    model = Model(patch=options.patch, context=options.context)
    average = copy.deepcopy(model).requires_grad_(False)
    pictures = Pictures(options.shared, 1000 + options.seed)
    optimizer = optimizer_of(model, options.rate)
    weights, averages = list(model.parameters()), list(average.parameters())
    total, begun = 0.0, time.time()
    for step in range(options.steps):
        for group in optimizer.param_groups:
            group["lr"] = rate(step, options.steps, options.rate)
        loss = loss_of(model, *pictures.batch(options.batch), options)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            torch._foreach_lerp_(averages, weights, 1 - min(0.999, (1 + step) / (10 + step)))
        total += loss.item()
        done = step + 1
        if done % 100 == 0:
            line = {"step": done, "loss": round(total / 100, 5), "s": round(time.time() - begun)}
            print(json.dumps(line), flush=True)
            total = 0.0
        if options.early and done == options.early_step:
            save(average, options.early, done, options.seed)
    save(average, options.weights, options.steps, options.seed)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", help="libtinydiff.so")
    parser.add_argument("weights", help="what to write, .safetensors")
    parser.add_argument("--early", help="also write the weights after --early-step steps there")
    parser.add_argument("--early-step", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--drop", type=float, default=0.15, help="of labels")
    parser.add_argument("--patch", type=int, default=4, choices=(2, 4), help="16 or 64 tokens")
    parser.add_argument("--context", type=int, default=0, help="tokens of the label beside the picture's")
    parser.add_argument("--threads", type=int, default=1)
    train(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
