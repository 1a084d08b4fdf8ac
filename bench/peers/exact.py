"""Rows of attention and its perturbations in float64, from docs/methods.md and nothing else; plain Python, a few rows
at a time."""
import math
from operator import mul


def dot(x, y):
    return sum(map(mul, x, y))


class Head:
    """One head of packed [B,H,N,d] tensors, read once."""

    def __init__(self, q, k, v, b, h):
        self.d = q.shape[3]
        self.q, self.k, self.v = (self.rows(x, b, h) for x in (q, k, v))
        self.scale = 1 / math.sqrt(self.d)

    def rows(self, x, b, h):
        n = x.shape[2]
        flat = x.read((b * x.shape[1] + h) * n * self.d, n * self.d)
        return [flat[i * self.d:(i + 1) * self.d] for i in range(n)]


def attend(logits, values):
    top = max(logits)
    weights = [math.exp(x - top) for x in logits]
    return [dot(weights, column) / sum(weights) for column in zip(*values)]


def entmax(logits, power):
    """max(0, (power - 1) x - tau)^(1 / (power - 1)) with the tau that makes them sum to 1, found by halving."""
    x = [(power - 1) * (y - max(logits)) for y in logits]
    low, high = -1.0, 0.0
    for _ in range(60):
        tau = (low + high) / 2
        weights = [max(0.0, y - tau) ** (1 / (power - 1)) for y in x]
        low, high = (tau, high) if sum(weights) > 1 else (low, tau)
    return [w / sum(weights) for w in weights]


def sparse(logits, values, power, scale):
    soft = attend(logits, values)
    return [s + scale * (e - s) for s, e in zip(soft, mixed(entmax(logits, power), values))]


def taps(sigma, extent, at):
    """The weight with which each place of an axis enters the blurred place `at`: methods.md, Gaussian blur."""
    n = math.ceil(6 * sigma)
    n = min(n + 1 - n % 2, extent + 1 if extent % 2 == 0 else extent)
    folded = [0.0] * extent
    if sigma == 0 or extent == 1 or n == 1:
        folded[at] = 1.0
        return folded
    half = (n - 1) // 2
    weights = [math.exp(-x * x / (2 * sigma * sigma)) for x in range(-half, half + 1)]
    for x, weight in zip(range(-half, half + 1), weights):
        place = abs(at + x)
        folded[place if place < extent else 2 * (extent - 1) - place] += weight / sum(weights)
    return folded


def mixed(weights, rows):
    return [dot(weights, column) for column in zip(*rows)]


def blurred(rows, side, sigma, i):
    """Row i of side x side picture rows, blurred."""
    if sigma > 9999:
        return mixed([1 / len(rows)] * len(rows), rows)
    down, across = taps(sigma, side, i // side), taps(sigma, side, i % side)
    return mixed([a * b for a in down for b in across], rows)


def perpendicular(q, k):
    by = dot(q, k) / max(math.sqrt(dot(k, k)), 1e-12) ** 2
    return [x - by * y for x, y in zip(q, k)]


def row(head, method, i, sigma=0.0, side=0, context=0):
    """Row i; the picture's side x side tokens follow `context` tokens of text. method as in attnguide.h, lower case."""
    q, image = head.q[i], i - context
    keys, values = head.k, head.v
    if image < 0 or method == "standard":
        pass
    elif method == "sparse":
        return sparse([head.scale * dot(q, k) for k in keys], values, 1.5, 2.0)  # the library's defaults
    elif method == "smoothed":
        q = blurred(head.q[context:], side, sigma, image)
    elif method == "orthogonal":
        kept = [perpendicular(a, b) for a, b in zip(head.q[context:], head.k[context:])]
        q = [a - b + c for a, b, c in zip(q, kept[image], blurred(kept, side, sigma, image))]
    elif method == "identity":
        keys, values = keys[:context] + [keys[i]], values[:context] + [values[i]]
    elif method != "uniform":
        raise ValueError(f"there is no {method} here")
    else:
        n = len(keys) - context
        share = [1 / n] * n
        logits = [head.scale * dot(q, k) for k in keys[:context] + [mixed(share, keys[context:])]]
        return attend(logits[:-1] + [logits[-1] + math.log(n)], values[:context] + [mixed(share, values[context:])])
    return attend([head.scale * dot(q, k) for k in keys], values)


def combined(c, u, p, g, w, phi):
    """CFG + perturbed + rescale of one sample."""
    out = [b + g * (a - b) + w * (a - x) for a, b, x in zip(c, u, p)]
    if phi == 0:
        return out

    def deviation(x):
        mean = math.fsum(x) / len(x)
        return math.sqrt(math.fsum((a - mean) ** 2 for a in x) / len(x))
    by = phi * deviation(c) / deviation(out) + 1 - phi
    return [by * x for x in out]


def distance(got, want):
    """Norm of the difference over norm."""
    pairs = [(a, b) for x, y in zip(got, want) for a, b in zip(x, y)]
    return math.sqrt(math.fsum((a - b) ** 2 for a, b in pairs) / math.fsum(b * b for _, b in pairs))
