"""What is compared with what: each section yields groups of subjects that are measured in turn with each other."""
import ctypes
import math
import pathlib
import re

import attnguide
import exact
from combining import rules
from machine import AVX2, BF16, COPY, FMA, BYTES, Tensor
from measure import Subject, quickest
from ours import Engine, Row, judge

SHAPES_FILE = pathlib.Path(__file__).parents[1] / "shapes.def"  # the benchmark in C compiles it
SHAPES = {name: tuple(int(extent) for extent in extents.split(",")) for name, extents in  # B, H, N, M, d
          re.findall(r'^SHAPE\("(\w+)", ([\d, ]+)\)$', SHAPES_FILE.read_text("utf-8"), re.M)}
SIGMAS = (0.5, 1, 2, 4, 10, 30)
LENGTHS = (1024, 2048, 4096, 8192, 16384)
AWKWARD = {"N 300": (300, 64), "N 1000": (1000, 64), "N 1025": (1025, 64), "d 41": (1024, 41), "d 63": (1024, 63),
           "d 65": (1024, 65)}  # N and d
LATENTS = {"SDXL": (2, 4, 128, 128), "video": (1, 16, 21, 90, 160)}
G, W, PHI = 4.0, 3.0, 0.7


class Sizes:
    """The shapes of the comparison; quick ones have fewer heads and a quarter of the tokens, to see that all works."""

    def __init__(self, quick):
        self.side, self.heads, self.text = (16, 2, 32) if quick else (64, 10, 512)
        self.flux_heads = 1 if quick else 4
        self.shapes = {name: self.small(shape) if quick else shape for name, shape in SHAPES.items()}
        self.lengths = [n // 8 for n in LENGTHS] if quick else LENGTHS
        self.latents = {"SDXL": LATENTS["SDXL"]} if quick else LATENTS
        self.picture = (2, 16, 64, 32) if quick else (2, 16, 512, 256)
        self.tokens = (2, 512, 64) if quick else (2, 32768, 64)
        self.pictures = (1, 2) if quick else (3, 20)  # of the large tensors: 63 MB in float32

    @staticmethod
    def small(shape):
        b, h, n, m, d = shape
        return 1, max(1, h // 8), n // 4, m if m < 128 else m // 4, d


class Bench:
    """All contestants of one process."""

    def __init__(self, machine, sizes, peers, shortest):
        self.machine, self.sizes, self.shortest = machine, sizes, shortest
        self.pytorch, self.onnx = peers
        self.engine = Engine(machine, machine.threads)
        self.alone = Engine(machine, 1) if machine.threads > 1 else None
        self.refused = []
        self.ways = {}  # (who, case, type): the way to take; without an entry the fastest is found

    def tensors(self, dtype, shape, out=None):
        b, h, n, m, d = shape
        extents = ((b, h, n, d), (b, h, m, d), (b, h, m, d))
        return tuple(Tensor(self.machine, dtype, x, seed + 1) for seed, x in enumerate(extents)) + (
            Tensor(self.machine, out or dtype, (b, h, n, d)),)

    def ours(self, case, tensors, engine=None, **also):
        """A subject of ours, or none where the library refuses it; why is kept."""
        try:
            return [(engine or self.engine).attention(case, tensors, **also)]
        except attnguide.Refused as why:
            self.refused.append(f"{case}: {why}")
            return []

    def best(self, ways, judged):
        """The fastest of a peer's ways."""
        known = self.ways.get((ways[0].who, ways[0].case, ways[0].dtype))
        ways = [way for way in ways if way.detail == known] or ways
        with self.machine.placed():
            for way in ways:
                way.run()
        chosen = quickest(self.machine, ways, self.shortest)
        chosen.judge = lambda: judged(chosen)
        return [chosen]


def work(b, h, n, m, d):
    return 4.0 * b * h * n * m * d


def judged_by(tensors, row=None, side=0, context=0):
    return lambda subject: judge(subject, tensors, [row or Row()], side, context)


# ---- attention ----

def attention(bench):
    for name, shape in bench.sizes.shapes.items():
        wide, half, bfloat = (bench.tensors(dtype, shape) for dtype in ("f32", "f16", "bf16"))
        also = {"flop": work(*shape)}
        group = bench.ours(name, wide, limit=FMA, **also) + bench.ours(name, half, limit=FMA, **also)
        group += bench.ours(name, bfloat, limit=BF16, **also)
        if bench.alone:
            group += bench.ours(name, wide, bench.alone, who="attnguide, 1 thread", **also)
        if name == "S2":
            for kernel in attend_kernels(bench, "_avx2"):
                group += bench.ours(name, wide, who="attnguide, AVX2", kernel=kernel, detail=kernel, limit=AVX2, **also)
        if bench.machine.openblas:
            group.append(full_matrix(bench, name, wide, shape))
        if bench.pytorch:
            for tensors, limit in ((wide, FMA), (bfloat, BF16)):
                group += bench.best(bench.pytorch.attention(name, tensors, limit=limit, **also), judged_by(tensors))
        if bench.onnx:
            ways, refused = bench.onnx.attention(bench.machine, name, wide, limit=FMA, **also)
            bench.refused += [f"{name}: ONNX Runtime: {why}" for why in refused]
            group += bench.best(ways, judged_by(wide)) if ways else []
        yield group


def attend_kernels(bench, suffix):
    """The float32 attend kernels of one instruction set that this machine can run."""
    for info in bench.machine.lib.kernels():
        name = attnguide.text(info.name)
        if name.startswith("attend_f32") and name.endswith(suffix) and not info.unavailable:
            yield name


def full_matrix(bench, case, tensors, shape):
    extents = (ctypes.c_int64 * 5)(*shape)
    pointers = (ctypes.c_void_p * 4)(*(t.address for t in tensors))
    machine = bench.machine

    def run():
        machine.native.peers_full_matrix(machine.crew, machine.threads, extents, pointers)
    made = Subject("OpenBLAS", case, run, detail="full matrix", flop=work(*shape), limit=FMA, out=tensors[3])
    with machine.placed():
        run()
    made.judge = lambda: judged_by(tensors)(made)
    return made


# ---- guidance ----

def rows(bench):
    """One perturbed row over a 64 x 64 picture, ours and PyTorch's."""
    side, heads = bench.sizes.side, bench.sizes.heads
    for batch in (1, 2):
        case = f"B{batch}"
        tensors = bench.tensors("f32", (batch, heads, side * side, side * side, 64))
        smoothed = Row("smoothed", 10)
        group = []
        for who, row in (("standard", Row()), ("identity", Row("identity")), ("SEG 10", smoothed),
                         ("SEG infinite", Row("smoothed", math.inf))):
            group += bench.ours(case, tensors, rows=[row], side=side, who=f"attnguide, {who}")
        torch = bench.pytorch
        if torch:
            judge = judged_by(tensors, smoothed, side)
            for blur, name in ((torch.blur_published, "as published"), (torch.blur_rows_columns, "two convolutions"),
                               (torch.blur_matrices, "two matrix products")):
                group += bench.best([torch.seg(case, tensors, side, 10, blur, name, who=f"PyTorch, SEG {name}")], judge)
            group += bench.best([torch.pag(case, tensors, who="PyTorch, PAG")],
                                judged_by(tensors, Row("identity"), side))
        yield group


def text_rows(bench):
    """PLADIS: attention to text with entmax beside softmax, ours and the published form over the dense map."""
    shape = bench.sizes.shapes["S5"]
    tensors, case = bench.tensors("f32", shape), "S5"
    group = []
    for who, row in (("standard", Row()), ("sparse", Row("sparse"))):
        group += bench.ours(case, tensors, rows=[row], who=f"attnguide, {who}")
    torch = bench.pytorch
    if torch:
        for entmax, name in ((torch.entmax_sorted, "sorted"), (torch.entmax_bisected, "bisected")):
            group += bench.best([torch.pladis(case, tensors, 2.0, entmax, name, who=f"PyTorch, PLADIS {name}")],
                                judged_by(tensors, Row("sparse")))
    yield group


def guided(bench):
    """[uncond, cond, perturbed] in one call, and what two and three standard rows take."""
    side, heads = bench.sizes.side, bench.sizes.heads
    n = side * side
    three, two = bench.tensors("f32", (3, heads, n, n, 64)), bench.tensors("f32", (2, heads, n, n, 64))
    group = bench.ours("guided", two, rows=[Row()] * 2, side=side, who="two standard rows")
    for who, row in (("three standard rows", Row()), ("with SEG 10", Row("smoothed", 10)),
                     ("with identity", Row("identity")), ("with SEG infinite", Row("smoothed", math.inf))):
        group += bench.ours("guided", three, rows=[Row(), Row(), row], side=side, who=who)
    yield group


def beside_text(bench):
    """A slice of Flux: one row of text and picture."""
    side, text, heads = bench.sizes.side, bench.sizes.text, bench.sizes.flux_heads
    n = text + side * side
    tensors = bench.tensors("f32", (1, heads, n, n, 128))
    group = []
    for who, row in (("dense row", Row()), ("SEG infinite", Row("smoothed", math.inf)), ("identity", Row("identity")),
                     ("uniform", Row("uniform"))):
        group += bench.ours("Flux slice", tensors, rows=[row], side=side, context=text, who=who)
    if bench.pytorch:
        ways = bench.pytorch.pag_joint("Flux slice", tensors, text, who="PyTorch, joint PAG without a mask")
        group += bench.best(ways, judged_by(tensors, Row("identity"), side, text))
    yield group


def blurs(bench):
    """The blur beside the attention whose queries it blurs."""
    b, h, n, _, d = bench.sizes.shapes["S2"]
    side = math.isqrt(n)
    tensors = bench.tensors("f32", (b, h, n, n, d))
    group = bench.ours("blur", tensors, rows=[Row()], side=side, who="attention")
    for sigma in SIGMAS:
        group += bench.ours("blur", tensors, rows=[Row("smoothed", sigma)], side=side, who=f"blur {sigma:g}",
                            operation=bench.machine.lib.AG_BLUR)
    for who, row in (("orthogonal 10", Row("orthogonal", 10)), ("infinite", Row("smoothed", math.inf))):
        group += bench.ours("blur", tensors, rows=[row], side=side, who=who)
    yield group


# ---- memory-bound ----

def moves(bench):
    """What only moves memory, in tensors larger than any cache: the bytes that have to move over the time."""
    b, h = bench.sizes.pictures
    n = bench.sizes.side ** 2
    for dtype in ("f32", "f16", "bf16"):
        tensors = bench.tensors(dtype, (b, h, n, n, 64))
        moved = 2.0 * tensors[3].count * BYTES[dtype]
        group = []
        for method in ("identity", "uniform", "gather"):
            group += bench.ours("moves", tensors, rows=[Row(method)], who="copy" if method == "identity" else method,
                                limit=COPY, bytes=moved)
        flat = [Tensor(bench.machine, dtype, (b, tensors[0].count // b), seed) for seed in (1, 2, 3)]
        out = Tensor(bench.machine, dtype, flat[0].shape)
        group.append(bench.engine.combination("moves", flat, out, "AG_LINEAR", bench.engine.cfg_perturbed(G, W),
                                              who="combine"))
        group.append(bench.engine.combination("moves", flat[:2], out, "AG_LINEAR", eps_to_v(bench), who="eps to v"))
        yield group
    for dtype, out in (("bf16", "f32"), ("f32", "f16"), ("f32", "bf16")):
        tensors = bench.tensors(dtype, (b, h, n, n, 64), out)
        moved = 1.0 * tensors[3].count * (BYTES[dtype] + BYTES[out])
        yield bench.ours("moves", tensors, rows=[Row("identity")], who="conversion", limit=COPY, bytes=moved,
                         dtype=f"{dtype} to {out}")


def eps_to_v(bench):
    lib, weights = bench.machine.lib, (ctypes.c_double * 2)()
    lib.call("ag_weights_convert", weights, lib.AG_EPS, lib.AG_V, 0.8, 0.6)
    return list(weights)


def combine(bench):
    """CFG + perturbed + rescale of latents."""
    for name, shape in bench.sizes.latents.items():
        inputs = [Tensor(bench.machine, "f32", shape, seed) for seed in (1, 2, 3)]
        count = inputs[0].count // shape[0]
        out = Tensor(bench.machine, "f32", (shape[0], count))
        one = bench.engine.combination(name, inputs, out, "AG_RESCALE", bench.engine.cfg_perturbed(G, W),
                                       parameters=(PHI,))
        one.last_sample = lambda out=out, count=count: out.read(out.count - count, count)
        group = [one]
        if bench.pytorch:
            ways = bench.pytorch.combinations(name, inputs, (G, W, PHI))
            with bench.machine.placed():
                for way in ways:
                    way.who = f"PyTorch, {way.detail}"
                    way.run()
            group += ways
        want = []
        for subject in group:
            subject.judge = lambda subject=subject: judge_combination(subject, inputs, count, want)
        yield group


def judge_combination(subject, inputs, count, want):
    """The last sample against float64, which is computed once."""
    if not want:
        want.append(exact.combined(*(x.read(x.count - count, count) for x in inputs), G, W, PHI))
    subject.error = exact.distance([subject.last_sample()], want)


# ---- scaling ----

def lengths(bench):
    group = []
    for n in bench.sizes.lengths:
        shape = (1, 2, n, n, 64)
        group += bench.ours(f"N {n}", bench.tensors("f32", shape), limit=FMA, flop=work(*shape))
    yield group


def cliffs(bench):
    """Shapes that fill no block, beside the next multiples of 128 tokens and 8 channels; a key mask that hides
    nothing, beside none."""
    for case, (n, d) in AWKWARD.items():
        group = []
        for who, shape in ((case, (2, 4, n, n, d)), ("rounded up", (2, 4, up(n, 128), up(n, 128), up(d, 8)))):
            group += bench.ours(case, bench.tensors("f32", shape), who=who)
        yield group
    tensors = bench.tensors("f32", bench.sizes.shapes["S1"])
    yield [subject for masked in (False, True)
           for subject in bench.ours("key mask", tensors, who="all visible" if masked else "none", masked=masked)]


def up(n, to):
    return (n + to - 1) // to * to


def memory(bench):
    """Workspace bytes at S2 of a standard row, and of one with blurred queries."""
    b, h, n, _, d = bench.sizes.shapes["S2"]
    tensors, side = bench.tensors("f32", (b, h, n, n, d)), math.isqrt(n)
    found = {}
    for who, row in (("standard", Row()), ("SEG 10", Row("smoothed", 10))):
        for subject in bench.ours("memory", tensors, rows=[row], side=side):
            found[who] = bench.engine.workspace(subject.plan)
    found["cap"] = bench.machine.lib.new("ag_problem", b, h, n, n, d).wave_bytes
    return found


SECTIONS = {"attention": attention, "rows": rows, "sparse": text_rows, "guided": guided, "text": beside_text,
            "blur": blurs, "moves": moves, "combine": combine, "rules": rules, "lengths": lengths, "cliffs": cliffs}
