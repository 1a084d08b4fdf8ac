"""ComfyUI: the override and the nodes, against dense float64 attention, on a stand-in with ComfyUI's signatures."""
import copy
import importlib.util
import itertools
import os
import unittest
import unittest.mock

import attnguide as ag
import comfy_standin as comfy
import exact
import torch
from attnguide.comfyui.layers import asked_layers
from attnguide.comfyui.places import grid_of_unet, patched

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "comfyui")
SIGMA = torch.tensor([5.0])


THREADS = torch.get_num_threads()


def setUpModule():
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)  # of models so small that threads only wait for each other


def tearDownModule():
    torch.set_grad_enabled(True)
    torch.set_num_threads(THREADS)


def nodes():
    """The folder, loaded as ComfyUI loads it."""
    comfy.install()
    spec = importlib.util.spec_from_file_location("attnguide_nodes", os.path.join(FOLDER, "__init__.py"),
                                                  submodule_search_locations=[FOLDER])
    module = importlib.util.module_from_spec(spec)
    with unittest.mock.patch.dict("sys.modules", {"attnguide_nodes": module}):
        spec.loader.exec_module(module)
    return module.NODE_CLASS_MAPPINGS, module.NODE_DISPLAY_NAME_MAPPINGS


NODES, TITLES = nodes()


def far(got, want):
    return ((got.double() - want.double()).norm() / want.double().norm()).item()


def patcher(make, *args, **kwargs):
    torch.manual_seed(2)
    return comfy.ModelPatcher(comfy.Model(make(*args, **kwargs).eval()))


def scene(*shape, text=7, uncond_text=None):
    """(x, cond, uncond) of one picture."""
    torch.manual_seed(3)
    return (torch.randn(1, *shape), comfy.condition(torch.randn(1, text, 16)),
            comfy.condition(torch.randn(1, uncond_text or text, 16)))


class Dense:
    """An override that makes attention calls of a model, by their numbers, by perturb(q, k, v) in float64, in all
    rows."""

    def __init__(self, calls):
        self.calls, self.count = calls, 0

    def __call__(self, func, q, k, v, heads, **kwargs):
        perturb = self.calls.get(self.count)
        self.count += 1
        if perturb is None:
            return func(q, k, v, heads, **kwargs)
        if not kwargs.get("skip_reshape"):
            q, k, v = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (q, k, v))
        done = torch.from_numpy(perturb(*(x.double().numpy() for x in (q, k, v)))).to(q.dtype)
        return done.transpose(1, 2).flatten(2)


def predicted(model, x, conds, over=None, **options):
    given = {**model.model_options, **options}
    given["transformer_options"] = dict(given["transformer_options"])
    if over is not None:
        given["transformer_options"]["optimized_attention_override"] = over
    return comfy.calc_cond_batch(model.model, conds, x, SIGMA, given)


def pag(q, k, v, offset=0, length=None):
    return exact.attention(q, k, v, bias=exact.identity_bias(q.shape[2], offset, length or q.shape[2]))


def seg(grid, offset=0, sigma=1):
    return lambda q, k, v: exact.attention(exact.blur(q, sigma, grid, offset), k, v)


class Near(unittest.TestCase):
    def near(self, got, want, tolerance=3e-6):
        worst = far(got, want)
        self.assertFalse(not worst <= tolerance, f"{worst} beyond {tolerance}")

    def refused(self, sentence, call, *args, **kwargs):
        with self.assertRaises(ag.Refused) as caught:
            call(*args, **kwargs)
        self.assertIn(sentence, str(caught.exception))


class Calls(Near):
    """Single calls with ComfyUI's arguments."""

    def setUp(self):
        torch.manual_seed(1)
        self.options = {"block": ("middle", 0), "block_index": 0, "cond_or_uncond": [1, 0],
                        "activations_shape": [2, 16, 3, 5]}

    def call(self, over, q, k, v, heads, *args, **kwargs):
        return over(comfy.kernel, q, k, v, heads, *args, transformer_options=dict(self.options), **kwargs)

    def test_shapes_and_types(self):
        for dtype, flat, flat_out in itertools.product((torch.float32, torch.float16, torch.bfloat16), (0, 1), (0, 1)):
            four = [torch.randn(2, 15, 3, 8).to(dtype).transpose(1, 2) for _ in range(3)]
            given = [x.transpose(1, 2).flatten(2) for x in four] if flat else four
            out = self.call(ag.comfyui.override(), *given, 3, skip_reshape=not flat, skip_output_reshape=not flat_out)
            plain = comfy.kernel(*given, 3, skip_reshape=not flat, skip_output_reshape=not flat_out)
            self.assertEqual((out.shape, out.dtype), (plain.shape, dtype))
            want = exact.attention(*(x[:1].float().numpy() for x in four))
            want = torch.cat([torch.from_numpy(want), four[2][1:].double()])
            want = want.transpose(1, 2).flatten(2) if flat_out else want
            self.near(out, want, {torch.float32: 1e-6, torch.float16: 2e-3, torch.bfloat16: 1e-2}[dtype])

    def test_nothing_is_copied(self):
        seen, run = [], ag._attention.run

        def note(operation, *tensors, **others):
            seen.extend(x.data_ptr() for x in tensors[:3])
            return run(operation, *tensors, **others)
        packed = torch.randn(2, 15, 3 * 24)
        flat = packed.chunk(3, -1)
        four = packed.unflatten(-1, (3, 3, 8)).permute(2, 0, 3, 1, 4)
        with unittest.mock.patch.object(ag._attention, "run", note):
            self.call(ag.comfyui.override(), *flat, 3)
            self.call(ag.comfyui.override(), *four, 3, skip_reshape=True)
        self.assertEqual(seen, [x.data_ptr() for x in (*flat, *four)])

    def test_masks(self):
        q, k, v = (torch.randn(2, 3, 15, 8) for _ in range(3))
        seen = torch.rand(2, 15) < 0.7
        seen[:, 0] = True
        bias = torch.randn(15, 15)
        hidden = torch.zeros(2, 1, 15).masked_fill(~seen[:, None], torch.finfo(torch.float32).min)
        row = ag.row("smoothed", sigma=1)
        by_key = torch.zeros(2, 1, 1, 15).masked_fill(~seen[:, None, None], -torch.inf)
        for mask, added in ((seen, by_key), (seen[:, None], by_key), (seen[:, None, None], by_key), (hidden, by_key),
                            (bias, bias[None, None]), (bias[None], bias[None, None]),
                            (bias[None, None].expand(2, 3, 15, 15), bias[None, None])):
            with self.subTest(shape=tuple(mask.shape), dtype=mask.dtype):
                out = self.call(ag.comfyui.override(row=row, rows="all"), q, k, v, 3, mask, skip_reshape=True,
                                skip_output_reshape=True)
                want = exact.attention(exact.blur(q.numpy(), 1, (1, 3, 5)), k.numpy(), v.numpy(), bias=added.numpy())
                self.near(out, torch.from_numpy(want))
        over, options = ag.comfyui.override(), dict(self.options)
        for _ in range(2):  # options of the caller's own, which serve more than one call
            out = over(comfy.kernel, q, k, v, 3, skip_reshape=True, skip_output_reshape=True,
                       transformer_options=options)
            self.near(out[1], v[1])
        out = self.call(ag.comfyui.override(rows="all"), q, k, v, 3, seen, skip_reshape=True, skip_output_reshape=True)
        self.near(out, torch.where(seen[:, None, :, None], v, 0))
        self.refused("bias", self.call, ag.comfyui.override(), q, k, v, 3, bias, skip_reshape=True)

    def test_scale_and_grouped_heads(self):
        q, (k, v) = torch.randn(2, 15, 4 * 8), torch.randn(2, 2, 15, 2 * 8)
        out = self.call(ag.comfyui.override(row=ag.row("smoothed", sigma=1e6), rows="all"), q, k, v, 4, scale=0.2,
                        enable_gqa=True)
        q, k, v = (x.unflatten(-1, (-1, 8)).transpose(1, 2).numpy() for x in (q, k, v))
        want = exact.attention(exact.blur(q, 1e6, (1, 3, 5)), k, v, scale=0.2)
        self.near(out, torch.from_numpy(want).transpose(1, 2).flatten(2))

    def test_rows(self):
        q, k, v = (torch.randn(4, 15, 24) for _ in range(3))
        plain = comfy.kernel(q, k, v, 3)
        for order, rows, perturbed in (([1, 0], "cond", [2, 3]), ([0, 1], "cond", [0, 1]), ([1, 0], "uncond", [0, 1]),
                                       ([0], "cond", [0, 1, 2, 3]), ([1, 0], "all", [0, 1, 2, 3]), ([1, 0], [1], [1]),
                                       ([0, 1, 0, 1], "cond", [0, 2]), ([1], "cond", [])):
            self.options["cond_or_uncond"] = order
            out = self.call(ag.comfyui.override(rows=rows), q, k, v, 3)
            for i in range(4):
                self.near(out[i], (v if i in perturbed else plain)[i])
        del self.options["cond_or_uncond"]
        self.refused("cond_or_uncond", self.call, ag.comfyui.override(), q, k, v, 3)
        self.refused("rows holds [4]", self.call, ag.comfyui.override(rows=[4]), q, k, v, 3)
        self.options["cond_or_uncond"] = [0, 1, 1]
        self.refused("3 equal parts", self.call, ag.comfyui.override(), q, k, v, 3)

    def test_declines(self):
        def previous(func, *args, **kwargs):
            kwargs["transformer_options"]["came"] = True
            return func(*args, **kwargs) + 1
        q, k, v, text = torch.randn(2, 15, 24), torch.randn(2, 15, 24), torch.randn(2, 15, 24), torch.randn(2, 4, 24)
        for given, layers in (((q, k, v), "input.0"), ((q, k, v), 5), ((q, text, text), "middle.0"),
                              ((q.double(), k.double(), v.double()), "middle.0"),
                              ((q.to("meta"), k.to("meta"), v.to("meta")), "middle.0")):
            plain = comfy.kernel(*given, 3)
            for over, more in ((ag.comfyui.override(None, layers), 0), (ag.comfyui.override(previous, layers), 1)):
                out = self.call(over, *given, 3)
                self.assertEqual((out.shape, out.dtype), (plain.shape, plain.dtype))
                if plain.device.type == "cpu":
                    self.near(out, plain + more, 1e-12)
        self.near(ag.comfyui.override()(comfy.kernel, q, k, v, 3), comfy.kernel(q, k, v, 3), 1e-12)
        self.options = {}
        self.near(self.call(ag.comfyui.override(), q, k, v, 3), comfy.kernel(q, k, v, 3), 1e-12)

    def test_sparse_is_for_cross_attention(self):
        q, text = torch.randn(2, 15, 24), torch.randn(2, 4, 24)
        over, options = ag.comfyui.override(row=ag.row("sparse"), rows="all"), dict(self.options)
        same = over(comfy.kernel, q, q, q, 3, transformer_options=options)
        other = over(comfy.kernel, q, text, text, 3, transformer_options=options)
        self.near(same, comfy.kernel(q, q, q, 3), 1e-12)
        want = ag.attention(*(x.unflatten(-1, (3, 8)) for x in (q, text, text)), rows=ag.row("sparse"), layout="bnhd")
        self.near(other, want.flatten(2))

    def test_arguments(self):
        self.assertEqual(asked_layers(" middle.0, 5,input.4.1 "), ("middle.0", 5, "input.4.1"))
        self.assertEqual(asked_layers([3, "double.1", 3]), (3, "double.1"))
        for sentence, given in (("empty", {"layers": " "}), ("neither a number", {"layers": "middle"}),
                                ("neither a number", {"layers": -1}), ("neither a number", {"layers": [True]}),
                                ("neither a number", {"layers": 1.5}), ("rows is", {"rows": "both"}),
                                ("text is", {"text": "left"})):
            self.refused(sentence, ag.comfyui.override, **given)
        for given in ({"row": "identity"}, {"previous": 3}):
            self.assertRaises(TypeError, ag.comfyui.override, **given)


class Places(Near):
    def test_grids(self):
        told = {"original_shape": [1, 4, 15, 27]}
        self.assertEqual([grid_of_unet(told, n) for n in (405, 112, 28, 9)],
                         [(1, 15, 27), (1, 8, 14), (1, 4, 7), None])
        self.assertEqual(patched([1, 4, 15, 26], 2), (1, 8, 13))
        self.assertEqual(patched([1, 4, 3, 15, 26], [1, 2, 2]), (3, 8, 13))
        self.assertEqual(patched([1, 4, 4, 6, 8], (2, 2, 2)), (2, 3, 4))

    def test_what_is_not_known_is_asked_for(self):
        q = torch.randn(1, 2, 30, 8)

        def call(told=None, **given):
            options = {"block_type": "double", "block_index": 0, **(told or {})}
            return ag.comfyui.override(layers=0, rows="all", **given)(comfy.kernel, q, q, q, 2, skip_reshape=True,
                                                                      transformer_options=options)
        self.refused("latent=", call)
        self.refused("text comes first or last", call, latent=[1, 4, 8, 12])
        for text, offset in (("first", 6), ("last", 0)):
            want = torch.from_numpy(pag(*[q.numpy()] * 3, offset, 24)).transpose(1, 2).flatten(2)
            self.near(call(latent=[1, 4, 8, 12], text=text), want)
            self.near(call({"original_shape": [1, 4, 8, 12]}, patch=2, text=text), want)
            self.near(call(row=ag.row("identity", image=(offset, 24))), want)
            self.near(call(row=ag.row("identity", grid=(1, 4, 6)), text=text), want)
        self.refused("latent=", call, latent=[1, 4, 4, 5], text="first")
        self.near(call(latent=[1, 4, 4, 5], patch=1, text="first"),
                  torch.from_numpy(pag(*[q.numpy()] * 3, 10, 20)).transpose(1, 2).flatten(2))
        self.near(call({"img_slice": [3, 27]}, latent=[1, 4, 8, 12]),
                  torch.from_numpy(pag(*[q.numpy()] * 3, 3, 24)).transpose(1, 2).flatten(2))


class Models(Near):
    """Whole models, the conditional prediction perturbed, against the same with dense attention in one layer."""

    def against(self, model, x, conds, layer, call, perturb, **given):
        dense = Dense({call: perturb})
        want = predicted(model, x, conds, dense)[0]
        self.assertGreater(dense.count, call)
        options = ag.comfyui.perturbed_options(model.model_options, model.model, x.shape, layer, **given)
        self.near(comfy.calc_cond_batch(model.model, conds, x, SIGMA, options)[0], want)
        self.assertGreater(far(predicted(model, x, conds)[0], want), 1e-4)

    def test_unet(self):
        model, (x, cond, _) = patcher(comfy.UNet), scene(4, 6, 10)
        sizes = {"input.0": (6, 10), "input.1.0": (3, 5), "input.1.1": (3, 5), "middle.0": (2, 3), "output.0": (3, 5),
                 "output.1": (6, 10)}
        for number, (name, size) in enumerate(sizes.items()):
            for layer in (name, number, str(number)):
                self.against(model, x, [cond], layer, 2 * number, pag)
            self.against(model, x, [cond], name, 2 * number, seg((1, *size)), row=ag.row("smoothed", sigma=1))

    def test_text_as_long_as_the_picture(self):
        model, (x, cond, _) = patcher(comfy.UNet), scene(4, 6, 10, text=6)
        self.against(model, x, [cond], "middle.0", 6, pag)
        want = predicted(model, x, [cond], Dense({6: pag}))[0]
        self.near(predicted(model, x, [cond], ag.comfyui.override())[0], want)

    def test_joint(self):
        for text, size in itertools.product(("first", "last"), ((8, 12), (7, 11))):
            model, (x, cond, _) = patcher(comfy.Joint, text), scene(4, *size)
            offset, grid = 7 if text == "first" else 0, (1, 4, 6)
            for number, name in enumerate(("double.0", "double.1", "single.0", "single.1")):
                for layer in (name, number):
                    self.against(model, x, [cond], layer, number,
                                 lambda q, k, v, o=offset: pag(q, k, v, o, 24))
                self.against(model, x, [cond], name, number, seg(grid, offset), row=ag.row("smoothed", sigma=1))

    def test_more_than_one_self_attention_in_a_block(self):
        model, (x, cond, _) = patcher(comfy.Joint, also_self=True, singles=0, doubles=1), scene(4, 8, 12)
        want = predicted(model, x, [cond], Dense({0: lambda q, k, v: pag(q, k, v, 7, 24), 1: pag}))[0]
        options = ag.comfyui.perturbed_options(model.model_options, model.model, x.shape, 0)
        self.near(comfy.calc_cond_batch(model.model, [cond], x, SIGMA, options)[0], want)

    def test_video_without_text_beside(self):
        model, (x, cond, _) = patcher(comfy.Apart), scene(4, 2, 6, 8)
        self.against(model, x, [cond], 1, 2, pag)
        self.against(model, x, [cond], "double.2", 4, seg((2, 3, 4)), row=ag.row("smoothed", sigma=1))

    def test_areas_have_their_own_grid(self):
        model, (x, cond, _) = patcher(comfy.Joint), scene(4, 8, 12)
        cond = comfy.condition(cond[0]["model_conds"]["c_crossattn"], area=(4, 8, 2, 2))
        self.against(model, x, [cond], "double.0", 0, seg((1, 2, 4), 7), row=ag.row("smoothed", sigma=1))

    def test_batches_of_conditions(self):
        model = patcher(comfy.UNet)
        for text, uncond_text in ((7, 7), (7, 9)):
            x, cond, uncond = scene(4, 6, 10, text=text, uncond_text=uncond_text)
            plain = predicted(model, x, [cond, uncond])
            alone = predicted(model, x, [cond], Dense({6: pag}))[0], predicted(model, x, [uncond], Dense({6: pag}))[0]
            for rows, want in (("cond", (alone[0], plain[1])), ("uncond", (plain[0], alone[1])), ("all", alone)):
                options = ag.comfyui.perturbed_options(model.model_options, model.model, x.shape, "middle.0", rows=rows)
                got = comfy.calc_cond_batch(model.model, [cond, uncond], x, SIGMA, options)
                self.near(got[0], want[0])
                self.near(got[1], want[1])

    def test_chained(self):
        model, (x, cond, _) = patcher(comfy.UNet), scene(4, 6, 10)
        changed = {2: lambda q, k, v: exact.attention(q, k, v, scale=0.05)}
        want = predicted(model, x, [cond], Dense({**changed, 6: pag}))[0]
        theirs = Dense(changed)
        inner = {"transformer_options": {"optimized_attention_override": theirs}}
        options = ag.comfyui.perturbed_options(inner, model.model, x.shape, "middle.0")
        self.near(comfy.calc_cond_batch(model.model, [cond], x, SIGMA, options)[0], want)
        self.assertEqual(theirs.count, 11)
        self.assertIs(inner["transformer_options"]["optimized_attention_override"], theirs)

    def test_two_of_ours_count_alike(self):
        model, (x, cond, _) = patcher(comfy.UNet), scene(4, 6, 10)
        want = predicted(model, x, [cond], ag.comfyui.override(layers=[1, 4]))[0]
        for layers in ((1, 4), (4, 1), (4, 99, 1)):
            chain = None
            for layer in layers:
                chain = ag.comfyui.override(chain, layers=layer)
            self.near(predicted(model, x, [cond], chain)[0], want)

    def test_another_wrapper_is_called(self):
        model, (x, cond, _) = patcher(comfy.UNet), scene(4, 6, 10)
        calls = []

        def wrapper(apply_model, given):
            calls.append(given["cond_or_uncond"])
            return apply_model(given["input"], given["timestep"], **given["c"])
        options = ag.comfyui.perturbed_options({"model_function_wrapper": wrapper}, model.model, x.shape, "middle.0")
        got = comfy.calc_cond_batch(model.model, [cond], x, SIGMA, options)[0]
        self.near(got, predicted(model, x, [cond], ag.comfyui.override())[0], 1e-12)
        self.assertEqual(calls, [[0]])

    def test_what_was_not_perturbed_is_refused(self):
        x, cond, _ = scene(4, 6, 10)
        video = scene(4, 2, 6, 8)

        def run(model, x, cond, layers, **given):
            options = ag.comfyui.perturbed_options(model.model_options, model.model, x.shape, layers, **given)
            return comfy.calc_cond_batch(model.model, [cond], x, SIGMA, options)
        unet = patcher(comfy.UNet)
        self.refused("layer input.7 was not perturbed: self-attention is in input.0, input.1, middle.0", run, unet, x,
                     cond, "middle.0, input.7")
        self.refused("numbers 0 to 5", run, unet, x, cond, 9)
        self.refused("says in which block", run, patcher(comfy.Apart, told=False), *video[:2], 0)
        double = comfy.condition(cond[0]["model_conds"]["c_crossattn"].double())
        self.refused("torch.float64", run, comfy.ModelPatcher(comfy.Model(copy.deepcopy(unet.model.diffusion_model)
                                                                          .double())), x.double(), double, "middle.0")
        joint = patcher(comfy.Joint)
        del joint.model.diffusion_model.double_blocks, joint.model.diffusion_model.txt_in
        self.assertIsNone(ag.comfyui.options.text_of(joint.model.diffusion_model, x.shape))
        joint, references = patcher(comfy.Joint), comfy.condition(cond[0]["model_conds"]["c_crossattn"])
        references[0]["model_conds"]["ref_latents"] = [x]
        self.refused("text comes first or last", run, joint, x, references, 0, conds=[references])
        self.assertEqual(len(run(joint, x, references, "single.0", conds=[references])), 1)


class Guided(Near):
    """What tests of the nodes share: predictions of a model, by themselves and perturbed."""

    DEFAULTS = {"layers": "middle.0", "adaptive_scale": 0.0, "sigma_start": -1, "sigma_end": -1, "text_tokens": "auto"}

    def setUp(self):
        self.model, (self.x, self.cond, self.uncond) = patcher(comfy.UNet), scene(4, 6, 10)
        self.c, self.u = predicted(self.model, self.x, [self.cond, self.uncond])
        self.p, self.q = predicted(self.model, self.x, [self.cond, self.uncond], Dense({6: pag}))

    def patched(self, name, model=None, **given):
        return NODES[name]().patch(model or self.model, **self.given(name, given))[0]

    def given(self, name, changes):
        if "Rule" not in name:
            return {**self.DEFAULTS, **changes}
        required = NODES[name].INPUT_TYPES()["required"]
        own = {key: told[0].get("default", kind[0]) for key, (kind, *told) in required.items() if key != "model"}
        return {**own, **changes}

    def denoised(self, model, cfg=4.0, sigma=SIGMA):
        return comfy.sampling_function(model, self.x, sigma, self.uncond, self.cond, cfg)


class Nodes(Guided):
    def test_pag(self):
        for w, g in ((3.0, 4.0), (0.5, 1.0), (0.0, 4.0)):
            want = (self.c if g == 1 else self.u + g * (self.c - self.u)) + w * (self.c - self.p)
            self.near(self.denoised(self.patched("AttnguidePAG", scale=w), g), want)
        counted = self.model.clone()
        counted.model_options["transformer_options"]["optimized_attention_override"] = dense = Dense({})
        self.denoised(self.patched("AttnguidePAG", counted, scale=0.0))
        self.assertEqual(dense.count, 12)
        with torch.inference_mode():
            self.near(self.denoised(self.patched("AttnguidePAG", scale=w), g), want)
        both = self.patched("AttnguidePAG", self.patched("AttnguidePAG", scale=1.0), scale=2.0)
        self.near(self.denoised(both), self.u + 4 * (self.c - self.u) + 3 * (self.c - self.p))

    def test_seg(self):
        for blur, sigma in ((1.0, 1.0), (-1.0, 1e6)):
            p = predicted(self.model, self.x, [self.cond], Dense({6: seg((1, 2, 3), 0, sigma)}))[0]
            got = self.denoised(self.patched("AttnguideSEG", scale=3.0, blur_sigma=blur))
            self.near(got, self.u + 4 * (self.c - self.u) + 3 * (self.c - p))

    def test_oseg(self):
        row = ag.row("orthogonal", sigma=1.5)
        over = [predicted(self.model, self.x, [one], ag.comfyui.override(row=row, rows="all"))[0]
                for one in (self.cond, self.uncond)]
        given = {"scale": 3.0, "blur_sigma": 1.5, "keep_parallel": True}
        got = self.denoised(self.patched("AttnguideOSEG", perturb_uncond=True, **given))
        self.near(got, self.c + 3 * (self.c - over[1]) + 3 * (self.c - over[0]))
        got = self.denoised(self.patched("AttnguideOSEG", perturb_uncond=True, **given), 1.0)
        self.near(got, self.c + 3 * (self.c - over[0]))
        got = self.denoised(self.patched("AttnguideOSEG", perturb_uncond=False, **given))
        self.near(got, self.u + 4 * (self.c - self.u) + 3 * (self.c - over[0]))

    def test_scrambled(self):
        for kind, own in (("permute", {"mix": 0.5}), ("tokens", {}), ("gather", {"draws": 2})):
            p = predicted(self.model, self.x, [self.cond], ag.comfyui.override(row=ag.row(kind, seed=5, **own)))[0]
            got = self.denoised(self.patched("AttnguideScrambled", scale=3.0, kind=kind, seed=5, draws=2, mix=0.5))
            self.near(got, self.u + 4 * (self.c - self.u) + 3 * (self.c - p))

    def test_interval_and_adaptive_scale(self):
        plain = self.u + 4 * (self.c - self.u)
        for start, end, on in ((-1, -1, 1), (5, -1, 1), (4.9, -1, 0), (-1, 5, 0), (-1, 4.9, 1), (6, 4, 1)):
            got = self.denoised(self.patched("AttnguidePAG", scale=3.0, sigma_start=start, sigma_end=end))
            self.near(got, plain + 3 * on * (self.c - self.p))
        for adaptive, w in ((0.001, 2.5), (0.004, 1.0), (0.01, 0.0)):  # at half of sigma_max 500 steps have gone by
            got = self.denoised(self.patched("AttnguidePAG", scale=3.0, adaptive_scale=adaptive))
            self.near(got, plain + w * (self.c - self.p), 1e-5)

    def test_text_tokens(self):
        model, (x, cond, uncond) = patcher(comfy.Joint, "first"), scene(4, 8, 12)
        c, u = predicted(model, x, [cond, uncond])
        for place, offset in (("auto", 7), ("before the picture", 7), ("behind the picture", 0)):
            p = predicted(model, x, [cond], Dense({1: lambda q, k, v, o=offset: pag(q, k, v, o, 24)}))[0]
            guided = self.patched("AttnguidePAG", model, scale=3.0, layers="double.1", text_tokens=place)
            got = comfy.sampling_function(guided, x, SIGMA, uncond, cond, 4.0)
            self.near(got, u + 4 * (c - u) + 3 * (c - p))

    def test_undone(self):
        theirs = Dense({})
        self.model.model_options = {"transformer_options": {"optimized_attention_override": theirs, "patches": {}},
                                    "sampler_post_cfg_function": []}
        before, options = copy.copy(self.model.model_options), self.model.model_options["transformer_options"]
        inside = dict(options)
        guided = self.patched("AttnguidePAG", scale=3.0)
        kept = copy.copy(guided.model_options), dict(guided.model_options["transformer_options"])
        self.denoised(guided)
        self.assertEqual(self.model.model_options, before)
        self.assertIs(self.model.model_options["transformer_options"], options)
        self.assertEqual(options, inside)
        self.assertEqual((guided.model_options, guided.model_options["transformer_options"]), kept)
        self.near(self.denoised(self.model), self.u + 4 * (self.c - self.u), 1e-12)

    def test_wrong_layers(self):
        self.refused("neither a number", self.patched, "AttnguidePAG", scale=3.0, layers="mid")
        self.refused("was not perturbed", self.denoised, self.patched("AttnguidePAG", scale=3.0, layers="99"))

    def test_inputs(self):
        self.assertEqual(set(NODES), set(TITLES))
        self.assertEqual(len(set(TITLES.values())), len(TITLES))
        for name, node in NODES.items():
            self.assertTrue(node.DESCRIPTION and hasattr(node, node.FUNCTION) and node.RETURN_TYPES == ("MODEL",))
            for key, (kind, *told) in node.INPUT_TYPES()["required"].items():
                with self.subTest(node=name, input=key):
                    told = told[0]
                    self.assertTrue(told["tooltip"])
                    if kind in ("FLOAT", "INT"):
                        self.assertTrue(told["min"] <= told["default"] <= told["max"])
                    elif isinstance(kind, list):
                        self.assertIn(told.get("default", kind[0]), kind)


class Rules(Guided):
    """Nodes of rules: what the library's rule gives for the same predictions."""

    def test_there_is_one_for_each(self):
        names = {name.split("_", 1)[1] for name in NODES if "Rule" in name}
        self.assertEqual(names, {"rescale", "apg", "cfg_zero_star", "renorm", "tcfg", "mambo", "tag",
                                 "momentum_guidance", "smc", "mahiro", "fdg"})

    def test_in_place_of_cfg(self):
        c, u, g = self.c, self.u, 4.0
        got = self.denoised(self.patched("AttnguideRule_apg", eta=0.0, radius=2.0), g)
        d = (c - u) * min(1, 2 / (c - u).norm())
        self.near(got, c + (g - 1) * (d - (d * c).sum() / (c * c).sum() * c))
        c, u = self.x - c, self.x - u
        s = (c * u).sum() / (u * u).sum()
        self.near(self.denoised(self.patched("AttnguideRule_cfg_zero_star"), g), self.x - (s * u + g * (c - s * u)))
        got = self.denoised(self.patched("AttnguideRule_cfg_zero_star", space="denoised"), g)
        self.near(got, ag.combine("cfg_zero", [self.c, self.u], cfg_scale=g))
        for name, values in (("mambo", {"damping": 8}), ("mahiro", {}), ("tcfg", {})):
            got = self.denoised(self.patched(f"AttnguideRule_{name}", space="denoised"), g)
            self.near(got, ag.combine(name, [self.c, self.u], cfg_scale=g, **values))
        got = self.denoised(self.patched("AttnguideRule_apg", eta=0.0, radius=0.0, over="channels"), g)
        self.near(got, ag.combine("apg", [self.c, self.u], cfg_scale=g, eta=0, dim=1))

    def test_levels(self):
        self.x, self.cond, self.uncond = scene(4, 12, 8)
        self.c, self.u = predicted(self.model, self.x, [self.cond, self.uncond])
        for scales, numbers in (("10, 5", [10, 5]), ("7", [7])):
            for cfg in (1.0, 4.0):
                got = self.denoised(self.patched("AttnguideRule_fdg", scales=scales, parallel="1"), cfg)
                self.near(got, ag.combine("fdg", [self.c, self.u], scales=numbers, levels=len(numbers)))
        self.refused("not numbers", self.patched, "AttnguideRule_fdg", scales="10; 5")

    def test_behind_cfg(self):
        o = self.u + 4 * (self.c - self.u)
        got = self.denoised(self.patched("AttnguideRule_rescale", rescale=1.0))
        self.near(got, o * self.c.std() / o.std())
        guided = self.patched("AttnguideRule_rescale", self.patched("AttnguidePAG", scale=3.0), rescale=1.0)
        o = o + 3 * (self.c - self.p)
        self.near(self.denoised(guided), o * self.c.std() / o.std())
        got = self.denoised(self.patched("AttnguideRule_renorm", over="channels", renorm_max=1.0))
        o = self.u + 4 * (self.c - self.u)
        self.near(got, o * (self.c.norm(dim=1, keepdim=True) / o.norm(dim=1, keepdim=True)).clamp(max=1))
        d = o - self.x
        along = (d * self.x).sum() / (self.x * self.x).sum() * self.x
        got = self.denoised(self.patched("AttnguideRule_tag", tangential=1.15, radial=1.0))
        self.near(got, self.x + 1.15 * (d - along) + along)

    def test_state(self):
        c, u = self.c, self.u
        guided = self.patched("AttnguideRule_apg", eta=1.0, radius=0.0, momentum=0.5)
        for sigma, m in ((5.0, 1.0), (4.0, 1.5), (3.0, 1.75), (6.0, 1.0)):
            self.near(self.denoised(guided, 4.0, torch.tensor([sigma])), c + 3 * m * (c - u))
        anew = comfy.ModelPatcher(guided.model, copy.deepcopy(guided.model_options))
        self.near(self.denoised(anew), c + 3 * (c - u))
        other = self.patched("AttnguideRule_momentum_guidance", momentum_scale=0.5, decay=0.6)
        first, second = (self.denoised(other, 4.0, torch.tensor([sigma])) for sigma in (5.0, 4.0))
        self.near(first, u + 4 * (c - u))
        self.near(second, u + 4 * (c - u))
        guided = self.patched("AttnguideRule_smc")
        want = ag.combine("smc", [c, u], cfg_scale=4, state=torch.zeros_like(c), first_step=True)
        self.near(self.denoised(guided), want)

    def test_neutral_cfg_and_interval(self):
        for name in NODES:
            if "Rule" not in name or name.endswith(("fdg", "tag")):
                continue
            self.near(self.denoised(self.patched(name), 1.0), self.c)
            for given in ({"sigma_start": 4.9}, {"sigma_end": 5.0}):
                self.near(self.denoised(self.patched(name, **given)), self.u + 4 * (self.c - self.u))

    def test_only_one_takes_the_place_of_cfg(self):
        self.refused("only one of them can", self.patched, "AttnguideRule_tcfg", self.patched("AttnguideRule_apg"))
        self.assertNotIn("sampler_cfg_function", self.model.model_options)


if __name__ == "__main__":
    unittest.main()
