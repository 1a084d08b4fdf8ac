"""Which layer an attention call is in, as ComfyUI tells it, and which layers are meant."""
import operator
import re

from .._engine import refuse

NAME = re.compile(r"[a-z_]+\.\d+(\.\d+)?")


def asked_layers(layers):
    """The argument `layers` as a tuple of numbers and names: one of them, several, or text such as "middle.0, 5"."""
    one = isinstance(layers, str) or not hasattr(layers, "__iter__")
    found = []
    for given in [layers] if one else layers:
        parts = [part.strip() for part in given.split(",")] if isinstance(given, str) else [given]
        found += [layer_of(part) for part in parts if part != ""]
    if not found:
        refuse("VALUE", "layers is empty: nothing would be perturbed")
    return tuple(dict.fromkeys(found))


def layer_of(given):
    if isinstance(given, str) and not given.isdecimal():
        if not NAME.fullmatch(given):
            refuse("VALUE", f"layers holds {given!r}, neither a number nor a name like middle.0, input.4.1 or double.3")
        return given
    try:
        number = -1 if isinstance(given, bool) else operator.index(int(given) if isinstance(given, str) else given)
    except TypeError:
        number = -1
    if number < 0:
        refuse("VALUE", f"layers holds {given!r}, neither a number from 0 on nor a name")
    return number


def place_of(options):
    """(kind, number, number within) of the block that a call is in; None outside the blocks. A U-Net's blocks are
    "input", "middle" and "output", with several transformer blocks in each; a transformer's "double" and "single"."""
    block = options.get("block")
    if block is not None:
        return block[0], block[1], options.get("block_index", 0)
    if "block_type" in options and "block_index" in options:
        return options["block_type"], options["block_index"], None
    return None


def names_of(place):
    """The names that mean this block."""
    kind, number, inner = place
    names = [f"{kind}.{number}"]
    return names if inner is None else [*names, f"{kind}.{number}.{inner}"]


class Seen:
    """The self-attention that a call of the model has run so far, and what became of it. It lies in the options of that
    call. fresh: these were made for this call alone, so that what comes a second time is another layer."""

    def __init__(self, fresh):
        self.fresh, self.numbers, self.tokens, self.doubles = fresh, {}, {}, 0
        self.served, self.declined = set(), {}

    def number(self, place, options):
        """The number of a block: counted as they come in a U-Net, as ComfyUI counts them in a transformer, whose
        single blocks follow the double ones."""
        kind, number, inner = place
        if inner is not None:
            return self.numbers.setdefault(place, len(self.numbers))
        if kind == "double":
            self.doubles = max(self.doubles, number + 1, options.get("total_blocks", 0))
        return self.numbers.setdefault(place, number + (self.doubles if kind == "single" else 0))

    def is_self_attention(self, place, queries, keys):
        """Whether a call is the block's self-attention. With as many keys as queries the first call is. A later one is
        cross-attention to a text of just that length, or goes over time, unless the first one had the text already:
        then it is the picture's own."""
        if queries != keys:
            return False
        first = self.tokens.setdefault(place, keys)
        if self.fresh and place in self.numbers:
            return place[2] is None and keys < first
        return True

    def check(self, asked):
        """Refuses a call of the model in which an asked layer was not perturbed."""
        for layer in asked:
            if layer in self.declined:
                refuse("COMBINATION", f"layer {layer} was not perturbed: {self.declined[layer]}")
            if layer not in self.served:
                refuse("COMBINATION", f"layer {layer} was not perturbed: {self.why()}")

    def why(self):
        if not self.numbers:
            return "no attention call of this model says in which block it is, or another node replaces them all"
        names = [names_of(place)[0] for place in self.numbers]
        return f"self-attention is in {', '.join(dict.fromkeys(names))}, numbers 0 to {max(self.numbers.values())}"
