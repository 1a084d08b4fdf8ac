#!/usr/bin/env python3
"""Holds the engine in C against the model in PyTorch: same weights as they are stored, same noise, same settings.

    python parity.py build/tinydiff build/libtinydiff.so weights/a.safetensors [--count 2000] [--only identity]

For no guidance, identity, infinite smoothing, uniform and classifier-free guidance: the velocity of the first step
within 1e-4 relative, and the verdicts about the finished pictures: of 2,000 at most 2 may differ, those within 1e-3 of
the judge's threshold. Ends with a line that counts.
"""
import argparse
import ctypes
import subprocess
import sys
import tempfile

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open

import model as tiny

SIDE, STEPS, NOISE = 16, 24, 33
SETTINGS = {
    "plain": [],
    "identity": ["inputs=CP", "method=identity", "layer=3", "w=1"],
    "smoothed": ["inputs=CP", "method=smoothed", "sigma=inf", "layer=3", "w=1"],
    "uniform": ["inputs=CP", "method=uniform", "layer=3", "w=1"],
    "cfg": ["inputs=CU", "g=2"],
}


class Verdict(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int * 4),
        ("error", ctypes.c_double * 4),
        ("well_formed", ctypes.c_bool),
        ("agree", ctypes.c_bool),
        ("valid", ctypes.c_bool),
    ]


def read_model(path):
    with safe_open(path, "pt") as file:
        about = file.metadata()
        model = tiny.Model(**{k: int(about[k]) for k in ("patch", "context", "width", "layers", "heads")})
        model.load_state_dict({k: file.get_tensor(k).float() for k in file.keys()})
    return model.eval().requires_grad_(False)


def perturbed(attention, method):
    """The forward of one attention layer, perturbed; by the definitions, without what is clever."""

    def forward(x):
        rows, tokens, width = x.shape
        q, k, v = attention.qkv(x).view(rows, tokens, 3, attention.heads, -1).permute(2, 0, 3, 1, 4)
        q = F.rms_norm(q, q.shape[-1:], attention.q_gain, 1e-6)
        k = F.rms_norm(k, k.shape[-1:], attention.k_gain, 1e-6)
        c = tokens - PICTURE_TOKENS[0]
        logits = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        if method == "identity":
            hidden = ~torch.eye(tokens - c, dtype=torch.bool)
            logits[..., c:, c:].masked_fill_(hidden, -torch.inf)
        elif method == "smoothed":
            q = torch.cat([q[:, :, :c], q[:, :, c:].mean(2, keepdim=True).expand_as(q[:, :, c:])], 2)
            logits = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        else:
            logits[..., c:, c:] = logits[..., c:, c:].mean(-1, keepdim=True)
        out = logits.softmax(-1) @ v
        return attention.out(out.transpose(1, 2).reshape(rows, tokens, width))

    return forward


PICTURE_TOKENS = [0]


def velocity(model, words, x, t, labels):
    setting = dict(word.split("=") for word in words)
    time = torch.full((len(x),), t)
    cond = model(x, time, labels)
    if setting.get("inputs") == "CU":
        uncond = model(x, time, torch.full_like(labels, tiny.CLASSES))
        return uncond + float(setting["g"]) * (cond - uncond)
    if "method" not in setting:
        return cond
    attention = model.blocks[int(setting["layer"])].attention
    attention.forward = perturbed(attention, setting["method"])
    worse = model(x, time, labels)
    del attention.forward
    return cond + float(setting["w"]) * (cond - worse)


def sampled(model, words, noise, labels, steps):
    x = noise.clone()
    grid = [1.5 * u / (1 + 0.5 * u) for u in np.linspace(1, 0, steps + 1)]
    for t, to in zip(grid, grid[1:]):
        x += (to - t) * velocity(model, words, x, t, labels)
    return x


def from_c(options, words, steps):
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/pictures.npy"
        command = [options.tinydiff, "sample", options.weights, out, *words, f"steps={steps}"]
        if options.kernel:
            command.append(f"kernel={options.kernel}")
        command += ["--count", str(options.count), "--seed", str(NOISE)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return np.load(out)


def judge(library, pictures):
    library.picture_judge.restype = Verdict
    library.picture_judge.argtypes = [ctypes.c_void_p]
    pictures = np.ascontiguousarray(pictures, np.float32)
    return [library.picture_judge(p.ctypes.data) for p in pictures]


def differing(a, b):
    """Verdicts that differ, and of these those that are not within 1e-3 of the threshold."""
    pairs = [(x, y) for x, y in zip(a, b) if x.valid != y.valid]
    far = [p for p in pairs if all(abs(e - 5.76) > 1e-3 for v in p for e in v.error)]
    return len(pairs), len(far)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tinydiff")
    parser.add_argument("shared")
    parser.add_argument("weights")
    parser.add_argument("--count", type=int, default=192)
    parser.add_argument("--only", choices=SETTINGS, help="one setting")
    parser.add_argument("--kernel", help="of the library, for attention")
    options = parser.parse_args()
    library = ctypes.CDLL(options.shared)
    noise = np.empty((options.count, 3, SIDE, SIDE), np.float32)
    library.noise_make.argtypes = [ctypes.c_uint64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
    library.noise_make(NOISE, 0, options.count, noise.ctypes.data)
    model, noise = read_model(options.weights), torch.from_numpy(noise)
    PICTURE_TOKENS[0] = model.side**2
    labels = torch.arange(options.count) % tiny.CLASSES
    failed, asked = 0, {options.only: SETTINGS[options.only]} if options.only else SETTINGS
    for name, words in asked.items():
        first = sampled(model, words, noise, labels, 1).numpy()
        step = np.abs(from_c(options, words, 1) - first).max() / np.abs(first).max()
        ours, theirs = from_c(options, words, STEPS), sampled(model, words, noise, labels, STEPS).numpy()
        differ, far = differing(judge(library, ours), judge(library, theirs))
        good = step <= 1e-4 and differ <= max(1, options.count // 1000) and far == 0
        failed += not good
        off = np.abs(ours - theirs).max()
        verdict = "ok" if good else "not ok"
        print(f"{name}: a step {step:.1e}, pictures {off:.1e}, verdicts that differ {differ}, {verdict}")
    print(f"{len(asked) - failed} passed, {failed} failed, 0 skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
