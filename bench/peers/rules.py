"""The rules of guidance in PyTorch, as a careful author would publish them: fused operations where there are some, no
pass over memory that could be spared. C is the prediction with the condition, U without it; g says how far to go;
`axes` are those that a statistic runs over. A rule that keeps a state renews it in place."""
import torch
import torch.nn.functional as F

from pytorch import subject, view

TAPS = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


def cfg(c, u, g):
    return torch.lerp(u, c, g)


def norm(x, axes):
    """Over the last axis first: one float32 sum over millions of elements is 3e-5 off."""
    if len(axes) > 1:
        x = torch.linalg.vector_norm(x, dim=axes[-1], keepdim=True)
    return torch.linalg.vector_norm(x, dim=axes, keepdim=True)


def dot(x, y, axes):
    return (x * y).sum(dim=axes, keepdim=True)


def renorm(c, u, g, most, axes):
    """Qwen-Image over tokens, CFGNorm over the channels of each position."""
    o = cfg(c, u, g)
    return o * (norm(c, axes) / norm(o, axes)).clamp(max=most)


def tcfg_svd(c, u, g, axes):
    """As published: the singular value decomposition of the two rows."""
    rows = torch.stack((c, u), dim=1).flatten(2)
    v = torch.linalg.svd(rows, full_matrices=False).Vh[:, :1]
    along = (rows[:, 1:] * v).sum(dim=2, keepdim=True) * v
    return cfg(c, along.view_as(u), g)


def tcfg_angle(c, u, g, axes):
    """The same from three products: the direction of the two rows' first singular vector is an angle."""
    angle = 0.5 * torch.atan2(2 * dot(c, u, axes), dot(c, c, axes) - dot(u, u, axes))
    along = torch.sin(angle) * (torch.cos(angle) * c + torch.sin(angle) * u)
    return cfg(c, along, g)


def mambo(c, u, g, damping, axes):
    d = c - u
    by = 1 + (g - 1) * torch.exp(-damping * norm(d, axes) / norm(u, axes))
    return torch.addcmul(u, d, by)


def tag(guided, x, tangential, radial, axes):
    """Of the guided prediction and the latent x."""
    d = guided - x
    along = dot(d, x, axes) / dot(x, x, axes)
    return torch.add(x, d, alpha=tangential).addcmul_(x, (radial - tangential) * along)


def perp_neg(c, negative, empty, g, w, axes):
    p, n = c - empty, negative - empty
    across = torch.addcmul(n, p, -dot(n, p, axes) / dot(p, p, axes))
    return torch.add(empty, torch.sub(p, across, alpha=w), alpha=g)


def momentum_guidance(c, u, state, g, by, decay):
    o = cfg(c, u, g)
    out = torch.lerp(state, o, 1 + by)
    state.lerp_(o, 1 - decay)
    return out


def smc_sign(c, u, state, g, surface, force):
    e = c - u
    steered = e - force * torch.sign(torch.add(e, state, alpha=surface - 1))
    state.copy_(steered)
    return torch.add(u, steered, alpha=g)


def smc_unit(c, u, state, g, surface, force, axes):
    e = c - u
    s = torch.add(e, state, alpha=surface - 1)
    steered = torch.addcmul(e, s, -force / norm(s, axes))
    state.copy_(steered)
    return torch.add(u, steered, alpha=g)


def mahiro(c, u, g, axes):
    """The cosine of signed roots: their product is the signed root of the product, their squares are sizes."""
    o = cfg(c, u, g)
    a, b = g * u, (g * c + o) / 2
    product = a * b
    roots = torch.copysign(product.abs().sqrt(), product).sum(dim=axes, keepdim=True)
    cosine = roots / (norm_1(a, axes) * norm_1(b, axes)).sqrt()
    k = 2 * (cosine.mean(dim=(1, 2, 3), keepdim=True) + 1)
    return (k * o + (4 - k) * g * c) / 4


def norm_1(x, axes):
    return x.abs().sum(dim=axes, keepdim=True)


# ---- pyramids ----

def blur(x):
    taps = x.new_tensor(TAPS)
    kernel = torch.outer(taps, taps).expand(x.shape[1], 1, -1, -1)
    return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, groups=x.shape[1])


def down(x):
    return F.avg_pool2d(blur(x), 2)


def up(x):
    return blur(F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))


def fdg_published(c, u, scales):
    """As published: both pyramids of two levels, combined level by level."""
    low_c, low_u = down(c), down(u)
    fine = cfg(c - up(low_c), u - up(low_u), scales[0])
    return fine + up(cfg(low_c, low_u, scales[1]))


def fdg_difference(c, u, scales):
    """The same by linearity: one pyramid, that of C - U."""
    d = c - u
    return torch.add(u, d, alpha=scales[0]).add_(up((scales[1] - scales[0]) * down(d)))


# ---- contestants ----

FORMS = {"renorm": {"": renorm}, "tcfg": {"SVD": tcfg_svd, "angle": tcfg_angle}, "mambo": {"": mambo},
         "tag": {"": tag}, "perp_neg": {"": perp_neg}, "momentum_guidance": {"": momentum_guidance},
         "smc": {"": smc_sign}, "smc, unit": {"": smc_unit}, "mahiro": {"": mahiro},
         "fdg": {"both pyramids": fdg_published, "difference": fdg_difference}}
BARS = {"SVD": 1e-2}  # of the error: in float32 it is 5e-6 over 32 thousand elements, and 3e-3 over two million


class Exact:
    """What a form computes in float64 of these tensors: the output, and the state that it leaves."""

    def __init__(self, form, inputs, start, numbers):
        wide = [view(x).double() for x in inputs]
        self.start = None if start is None else view(start)
        state = [] if start is None else [self.start.double()]
        self.want = [form(*wide, *state, *numbers)] + state

    def judge(self, made, out, state):
        """One run from the first state, whole tensors; the error is the worse of output and state."""
        if made.out:
            made.out.poison()
        if state is not None:
            state.copy_(self.start)
        made.run()
        got = [out()] + ([] if state is None else [state])
        made.error = max((torch.linalg.vector_norm(x.view_as(y) - y) / torch.linalg.vector_norm(y)).item()
                         for x, y in zip(got, self.want))


def contestants(case, ours, inputs, start, state):
    """Every form of PyTorch's, plain and compiled; all, ours with them, are judged by the first form in float64."""
    forms = FORMS[case.form]
    exact = Exact(next(iter(forms.values())), inputs, start, case.numbers)
    ours.judge = lambda: exact.judge(ours, lambda: view(ours.out), None if state is None else view(state))
    made = []
    for name, form in forms.items():
        who = f"PyTorch, {name}" if name else "PyTorch"
        also = {"detail": name, "bytes": case.moved(inputs), "bar": BARS.get(name)}
        made.append(contestant(case, form, inputs, exact, who=f"{who}, plain", **also))
        made.append(contestant(case, torch.compile(form, dynamic=False), inputs, exact, who=f"{who}, compiled", **also))
    return made


def contestant(case, form, inputs, exact, **also):
    given = [view(x) for x in inputs]
    state = None if exact.start is None else exact.start.clone()
    given += [] if state is None else [state]
    made = subject(case.name, lambda: form(*given, *case.numbers), also.pop("detail"), **also)
    made.judge = lambda: exact.judge(made, lambda: made.last["out"], state)
    return made
