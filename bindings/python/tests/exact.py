"""Attention and its perturbations as dense float64 formulas, of the published definitions, for the tests."""
import numpy


def softmax(logits):
    with numpy.errstate(invalid="ignore", over="ignore"):
        top = logits.max(-1, keepdims=True)
        weights = numpy.exp(logits - numpy.where(numpy.isfinite(top), top, 0))
        total = weights.sum(-1, keepdims=True)
        return numpy.where(total > 0, weights / numpy.where(total > 0, total, 1), 0)


def attention(q, k, v, scale=None, bias=None, causal=False):
    """[B,H,N,D] each, heads of k and v repeated where there are fewer; bias is added."""
    q, k, v = (numpy.asarray(x, numpy.float64) for x in (q, k, v))
    k, v = (numpy.repeat(x, q.shape[1] // x.shape[1], 1) for x in (k, v))
    logits = q @ k.swapaxes(-1, -2) * (scale if scale is not None else q.shape[-1] ** -0.5)
    if bias is not None:
        logits = logits + bias
    if causal:
        seen = numpy.tri(q.shape[2], k.shape[2], k.shape[2] - q.shape[2], bool)
        logits = numpy.where(seen, logits, -numpy.inf)
    return softmax(logits) @ v


def lse(q, k, scale=None):
    logits = numpy.asarray(q, numpy.float64) @ numpy.asarray(k, numpy.float64).swapaxes(-1, -2)
    return numpy.log(numpy.exp(logits * (scale if scale is not None else q.shape[-1] ** -0.5)).sum(-1))


def identity_bias(tokens, offset, length):
    """What hides image from image, but for each from itself."""
    bias = numpy.zeros((tokens, tokens))
    image = slice(offset, offset + length)
    bias[image, image] = -numpy.inf
    bias[range(offset, offset + length), range(offset, offset + length)] = 0
    return bias


def gaussian(extent, sigma):
    """The matrix that blurs one axis: taps of ceil(6 sigma) made odd, clamped to the axis, reflected."""
    if sigma > 9999:
        return numpy.full((extent, extent), 1 / extent)
    if sigma == 0:
        return numpy.eye(extent)
    taps = int(numpy.ceil(6 * sigma))
    taps = min(taps + (taps + 1) % 2, extent + (extent + 1) % 2)
    half = taps // 2
    weights = numpy.exp(-0.5 * (numpy.arange(-half, half + 1) / sigma) ** 2)
    matrix = numpy.zeros((extent, extent))
    for i in range(extent):
        for step, weight in zip(range(-half, half + 1), weights / weights.sum()):
            j = abs(i + step)
            matrix[i, 2 * (extent - 1) - j if j >= extent else j] += weight
    return matrix


def blur(q, sigma, grid, offset=0):
    """q with the tokens of its picture blurred over height and width."""
    q = numpy.array(q, numpy.float64)
    frames, height, width = grid
    image = slice(offset, offset + frames * height * width)
    picture = q[:, :, image].reshape(*q.shape[:2], frames, height, width, q.shape[-1])
    picture = numpy.einsum("yh,xw,bnthwd->bntyxd", gaussian(height, sigma), gaussian(width, sigma), picture)
    q[:, :, image] = picture.reshape(*q.shape[:2], -1, q.shape[-1])
    return q
