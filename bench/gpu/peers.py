"""peers.py - what users of PyTorch run today, at the shapes of layers.c: scaled_dot_product_attention by cuDNN and by
flash attention, PAG as diffusers has it, SEG as SEG-SDXL has it and in a separable form, predictions combined plainly
and compiled. A record per subject, as the library's own program writes them.

    peers.py --records FILE [--seconds S] [--try]

Exit status 0: everything ran; 1: something failed; 2: there is no PyTorch with a GPU here, and the last line says so.
--try runs every subject once on the processor, tiny, to try the program where there is no GPU."""
import argparse
import json
import math
import statistics
import sys
import time

try:
    import torch
    import torch.nn.functional as F
    from torch.nn.attention import SDPBackend, sdpa_kernel
except ImportError as error:
    print(f"no PyTorch: {error}")
    sys.exit(2)

MOST_SETS, MOST_RUNS, GRAPH_SECONDS, REPLAYS, EAGER_RUNS = 96, 256, 1.5e-3, 21, 15


class Place:
    """The device and how a subject is timed on it."""

    def __init__(self, trying):
        self.trying = trying
        self.device = "cpu" if trying else "cuda"
        self.l2 = 1 << 16 if trying else torch.cuda.get_device_properties(0).L2_cache_size

    def sets_for(self, size):
        return 2 if self.trying else max(2, min(MOST_SETS, math.ceil(3 * self.l2 / size) + 1))

    def graph_of(self, run, sets, runs):
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            kept = [run(*sets[i % len(sets)]) for i in range(runs)]
        return graph, kept

    def replayed(self, replay, runs, times):
        """Seconds of one run, each time."""
        seconds = []
        for _ in range(times):
            begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            begin.record()
            replay()
            end.record()
            end.synchronize()
            seconds.append(begin.elapsed_time(end) * 1e-3 / runs)
        return seconds

    def warm(self, run, sets):
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for inputs in sets[:3]:
                run(*inputs)
        torch.cuda.current_stream().wait_stream(stream)
        torch.cuda.synchronize()

    def time(self, run, sets, captured=True):
        """Median, spread and how it was measured."""
        if self.trying:
            begin = time.monotonic()
            run(*sets[0])
            return time.monotonic() - begin, 0.0, "tried on the processor"
        self.warm(run, sets)
        if not captured:
            seconds = self.replayed(lambda: run(*sets[0]), 1, EAGER_RUNS)
            return *summary(seconds), "events around each run; it cannot be captured"
        one, kept = self.graph_of(run, sets, 1)
        about = min(self.replayed(one.replay, 1, 3))
        del one, kept
        runs = max(1, min(MOST_RUNS, math.ceil(GRAPH_SECONDS / about)))
        runs = math.ceil(runs / len(sets)) * len(sets)
        graph, kept = self.graph_of(run, sets, runs)
        self.replayed(graph.replay, runs, 3)
        times = max(5, min(REPLAYS, int(0.8 / (about * runs))))
        return *summary(self.replayed(graph.replay, runs, times)), "graph replay"


def summary(seconds):
    first, median, third = statistics.quantiles(seconds, n=4)
    return median, (third - first) / median


class Records:
    def __init__(self, path):
        self.file = open(path, "a") if path else sys.stdout
        self.failed = 0

    def write(self, **fields):
        self.file.write(json.dumps(fields) + "\n")
        self.file.flush()

    def time(self, name, by, measured=None, failure=None, skipped=None):
        self.failed += failure is not None
        fields = {"record": "time", "name": name, "by": by}
        if measured:
            fields |= {"us": measured[0] * 1e6, "spread": measured[1], "status": "pass", "reason": measured[2]}
        else:
            status = "fail" if failure else "not run"
            fields |= {"status": status, "reason": " ".join((failure or skipped).split())[:300]}
        self.write(**fields)


# ---- attention ----

def tensors(place, shape, sets, dtype=torch.bfloat16):
    """[B, N, H, D] as a projection leaves them, seen as [B, H, N, D]."""
    b, h, n, d = shape
    return [tuple(torch.randn(b, n, h, d, device=place.device).to(dtype).transpose(1, 2) for _ in range(3))
            for _ in range(sets)]


def attention(q, k, v):
    return F.scaled_dot_product_attention(q, k, v)


def by_backend(backend):
    def run(q, k, v):
        with sdpa_kernel(backend):
            return attention(q, k, v)
    return run


BACKENDS = (("cuDNN", SDPBackend.CUDNN_ATTENTION), ("flash", SDPBackend.FLASH_ATTENTION))


# ---- PAG: the perturbed row's output is its values; diffusers puts the rows together again ----

def pag(q, k, v):
    rows = attention(q[:2], k[:2], v[:2]).transpose(1, 2).flatten(2)
    return torch.cat([rows, v[2:].transpose(1, 2).flatten(2)])


# ---- SEG: the third row's queries are blurred over their picture, then all rows are attended ----

SIGMA = 10.0


def taps(sigma, device):
    count = math.ceil(6 * sigma)
    count += 1 - count % 2
    x = torch.arange(count, dtype=torch.float32, device=device) - count // 2
    weights = torch.exp(-0.5 * (x / sigma) ** 2)
    return weights / weights.sum()


def picture_of(q, side):
    b, h, n, d = q.shape
    return q.permute(0, 1, 3, 2).reshape(b, h * d, side, side)


def queries_of(picture, like):
    b, h, n, d = like.shape
    return picture.reshape(b, h, d, n).permute(0, 1, 3, 2)


def blur_dense(picture, sigma):
    """The published form: a k x k kernel, made on the processor and copied in every layer, as a depthwise product."""
    channels = picture.shape[1]
    line = taps(sigma, "cpu")
    kernel = (line[:, None] * line[None, :]).to(picture.device, picture.dtype)
    kernel = kernel.expand(channels, 1, *kernel.shape)
    reach = kernel.shape[-1] // 2
    return F.conv2d(F.pad(picture, [reach] * 4, mode="reflect"), kernel, groups=channels)


def blur_separable(picture, line):
    """The same along one axis after the other, its kernel kept on the device."""
    channels, reach = picture.shape[1], line.shape[0] // 2
    picture = F.pad(picture, [reach] * 4, mode="reflect")
    picture = F.conv2d(picture, line.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
    return F.conv2d(picture, line.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)


def seg(blur, side):
    def run(q, k, v):
        blurred = queries_of(blur(picture_of(q[2:], side)), q[2:])
        return attention(torch.cat([q[:2], blurred]), k, v)
    return run


# ---- predictions combined: U + g (C - U) + w (C - P), then rescaled to C's spread ----

def combine(c, u, p):
    out = u + 4.0 * (c - u) + 3.0 * (c - p)
    axes = list(range(1, c.ndim))
    rescaled = out * (c.std(axes, keepdim=True) / out.std(axes, keepdim=True))
    return 0.7 * rescaled + 0.3 * out


# ---- subjects ----

def models(trying):
    if trying:
        small = (2, 2, 36, 16)
        return {"SDXL-32": small, "SDXL-64": small, "Flux": small, "video": small}
    return {"SDXL-32": (2, 20, 1024, 64), "SDXL-64": (2, 10, 4096, 64), "Flux": (1, 24, 4608, 128),
            "video": (1, 24, 32760, 128)}


def subjects(place):
    """(name, by, run, sets, captured), the cheap and certain ones first."""
    for name, shape in models(place.trying).items():
        sets = tensors(place, shape, place.sets_for(8 * math.prod(shape)))
        for label, backend in BACKENDS:
            run = attention if place.trying else by_backend(backend)
            yield f"attend {name} bf16", f"PyTorch SDPA {label}", run, sets, True
        yield f"attend {name} bf16", "PyTorch SDPA default", attention, sets, True
        del sets
    side, sigma = (6, 0.4) if place.trying else (64, SIGMA)
    shape = (3, 2, 36, 16) if place.trying else (3, 10, 4096, 64)
    sets = tensors(place, shape, place.sets_for(8 * math.prod(shape)))
    line = taps(sigma, place.device).to(torch.bfloat16)
    published, separable = seg(lambda x: blur_dense(x, sigma), side), seg(lambda x: blur_separable(x, line), side)
    yield "PAG layer", "diffusers' processor", pag, sets, True
    agree(published(*sets[0]), separable(*sets[0]))
    yield "SEG layer sigma 10", "PyTorch, separable", separable, sets, True
    yield "SEG layer sigma 10", "SEG-SDXL as published", published, sets, False
    del sets
    for name, shape in (("SDXL", (1, 4, 128, 128)), ("Flux", (1, 16, 128, 128)), ("video", (1, 16, 21, 60, 104))):
        sets = [tuple(torch.randn(shape, device=place.device) for _ in range(3))
                for _ in range(place.sets_for(16 * math.prod(shape)))]
        yield f"combine and rescale {name} f32", "PyTorch, plain", combine, sets, True
        compiled = torch.compile(combine, dynamic=False)
        yield f"combine and rescale {name} f32", "PyTorch, compiled", compiled, sets, True


def agree(a, b):
    error = ((a - b).float().norm() / a.float().norm()).item()
    if not error <= 2e-2:
        raise RuntimeError(f"the two forms of SEG differ by {error:.3g}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--records")
    arguments.add_argument("--seconds", type=float, default=60)
    arguments.add_argument("--try", dest="trying", action="store_true")
    given = arguments.parse_args()
    if not given.trying and not torch.cuda.is_available():
        print(f"PyTorch {torch.__version__} finds no GPU")
        return 2
    begin, place, records = time.monotonic(), Place(given.trying), Records(given.records)
    cudnn = torch.backends.cudnn.version()
    records.write(record="run", key="peers", value=f"PyTorch {torch.__version__}, its cuDNN {cudnn}.")
    try:
        for name, by, run, sets, captured in subjects(place):
            if time.monotonic() - begin > given.seconds:
                records.time(name, by, skipped="the stage's time was over")
                continue
            try:
                records.time(name, by, measured=place.time(run, sets, captured))
            except Exception as error:  # a backend that refuses a shape says so in an exception of its own kind
                records.time(name, by, failure=str(error) or type(error).__name__)
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
        return 1
    return 1 if records.failed else 0


if __name__ == "__main__":
    sys.exit(main())
