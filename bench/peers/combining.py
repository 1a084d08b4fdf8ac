"""The section `rules`: rules of guidance beside their forms in PyTorch, on the same predictions."""
import importlib
import math

from machine import BYTES, Tensor

G = 4.0
SAMPLE, POSITION, LAST = (1, 2, 3), (1,), (2,)  # axes of [samples,C,H,W]; of [samples,T,D]
ONE_PASS, TWO_PASSES, PYRAMIDS = .85, 1 / 2.2, 1 / 4  # of the bandwidth of a copy


class Case:
    """One rule: `inputs` are the names of its predictions in order, `numbers` what the form in PyTorch takes after
    them, and `share` how much of a copy's bandwidth it shall reach, every input and the output counted once."""

    def __init__(self, name, rule, inputs, numbers, **also):
        self.name, self.rule, self.inputs, self.numbers = name, rule, inputs, numbers
        self.form = also.get("form", name)  # its name in rules.py
        self.parameters = also.get("parameters", ())
        self.weights = also.get("weights")
        self.state = also.get("state", False)
        self.tokens = also.get("tokens", False)  # [T,D], not [C,H,W]
        self.share = also.get("share", TWO_PASSES)

    def group(self, shape):
        """Of the library: what the statistic runs over."""
        axes = self.numbers[-1]
        if axes == LAST:
            return shape[1], shape[2], 1
        return (1, shape[1], shape[2] * shape[3]) if axes == POSITION else None

    def moved(self, inputs):
        """Bytes of every input and the output, and of a state both ways."""
        return inputs[0].count * BYTES["f32"] * (len(inputs) + 1 + 2 * self.state)


CFG = (G, 1 - G)
CASES = (
    Case("renorm", "AG_RENORM", "CU", (G, 1.0, SAMPLE), weights=CFG, parameters=(1, 0, 1)),
    Case("renorm, tokens", "AG_RENORM", "CU", (G, math.inf, LAST), form="renorm", weights=CFG, tokens=True),
    Case("renorm, positions", "AG_RENORM", "CU", (G, 1.0, POSITION), form="renorm", weights=CFG, parameters=(1, 0, 1)),
    Case("tcfg", "AG_TCFG", "CU", (G, SAMPLE), parameters=(G,)),
    Case("mambo", "AG_MAMBO", "CU", (10.0, 8.0, SAMPLE), parameters=(10, 8)),
    Case("tag", "AG_TAG", "CN", (1.15, 1.0, SAMPLE), parameters=(1.15, 1)),
    Case("perp_neg", "AG_PERP_NEG", "CNU", (G, 1.0, SAMPLE), parameters=(G, 1)),
    Case("momentum_guidance", "AG_MOMENTUM_GUIDANCE", "CU", (G, .5, .6), weights=CFG, parameters=(.5, .6), state=True,
         share=ONE_PASS),
    Case("smc", "AG_SMC", "CU", (G, 6.0, .1), parameters=(G, 6, .1, 0), state=True, share=ONE_PASS),
    Case("smc, unit", "AG_SMC", "CU", (G, 6.0, .1, SAMPLE), parameters=(G, 6, .1, 1), state=True),
    Case("mahiro", "AG_MAHIRO", "CU", (G, SAMPLE), parameters=(G,)),
    Case("mahiro, positions", "AG_MAHIRO", "CU", (G, POSITION), form="mahiro", parameters=(G,)),
    Case("fdg", "AG_FDG", "CU", ((10.0, 5.0),), share=PYRAMIDS),
)


def predictions(bench, shape):
    """C; N, which has nothing to do with it; and U, near C as without the condition: 0.9 C + 0.3 N."""
    made = {"C": Tensor(bench.machine, "f32", shape, 1), "N": Tensor(bench.machine, "f32", shape, 2)}
    made["U"] = Tensor(bench.machine, "f32", shape)
    flat = Tensor(bench.machine, "f32", (shape[0], made["C"].count // shape[0]))
    bench.engine.combination("data", [made["C"], made["N"]], flat, "AG_LINEAR", (.9, .3)).run()
    made["U"].memory[:] = flat.memory[:]
    return made


def rules(bench):
    forms = importlib.import_module("rules") if bench.pytorch else None
    for case in CASES:
        shape = bench.sizes.tokens if case.tokens else bench.sizes.picture
        given = predictions(bench, shape)
        inputs = [given[name] for name in case.inputs]
        out = Tensor(bench.machine, "f32", (shape[0], inputs[0].count // shape[0]))
        start, state = (Tensor(bench.machine, "f32", shape, 3) if case.state else None for _ in range(2))
        ours = bench.engine.combination(
            case.name, inputs, out, case.rule, case.weights, parameters=case.parameters, group=case.group(shape),
            picture=shape[1:] if case.rule == "AG_FDG" else None, state=state)
        group = [ours]
        if forms:
            group += forms.contestants(case, ours, inputs, start, state)
            with bench.machine.placed():
                for one in group:
                    one.run()
        yield group
