"""Where the picture is among the tokens of a layer, and on what grid: from the shapes that ComfyUI tells."""
import math

from .._engine import refuse

UNET_HALVINGS = 6
PATCHES = (1, 2)


def halved(height, width):
    """The sizes of a U-Net's layers: each halving rounds up."""
    for _ in range(UNET_HALVINGS):
        yield height, width
        height, width = (height + 1) // 2, (width + 1) // 2


def grid_of_unet(options, tokens):
    """The grid of a layer of a U-Net, which tells its own shape, or that of the latent."""
    shape = options.get("activations_shape")
    if shape and len(shape) == 4 and shape[2] * shape[3] == tokens:
        return 1, shape[2], shape[3]
    shape = options.get("original_shape")
    sizes = halved(*shape[-2:]) if shape else ()
    return next(((1, *size) for size in sizes if math.prod(size) == tokens), None)


def patched(shape, patch):
    """The grid of a latent [B,C,H,W] or [B,C,T,H,W], which is padded to whole patches. patch: one number for height
    and width, or one for each axis."""
    sides = (1, patch, patch) if isinstance(patch, int) else tuple(patch)
    sides = (1,) * (3 - len(sides)) + sides[-3:]
    extents = (1,) * (5 - len(shape)) + tuple(shape[2:])
    return tuple(-(-extent // side) for extent, side in zip(extents, sides))


def grid_of_transformer(shape, patch, tokens, slice_of_image):
    """The grid of a transformer's tokens, text perhaps among them; None where the shapes leave it open."""
    if not shape or len(shape) not in (4, 5):
        return None
    grids = [patched(shape, one) for one in (PATCHES if patch is None else (patch,))]
    for wanted in (tokens, slice_of_image and slice_of_image[1] - slice_of_image[0]):
        for grid in grids:
            if math.prod(grid) == wanted:
                return grid
    fitting = [grid for grid in grids if math.prod(grid) < tokens]
    return fitting[0] if len(fitting) == 1 else None


def place_of_image(tokens, image, text, slice_of_image):
    """(offset, length) of `image` tokens of the picture among all of a layer."""
    if image == tokens:
        return 0, image
    if slice_of_image and slice_of_image[0] + image <= slice_of_image[1] <= tokens:
        return slice_of_image[0], image
    if text not in ("first", "last"):
        refuse("VALUE", f"nothing tells which {image} of the {tokens} tokens are the picture's: say whether text comes "
                        f"first or last, or give the row image=(offset, length)")
    return (tokens - image if text == "first" else 0), image


def picture(options, tokens, grid, latent, patch, text):
    """(grid, image) of a layer with so many tokens. grid: as it was given, or None."""
    if options.get("block") is not None:
        return grid or grid_of_unet(options, tokens), (0, tokens)
    slice_of_image = options.get("img_slice")
    grid = grid or grid_of_transformer(latent or options.get("original_shape"), patch, tokens, slice_of_image)
    if grid is None:
        refuse("VALUE", f"nothing tells the grid of the picture among {tokens} tokens: give latent=, the shape of the "
                        f"latent, and patch=, the model's patch size, or give the row grid= and image=")
    return grid, place_of_image(tokens, math.prod(grid), text, slice_of_image)
