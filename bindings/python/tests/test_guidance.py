"""Guidance over numpy arrays: rules, weights, pictures, and what they refuse."""
import unittest

import attnguide as ag
import numpy
from test_arrays import normal


class Guidance(unittest.TestCase):
    def setUp(self):
        self.c, self.u, self.p = (normal(3, 4, 8, 8, seed=seed) for seed in (1, 2, 3))

    def near(self, got, want, tolerance=1e-5):
        self.assertFalse(not numpy.abs(got - want).max() <= tolerance, numpy.abs(got - want).max())

    def test_linear(self):
        c, u, p = self.c, self.u, self.p
        want = u + 5 * (c - u) + 3 * (c - p)
        self.near(ag.combine("linear", [c, u, p], ag.weights_cfg_perturbed(5, 3)), want)
        each = [ag.weights_cfg_perturbed(g, 3) for g in (1, 5, 7)]
        self.near(ag.combine("linear", [c, u, p], each),
                  numpy.stack([u[i] + g * (c[i] - u[i]) + 3 * (c[i] - p[i]) for i, g in enumerate((1, 5, 7))]))
        self.assertIs(ag.combine("linear", [c, u], ag.weights_cfg(2), out=u), u)

    def test_statistics(self):
        c, u = self.c, self.u
        o = u + 7 * (c - u)
        f = c.std((1, 2, 3), keepdims=True) / o.std((1, 2, 3), keepdims=True)
        self.near(ag.combine("rescale", [c, u], ag.weights_cfg(7), phi=0.7), o * (0.7 * f + 0.3))
        for dim in (1, 3, (2, 3)):
            ratio = numpy.linalg.norm(c, axis=dim, keepdims=True) / numpy.linalg.norm(o, axis=dim, keepdims=True)
            if isinstance(dim, tuple):
                ratio = numpy.sqrt((c ** 2).sum(dim, keepdims=True) / (o ** 2).sum(dim, keepdims=True))
            self.near(ag.combine("renorm", [c, u], ag.weights_cfg(7), dim=dim), o * ratio, 1e-4)
        d = c - u
        along = (d * c).sum((1, 2, 3), keepdims=True) / (c * c).sum((1, 2, 3), keepdims=True) * c
        self.near(ag.combine("apg", [c, u], scale=4, eta=0), c + 3 * (d - along))
        self.near(ag.combine("apg", [c, u], cfg_scale=4, eta=0, base="uncond"), u + 4 * (d - along))

    def test_state(self):
        c, u = self.c, self.u
        o, state = u + 2 * (c - u), numpy.full_like(c, numpy.nan)
        ag.combine("momentum_guidance", [c, u], ag.weights_cfg(2), state=state, first_step=True)
        self.near(state, o)
        got = ag.combine("momentum_guidance", [u, c], ag.weights_cfg(2), state=state, scale=0.5, decay=0.25)
        other = c + 2 * (u - c)
        self.near(got, other + 0.5 * (other - o))
        self.near(state, 0.75 * other + 0.25 * o)

    def test_merge_is_by_rows(self):
        a, b, la, lb = normal(5, 7, 8), normal(5, 7, 8, seed=1), normal(5, 7), normal(5, 7, seed=1)
        out, sums = ag.combine("merge", [a, b], lse=(la, lb))
        self.near(sums, numpy.logaddexp(la, lb))
        wa = numpy.exp(la - numpy.logaddexp(la, lb))[..., None]
        self.near(out, wa * a + (1 - wa) * b)

    def test_every_rule_by_its_enum(self):
        for name in ("cfg_zero", "tcfg", "mambo", "mahiro", "fdg"):
            self.assertTrue(numpy.isfinite(ag.combine(name, [self.c, self.u], scale=3) if name != "fdg" else
                                           ag.combine(name, [self.c, self.u], scales=[3, 2])).all(), name)
        self.assertTrue(numpy.isfinite(ag.combine("nag", [self.c, self.u], scale=3)).all())
        self.assertTrue(numpy.isfinite(ag.combine("tag", [self.c, self.u], tangential=1.1)).all())
        self.assertTrue(numpy.isfinite(ag.combine("perp_neg", [self.c, self.u, self.p], scale=3, negative=1)).all())
        state = numpy.zeros_like(self.c)
        self.assertTrue(numpy.isfinite(ag.combine("smc", [self.c, self.u], state=state, first_step=True)).all())

    def test_refusals(self):
        c, u = self.c, self.u
        for sentence, call in (
                ("did you mean rescale?", lambda: ag.combine("rescael", [c, u])),
                ("no parameter 'etta'", lambda: ag.combine("apg", [c, u], etta=1)),
                ("base is 'none'", lambda: ag.combine("apg", [c, u], base="none")),
                ("weights have shape", lambda: ag.combine("linear", [c, u], [1, 2, 3])),
                ("state", lambda: ag.combine("apg", [c, u], momentum=0.5)),
                ("undefined at alpha 0", lambda: ag.weights_convert("eps", "x0", 0, 1)),
                ("did you mean eps?", lambda: ag.weights_convert("epss", "x0", 1, 1)),
                ("has shape", lambda: ag.combine("linear", [c, u[:2]], [1, 0]))):
            with self.subTest(sentence), self.assertRaises(ag.Refused) as caught:
                call()
            self.assertIn(sentence, str(caught.exception))

    def test_weights(self):
        self.assertEqual(ag.weights_cfg(3), [3, -2])
        self.assertEqual(ag.weights_perturbed(3), [4, -3])
        x0, eps = normal(4), normal(4, seed=1)
        x = 0.8 * x0 + 0.6 * eps
        a, b = ag.weights_convert("eps", "x0", 0.8, 0.6)
        self.near(a * x + b * eps, x0)
        a, b, c = ag.weights_ddim("eps", 0.6, 0.8, 0.8, 0.6)
        self.near(a * (0.6 * x0 + 0.8 * eps) + b * eps, 0.8 * x0 + 0.6 * eps)
        self.assertEqual(c, 0)
        self.assertEqual(ag.weights_euler(1, 0.75), [1, -0.25])
        self.assertEqual(ag.weights_noise(1, 0, 0.6, 0.8), [0.6, 0.8])
        self.assertEqual(ag.weight_min_snr("x0", 0.6, 0.8), 0.6 ** 2 / 0.8 ** 2)
        self.assertEqual(ag.schedule_interval(3, 1, 0.5, 2), 3)
        self.assertEqual(ag.schedule_adaptive(3, 0.001, 0), 2)

    def test_pictures(self):
        cond = self.c
        out = ag.coverage_average(numpy.ones((2, 3, 4, 8, 8), numpy.float32), cond, [0, 0], [0, 0])
        self.assertTrue((out == 1).all())
        blurred = ag.sag_blur(cond, numpy.full((3, 4, 4), 2, numpy.float32))
        self.assertFalse(numpy.array_equal(blurred, cond))
        self.assertTrue(numpy.array_equal(ag.sag_blur(cond, numpy.zeros((3, 4, 4), numpy.float32)), cond))


if __name__ == "__main__":
    unittest.main()
