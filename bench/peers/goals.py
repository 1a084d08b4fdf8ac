"""The goals of the CPU backend: what must be reached, what is aimed at, and what was."""
from combining import CASES
from results import Value
from sections import AWKWARD, LATENTS, SIGMAS, SHAPES

OURS, TORCH, ONNX = "attnguide", "PyTorch", "ONNX Runtime"
F32_MUST, F32_AIM = (.85, .89, .85, .90, .77, .87), (.91, .94, .91, .96, .84, .92)
BF16 = {"S1": (.72, .82), "S2": (.79, .88), "S4": (.85, .92)}
MOST = 1.03  # of a peak
TYPES = ("f32", "f16", "bf16")


class Goal:
    """One line of the table. of(results, threads) is a Value, or None where it was not measured; more is better unless
    `least` says otherwise."""

    def __init__(self, what, case, must, aim, of, **also):
        self.what, self.case, self.must, self.aim, self.of = what, case, must, aim, of
        self.least = also.get("least", False)
        self.form = also.get("form", "{:.0%}")
        self.most = also.get("most")  # more than this cannot be: somebody else ran beside the limit

    def verdict(self, value):
        """Wrong is what is not known to be right: NaN reaches nothing."""
        if self.most and not value <= self.most:
            return "NOT measured well, above the limit"
        for name, bar in (("aim reached", self.aim), ("reached", self.must)):
            if bar is not None and (value <= bar if self.least else value >= bar):
                return name
        return "NOT reached"


def share(section, case, who=OURS, dtype="f32"):
    return lambda r, t: r.share(r.get(t, section, case, who, dtype))


def ratio(section, case, over, under, less=0.0):
    """over, under: (who, type) or who."""
    def record(r, t, name):
        return r.get(t, section, case, *(name if isinstance(name, tuple) else (name,)))
    return lambda r, t: r.ratio(record(r, t, over), record(r, t, under), less)


def over_best(case):
    def of(r, t):
        best = r.quickest(r.get(t, "attention", case, TORCH), r.get(t, "attention", case, ONNX))
        return r.ratio(best, r.get(t, "attention", case, OURS))
    return of


def rule_over_best(case):
    def of(r, t):
        forms = [records for key, records in r.kept.items() if key[:3] == (t, "rules", case) and
                 key[3].startswith(TORCH)]
        return r.ratio(r.quickest(*forms), r.get(t, "rules", case, OURS))
    return of


def flatness(r, t):
    """How much longer a FLOP takes at the worst length than at the best, at the peak of the same seconds."""
    shares = [r.share(records) for key, records in r.kept.items() if key[:2] == (t, "lengths") and key[3] == OURS]
    if len(shares) < 2 or None in shares:
        return None
    return Value([[max(x.value for x in shares) / min(x.value for x in shares) - 1]])


def memory(who, less):
    """Megabytes of workspace per thread; less: "cap" is taken off before."""
    def of(r, t):
        found = [p["memory"] for p in r.processes if p["threads"] == t and who in p["memory"]]
        return Value([[max(0, m[who] - m.get(less, 0)) / t / 1e6 for m in found]]) if found else None
    return of


def attention():
    for (name, _), must, aim in zip(SHAPES.items(), F32_MUST, F32_AIM):
        yield Goal("float32 attention, share of multiply-add peak", name, must, aim, share("attention", name),
                   most=MOST)
    for name in SHAPES:
        yield Goal("float32 attention over the best of PyTorch and ONNX Runtime", name, 1.10, 1.25, over_best(name),
                   form="{:.2f} x")
    for name, (must, aim) in BF16.items():
        yield Goal("bf16 attention, share of bf16 peak", name, must, aim, share("attention", name, dtype="bf16"),
                   most=MOST)
    for name in BF16:
        yield Goal("bf16 attention over PyTorch's", name, 1.1, None,
                   ratio("attention", name, (TORCH, "bf16"), (OURS, "bf16")), form="{:.2f} x")
    for name in SHAPES:
        yield Goal("float16 storage over float32 rate", name, .93, .98,
                   ratio("attention", name, OURS, (OURS, "f16")), form="{:.3f}")
    yield Goal("AVX2, share of AVX2 peak", "S2", .82, .90, share("attention", "S2", "attnguide, AVX2"),
               most=MOST)


def moves():
    for who in ("copy", "uniform", "gather", "combine", "eps to v"):
        for dtype in TYPES:
            yield Goal("large tensors, share of copy bandwidth", f"{who}, {dtype}", .85, .95,
                       share("moves", "moves", who, dtype))
    for dtype in ("bf16 to f32", "f32 to f16", "f32 to bf16"):
        yield Goal("large tensors, share of copy bandwidth", dtype, .85, .95,
                   share("moves", "moves", "conversion", dtype))


def guidance():
    for sigma in SIGMAS:
        yield Goal("blur at S2, of S2's attention", f"sigma {sigma:g}", .025, .015,
                   ratio("blur", "blur", f"blur {sigma:g}", "attention"), least=True, form="{:.1%}")
    yield Goal("orthogonal at S2, more than S2's attention", "sigma 10", .04, .025,
               ratio("blur", "blur", "orthogonal 10", "attention", 1.0), least=True, form="{:.1%}")
    yield Goal("infinite sigma at S2, of S2's attention", "", .015, .008,
               ratio("blur", "blur", "infinite", "attention"), least=True, form="{:.1%}")
    for who, base, must, aim in (("SEG 10", "three", 1.03, 1.015), ("identity", "two", 1.02, 1.005),
                                 ("SEG infinite", "two", 1.02, 1.005)):
        yield Goal(f"[uncond, cond, perturbed] over {base} standard rows", who, must, aim,
                   ratio("guided", "guided", f"with {who}", f"{base} standard rows"), least=True, form="{:.3f}")
    for who, must, aim in (("SEG infinite", .14, .12), ("identity", .25, .22), ("uniform", .25, .22)):
        yield Goal("Flux slice with 512 text tokens, perturbed row over a dense row", who, must, aim,
                   ratio("text", "Flux slice", who, "dense row"), least=True, form="{:.1%}")
    for case in ("B1", "B2"):
        for who, must, aim in (("as published", 3, 5), ("two convolutions", 1.15, 1.3),
                               ("two matrix products", 1.15, 1.3)):
            yield Goal(f"SEG row, sigma 10, 64 x 64, over PyTorch: {who}", case, must, aim,
                       ratio("rows", case, f"PyTorch, SEG {who}", "attnguide, SEG 10"), form="{:.2f} x")
    yield Goal("sparse row to text over a standard row", "S5", 3, 1.5,
               ratio("sparse", "S5", "attnguide, sparse", "attnguide, standard"), least=True, form="{:.2f} x")
    for who in ("sorted", "bisected"):
        yield Goal(f"sparse row to text over PyTorch: {who}", "S5", 3, 10,
                   ratio("sparse", "S5", f"PyTorch, PLADIS {who}", "attnguide, sparse"), form="{:.2f} x")
    for name in LATENTS:
        yield Goal("CFG + perturbed + rescale over compiled PyTorch", f"{name} latents", 1.0, 1.5,
                   ratio("combine", name, "PyTorch, compiled", OURS), form="{:.2f} x")


def rules():
    for case in CASES:
        yield Goal("a rule over the best of its forms in PyTorch", case.name, 1.0, None,
                   rule_over_best(case.name), form="{:.2f} x")
    for case in CASES:
        yield Goal("a rule, share of copy bandwidth, inputs and output counted once", case.name, case.share, None,
                   share("rules", case.name))


def scaling():
    yield Goal("workspace at S2, MB per thread", "attend", 1.0, None, memory("standard", ""), least=True,
               form="{:.2f}")
    yield Goal("workspace at S2 above the cap, MB per thread", "SEG 10", 1.0, None, memory("SEG 10", "cap"),
               least=True, form="{:.2f}")
    yield Goal("time per FLOP from 1k to 16k tokens, worst over best", "", .07, .04, flatness, least=True,
               form="{:.1%}")
    for case in AWKWARD:
        yield Goal("time over that of the next multiples of 128 tokens and 8 channels", case, 1.15, None,
                   ratio("cliffs", case, case, "rounded up"), least=True, form="{:.2f} x")
    yield Goal("a key mask that hides nothing, over none", "S1", 1.10, None,
               ratio("cliffs", "key mask", "all visible", "none"), least=True, form="{:.2f} x")
    for name in SHAPES:
        yield Goal("2 threads over 1", name, 1.85, 1.95, two_over_one(name), form="{:.2f} x")


def two_over_one(name):
    of = ratio("attention", name, "attnguide, 1 thread", OURS)
    return lambda r, t: of(r, t) if t == 2 else None


def table(results):
    """[goal, {threads: (Value, verdict)}], every goal."""
    lines = []
    for goal in [*attention(), *moves(), *guidance(), *rules(), *scaling()]:
        found = {t: goal.of(results, t) for t in results.threads}
        lines.append((goal, {t: (v, goal.verdict(v.value)) for t, v in found.items() if v is not None}))
    return lines
