"""diffusers: the backend, the processors of its PAG pipelines, and guided() on models of every shape."""
import contextlib
import unittest
import unittest.mock
import warnings

import attnguide as ag
import exact
import tiny
import torch
import torch.nn.functional as F
from attnguide.diffusers.layers import blocks_of, is_self, is_unet
from diffusers.models import attention_processor as theirs
from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry
from diffusers.utils import logging

warnings.simplefilter("ignore")
logging.set_verbosity_error()

METHODS = {"identity": {}, "uniform": {}, "smoothed": {"sigma": 1.5}, "orthogonal": {"sigma": 1.5}, "gather": {},
           "permute": {}, "tokens": {}, "softened": {"inverse_temperature": 0.3}, "masked": {"probability": 0.7},
           "noisy": {"amplitude": 3.0}, "sparse": {}}


def setUpModule():
    torch.set_grad_enabled(False)


def tearDownModule():
    torch.set_grad_enabled(True)


def far(got, want):
    return ((got - want).norm() / want.norm()).item()


def first(output):
    return output if isinstance(output, torch.Tensor) else output[0]


@contextlib.contextmanager
def dense(call, perturb):
    """Inside, attention call number `call` of a model is made by perturb(q, k, v) in float64 for the last third."""
    plain, count = F.scaled_dot_product_attention, [0]

    def attend(query, key, value, *args, **kwargs):
        out, count[0] = plain(query, key, value, *args, **kwargs), count[0] + 1
        if count[0] - 1 == call:
            one = query.shape[0] // 3
            done = perturb(*(x[-one:].double().numpy() for x in (query, key, value)))
            out = torch.cat([out[:-one], torch.from_numpy(done).to(out.dtype)])
        return out
    with unittest.mock.patch.object(F, "scaled_dot_product_attention", attend):
        yield


class Guided(unittest.TestCase):
    def near(self, got, want, tolerance=2e-6):
        worst = far(got, want)
        self.assertFalse(not worst <= tolerance, f"{worst} beyond {tolerance}")

    def test_forked_stock_and_whole_agree(self):
        for make in tiny.ALL:
            model, inputs = tiny.made(make)
            three = tiny.with_perturbed(inputs)
            plain = first(model(**three))
            numbered = [one for one in model.modules() if is_self(one)] if is_unet(model) else blocks_of(model)
            count = len(numbered)
            for layers in ([0], [count - 1], [count // 2], list(range(count))):
                with self.subTest(model=make.__name__, layers=layers):
                    row = ag.row("identity")
                    with ag.diffusers.guided(model, layers, row=row, fork=False):
                        want = first(model(**three))
                    with ag.diffusers.guided(model, layers, row=row):
                        forked = first(model(**three))
                    with ag.diffusers.guided(model, layers, rows="stock", row=row, scale=2, cfg=4):
                        stock = first(model(**inputs))
                    self.near(forked, want)
                    self.near(want[:2], plain[:2])
                    self.assertGreater(far(want[2:], plain[2:]), 1e-4)
                    self.near(stock, torch.cat([want[:1], want[1:2] + 0.5 * (want[1:2] - want[2:])]))

    def test_without_guidance_of_the_pipeline(self):
        model, inputs = tiny.made(tiny.sd3)
        pair = {name: x[1:].repeat(2, *[1] * (x.dim() - 1)) for name, x in inputs.items()}
        with ag.diffusers.guided(model, [1], rows="pag", row=ag.row("uniform")):
            want = first(model(**pair))
        with ag.diffusers.guided(model, [1], rows="stock", row=ag.row("uniform"), scale=3):
            got = first(model(**{name: x[1:] for name, x in inputs.items()}))
        self.near(got, want[:1] + 3 * (want[:1] - want[1:]))

    def test_sweep_is_the_perturbed_network_alone(self):
        for make, count in ((tiny.unet, 6), (tiny.flux, 5)):
            model, inputs = tiny.made(make)
            three, plain = tiny.with_perturbed(inputs), first(model(**inputs))
            swept = list(ag.diffusers.sweep(model, lambda: first(model(**inputs)), cfg=4))  # noqa: B023 (used at once)
            self.assertEqual([layer for layer, _ in swept], list(range(count)))
            for layer, got in swept:
                with ag.diffusers.guided(model, layer):
                    want = first(model(**three))
                self.near(got[:1], plain[:1])
                self.near(got[1:], want[2:], 1e-5)
        only = list(ag.diffusers.sweep(model, lambda: first(model(**inputs)), layers=[2], row=ag.row("uniform"), cfg=4))
        self.assertEqual([layer for layer, _ in only], [2])
        self.near(first(model(**inputs)), plain)

    def test_pag_equals_diffusers(self):
        model, inputs = tiny.made(tiny.unet)
        three = tiny.with_perturbed(inputs)
        for number, (name, module) in enumerate((n, m) for n, m in model.named_modules() if is_self(m)):
            before, module.processor = module.processor, theirs.PAGCFGIdentitySelfAttnProcessor2_0()
            want = first(model(**three))
            module.processor = ag.diffusers.pag_processors("identity")[0]
            self.near(first(model(**three)), want)
            module.processor = before
            for layers in ([number], [name], name):
                with ag.diffusers.guided(model, layers) as guided:
                    self.near(first(model(**three)), want)
                self.assertEqual((guided.layers, guided.calls), ([name], 1))

    def test_seg_is_the_published_rule(self):
        model, inputs = tiny.made(tiny.sd3)
        three = tiny.with_perturbed(inputs)
        for sigma in (1.0, 1e6):
            with dense(2, lambda q, k, v, sigma=sigma: exact.attention(exact.blur(q, sigma, (1, 6, 10)), k, v)):
                want = first(model(**three))
            with ag.diffusers.guided(model, [2], row=ag.row("smoothed", sigma=sigma)):
                self.near(first(model(**three)), want)

    def test_flux_against_dense_masks(self):
        model, inputs = tiny.made(tiny.flux)
        three, bias = tiny.with_perturbed(inputs), exact.identity_bias(31, 7, 24)
        for block in range(5):
            with dense(block, lambda q, k, v: exact.attention(q, k, v, bias=bias)):
                want = first(model(**three))
            with ag.diffusers.guided(model, [block]):
                self.near(first(model(**three)), want)
            with dense(block, lambda q, k, v: exact.attention(exact.blur(q, 1, (1, 4, 6), 7), k, v)):
                want = first(model(**three))
            with ag.diffusers.guided(model, [block], row=ag.row("smoothed", sigma=1)):
                self.near(first(model(**three)), want)

    def test_sd3_against_dense_masks(self):
        model, inputs = tiny.made(tiny.sd3)
        three, bias = tiny.with_perturbed(inputs), exact.identity_bias(67, 0, 60)
        with dense(1, lambda q, k, v: exact.attention(q, k, v, bias=bias)):
            want = first(model(**three))
        with ag.diffusers.guided(model, [1]):
            self.near(first(model(**three)), want)

    def test_every_method(self):
        for make in (tiny.unet, tiny.flux):
            model, inputs = tiny.made(make)
            three = tiny.with_perturbed(inputs)
            plain = first(model(**three))
            for method, fields in METHODS.items():
                with self.subTest(model=make.__name__, method=method):
                    with ag.diffusers.guided(model, [0, 1], row=ag.row(method, **fields)):
                        got = first(model(**three))
                    self.assertTrue(torch.isfinite(got).all())
                    self.near(got[:2], plain[:2])
                    self.assertGreater(far(got[2:], plain[2:]), 1e-5)

    def test_other_backends_are_seen(self):
        model, inputs = tiny.made(tiny.flux)
        three = tiny.with_perturbed(inputs)
        with ag.diffusers.guided(model, [0, 3]):
            want = first(model(**three))
        for backend in ("_native_math", "attnguide"):
            ag.diffusers.enable()
            model.set_attention_backend(backend)
            with ag.diffusers.guided(model, [0, 3]):
                self.near(first(model(**three)), want)
        ag.diffusers.disable()

    def test_backends_come_and_go_inside(self):
        model, inputs = tiny.made(tiny.flux)
        three, before = tiny.with_perturbed(inputs), _AttentionBackendRegistry._backends
        with ag.diffusers.guided(model, [0, 3]):
            want = first(model(**three))
            ag.diffusers.enable()
            model.set_attention_backend("attnguide")
            self.near(first(model(**three)), want)
        self.assertIs(_AttentionBackendRegistry._backends, before)
        with ag.diffusers.guided(model, [0, 3]):
            self.near(first(model(**three)), want)
            ag.diffusers.disable()
        self.assertNotIn("attnguide", [one.value for one in _AttentionBackendRegistry._backends])
        other, _ = tiny.made(tiny.flux)
        one, two = ag.diffusers.guided(model, [0, 3]), ag.diffusers.guided(other, [0, 3])
        one.__enter__(), two.__enter__(), one.__exit__(None, None, None)
        self.near(first(other(**three)), want)
        two.__exit__(None, None, None)
        self.assertIs(_AttentionBackendRegistry._backends, before)

    def test_a_compiled_model(self):
        model, inputs = tiny.made(tiny.unet)
        three = tiny.with_perturbed(inputs)
        with ag.diffusers.guided(model, [0]):
            want = first(model(**three))
        model.compile(backend="eager")
        compiled = model._compiled_call_impl
        with ag.diffusers.guided(model, [0]):
            self.near(first(model(**three)), want)
        self.assertIs(model._compiled_call_impl, compiled)
        with self.assertRaises(ag.Refused), ag.diffusers.guided(torch.compile(model), [0]):
            pass

    def test_several_pictures(self):
        model, inputs = tiny.made(tiny.pixart)
        inputs["hidden_states"] = torch.randn(2, 4, 8, 12)
        both = {name: x.repeat_interleave(2, 0) if isinstance(x, torch.Tensor) else x for name, x in inputs.items()}
        both["hidden_states"] = torch.cat([inputs["hidden_states"]] * 3)
        for name in ("encoder_hidden_states", "encoder_attention_mask", "timestep"):
            both[name] = torch.cat([both[name], both[name][2:]])
        with ag.diffusers.guided(model, [1, 2], fork=False):
            want = first(model(**both))
        with ag.diffusers.guided(model, [1, 2]):
            self.near(first(model(**both)), want)

    def test_undone(self):
        model, inputs = tiny.made(tiny.unet)
        three = tiny.with_perturbed(inputs)
        want, before = first(model(**three)), _AttentionBackendRegistry._backends
        state = [(dict(m.__dict__), list(m._forward_hooks), list(m._forward_pre_hooks)) for m in model.modules()]
        with self.assertRaises(ZeroDivisionError), ag.diffusers.guided(model, [0]):
            model(**three)
            raise ZeroDivisionError
        self.assertIs(_AttentionBackendRegistry._backends, before)
        for module, (own, hooks, earlier) in zip(model.modules(), state):
            self.assertEqual(list(module.__dict__), list(own))
            self.assertTrue(all(module.__dict__[name] is value for name, value in own.items()))
            self.assertEqual((list(module._forward_hooks), list(module._forward_pre_hooks)), (hooks, earlier))
        self.assertTrue(torch.equal(first(model(**three)), want))

    def test_sparse_is_for_cross_attention(self):
        model, inputs = tiny.made(tiny.unet)
        three, layer = tiny.with_perturbed(inputs), "mid_block.attentions.0.transformer_blocks.0.attn2"
        plain = first(model(**three))
        with ag.diffusers.guided(model, layer, row=ag.row("sparse")):
            got = first(model(**three))
        self.near(got[:2], plain[:2])
        self.assertGreater(far(got[2:], plain[2:]), 1e-5)

    def test_residuals_of_a_controlnet(self):
        model, inputs = tiny.made(tiny.unet)
        shapes = [(32, 16, 24)] * 3 + [(32, 8, 12)] + [(64, 8, 12)] * 2
        inputs["down_block_additional_residuals"] = tuple(torch.randn(2, *shape) for shape in shapes)
        inputs["mid_block_additional_residual"] = torch.randn(2, 64, 8, 12)
        three = tiny.with_perturbed(inputs)
        with ag.diffusers.guided(model, [2], fork=False):
            want = first(model(**three))
        with ag.diffusers.guided(model, [2]):
            self.near(first(model(**three)), want)
        with ag.diffusers.guided(model, [2], rows="stock", scale=2, cfg=4):
            self.near(first(model(**inputs)), torch.cat([want[:1], want[1:2] + 0.5 * (want[1:2] - want[2:])]))

    def test_refusals(self):
        unet, inputs = tiny.made(tiny.unet)
        three = tiny.with_perturbed(inputs)
        other = {**three, "sample": torch.cat([three["sample"][:2], three["sample"][2:] + 1])}
        sana, _ = tiny.made(tiny.sana)
        for sentence, model, given, call in (
                ("layers holds 99", unet, {"layers": [99]}, None),
                ("no layer 'attn'", unet, {"layers": ["attn"]}, None),
                ("layers is empty", unet, {"layers": []}, None),
                ("is cross-attention", unet, {"layers": ["mid_block.attentions.0.transformer_blocks.0.attn2"]}, None),
                ("needs scale", unet, {"layers": [0], "rows": "stock"}, None),
                ("go with rows", unet, {"layers": [0], "scale": 3}, None),
                ("rows is 'cfg'", unet, {"layers": [0], "rows": "cfg"}, None),
                ("not 3 equal parts", unet, {"layers": [0]}, inputs),
                ("begin equal", unet, {"layers": [0]}, other),
                ("grid", unet, {"layers": [0], "row": ag.row("smoothed", sigma=1, grid=(1, 5, 7))}, three),
                ("linear attention", sana, {"layers": [0], "row": ag.row("uniform")}, None)):
            with self.subTest(sentence), self.assertRaises(ag.Refused) as caught:
                with ag.diffusers.guided(model, **given):
                    if call is not None:
                        model(**call)
            self.assertIn(sentence, str(caught.exception))

    def test_a_processor_that_is_not_seen_is_refused(self):
        model, inputs = tiny.made(tiny.unet)
        model.mid_block.attentions[0].transformer_blocks[0].attn1.processor = theirs.AttnProcessor()
        with self.assertRaises(ag.Refused) as caught, ag.diffusers.guided(
                model, ["mid_block.attentions.0.transformer_blocks.0.attn1"]):
            model(**tiny.with_perturbed(inputs))
        self.assertIn("was not perturbed", str(caught.exception))

    def test_nothing_is_copied(self):
        model, inputs = tiny.made(tiny.flux)
        seen = []

        def note(operation, q, k, v, *args, **kwargs):
            seen.append([x.data_ptr() for x in (q, k, v)])
            return run(operation, q, k, v, *args, **kwargs)
        run = ag._attention.run
        taken = []
        from attnguide.diffusers import perturb
        take = perturb.Perturbed.take

        def watch(self, q, k, v, *args):
            taken.append([x.data_ptr() for x in (q, k, v)])
            return take(self, q, k, v, *args)
        with unittest.mock.patch.object(ag._attention, "run", note), unittest.mock.patch.object(
                perturb.Perturbed, "take", watch), ag.diffusers.guided(model, [0, 4]):
            model(**tiny.with_perturbed(inputs))
        self.assertEqual(seen, taken)


class Backend(unittest.TestCase):
    def test_a_model_runs_on_it(self):
        for make in (tiny.flux, tiny.wan, tiny.qwen, tiny.ltx):
            model, inputs = tiny.made(make)
            want = first(model(**inputs))
            ag.diffusers.enable()
            ag.diffusers.enable()
            model.set_attention_backend("attnguide")
            self.assertLessEqual(far(first(model(**inputs)), want), 2e-6)
            ag.diffusers.disable()
            self.assertLessEqual(far(first(model(**inputs)), want), 0)

    def test_undone(self):
        names, table = list(AttentionBackendName), dict(_AttentionBackendRegistry._backends)
        ag.diffusers.disable()
        ag.diffusers.enable()
        self.assertIn("attnguide", [one.value for one in AttentionBackendName])
        ag.diffusers.disable()
        self.assertEqual((list(AttentionBackendName), _AttentionBackendRegistry._backends), (names, table))

    def test_calls(self):
        from attnguide.diffusers.backend import attend
        q, k, v = (torch.randn(2, 9, 4, 8) for _ in range(3))
        want = F.scaled_dot_product_attention(*(x.transpose(1, 2) for x in (q, k, v))).transpose(1, 2)
        out, lse = attend(q, k, v, return_lse=True)
        self.assertLessEqual(far(out, want), 1e-6)
        self.assertEqual(lse.shape, (2, 9, 4))
        mask = torch.tensor([[True] * 5 + [False] * 4, [True] * 9])
        hidden = F.scaled_dot_product_attention(*(x.transpose(1, 2) for x in (q, k, v)), mask[:, None, None])
        self.assertLessEqual(far(attend(q, k, v, attn_mask=mask), hidden.transpose(1, 2)), 1e-6)
        for given in ({"dropout_p": 0.5}, {"_parallel_config": object()}):
            with self.assertRaises(ag.Refused):
                attend(q, k, v, **given)


if __name__ == "__main__":
    unittest.main()
