"""One perturbed layer: its attention calls go to the library, with a row for each row of the batch."""
import torch

from .._engine import refuse
from .._layer import INFINITE, STANDARD, attend, heads_first
from .._rows import Row
from .layers import is_joint, is_linear
from .places import image_range, product
from .seen import caught, forward_of, outputs_of


class Perturbed:
    """A layer of guided()."""

    def __init__(self, owner, layer, row):
        self.owner, self.layer, self.row = owner, layer, row
        self.taken, self.picture, self.values, self.made = 0, None, [], {}
        self.hidden = self.text = self.image = None
        if is_linear(layer.module) and (row.method != "identity" or row.key != Row("identity").key or row.at_run):
            refuse("COMBINATION", f"{layer.name} has linear attention, without a map: only identity, as it is, applies")

    def install(self, stack):
        module = self.layer.module
        stack.enter_context(forward_of(module, self.linear if is_linear(module) else self.wrapped))
        stack.enter_context(outputs_of(getattr(module, "to_v", None), self.values))
        handle = self.layer.unit.register_forward_pre_hook(self.look, with_kwargs=True)
        stack.callback(handle.remove)

    def look(self, module, args, kwargs):
        """Notes height and width where the layer's unit is given a picture, as a U-Net's is."""
        first = next((x for x in (*args, *kwargs.values()) if isinstance(x, torch.Tensor)), None)
        self.picture = tuple(first.shape[-2:]) if first is not None and first.dim() == 4 else None

    def check_taken(self):
        if not self.taken:
            processor = type(self.layer.module.processor).__name__
            refuse("COMBINATION", f"{self.layer.name} was not perturbed: its processor {processor} made no attention "
                                  f"call that can be seen")

    def wrapped(self, forward):
        def call(*args, **kwargs):
            self.values.clear()
            given = dict(zip(("hidden_states", "encoder_hidden_states"), args)) | kwargs
            self.hidden, self.text = given.get("hidden_states"), given.get("encoder_hidden_states")
            try:
                with caught(self.take, self.joined):
                    return forward(*args, **kwargs)
            finally:
                self.hidden = self.text = None
                self.values.clear()
        return call

    def joined(self, tensors):
        """Learns from the layer itself, where it puts text and picture together, which comes first."""
        if len(tensors) == 2 and self.text is not None:
            order = [self.text if x is self.text else self.hidden if x is self.hidden else None for x in tensors]
            if None not in order and order[0] is not order[1]:
                self.image = (self.text.shape[1] if order[0] is self.text else 0, self.hidden.shape[1])

    def is_cross(self, tokens):
        """Whether keys of so many tokens are those of a text that the layer was given, alone."""
        return isinstance(self.text, torch.Tensor) and self.text is not self.hidden and self.image is None and (
            self.text.dim() == 3 and self.text.shape[1] == tokens and not is_joint(self.layer.module))

    def linear(self, forward):
        """Attention without a map: the identity of it is what the values alone give."""
        def call(hidden_states, *args, **kwargs):
            one = hidden_states.shape[0] // self.owner.parts
            kept, perturbed = hidden_states[:-one], hidden_states[-one:]
            module, self.taken = self.layer.module, self.taken + 1
            through = module.to_v(perturbed)
            for part in module.to_out:
                through = part(through)
            return torch.cat([forward(kept, *args, **kwargs), through])
        return call

    # ---- an attention call ----

    def take(self, q, k, v, mask, causal, scale, layout):
        parts, batch = self.owner.parts, q.shape[0]
        if self.is_cross(k.shape[2 if layout == "bhnd" else 1]) and self.row.method != "sparse":
            refuse("COMBINATION", f"{self.layer.name} is cross-attention: {self.row.method} perturbs self-attention")
        if batch % parts:
            refuse("SHAPE", f"{self.layer.name} is called for {batch} rows, which are not {parts} equal parts")
        one = batch // parts
        rows = [STANDARD] * (batch - one) + [self.row_for(heads_first(q, layout), heads_first(k, layout),
                                                          heads_first(v, layout))] * one
        self.taken += 1
        return attend(q, k, v, mask, causal, scale, layout, rows)

    def row_for(self, q, k, v):
        """The row with the image and grid of this call."""
        tokens = k.shape[2]
        if q.shape[2] != tokens:
            return self.row
        image = self.row.image or self.image or self.find_image(q, v, tokens)
        if image is None:
            refuse("VALUE", f"nothing tells which of the {tokens} tokens of {self.layer.name} are the picture's: give "
                            f"the row image=(offset, length)")
        grid = self.row.grid or self.grid_of(image[1])
        if grid is None and self.row.fields.get("sigma", 0) > INFINITE and self.row.fields.get("sigma_t", 0) == 0:
            grid = (1, 1, image[1])
        key = (grid, image)
        if key not in self.made:
            self.made[key] = self.row.with_grid(grid, image)
        return self.made[key]

    def find_image(self, q, v, tokens):
        sizes = [product(grid) for grid in self.owner.grids]
        known = tokens if tokens in sizes or self.picture else next((n for n in sizes if n < tokens), None)
        values = (self.values[-1], v) if self.values and self.values[-1].dim() == 3 else None
        found = image_range(tokens, values, q.shape[2], known, self.owner.text_first)
        if found and found[1] < tokens:
            self.owner.text_first = found[0] > 0
        return found

    def grid_of(self, length):
        if self.picture and product(self.picture) == length:
            return (1, *self.picture)
        return next((grid for grid in self.owner.grids if product(grid) == length), None)


class Order:
    """Looks on in a layer where text joins the picture, to tell those where it has already joined which comes first."""

    def __init__(self, owner, module):
        self.owner, self.module, self.values = owner, module, []

    def install(self, stack):
        stack.enter_context(outputs_of(getattr(self.module, "to_v", None), self.values))
        stack.enter_context(forward_of(self.module, self.wrapped))

    def wrapped(self, forward):
        def call(*args, **kwargs):
            self.values.clear()
            with caught(self.take):
                return forward(*args, **kwargs)
        return call

    def take(self, q, k, v, mask, causal, scale, layout):
        if self.owner.text_first is None and self.values:
            tokens = k.shape[2 if layout == "bhnd" else 1]
            found = image_range(tokens, (self.values[-1], heads_first(v, layout)), tokens, None, None)
            if found and found[1] < tokens:
                self.owner.text_first = found[0] > 0
        return NotImplemented
