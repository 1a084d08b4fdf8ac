"""What each output row of a batch asks for: the fields of ag_row and ag_row_args by name."""
from __future__ import annotations

import ctypes
import difflib
import functools
import json
import operator

import numpy

from ._arrays import family, whole_numbers
from ._engine import lib, refuse

METHODS = lib.words("ag_method")
KINDS = lib.words("ag_kind")
PLANNED = {name for name, _ in lib.ag_row._fields_} - {
    "size", "method", "kind", "heads", "image_offset", "image_length", "grid"}
AT_RUN = {name for name, _ in lib.ag_row_args._fields_} - {"size", "index"}


def suggest(word, known):
    near = difflib.get_close_matches(word, known, 1)
    return f": did you mean {near[0]}?" if near else f": there are {', '.join(sorted(known))}"


def number(name, value, struct):
    """A number of whatever library as Python's own, an int where the field of the struct is one."""
    kind = next(kind for field, kind in struct._fields_ if field == name)
    try:
        return float(value) if kind is ctypes.c_double else operator.index(value)
    except (TypeError, ValueError):
        refuse("TYPE", f"{name} is {value!r}, not a{' whole' if kind is not ctypes.c_double else ''} number")


class Row:
    """An output row's method and its numbers. Not to be changed; one may serve several calls and several rows. From
    row()."""

    def __init__(self, method, kind=None, grid=None, image=None, heads=None, index=None, **fields):
        if kind is not None and method != "scrambled":
            refuse("COMBINATION", f"kind goes with scrambled alone, not with {method!r}")
        if method in KINDS and kind is None:
            method, kind = "scrambled", method
        if method not in METHODS:
            refuse("TYPE", f"there is no method {method!r}{suggest(str(method), {*METHODS, *KINDS})}")
        if kind is not None and kind not in KINDS:
            refuse("TYPE", f"there is no kind {kind!r}{suggest(str(kind), KINDS)}")
        if "lambda_" in fields:
            fields["lambda"] = fields.pop("lambda_")
        for name in fields:
            if name not in PLANNED and name not in AT_RUN:
                refuse("TYPE", f"a row has no field {name!r}{suggest(name, PLANNED | AT_RUN)}")
        self.method, self.kind = method, kind
        self.at_run = {name: fields.pop(name) for name in AT_RUN & set(fields)}
        if self.at_run.get("strength", 1) != 1:
            fields.setdefault("blend", 1)
        if index is not None:
            fields.setdefault("indexed", 1)
        self.at_run = {name: number(name, value, lib.ag_row_args) for name, value in self.at_run.items()}
        fields = {name: number(name, value, lib.ag_row) for name, value in fields.items()}
        self.fields, self.index = fields, None if index is None else whole_numbers("index", index).copy()
        self.grid = None if grid is None else tuple(whole_numbers("grid", grid, numpy.int64).tolist())
        self.image = None if image is None else tuple(whole_numbers("image", image, numpy.int64).tolist())
        self.heads = None if heads is None else tuple(sorted({*whole_numbers("heads", heads).ravel().tolist()}))
        if self.grid and len(self.grid) != 3:
            refuse("SHAPE", f"grid is {self.grid}, not (frames, height, width)")
        if self.image and len(self.image) != 2:
            refuse("SHAPE", f"image is {self.image}, not (offset, length)")
        self.key = (method, kind, tuple(sorted(fields.items())), self.grid, self.image, self.heads)

    @functools.cached_property
    def words(self):
        """All that the row asks for as JSON, from which Row(**json.loads(words)) makes it again."""
        told = {"method": self.method, "kind": self.kind, "grid": self.grid, "image": self.image, "heads": self.heads,
                **self.fields, **self.at_run, "index": None if self.index is None else self.index.tolist()}
        return json.dumps({name: value for name, value in told.items() if value is not None})

    def with_grid(self, grid, image):
        """The same row, with that grid and image range where it has none of its own."""
        if self.grid and self.image:
            return self
        return Row(self.method, self.kind, self.grid or grid, self.image or image, self.heads, self.index,
                   **self.fields, **self.at_run)

    def __repr__(self):
        said = {"kind": self.kind, "grid": self.grid, "image": self.image, "heads": self.heads, **self.fields,
                **self.at_run}
        return f"row({', '.join([repr(self.method), *(f'{n}={v!r}' for n, v in said.items() if v is not None)])})"


def row(method: str, **fields: object) -> Row:
    """What one output row asks for; give it, or a list with one for each output row, as `rows` of attention().

    method: "standard", "identity", "uniform", "smoothed", "orthogonal", "scrambled", "softened", "masked", "noisy",
    "sparse"; or a kind of scrambled: "gather", "permute", "tokens".
    fields: those of ag_row and ag_row_args by name:
        grid=(frames, height, width)  the picture's tokens in raster order; smoothed and orthogonal need it
        image=(offset, length)        where the picture is among the tokens; default: all of them
        heads=[0, 3]                  the heads that are perturbed; default: all
        strength=0.5                  (1-u) O_standard + u O_perturbed
        q_row=, kv_row=               which rows of q, and of k and v, are read; default: those of the same number
        sigma=, sigma_t=, keep_parallel=, inverse_temperature=, probability=, amplitude=, power=, draws=   by method
        gain=, mix=, seed=, random_stream=, lambda_=                                                       by method
        index=                        int32, what scrambled uses instead of a seed
    Refused: a method, kind or field that does not exist; what a method does not take is refused by the calls."""
    return Row(method, **fields)


def listed(rows):
    """rows as calls take them, one or several or none, as a tuple."""
    if rows is None:
        return ()
    if isinstance(rows, Row):
        return (rows,)
    rows = tuple(rows)
    for one in rows:
        if not isinstance(one, Row):
            raise TypeError(f"rows holds {one!r}, not what row() makes")
    return rows


def set_field(struct, name, value):
    """Sets a number. ctypes cuts off what does not fit; here it is refused."""
    setattr(struct, name, value)
    kept = getattr(struct, name)
    if kept != value and value == value:
        refuse("VALUE", f"{name} is {value}, which its type does not hold")


def head_set(heads, count):
    if heads[-1] >= count or heads[0] < 0:
        refuse("INDEX", f"heads holds {heads[-1] if heads[-1] >= count else heads[0]}, but there are {count} heads")
    return (ctypes.c_uint8 * count)(*(head in heads for head in range(count)))


def fill_rows(rows, heads):
    """The array of ag_row, and what it points to and must live as long."""
    array, kept = (lib.ag_row * len(rows))(), []
    for made, asked in zip(array, rows):
        lib.c.ag_row_init_sized(ctypes.byref(made), ctypes.sizeof(made), METHODS[asked.method])
        made.kind = KINDS[asked.kind] if asked.kind else 0
        for name, value in asked.fields.items():
            set_field(made, name, value)
        if asked.image:
            made.image_offset, made.image_length = asked.image
        if asked.grid:
            made.grid[:] = asked.grid
        if asked.heads is not None:
            if not asked.heads:
                refuse("VALUE", "heads is empty: a row without perturbed heads is standard")
            kept.append(head_set(asked.heads, heads))
            made.heads = ctypes.addressof(kept[-1])
    return array, kept


def fill_row_args(rows, like, tokens):
    """The array of ag_row_args, and what it points to; None where every row has the defaults."""
    for asked in rows:
        if asked.at_run or asked.index is not None:
            break
    else:
        return None, None
    array, kept = (lib.ag_row_args * len(rows))(), []
    for made, asked in zip(array, rows):
        lib.c.ag_row_args_init_sized(ctypes.byref(made), ctypes.sizeof(made))
        for name, value in asked.at_run.items():
            set_field(made, name, value)
        if asked.index is not None:
            wanted = asked.image[1] if asked.image else tokens
            wanted *= asked.fields.get("draws", 1) if asked.kind == "gather" else 1
            if asked.index.size != wanted:
                refuse("SHAPE", f"index has {asked.index.size} numbers, not {wanted}, one for each image token and "
                                f"draw")
            kept.append(family(like).integers("index", asked.index, like))
            made.index = family(like).address(kept[-1])
    return array, kept
