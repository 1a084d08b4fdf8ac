"""bench.py [calls|loops|cold|attention|fork ...] - what the package costs and gains, with PyTorch and diffusers, medians
of interleaved rounds:

calls      attention() again on the same shapes, over the library's own call with everything ready; with `out` made it
           has the memory of a new tensor to touch as well
loops      the same call again and again, over a run of its plan again and again
cold       the same over a run of a plan, each right after a kernel, which leaves little of Python in the caches
attention  F.scaled_dot_product_attention after a matrix product, by PyTorch and by the library
fork       a guided step of Stable Diffusion 1.5's U-Net at full size, random weights, [uncond, cond, perturbed]"""
import contextlib
import ctypes
import statistics
import sys
import time

import attnguide as ag
import torch
import torch.nn.functional as F
from attnguide import _attention, _engine

SHAPES = ((2, 8, 64, 64, 160), (2, 8, 256, 256, 160), (2, 8, 1024, 77, 80), (2, 8, 1024, 1024, 80),
          (2, 10, 1024, 1024, 64), (2, 8, 4096, 4096, 40))


def microseconds(call):
    begin = time.perf_counter()
    call()
    return 1e6 * (time.perf_counter() - begin)


def times_of(calls, rounds, before=lambda: None):
    """{name: times} of calls by name, in interleaved rounds."""
    times = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            before()
            times[name].append(microseconds(call))
    return times


def interleaved(calls, rounds):
    """{name: median} of calls by name."""
    return {name: statistics.median(values) for name, values in times_of(calls, rounds).items()}


def library_call(q, k, v, rows, context):
    """The library's call for that attention, with everything ready, and what must live as long."""
    out = torch.empty_like(q)
    _attention.run("attention", q, k, v, rows, out, context=context)
    problem, args = list(_attention.problems.values())[-1], _engine.lib.new(
        "ag_args", q.data_ptr(), k.data_ptr(), v.data_ptr(), out.data_ptr())
    why, call = ctypes.create_string_buffer(256), _engine.lib.c.ag_attention_guided
    pointers = context.pointer, problem.address, ctypes.byref(args), why, 256
    return lambda: call(*pointers), (out, args, problem, why)


def calls():
    context = ag.Context(threads=1)
    print("calls: microseconds over the library's own call, one thread")
    for shape in ((1, 1, 8, 8, 8), (2, 8, 64, 64, 160)):
        b, h, n, m, d = shape
        q, k, v = torch.randn(b, h, n, d), torch.randn(b, h, m, d), torch.randn(b, h, m, d)
        asked = [ag.row("smoothed", sigma=1, grid=(1, 1, n))] * b
        for name, rows in (("standard", None), ("a row each", asked)):
            alone, _kept = library_call(q, k, v, rows, context)
            out = torch.empty_like(q)
            arrays = [x.numpy() for x in (q, k, v, out)]
            found = interleaved({
                "library": alone,
                "out given": lambda q=q, k=k, v=v, out=out, rows=rows: ag.attention(
                    q, k, v, rows=rows, out=out, context=context),
                "out made": lambda q=q, k=k, v=v, rows=rows: ag.attention(q, k, v, rows=rows, context=context),
                "numpy, out given": lambda a=arrays, rows=rows: ag.attention(
                    *a[:3], rows=rows, out=a[3], context=context),
            }, 2000)
            alone = found.pop("library")
            print(f"  {str(shape):26} {name:12} library {alone:.1f}; over it " + ", ".join(
                f"{what} {time - alone:.1f}" for what, time in found.items()))


def planned(q, k, v, out, context):
    """A run of the plan for that attention, and what must live as long."""
    lib, why, plan = _engine.lib, ctypes.create_string_buffer(256), ctypes.c_void_p()
    _attention.problems.clear()
    _attention.run("attention", q, k, v, out=out, context=context)
    problem, = _attention.problems.values()
    lib.call("ag_plan_create", context.pointer, problem.address, ctypes.byref(plan))
    args = lib.new("ag_args", q.data_ptr(), k.data_ptr(), v.data_ptr(), out.data_ptr())
    space = ctypes.create_string_buffer(max(lib.c.ag_plan_workspace(plan), 1))
    args.workspace, args.workspace_size = ctypes.addressof(space), len(space)
    call, pointers = lib.c.ag_plan_run, (plan, ctypes.byref(args), why, 256)
    return lambda: call(*pointers), (q, k, v, out, args, space, problem)


def again(q, k, v, out, context):
    """The same attention by the package, by name."""
    a, b, c, d = (x.numpy() for x in (q, k, v, out))
    return {"out given": lambda: ag.attention(q, k, v, out=out, context=context),
            "out made": lambda: ag.attention(q, k, v, context=context),
            "numpy, out given": lambda: ag.attention(a, b, c, out=d, context=context),
            "numpy, out made": lambda: ag.attention(a, b, c, context=context)}


def cold():
    context = ag.Context(threads=1)
    kernel, _kept = planned(*(torch.randn(2, 8, 256, 64) for _ in range(4)), context)
    print("cold: microseconds over a run of a plan, each right after a kernel, one thread: medians (lowest tenths)")
    for shape in ((2, 8, 64, 40), (2, 8, 256, 64), (1, 8, 1024, 64)):
        tensors = [torch.randn(*shape) for _ in range(4)]
        alone, _args = planned(*tensors, context)
        found = times_of({"run": alone, **again(*tensors, context)}, 300, kernel)
        low, middle = ({name: statistics.quantiles(times, n=10)[i] for name, times in found.items()} for i in (0, 4))
        print(f"  {str(shape):18} run {middle.pop('run'):.1f} ({low['run']:.1f}); over it " + ", ".join(
            f"{name} {time - statistics.median(found['run']):.1f} ({low[name] - low['run']:.1f})"
            for name, time in middle.items()))


def loops():
    context = ag.Context(threads=1)
    print("loops: microseconds over a run of a plan, each in a loop of its own, one thread")
    for shape, rounds in (((2, 8, 64, 40), 200), ((2, 8, 64, 160), 100), ((1, 8, 256, 64), 100), ((2, 8, 256, 64), 40)):
        tensors = [torch.randn(*shape) for _ in range(4)]
        alone, _args = planned(*tensors, context)
        asked = {"run": alone, **again(*tensors, context)}
        found = {name: [] for name in asked}
        for _ in range(25):
            for name, call in asked.items():
                found[name].append(statistics.median(microseconds(call) for _ in range(rounds)))
        run = found.pop("run")
        print(f"  {str(shape):18} run {statistics.median(run):.1f}; over it " + ", ".join(
            f"{name} {statistics.median(a - b for a, b in zip(times, run)):.1f}" for name, times in found.items()))


def attention():
    print(f"attention: F.scaled_dot_product_attention after a matrix product, {torch.get_num_threads()} threads")
    a, b, c = torch.randn(1024, 512), torch.randn(512, 512), torch.empty(1024, 512)
    for shape in SHAPES:
        batch, h, n, m, d = shape
        q, k, v = (torch.randn(batch, t, h, d).transpose(1, 2) for t in (n, m, m))

        def steady(q=q, k=k, v=v):
            def once():
                torch.mm(a, b, out=c)
                return microseconds(lambda: F.scaled_dot_product_attention(q, k, v))
            return statistics.median(once() for _ in range(15))
        theirs, ours = [], []
        for _ in range(5):
            theirs.append(steady())
            with ag.torch.active():
                ours.append(steady())
        theirs, ours = statistics.median(theirs), statistics.median(ours)
        print(f"  {str(shape):26} PyTorch {theirs / 1e3:8.2f} ms, library {ours / 1e3:8.2f} ms: {theirs / ours:.2f} x")


def fork():
    from diffusers import SD3Transformer2DModel, UNet2DConditionModel
    from diffusers.models.attention_processor import PAGCFGIdentitySelfAttnProcessor2_0
    unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8).eval()
    given = {"sample": torch.randn(1, 4, 64, 64).repeat(3, 1, 1, 1), "timestep": 500,
             "encoder_hidden_states": torch.randn(2, 77, 768)[[0, 1, 1]]}
    steps(unet, given, "Stable Diffusion 1.5's U-Net", (
        "mid_block.attentions.0.transformer_blocks.0.attn1", "up_blocks.3.attentions.1.transformer_blocks.0.attn1"),
          PAGCFGIdentitySelfAttnProcessor2_0())
    del unet
    transformer = SD3Transformer2DModel(
        sample_size=64, num_layers=12, attention_head_dim=64, num_attention_heads=16, joint_attention_dim=1024,
        caption_projection_dim=1024, pooled_projection_dim=512, pos_embed_max_size=64).eval()
    given = {"hidden_states": torch.randn(1, 16, 64, 64).repeat(3, 1, 1, 1), "timestep": torch.full((3,), 500.0),
             "encoder_hidden_states": torch.randn(2, 154, 1024)[[0, 1, 1]],
             "pooled_projections": torch.randn(2, 512)[[0, 1, 1]]}
    from diffusers.models.attention_processor import PAGCFGJointAttnProcessor2_0
    steps(transformer, given, "a joint transformer of 12 blocks, 1024 wide", ("transformer_blocks.6.attn",),
          PAGCFGJointAttnProcessor2_0())


@contextlib.contextmanager
def processor_of(module, processor):
    before, module.processor = module.processor, processor
    try:
        yield
    finally:
        module.processor = before


def steps(model, given, what, layers, theirs, rounds=5):
    print(f"fork: a guided step of {what}, [uncond, cond, perturbed], {torch.get_num_threads()} threads")
    for layer in layers:
        module, times = model.get_submodule(layer), {"diffusers": [], "processors": [], "forked": [], "two rows": []}
        ours = ag.diffusers.pag_processors("identity")[0]
        two = {name: x[:2] if isinstance(x, torch.Tensor) else x for name, x in given.items()}
        for _ in range(rounds):
            with processor_of(module, theirs):
                times["diffusers"].append(microseconds(lambda: model(**given)))
            with processor_of(module, ours):
                times["processors"].append(microseconds(lambda: model(**given)))
            with ag.torch.active(), ag.diffusers.guided(model, [layer]):
                times["forked"].append(microseconds(lambda: model(**given)))
            times["two rows"].append(microseconds(lambda two=two: model(**two)))
        medians = {name: statistics.median(values) for name, values in times.items()}
        print(f"  {layer}: diffusers {medians['diffusers'] / 1e6:.2f} s; " + ", ".join(
            f"{name} {medians[name] / medians['diffusers']:.3f} x" for name in times if name != "diffusers"))


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    for part in sys.argv[1:] or ("calls", "loops", "cold", "attention", "fork"):
        {"calls": calls, "loops": loops, "cold": cold, "attention": attention, "fork": fork}[part]()
