"""The package over numpy arrays: what it computes, that it copies nothing, and what it refuses."""
import ctypes
import json
import os
import subprocess
import sys
import threading
import unittest

import attnguide as ag
import exact
import numpy
from attnguide import _engine

B, H, N, D = 2, 4, 24, 8
GRID = (1, 4, 6)


def normal(*shape, seed=0, dtype=numpy.float32):
    return numpy.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


def qkv(*shape):
    return [normal(*(shape or (B, H, N, D)), seed=seed) for seed in (1, 2, 3)]


class Calls:
    """The library's calls, noting the arguments of attention."""

    def __init__(self, calls):
        self.calls, self.seen = calls, []

    def __getattr__(self, name):
        call = getattr(self.calls, name)
        if name != "ag_attention_guided":
            return call

        def noted(context, problem, args, why, size):
            self.seen.append(_engine.lib.ag_args.from_buffer_copy(_engine.lib.ag_args.from_address(args)))
            return call(context, problem, args, why, size)
        return noted


class Attention(unittest.TestCase):
    def near(self, got, want, tolerance=2e-6):
        self.assertEqual(got.shape, want.shape)
        worst = numpy.abs(got.astype(numpy.float64) - want).max()
        self.assertFalse(not worst <= tolerance, f"{worst} beyond {tolerance}")

    def test_standard(self):
        q, k, v = qkv()
        self.near(ag.attention(q, k, v), exact.attention(q, k, v))
        self.near(ag.attention(q, k, v, scale=0.7), exact.attention(q, k, v, 0.7))
        self.near(ag.attention(q[:, :, :5], k, v, causal=True), exact.attention(q[:, :, :5], k, v, causal=True))

    def test_lse(self):
        q, k, v = qkv()
        out, sums = ag.attention(q, k, v, lse=True)
        self.near(out, exact.attention(q, k, v))
        self.near(sums, exact.lse(q, k))

    def test_rows(self):
        q, k, v = qkv()
        rows = [ag.row("identity"), ag.row("smoothed", sigma=1, grid=GRID)]
        got = ag.attention(q, k, v, rows=rows)
        self.near(got[:1], v[:1].astype(numpy.float64))
        self.near(got[1:], exact.attention(exact.blur(q, 1, GRID), k, v)[1:])

    def test_one_row_serves_all(self):
        q, k, v = qkv()
        uniform = numpy.broadcast_to(v.mean(2, keepdims=True, dtype=numpy.float64), v.shape)
        self.near(ag.attention(q, k, v, rows=ag.row("uniform")), uniform)
        self.near(ag.attention(q, k, v, rows=[ag.row("uniform")]), uniform)

    def test_row_maps(self):
        q, k, v = qkv()
        rows = [ag.row("standard", q_row=0, kv_row=1), ag.row("standard", q_row=1, kv_row=1),
                ag.row("identity", q_row=0, kv_row=0)]
        got, whole = ag.attention(q, k, v, rows=rows), exact.attention(q[[0, 1]], k[[1, 1]], v[[1, 1]])
        self.near(got, numpy.concatenate([whole, v[:1]]))

    def test_text_beside_image(self):
        q, k, v = qkv()
        bias = exact.identity_bias(N, 9, 15)
        self.near(ag.attention(q, k, v, rows=ag.row("identity", image=(9, 15))), exact.attention(q, k, v, bias=bias))

    def test_heads_and_strength(self):
        q, k, v = qkv()
        standard = exact.attention(q, k, v)
        want = standard.copy()
        want[:, [0, 3]] = v[:, [0, 3]]
        self.near(ag.attention(q, k, v, rows=ag.row("identity", heads=[0, 3])), want)
        self.near(ag.attention(q, k, v, rows=ag.row("identity", strength=0.25)), 0.75 * standard + 0.25 * v)

    def test_every_method_runs(self):
        q, k, v = qkv()
        given = {"smoothed": {"sigma": 1, "grid": GRID}, "orthogonal": {"sigma": 1, "grid": GRID},
                 "softened": {"inverse_temperature": 0.5}, "masked": {"probability": 0.5}, "noisy": {"amplitude": 1}}
        for method in ("identity", "uniform", "smoothed", "orthogonal", "gather", "permute", "tokens", "softened",
                       "masked", "noisy", "sparse"):
            out = ag.attention(q, k, v, rows=ag.row(method, **given.get(method, {})))
            self.assertTrue(numpy.isfinite(out).all() and not numpy.array_equal(out, ag.attention(q, k, v)), method)

    def test_seed_and_index(self):
        q, k, v = qkv()
        one, same, other = (ag.attention(q, k, v, rows=ag.row("tokens", seed=seed)) for seed in (5, 5, 6))
        self.assertTrue(numpy.array_equal(one, same) and not numpy.array_equal(one, other))
        self.assertTrue(numpy.array_equal(ag.attention(q, k, v, rows=ag.row("tokens")), ag.attention(
            q, k, v, rows=ag.row("tokens", seed=0))))
        back = ag.attention(q, k, v, rows=ag.row("tokens", index=numpy.arange(N)[::-1]))
        self.near(back, exact.attention(q, k, v)[:, :, ::-1])

    def test_layouts_and_strides(self):
        q, k, v = qkv()
        want = exact.attention(q, k, v)
        turned = [numpy.ascontiguousarray(x.swapaxes(1, 2)) for x in (q, k, v)]
        self.near(ag.attention(*turned, layout="bnhd"), want.swapaxes(1, 2))
        self.near(ag.attention(*(x.swapaxes(1, 2) for x in turned)), want)
        fused = numpy.ascontiguousarray(numpy.stack(turned, 2))
        self.near(ag.attention(*(fused[:, :, i] for i in range(3)), layout="bnhd"), want.swapaxes(1, 2))
        repeated = [numpy.broadcast_to(x[:1], x.shape) for x in (k, v)]
        self.near(ag.attention(q, *repeated), exact.attention(q, k[[0, 0]], v[[0, 0]]))

    def test_grouped_heads_and_widths(self):
        q, k, v = normal(2, 6, 7, 16), normal(2, 2, 11, 16, seed=1), normal(2, 2, 11, 5, seed=2)
        self.near(ag.attention(q, k, v), exact.attention(q, k, v))

    def test_half_types(self):
        q, k, v = (x.astype(numpy.float16) for x in qkv())
        out = ag.attention(q, k, v)
        self.assertEqual(out.dtype, numpy.float16)
        self.near(out, exact.attention(q, k, v), 2e-3)

    def test_masks(self):
        q, k, v = qkv()
        seen = numpy.random.default_rng(4).random((B, N)) < 0.7
        hide = numpy.where(seen, 0, -numpy.inf)[:, None, None]
        want = exact.attention(q, k, v, bias=hide)
        self.near(ag.attention(q, k, v, key_mask=seen), want)
        self.near(ag.attention(q, k, v, key_mask=seen.astype(numpy.uint8)), want)
        self.near(ag.attention(q, k, v, bias=seen[:, None, None]), want)
        self.near(ag.attention(q, k, v, key_mask=seen[:1]), exact.attention(q, k, v, bias=hide[:1]))
        short = numpy.where(numpy.arange(N) < numpy.array([[5], [N]]), 0, -numpy.inf)[:, None, None]
        self.near(ag.attention(q, k, v, key_lengths=[5, N]), exact.attention(q, k, v, bias=short))
        for shape in ((N, N), (H, N, N), (B, 1, N, N), (1, 1, 1, N), (N,)):
            bias = normal(*shape)
            self.near(ag.attention(q, k, v, bias=bias), exact.attention(q, k, v, bias=bias))

    def test_out_and_in_place(self):
        q, k, v = qkv()
        want, out = exact.attention(q, k, v), numpy.full((B, H, N, D), numpy.nan, numpy.float32)
        self.assertIs(ag.attention(q, k, v, out=out), out)
        self.near(out, want)
        self.assertIs(ag.attention(q, k, v, out=q), q)
        self.near(q, want)

    def test_nothing_is_copied(self):
        q, k, v = (x.swapaxes(1, 2) for x in qkv(B, N, H, D))
        calls = _engine.lib.c
        _engine.lib.c = noted = Calls(calls)
        try:
            ag.attention(q, k, v)
            ag.attention(q, k, v, rows=[ag.row("standard"), ag.row("smoothed", sigma=1, grid=GRID)])
        finally:
            _engine.lib.c = calls
        pointers = tuple(x.ctypes.data for x in (q, k, v))
        self.assertEqual([(args.q, args.k, args.v) for args in noted.seen], [pointers] * 2)

    def test_others(self):
        q, k, _ = qkv()
        maps = exact.softmax(q.astype(numpy.float64) @ k.swapaxes(-1, -2) * D ** -0.5)
        self.near(ag.attention_map(q, k), maps)
        self.near(ag.received(q, k), maps.mean(1).sum(1), 1e-5)
        self.near(ag.energy(q, k), -exact.lse(q, k))
        norms = numpy.linalg.norm(numpy.eye(N) * maps[..., None] - maps[..., None] * maps[..., None, :], 2, (-2, -1))
        self.near(ag.energy(q, k, curvature=True)[1], norms, 4e-6)
        self.near(ag.blur(q, 2, GRID), exact.blur(q, 2, GRID))
        self.near(ag.blur(q, 1e6, (1, 3, 5), image=(9, 15)), exact.blur(q, 1e6, (1, 3, 5), 9))
        turned = numpy.ascontiguousarray(q.swapaxes(1, 2))
        self.near(ag.blur(turned, 2, GRID, layout="bnhd").swapaxes(1, 2), exact.blur(q, 2, GRID))

    def test_contexts(self):
        q, k, v = qkv()
        one = ag.Context(threads=1)
        self.assertEqual(one.threads, 1)
        self.assertTrue(numpy.array_equal(ag.attention(q, k, v, context=one), ag.attention(q, k, v)))

    def test_the_same_shapes_again(self):
        (q, k, v), other = qkv(), normal(B, H, N, D, seed=4)
        seen, short = numpy.arange(N) % 3 > 0, numpy.where(numpy.arange(N) < 5, 0, -numpy.inf)
        hide = numpy.where(seen, 0, -numpy.inf)
        calls = (({}, {}), ({"scale": 0.5}, {"scale": 0.5}), ({"causal": True}, {"causal": True}),
                 ({"key_mask": seen[None].repeat(B, 0)}, {"bias": hide}), ({"bias": hide.astype(numpy.float32)}, {
                     "bias": hide}), ({"key_lengths": [5] * B}, {"bias": short}))
        for x in (q, other):
            for given, meant in calls:
                self.near(ag.attention(x, k, v, **given), exact.attention(x, k, v, **meant))
                self.near(ag.attention(x, k, v, lse=True, **given)[0], exact.attention(x, k, v, **meant))
                self.near(ag.attention(x, k, v, out=numpy.empty_like(q), **given), exact.attention(x, k, v, **meant))

    def test_threads(self):
        wrong = []

        def work(seed):
            for n in range(1, 40):
                q, k, v = (normal(1, 2, n, 8, seed=seed + i) for i in range(3))
                if not numpy.abs(ag.attention(q, k, v) - exact.attention(q, k, v)).max() <= 2e-6:
                    wrong.append((seed, n))
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class Refusals(unittest.TestCase):
    def refused(self, sentence, call):
        out = numpy.full((B, H, N, D), 7, numpy.float32)
        with self.assertRaises(ag.Refused) as caught:
            call(out)
        self.assertIn(sentence, str(caught.exception))
        self.assertGreater(caught.exception.status, 0)
        self.assertTrue((out == 7).all())

    def test_sentences(self):
        q, k, v = qkv()
        wide = numpy.zeros((B, H, N, 2 * D), numpy.float32)[..., ::2]
        for sentence, call in (
                ("did you mean smoothed?", lambda out: ag.row("smothed")),
                ("did you mean sigma?", lambda out: ag.row("smoothed", sgma=1)),
                ("sigma", lambda out: ag.attention(q, k, v, rows=ag.row("smoothed", grid=GRID), out=out)),
                ("grid", lambda out: ag.attention(q, k, v, rows=ag.row("smoothed", sigma=1), out=out)),
                ("seed is -1", lambda out: ag.attention(q, k, v, rows=ag.row("tokens", seed=-1), out=out)),
                ("there are 4 heads", lambda out: ag.attention(q, k, v, rows=ag.row("identity", heads=[4]), out=out)),
                ("tokens of k is 24, tokens of v is 20", lambda out: ag.attention(q, k, v[:, :, :20], out=out)),
                ("float64", lambda out: ag.attention(q.astype(numpy.float64), k, v, out=out)),
                ("last axis of q is not contiguous", lambda out: ag.attention(wide, k, v, out=out)),
                ("does not broadcast", lambda out: ag.attention(q, k, v, bias=numpy.zeros((3, N), bool), out=out)),
                ("layout is 'bhdn'", lambda out: ag.attention(q, k, v, layout="bhdn", out=out)),
                ("has 3 axes", lambda out: ag.attention(q[0], k, v, out=out)),
                ("out has shape", lambda out: ag.attention(q[:, :, :3], k, v, out=out)),
                ("bias", lambda out: ag.attention(q, k, v, rows=ag.row("identity"), bias=normal(N, N), out=out)),
                ("no kernel", lambda out: ag.attention(q, k, v, kernel="attend_none", out=out)),
                ("out is k", lambda out: ag.attention(q, k, v, out=k))):
            with self.subTest(sentence):
                self.refused(sentence, call)

    def test_what_would_be_read_or_written_wrongly(self):
        q, k, v = qkv()
        locked, other = numpy.zeros((B, H, N, D), numpy.float32), q.astype(q.dtype.newbyteorder())
        ag.attention(q, k, v, out=locked)
        locked.flags.writeable = False
        for sentence, call in (
                ("out is read-only", lambda: ag.attention(q, k, v, out=locked)),
                ("out is read-only", lambda: ag.combine("linear", [q, k], [1, 0], out=locked)),
                (">f4", lambda: ag.attention(other, k, v)),
                ("index has 3 numbers, not 24", lambda: ag.attention(q, k, v, rows=ag.row("tokens", index=[0, 1, 2]))),
                ("index has 24 numbers, not 96", lambda: ag.attention(
                    q, k, v, rows=ag.row("gather", draws=4, index=range(24)))),
                ("not integers", lambda: ag.row("identity", heads=[True, False, True, False])),
                ("not integers", lambda: ag.attention(q, k, v, key_lengths=[3.5, 2])),
                ("beyond int32", lambda: ag.attention(q, k, v, key_lengths=numpy.array([2 ** 32 + 5, 3]))),
                ("kernel is 1", lambda: ag.attention(q, k, v, kernel=1)),
                ("kind goes with scrambled", lambda: ag.row("identity", kind="gather")),
                ("sigma is 'wide'", lambda: ag.row("smoothed", sigma="wide")),
                ("there are no inputs", lambda: ag.combine("linear", [])),
                ("dim is 5", lambda: ag.combine("renorm", [q, k], [1, 0], dim=5)),
                ("lse has 3", lambda: ag.combine("merge", [q, k], lse=[q, q, q])),
                ("not three", lambda: ag.combine("renorm", [q, k], [1, 0], group=(4, 64)))):
            with self.subTest(sentence), self.assertRaises(ag.Refused) as caught:
                call()
            self.assertIn(sentence, str(caught.exception))

    def test_numbers_of_numpy(self):
        q, k, v = qkv()
        want = ag.attention(q, k, v, rows=[ag.row("smoothed", sigma=1.5, grid=GRID, seed=0, strength=0.5)] * 2)
        row = ag.row("smoothed", sigma=numpy.float32(1.5), grid=numpy.array(GRID), strength=numpy.float64(0.5))
        self.assertTrue(numpy.array_equal(ag.attention(q, k, v, rows=(row for _ in range(2))), want))
        self.assertTrue(numpy.array_equal(ag.attention(q, k, v, scale=numpy.array(0.25)), ag.attention(
            q, k, v, scale=0.25)))
        seeded = ag.row("tokens", seed=numpy.int64(3), q_row=numpy.int64(1))
        self.assertEqual((seeded.at_run, seeded.fields), ({"seed": 3}, {"q_row": 1}))

    def test_axes_of_one(self):
        c = normal(4, 8, 8)[None]
        state = numpy.zeros((4, 8, 8), numpy.float32)[None]
        self.assertEqual(ag.combine("smc", [c, c[:]], state=state, first_step=True).shape, c.shape)

    def test_kinds_of_arrays(self):
        q, k, v = qkv()
        with self.assertRaises(TypeError):
            ag.attention(q.tolist(), k, v)
        with self.assertRaises(TypeError):
            ag.attention(q, k, v, rows=["identity"])
        with self.assertRaises(TypeError):
            ag.attention(q, k, v, sclae=1)


class Package(unittest.TestCase):
    def test_info(self):
        self.assertTrue(ag.info().startswith(f"attnguide {ag.__version__}\nthreads  "))
        command = os.environ.get("AG_TEST_COMMAND")
        if command:
            said = subprocess.run([command, "info"], capture_output=True, text=True, check=True).stdout
            here, there = ([line for line in text.splitlines() if "cuda" not in line] for text in (ag.info(), said))
            self.assertEqual(here, there)

    def test_numpy_is_enough(self):
        alone = "import sys, attnguide; sys.exit(any(name in sys.modules for name in ('torch', 'diffusers')))"
        self.assertEqual(subprocess.run([sys.executable, "-c", alone], check=False).returncode, 0)

    def test_every_public_call_is_there(self):
        with open(os.path.join(_engine.HERE, "abi.json"), encoding="ascii") as f:
            facts = json.load(f)
        for name, _, _ in facts["calls"]:
            self.assertIsInstance(getattr(_engine.lib.c, name), ctypes._CFuncPtr)

    def test_it_tells_what_it_has(self):
        for name in ag.__all__:
            self.assertTrue((getattr(ag, name).__doc__ or "").strip(), name)
        with self.assertRaises(AttributeError):
            print(ag.nothing)


if __name__ == "__main__":
    unittest.main()
