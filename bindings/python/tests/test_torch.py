"""PyTorch: the library under F.scaled_dot_product_attention, and attention with methods as one operator."""
import random
import unittest

import attnguide as ag
import exact
import numpy
import torch
import torch.nn.functional as F
from torch import library as operators
from attnguide import _engine
from test_arrays import Calls
from torch.nn.attention import SDPBackend, sdpa_kernel

TOLERANCE = {torch.float32: 2e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}


def normal(*shape, dtype=torch.float32, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def qkv(*shape, dtype=torch.float32):
    return [normal(*(shape or (2, 4, 24, 8)), dtype=dtype, seed=seed) for seed in range(3)]


def by_math(*args, **kwargs):
    with sdpa_kernel(SDPBackend.MATH):
        return F.scaled_dot_product_attention(*args, **kwargs)


class Activated(unittest.TestCase):
    def near(self, got, want, tolerance):
        self.assertEqual(got.shape, want.shape)
        worst = (got.double() - want.double()).abs().max().item() if got.numel() else 0
        self.assertFalse(not worst <= tolerance, f"{worst} beyond {tolerance}")

    def problem(self, draw):
        """Some problem, by a random number generator: (q, k, v) and the keywords."""
        dtype = draw.choice((torch.float32, torch.float32, torch.float16, torch.bfloat16))
        batch, heads, n, m = draw.randint(1, 3), draw.choice((1, 2, 4, 6)), draw.randint(1, 70), draw.randint(1, 90)
        d = draw.choice((4, 8, 16, 40, 64, 80))
        shared = draw.choice([h for h in (1, 2, 3, heads) if heads % h == 0]) if draw.random() < 0.3 else heads
        seed = draw.randint(0, 1 << 30)
        shapes = ((batch, heads, n, d), (batch, shared, m, d), (batch, shared, m, d))
        tensors = []
        for i, (b, h, tokens, width) in enumerate(shapes):
            x = normal(b, tokens, h, width, dtype=dtype, seed=seed + i).transpose(1, 2)
            tensors.append(x if draw.random() < 0.5 else x.contiguous())
        given = {}
        if draw.random() < 0.3:
            given["is_causal"] = True
        elif draw.random() < 0.5:
            shape = draw.choice(((n, m), (batch, 1, n, m), (1, 1, 1, m), (batch, 1, 1, m), (batch, heads, n, m)))
            mask = normal(*shape, seed=seed + 3)
            given["attn_mask"] = mask > -1 if draw.random() < 0.5 else mask.to(dtype)
            if given["attn_mask"].dtype is torch.bool:
                given["attn_mask"][..., 0] = True
        if draw.random() < 0.3:
            given["scale"] = draw.uniform(0.05, 1)
        if shared != heads:
            given["enable_gqa"] = True
        return tensors, given

    def test_grid_of_problems(self):
        draw = random.Random(7)
        for number in range(500):
            tensors, given = self.problem(draw)
            exactly = {**given}
            if exactly.get("attn_mask") is not None and exactly["attn_mask"].dtype is not torch.bool:
                exactly["attn_mask"] = exactly["attn_mask"].double()
            want = by_math(*(x.double() for x in tensors), **exactly)
            with ag.torch.active():
                got = F.scaled_dot_product_attention(*tensors, **given)
            self.assertIs(got.dtype, tensors[0].dtype)
            with self.subTest(number=number, shapes=[tuple(x.shape) for x in tensors], given=list(given)):
                self.near(got, want, TOLERANCE[got.dtype])

    def test_it_is_the_library(self):
        q, k, v = (x.transpose(1, 2) for x in qkv(2, 24, 4, 8))
        calls = _engine.lib.c
        _engine.lib.c = noted = Calls(calls)
        try:
            with ag.torch.active():
                out = F.scaled_dot_product_attention(q, k, v)
            F.scaled_dot_product_attention(q, k, v)
        finally:
            _engine.lib.c = calls
        pointers = [(args.q, args.k, args.v, args.out) for args in noted.seen]
        self.assertEqual(pointers, [tuple(x.data_ptr() for x in (q, k, v, out))])
        self.assertTrue(out.transpose(1, 2).is_contiguous())

    def test_hidden_rows(self):
        q, k, v = qkv()
        mask = torch.ones(24, 24, dtype=torch.bool)
        mask[3] = False
        with ag.torch.active():
            out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        self.near(out, by_math(q, k, v, attn_mask=mask), 2e-6)
        self.assertTrue((out[:, :, 3] == 0).all())

    def test_what_is_not_served_is_pytorchs(self):
        q, k, v = qkv()
        with ag.torch.active():
            self.near(F.scaled_dot_product_attention(q.double(), k.double(), v.double()),
                      by_math(q.double(), k.double(), v.double()), 1e-12)
            torch.manual_seed(0)
            dropped = F.scaled_dot_product_attention(q, k, v, dropout_p=0.5)
            empty = F.scaled_dot_product_attention(q[:, :, :0], k, v)
        torch.manual_seed(0)
        self.near(dropped, F.scaled_dot_product_attention(q, k, v, dropout_p=0.5), 0)
        self.assertEqual(empty.shape, (2, 4, 0, 8))

    def test_backward(self):
        for given in ({}, {"is_causal": True}, {"attn_mask": normal(24, 24)}):
            gradients = []
            for active in (True, False):
                tensors = [x.requires_grad_() for x in qkv()]
                if active:
                    with ag.torch.active():
                        out = F.scaled_dot_product_attention(*tensors, **given)
                else:
                    out = F.scaled_dot_product_attention(*tensors, **given)
                (out * normal(*out.shape, seed=9)).sum().backward()
                gradients.append([x.grad for x in tensors])
            for got, want in zip(*gradients):
                self.near(got, want, 5e-6)

    def test_backward_of_queries_that_see_nothing(self):
        mask = torch.ones(24, 24, dtype=torch.bool)
        mask[3] = False
        gradients = []
        for active in (True, False):
            tensors = [x.requires_grad_() for x in qkv()]
            if active:
                ag.torch.activate()
            F.scaled_dot_product_attention(*tensors, attn_mask=mask).sum().backward()
            ag.torch.deactivate()
            gradients.append([x.grad for x in tensors])
        for got, want in zip(*gradients):
            self.near(got, want, 5e-6)

    def test_undone(self):
        kernel = str(operators.get_kernel(ag.torch.OPERATOR, "CPU"))
        ag.torch.deactivate()
        ag.torch.activate()
        ag.torch.activate()
        self.assertNotEqual(str(operators.get_kernel(ag.torch.OPERATOR, "CPU")), kernel)
        with ag.torch.active():
            pass
        self.assertNotEqual(str(operators.get_kernel(ag.torch.OPERATOR, "CPU")), kernel)
        ag.torch.deactivate()
        self.assertEqual(str(operators.get_kernel(ag.torch.OPERATOR, "CPU")), kernel)

    def test_compiled(self):
        q, k, v = qkv()
        compiled = torch.compile(lambda q, k, v: F.scaled_dot_product_attention(q * 2, k, v), fullgraph=True)
        with ag.torch.active(), torch.no_grad():
            self.near(compiled(q, k, v), by_math(q * 2, k, v), 2e-6)


class Tensors(unittest.TestCase):
    def test_attention(self):
        for dtype in (torch.float32, torch.float16, torch.bfloat16):
            q, k, v = qkv(dtype=dtype)
            rows = [ag.row("identity"), ag.row("smoothed", sigma=1, grid=(1, 4, 6))]
            got = ag.attention(q, k, v, rows=rows)
            self.assertIs(got.dtype, dtype)
            want = exact.attention(exact.blur(q.double().numpy(), 1, (1, 4, 6)), k.double(), v.double())
            want[0] = v[0].double()
            self.assertLessEqual(numpy.abs(got.double().numpy() - want).max(), TOLERANCE[dtype])

    def test_parameters_and_views(self):
        q, k, v = qkv()
        with torch.no_grad():
            self.assertTrue(torch.equal(ag.attention(torch.nn.Parameter(q), k, v), ag.attention(q, k, v)))

    def test_a_gradient_is_refused(self):
        q, k, v = qkv()
        ag.attention(q, k, v)  # nor must a call without one
        with torch.no_grad():
            ag.attention(q.requires_grad_(), k, v)
        with self.assertRaises(ag.Refused) as caught:
            ag.attention(q, k, v)
        self.assertIn("gradient", str(caught.exception))
        ag.torch.attention(q, k, v)  # has a gradient of its own, and must not make the next one pass
        with self.assertRaises(ag.Refused):
            ag.attention(q, k, v)
        with self.assertRaises(ag.Refused):
            ag.attention(*qkv(), bias=normal(24, 24).requires_grad_())

    def test_numbers_that_are_read_negated_are_refused(self):
        q, k, v = qkv()
        ag.attention(q, k, v)
        for given in ((torch._neg_view(q), k, v), (q, torch._neg_view(k), v), (q, k, torch._neg_view(v))):
            with self.assertRaises(ag.Refused) as caught:
                ag.attention(*given)
            self.assertIn("negated", str(caught.exception))

    def test_autograd_learns_what_was_written(self):
        weight, x = normal(2, 4, 24, 8).requires_grad_(), torch.zeros(2, 4, 24, 8)
        for write in (lambda: ag.attention(*qkv(), out=x), lambda: ag.combine("linear", qkv()[:2], [1, 0], out=x)):
            product = weight * x
            write()
            with self.assertRaisesRegex(RuntimeError, "modified by an inplace operation"):
                product.sum().backward()
        with torch.inference_mode():
            ag.attention(*qkv(), out=torch.zeros(2, 4, 24, 8))

    def test_guidance(self):
        c, u = normal(2, 4, 8, 8), normal(2, 4, 8, 8, seed=1)
        self.assertTrue(torch.allclose(ag.combine("linear", [c, u], ag.weights_cfg(3)), u + 3 * (c - u), atol=1e-5))
        half = ag.combine("apg", [c.bfloat16(), u.bfloat16()], scale=3)
        self.assertIs(half.dtype, torch.bfloat16)

    def test_devices(self):
        q, k, v = qkv()
        with self.assertRaises(ag.Refused):
            ag.attention(q.to("meta"), k.to("meta"), v.to("meta"))
        with self.assertRaises(TypeError):
            ag.attention(q, k.numpy(), v)


class Operator(unittest.TestCase):
    ROWS = [ag.row("standard"), ag.row("smoothed", sigma=1, grid=(1, 4, 6), strength=0.5)]

    def test_equals_attention(self):
        q, k, v = qkv()
        self.assertTrue(torch.equal(ag.torch.attention(q, k, v, rows=self.ROWS), ag.attention(q, k, v, rows=self.ROWS)))
        out, sums = ag.torch.attention(q, k, v, lse=True)
        again, same = ag.attention(q, k, v, lse=True)
        self.assertTrue(torch.equal(out, again) and torch.equal(sums, same))
        seen = torch.arange(24)[None] < torch.tensor([[5], [24]])
        self.assertTrue(torch.equal(ag.torch.attention(q, k, v, key_mask=seen), ag.attention(q, k, v, key_mask=seen)))
        back = ag.row("tokens", index=list(range(23, -1, -1)))
        self.assertTrue(torch.equal(ag.torch.attention(q, k, v, rows=back), ag.attention(q, k, v, rows=back)))

    def test_compile_keeps_it_whole(self):
        q, k, v = qkv()

        def layer(q, k, v):
            return ag.torch.attention(q * 2, k, v, rows=self.ROWS).relu()
        want = ag.attention(q * 2, k, v, rows=self.ROWS).relu()
        self.assertTrue(torch.allclose(torch.compile(layer, fullgraph=True)(q, k, v), want, atol=1e-6))

    def test_checks_of_pytorch(self):
        q, k, v = qkv()
        words = "[" + ",".join(row.words for row in self.ROWS) + "]"
        for lse in (False, True):
            rows = "[]" if lse else words
            operators.opcheck(ag.torch.operator, (q, k, v, rows, None, False, None, None, None, lse, "bhnd"),
                                  test_utils=("test_schema", "test_faketensor", "test_aot_dispatch_dynamic"))

    def test_no_backward(self):
        q, k, v = qkv()
        with self.assertRaises(ag.Refused) as caught:
            ag.torch.attention(q.requires_grad_(), k, v, rows=self.ROWS).sum().backward()
        self.assertIn("no gradient", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
