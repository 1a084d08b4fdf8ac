"""Where the picture is among the tokens of a layer, and on what grid."""
import math

import torch

ID_NAMES = ("img_ids", "image_ids", "latent_image_ids", "latent_ids")


def product(grid):
    return math.prod(grid) if grid else None


def from_ids(ids):
    """The grid of position numbers [.., tokens, axes], the last three or two of them being frame, row, column."""
    ids = ids.reshape(-1, ids.shape[-2], ids.shape[-1])[0] if ids.dim() > 2 else ids
    if ids.dim() != 2 or ids.shape[-1] < 2:
        return None
    extents = [int(column.max() - column.min()) + 1 for column in ids[:, -2:].round().long().unbind(1)]
    tokens = ids.shape[0]
    frames = tokens // math.prod(extents)
    return (frames, *extents) if frames and frames * math.prod(extents) == tokens else None


def patches(config):
    """(over time, over height and width) as the model's configuration tells, or what is customary."""
    size = getattr(config, "patch_size", None)
    over_time = getattr(config, "patch_size_t", None) or 1
    if isinstance(size, (tuple, list)):
        return [(size[0], size[-1])]
    if isinstance(size, int):
        return [(over_time, size)]
    return [(1, 1), (1, 2)]


def from_picture(shape, sizes):
    """Grids of a latent of [B,C,H,W], [B,C,T,H,W] or [B,T,C,H,W]."""
    for over_time, patch in sizes:
        height, width = shape[-2] // patch, shape[-1] // patch
        if len(shape) == 4:
            yield 1, height, width
        else:
            for frames in (shape[2], shape[1]):
                yield -(-frames // over_time), height, width


def grids_of(model, arguments):
    """The grids that a call of the model may mean, likeliest first. arguments: by name."""
    found = []
    for name in ID_NAMES:
        if isinstance(arguments.get(name), torch.Tensor):
            found.append(from_ids(arguments[name]))
    shapes = arguments.get("img_shapes")
    while isinstance(shapes, (list, tuple)) and shapes and isinstance(shapes[0], (list, tuple)):
        shapes = shapes[0]
    if shapes and len(shapes) == 3:
        found.append(tuple(int(extent) for extent in shapes))
    if all(isinstance(arguments.get(name), int) for name in ("num_frames", "height", "width")):
        found.append((arguments["num_frames"], arguments["height"], arguments["width"]))
    first = next((x for x in arguments.values() if isinstance(x, torch.Tensor)), None)
    if first is not None and first.dim() in (4, 5):
        found += from_picture(first.shape, patches(model.config))
    return [grid for grid in found if grid and all(extent > 0 for extent in grid)]


def image_range(tokens, values, q_tokens, image_tokens, text_first):
    """(offset, length) of the picture's tokens in a layer's sequence, or None where nothing tells.

    values: what the layer's to_v returned, with a row for each token of the picture, and v as attention got it; where
    text joins inside the layer, the first token of one is found at a place of the other."""
    if values is not None:
        projected, v = values
        alone = projected.shape[1]
        if alone < tokens:
            width = v.shape[-1]
            ends = {0: v[0, 0, 0], tokens - alone: v[0, 0, tokens - alone]}
            mine = projected[0, 0, :width]
            found = [offset for offset, there in ends.items() if torch.equal(there, mine.to(there.dtype))]
            return (found[0], alone) if len(found) == 1 else None
    if image_tokens and image_tokens < tokens:
        return None if text_first is None else ((tokens - image_tokens if text_first else 0), image_tokens)
    return 0, q_tokens
