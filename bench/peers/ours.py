"""attnguide as a contestant: plans made once, run per sample."""
import ctypes
import math
import weakref

import attnguide
import exact
from machine import COPY, BYTES, Tensor
from measure import Subject

WHO = "attnguide"


def doubles(values):
    return (ctypes.c_double * len(values or ()))(*values or ())


class Row:
    """What an output row asks for, in the words of exact.py."""

    def __init__(self, method="standard", sigma=0.0, keep_parallel=1):
        self.method, self.sigma, self.keep_parallel = method, sigma, keep_parallel


class Engine:
    """The library on `threads` threads, pinned."""

    def __init__(self, machine, threads):
        self.machine, self.lib, self.threads = machine, machine.lib, threads
        options = self.lib.new("ag_context_options")
        options.threads, options.pin = threads, 1
        self.context = ctypes.c_void_p()
        with machine.placed():
            self.lib.call("ag_context_create", ctypes.byref(options), ctypes.byref(self.context))

    def problem(self, q, k, out, rows, side, context):
        """The description of these tensors, every output row by its entry of `rows` (one entry: for all)."""
        lib = self.lib
        p = lib.new("ag_problem", out.shape[0], q.shape[1], q.shape[2], k.shape[2], q.shape[3])
        p.q.dtype, p.out.dtype = self.machine.dtype(q.dtype), self.machine.dtype(out.dtype)
        p.k.dtype = p.v.dtype = self.machine.dtype(k.dtype)
        array = (lib.ag_row * len(rows))(*(self.row(r, side, context) for r in rows))
        p.rows, p.row_count = ctypes.addressof(array), len(rows)
        p.kept = array
        return p

    def row(self, asked, side, context):
        methods = self.lib.methods()
        method = methods[asked.method]
        made = self.lib.new("ag_row", method.method)
        made.kind, made.image_offset = method.kind, context
        for name in self.lib.parameters(list(methods).index(asked.method)):
            if hasattr(asked, name):
                setattr(made, name, getattr(asked, name))
        if side:
            made.grid[:] = (1, side, side)
        return made

    def plan(self, p):
        made = ctypes.c_void_p()
        self.lib.call("ag_plan_create", self.context, ctypes.byref(p), ctypes.byref(made))
        return made

    def workspace(self, plan):
        return self.lib.c.ag_plan_workspace(plan)

    def runner(self, plan, args, calls="ag_plan"):
        """A call that runs the plan, with a workspace of its own."""
        size = self.workspace(plan)
        space = Tensor(self.machine, "f32", [size // 4 + 1])
        args.workspace, args.workspace_size = space.address, size
        self.lib.call(calls + "_check", plan, ctypes.byref(args))
        call, at = getattr(self.lib.c, calls + "_run"), ctypes.byref(args)

        def run():
            if call(plan, at, None, 0):
                raise attnguide.Refused("a run that was checked has failed")
        run.kept = (space, args)
        weakref.finalize(run, self.lib.c.ag_plan_free, plan)
        return run

    def attention(self, case, tensors, **also):
        """tensors: q, k, v, out. also: rows, side, context, kernel, operation, masked (by a key mask that hides
        nothing), and what Subject takes."""
        q, k, v, out = tensors
        rows = also.pop("rows", [Row()])
        side, context = also.pop("side", 0), also.pop("context", 0)
        p = self.problem(q, k, out, rows, side, context)
        kernel, masked = also.pop("kernel", None), also.pop("masked", False)
        if kernel:
            p.kept = (p.kept, ctypes.create_string_buffer(kernel.encode()))
            p.kernel = ctypes.addressof(p.kept[1])
        p.operation = also.pop("operation", self.lib.AG_ATTENTION)
        mask = (ctypes.c_uint8 * (k.shape[0] * k.shape[2]))(*[1] * (k.shape[0] * k.shape[2])) if masked else None
        p.has_key_mask = int(masked)
        plan = self.plan(p)
        args = self.lib.new("ag_args", q.address, k.address, v.address, out.address)
        args.key_mask = ctypes.addressof(mask) if mask else None
        run = self.runner(plan, args)
        subject = Subject(also.pop("who", WHO), case, run, out=out, dtype=also.pop("dtype", q.dtype),
                          threads=self.threads if self.threads != self.machine.threads else None, **also)
        subject.kept, subject.plan = (tensors, p, mask), plan
        subject.judge = lambda: judge(subject, tensors, rows, side, context, p.operation == self.lib.AG_BLUR)
        return subject

    def combination(self, case, inputs, out, rule, weights=None, **also):
        """inputs, out: [samples, count]. also: parameters, in the rule's order; group and picture, as ag_guidance has
        them; state, a Tensor; and what Subject takes."""
        lib = self.lib
        g = lib.new("ag_guidance", getattr(lib, rule), len(inputs), *out.shape)
        for i, x in enumerate(inputs):
            g.dtype[i] = self.machine.dtype(x.dtype)
        g.out_dtype = self.machine.dtype(out.dtype)
        g.group[:] = also.pop("group", None) or (0, 0, 0)
        g.picture[:] = also.pop("picture", None) or (0, 0, 0)
        plan = ctypes.c_void_p()
        lib.call("ag_guidance_plan", self.context, ctypes.byref(g), ctypes.byref(plan))
        values = lib.new("ag_guidance_args")
        for i, x in enumerate(inputs):
            values.input[i] = x.address
        by, numbers, state = doubles(weights), doubles(also.pop("parameters", ())), also.pop("state", None)
        values.out = out.address
        values.weights = ctypes.addressof(by) if by else None
        values.parameters, values.parameter_count = ctypes.addressof(numbers) if numbers else None, len(numbers)
        values.state = state.address if state else None
        run = self.runner(plan, values, "ag_guidance")
        moved = out.count * (sum(BYTES[x.dtype] for x in inputs) + BYTES[out.dtype])
        moved += 2 * out.count * BYTES["f32"] if state else 0
        subject = Subject(also.pop("who", WHO), case, run, dtype=out.dtype, limit=COPY, bytes=moved, out=out,
                          **also)
        subject.kept = (inputs, out, by, numbers, state, values)
        if rule == "AG_LINEAR":
            subject.judge = lambda: judge_sum(subject, inputs, out, weights)
        return subject

    def cfg_perturbed(self, g, w):
        weights = (ctypes.c_double * 3)()
        self.lib.c.ag_weights_cfg_perturbed(weights, g, w)
        return list(weights)


# ---- judging ----

def places(out):
    """(b, h, i) of a few rows, first and last among them."""
    batch, heads, n = out.shape[:3]
    last = (batch - 1, heads - 1, n - 1)
    return [(0, 0, 0), (0, heads - 1, n // 3), last] if batch == 1 else [(0, 0, n // 3), (batch - 1, 0, 0), last]


def result(out):
    heads, n, d = out.shape[1:]
    return lambda b, h, i: out.read(((b * heads + h) * n + i) * d, d)


def judge(subject, tensors, rows, side, context, blur=False):
    """The error of a few rows against float64."""
    q, k, v, out = tensors
    get = getattr(subject, "row", None) or result(out)
    got, want = [], []
    for b, h, i in places(out):
        asked = rows[b if len(rows) > 1 else 0]
        head = exact.Head(q, k, v, b, h)
        got.append(get(b, h, i))
        if asked.method == "gather":
            want.append(min(head.v, key=lambda x: math.dist(x, got[-1])))
        elif blur:
            want.append(exact.blurred(head.q, side, asked.sigma, i))
        else:
            want.append(exact.row(head, asked.method, i, asked.sigma, side, context))
    subject.error = exact.distance(got, want)


def judge_sum(subject, inputs, out, weights):
    """The error of the first and last elements of a weighted sum."""
    got, want = [], []
    for at in (0, out.count - 512):
        got.append(out.read(at, 512))
        want.append([exact.dot(weights, x) for x in zip(*(x.read(at, 512) for x in inputs))])
    subject.error = exact.distance(got, want)
