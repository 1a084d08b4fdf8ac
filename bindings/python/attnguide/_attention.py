"""Attention and what looks at it, over arrays. A problem is described once; calls of the same shapes again only hand
their pointers over."""
from __future__ import annotations

import ctypes
import operator
from collections.abc import Sequence

from ._arrays import broadcast, dtype_of, families, family, is_packed, packed, same_family, writable
from ._engine import DTYPES, Context, Refused, lib, refuse
from ._rows import Row, fill_row_args, fill_rows, listed, set_field
from ._types import Array, Triple

LAYOUTS = ("bhnd", "bnhd")
MOST_PROBLEMS = 1024  # descriptions kept; then all are made anew
OPERATIONS = lib.words("ag_operation")
FLOAT32 = ("f32",)
ANY_BIAS = ("f32", "f16", "bf16", "u8")
FLOATS = ("received", "energy", "map")
NONE: dict = {}
NO_MASKS = None, None, None  # key_mask, key_lengths, bias
MESSAGE_SIZE, HOST = lib.AG_MESSAGE_SIZE, lib.AG_HOST
ARGS, WHY = lib.ag_args, ctypes.c_char * MESSAGE_SIZE
problems: dict[tuple, Problem] = {}


class Problem:
    """A description that calls share: the C struct and what it points to. Once it is made nothing changes but `free`,
    arguments that no call is using."""

    __slots__ = ("struct", "address", "kept", "out_shape", "lse_shape", "sums", "blank", "free", "on_device",
                 "new_out", "new_sums")


def by_head(layout, four):
    """(batch, heads, tokens, width) of extents or strides in that layout."""
    return four if layout == "bhnd" else (four[0], four[2], four[1], four[3])


def lay(problem, name, kind, x, layout, allowed=("f32", "f16", "bf16")):
    """Writes the layout of tensor x; its extents by head."""
    if len(x.shape) != 4:
        refuse("SHAPE", f"{name} has {len(x.shape)} axes, not the four of {layout}")
    strides = kind.strides(x)
    if strides[3] != 1 and x.shape[3] > 1:
        refuse("STRIDE", f"the last axis of {name} is not contiguous")
    into = getattr(problem, name)
    into.dtype = dtype_of(kind, name, x, allowed)
    into.stride[:] = by_head(layout, strides)[:3]
    return by_head(layout, tuple(x.shape))


def same(**extents):
    """Refuses extents that differ."""
    (first, want), *others = extents.items()
    for name, have in others:
        if have != want:
            refuse("SHAPE", f"{first.replace('_', ' ')} is {want}, {name.replace('_', ' ')} is {have}")
    return want


def batch_of(rows, q_rows, out):
    """The number of output rows."""
    if out is not None and len(out.shape):
        return out.shape[0]
    return len(rows) if len(rows) > 1 else q_rows


def describe(operation, kind, q, k, v, rows, out, masks, options, layout):
    """A Problem for arrays of these shapes."""
    made = Problem()
    key_mask, key_lengths, bias = masks
    p = lib.new("ag_problem", 1, 1, 1, 1, 1)
    p.operation, batch = OPERATIONS[operation], batch_of(rows, q.shape[0], out)
    p.batch, (p.q_batch, p.heads, p.n_q, p.d) = batch, lay(p, "q", kind, q, layout)
    p.kv_batch, p.kv_heads, p.n_k, p.d_v = p.q_batch, p.heads, p.n_q, p.d
    p.k, p.v = p.q, p.q
    p.scale = p.d ** -0.5 if p.d > 0 else 1
    if k is not None:
        p.kv_batch, p.kv_heads, p.n_k, width = lay(p, "k", kind, k, layout)
        same(width_of_q=p.d, width_of_k=width)
        p.v = p.k
    if v is not None:
        rows_of_v, heads_of_v, keys, p.d_v = lay(p, "v", kind, v, layout)
        same(rows_of_k=p.kv_batch, rows_of_v=rows_of_v)
        same(heads_of_k=p.kv_heads, heads_of_v=heads_of_v)
        same(tokens_of_k=p.n_k, tokens_of_v=keys)
    p.global_n_q, p.global_n_k = p.n_q, p.n_k
    fill_options(p, options)
    fill_masks(p, kind, key_mask, key_lengths, bias, batch)
    array, made.kept = fill_rows(rows, p.heads)
    p.rows, p.row_count = (ctypes.addressof(array), len(rows)) if rows else (None, 0)
    made.kept += [array, options]
    made.out_shape, made.lse_shape = shapes(p, layout), (p.batch, p.heads, p.n_q)
    fill_out(p, kind, out, made.out_shape, layout, q)
    made.sums = "lse" if p.want_lse else "curvature" if options.get("curvature") else None
    made.struct, made.address = p, ctypes.addressof(p)
    return made


def shapes(p, layout):
    """What a call writes."""
    if p.operation == lib.AG_RECEIVED:
        return p.batch, p.n_k
    if p.operation == lib.AG_ENERGY:
        return p.batch, p.heads, p.n_q
    if p.operation == lib.AG_MAP:
        return p.batch, p.heads, p.n_q, p.n_k
    return by_head(layout, (p.batch, p.heads, p.n_q, p.d if p.operation == lib.AG_BLUR else p.d_v))


def fill_options(p, options):
    """The fields of ag_problem that are given by name."""
    for name, value in options.items():
        if name == "causal":
            p.causal = bool(value)
        elif name == "lse":
            p.want_lse = bool(value)
        elif name == "products":
            if value not in DTYPES:
                refuse("TYPE", f"products is {value!r}, not one of f32, bf16")
            p.products = DTYPES[value]
        elif name == "kernel":
            p.kernel = ctypes.cast(ctypes.c_char_p(value), ctypes.c_void_p)
        elif name != "curvature":
            set_field(p, name, value)


def fill_masks(p, kind, key_mask, key_lengths, bias, batch):
    if key_mask is not None:
        dtype_of(kind, "key_mask", key_mask, ("u8",))
        strides = broadcast("key_mask", key_mask.shape, kind.strides(key_mask), (batch, p.n_k))
        p.has_key_mask, p.key_mask_stride[:] = 1, strides
    if key_lengths is not None:
        if tuple(key_lengths.shape) != (batch,):
            refuse("SHAPE", f"key_lengths has shape {tuple(key_lengths.shape)}, not {(batch,)}")
        p.has_key_lengths = 1
    if bias is not None:
        p.bias_dtype = dtype_of(kind, "bias", bias, ANY_BIAS)
        p.bias_stride[:] = broadcast("bias", bias.shape, kind.strides(bias), (batch, p.heads, p.n_q, p.n_k))


def fill_out(p, kind, out, shape, layout, q):
    """The layout of out, packed where there is none yet."""
    floats = p.operation in (lib.AG_RECEIVED, lib.AG_ENERGY, lib.AG_MAP)
    if out is not None:
        if tuple(out.shape) != shape:
            refuse("SHAPE", f"out has shape {tuple(out.shape)}, not {shape}")
        if not floats:
            lay(p, "out", kind, out, layout)
        elif dtype_of(kind, "out", out, FLOAT32) and not is_packed(kind, out):
            refuse("STRIDE", "out is not packed")
    elif not floats:
        p.out.dtype = dtype_of(kind, "q", q)
        p.out.stride[:] = by_head(layout, packed(shape))[:3]


def prepare(operation, kind, q, k, v, rows, out, masks, options, layout, context):
    """A Problem after everything about the arrays but their addresses and gradients has been judged."""
    if layout not in LAYOUTS:
        refuse("TYPE", f"layout is {layout!r}, not one of {', '.join(LAYOUTS)}")
    tensors = [x for x in (q, k, v, out, *masks) if x is not None]
    writable(kind, out=out)
    place, device, _ = kind.begin(tensors)
    if context.workers and place == HOST:
        options = {**options, "workers": context.workers}
    found = describe(operation, kind, q, k, v, rows, out, masks, options, layout)
    found.struct.place, found.struct.device, found.on_device = place, device, place != HOST
    args = lib.new("ag_args", None, None, None, None)
    args.executor = None if found.on_device else context.executor
    found.blank, found.free = bytes(args), []
    found.new_out = kind.maker(q, found.out_shape, kind.float32 if operation in FLOATS else None)
    found.new_sums = kind.maker(q, found.lse_shape, kind.float32)
    return found


def problem_for(operation, kind, q, k, v, rows, out, masks, options, layout, context):
    """The Problem of such a call: prepared once, then found. After a long kernel Python's own code is gone from the
    caches, so that little of it may lie on this way."""
    told = kind.told
    key = (operation, layout, context.told, told(q), k is not None and told(k), v is not None and told(v),
           out is not None and (told(out), kind.is_read_only(out)), rows and tuple([asked.key for asked in rows]),
           tuple(options.items()) if options else None,
           masks is not NO_MASKS and tuple([x is not None and told(x) for x in masks]))
    found = problems.get(key)
    if found is None:
        same_family(q=q, k=k, v=v, out=out, key_mask=masks[0], bias=masks[2])
        found = prepare(operation, kind, q, k, v, rows, out, masks, options, layout, context)
        if len(problems) >= MOST_PROBLEMS:
            problems.clear()
        problems[key] = found
    return found


def arguments(found):
    """Those of a call, and where a sentence goes, each with its address."""
    args, why = ARGS.from_buffer_copy(found.blank), WHY()
    return args, ctypes.addressof(args), why, ctypes.addressof(why)


def run(operation, q, k=None, v=None, rows=None, out=None, key_mask=None, key_lengths=None, bias=None, options=NONE,
        layout="bhnd", context=None, differentiated=False):
    """One call of the library: (out, lse or curvature or None). differentiated: the caller has a gradient. A context
    with an executor has threads of another library: the problem says how many."""
    rows, kind = () if rows is None else listed(rows), families.get(type(q)) or family(q)
    context, masks = context or kind.context(), NO_MASKS
    if key_lengths is not None:
        key_lengths = kind.integers("key_lengths", key_lengths, q)
    if key_mask is not None or key_lengths is not None or bias is not None:
        masks = key_mask, key_lengths, bias
    try:
        if not differentiated and kind.graded():
            kind.no_gradient([x for x in (q, k, v, out, *masks) if x is not None])
        found = problem_for(operation, kind, q, k, v, rows, out, masks, options, layout, context)
    except (AttributeError, TypeError):
        same_family(q=q, k=k, v=v, out=out, key_mask=key_mask, bias=bias)
        raise
    try:
        mine = found.free.pop()
    except IndexError:
        mine = arguments(found)
    (args, args_address, why, why_address), address, given, more = mine, kind.address, out, None
    if given is None:
        out = found.new_out()
    args.q, args.out = address(q), address(out)
    if k is not None:
        args.k = address(k)
    if v is not None:
        args.v = address(v)
    if found.sums:
        more = found.new_sums()
        setattr(args, found.sums, address(more))
    if masks is not NO_MASKS:
        fill_mask_args(args, address, masks)
    if rows:
        array, _kept = fill_row_args(rows, q, found.struct.n_q)
        args.rows, args.row_count = (None, 0) if array is None else (ctypes.addressof(array), len(rows))
    if found.on_device:
        args.cuda_stream = kind.stream(q)
    status = lib.c.ag_attention_guided(context.address, found.address, args_address, why_address, MESSAGE_SIZE)
    if status:
        raise Refused(why.value.decode(), status)
    found.free.append(mine)
    if given is not None:
        kind.written(given)
    return out, more


def fill_mask_args(args, address, masks):
    for name, x in zip(("key_mask", "key_lengths", "bias"), masks):
        if x is not None:
            setattr(args, name, address(x))


def options_of(given, **others):
    """Fields of ag_problem by name, without those that are at their default."""
    for name in given:
        if name not in FIELDS:
            raise TypeError(f"no argument is called {name!r}; of the problem there are {', '.join(sorted(FIELDS))}")
    made = {name: words(name, value) if name in WORDS else whole(name, value) for name, value in given.items()}
    if "kernel" in made:
        made["kernel"] = made["kernel"].encode()
    for name, value in others.items():
        if name == "scale" and value is not None:
            made[name] = float(value)
        elif name != "scale" and value:
            made[name] = True
    return made


def words(name, value):
    if not isinstance(value, str):
        refuse("TYPE", f"{name} is {value!r}, not a name")
    return value


def whole(name, value):
    try:
        return operator.index(value)
    except TypeError:
        refuse("TYPE", f"{name} is {value!r}, not a whole number")


WORDS = {"kernel", "products"}
FIELDS = {"kernel", "products", "wave_bytes", "row_offset", "q_offset", "k_offset", "global_n_q", "global_n_k",
          "length_first", "length_end"}


def attention(q: Array, k: Array, v: Array, rows: Row | Sequence[Row] | None = None, scale: float | None = None,
              causal: bool = False, key_mask: Array | None = None, key_lengths: Array | Sequence[int] | None = None,
              bias: Array | None = None, lse: bool = False, out: Array | None = None, layout: str = "bhnd",
              context: Context | None = None, **problem: int | str) -> Array | tuple[Array, Array]:
    """out = softmax(scale q k^T + bias) v for each output row, perturbed as its entry of `rows` asks.

    q [B,H,N,D], k [B,H_kv,M,D], v [B,H_kv,M,D_v]: numpy arrays or torch tensors of float32, float16 or bfloat16, on the
    host or on a CUDA device, with any strides but for the last axis, which is contiguous. Nothing is copied. H_kv
    divides H. layout "bnhd": they are [B,N,H,D] and so on, and so is the result.
    rows: None (standard), what row() makes (for every output row), or a list of these, one for each output row. Then
        B is their number, and q_row and kv_row say which rows of q and k each reads.
    scale: of the logits; default D^-1/2. causal: query i sees key j <= i + M - N.
    key_mask [B,M], bool: True is visible. key_lengths [B], int32: how many keys are visible, from the first on.
    bias: broadcasts to [B,H,N,M]; bool (True is visible) or float, added to the logits.
    out: where the result goes; it may be q or, for identity alone, v. lse: True returns (out, lse), lse [B,H,N] float32
        being the natural log sum exp of the logits.
    context: a Context of your own. problem: other fields of ag_problem by name: kernel, products ("f32", "bf16") ...
    Raises Refused with the library's sentence; out is untouched then."""
    options = NONE
    if problem or scale is not None or causal or lse:
        options = options_of(problem, scale=scale, causal=causal, lse=lse)
    out, sums = run("attention", q, k, v, rows, out, key_mask, key_lengths, bias, options, layout, context)
    return (out, sums) if lse else out


def blur(q: Array, sigma: float, grid: Triple, image: Sequence[int] | None = None, sigma_t: float = 0,
         out: Array | None = None, layout: str = "bhnd", context: Context | None = None) -> Array:
    """q [B,H,N,D] with its picture's tokens blurred over grid=(frames, height, width) by a Gaussian of sigma tokens,
    and sigma_t frames; 0: none; above 9999: the mean. image=(offset, length): where the picture is among the tokens;
    the others are copied. Smoothed Energy Guidance, arXiv 2408.00760."""
    asked = Row("smoothed", grid=grid, image=image, sigma=sigma, **({"sigma_t": sigma_t} if sigma_t else {}))
    return run("blur", q, rows=asked, out=out, layout=layout, context=context)[0]


def received(q: Array, k: Array, scale: float | None = None, causal: bool = False, key_mask: Array | None = None,
             key_lengths: Array | Sequence[int] | None = None, bias: Array | None = None, out: Array | None = None,
             layout: str = "bhnd", context: Context | None = None, **problem: int | str) -> Array:
    """Attention received by each key, [B,M] float32: the sum over queries of the mean over heads of the map. Arguments
    as of attention(). Self-Attention Guidance, arXiv 2210.00939."""
    options = options_of(problem, scale=scale, causal=causal)
    return run("received", q, k, None, None, out, key_mask, key_lengths, bias, options, layout, context)[0]


def energy(q: Array, k: Array, curvature: bool = False, scale: float | None = None, causal: bool = False,
           key_mask: Array | None = None, key_lengths: Array | Sequence[int] | None = None, bias: Array | None = None,
           out: Array | None = None, layout: str = "bhnd", context: Context | None = None,
           **problem: int | str) -> Array | tuple[Array, Array]:
    """The energy of each query, -lse, [B,H,N] float32. curvature: True returns (energy, curvature), the spectral norm
    of diag(a) - a a^T for each. Arguments as of attention(). Modern Hopfield networks, arXiv 2008.02217."""
    options = options_of(problem, scale=scale, causal=causal, curvature=curvature)
    values, norms = run("energy", q, k, None, None, out, key_mask, key_lengths, bias, options, layout, context)
    return (values, norms) if curvature else values


def attention_map(q: Array, k: Array, scale: float | None = None, causal: bool = False, key_mask: Array | None = None,
                  key_lengths: Array | Sequence[int] | None = None, bias: Array | None = None,
                  out: Array | None = None, layout: str = "bhnd", context: Context | None = None,
                  **problem: int | str) -> Array:
    """The map itself, softmax(scale q k^T + bias), [B,H,N,M] float32. Arguments as of attention()."""
    options = options_of(problem, scale=scale, causal=causal)
    return run("map", q, k, None, None, out, key_mask, key_lengths, bias, options, layout, context)[0]
