"""The library that this package carries, loaded once, and its contexts."""
from __future__ import annotations

import ctypes
import json
import os
import sys
import threading

from ._binding.calls import Library, Refused, text

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = {"win32": "attnguide.dll", "darwin": "libattnguide.dylib"}


def load():
    with open(os.path.join(HERE, "abi.json"), encoding="ascii") as f:
        facts = json.load(f)
    return Library(os.path.join(HERE, FILES.get(sys.platform, "libattnguide.so")), facts)


lib = load()
DTYPES = lib.words("ag_dtype")


def refuse(status, sentence):
    """Raises what the library would raise with the status of this name, "SHAPE" ..."""
    raise Refused(sentence, getattr(lib, "AG_ERR_" + status))


class Context:
    """Threads and a cache of plans. Every call takes one; without one, all share a default context.

    threads: how many, the caller included; default: the processors that this process may use. cached_plans: problems
    whose plans are kept, default 64. pin: True keeps each thread on a processor of its own."""

    def __init__(self, threads: int | None = None, cached_plans: int | None = None, pin: bool = False):
        options = lib.new("ag_context_options")
        if threads is not None:
            options.threads = threads
        if cached_plans is not None:
            options.cached_plans = cached_plans
        options.pin = bool(pin)
        self.pointer = ctypes.c_void_p()
        lib.call("ag_context_create", ctypes.byref(options), ctypes.byref(self.pointer))
        self.free, self.address = lib.c.ag_context_free, self.pointer.value
        self.executor, self.workers = None, 0
        self.told = None

    def __del__(self):
        if getattr(self, "free", None):
            self.free(self.pointer)

    def __copy__(self):
        return self

    def __deepcopy__(self, _):
        return self

    def __reduce__(self):
        raise TypeError("a Context has threads of this process: make another one there")

    @property
    def threads(self) -> int:
        """How many threads there are: as many as were asked for, or as could be started."""
        return lib.c.ag_context_threads(self.pointer)


class OpenMP(Context):
    """A context without threads of its own: calls run on `threads` threads of an OpenMP runtime that another library in
    this process keeps, at `region`, its GOMP_parallel. Two pools of threads would wait on the same processors."""

    def __init__(self, threads, region):
        super().__init__(1)
        self.workers = threads
        self.kept = lib.new("ag_executor", region, ctypes.cast(lib.c.ag_parallel_openmp, ctypes.c_void_p))
        self.executor = ctypes.addressof(self.kept)
        self.told = threads, self.executor

    @property
    def threads(self):
        return self.workers


shared: list[Context] = []
making = threading.Lock()


def default_context():
    if not shared:
        with making:
            if not shared:
                shared.append(Context())
    return shared[0]


def info() -> str:
    """What this library and this machine have, as text: what `attnguide info` prints."""
    lines = [f"attnguide {lib.c.ag_version_string().decode()}", f"threads  {default_context().threads}", "", "backends"]
    for one in lib.backends():
        missing = text(one.unavailable)
        lines.append(f"  {text(one.backend):<8} " + (f"unavailable: {missing}" if missing else "usable"))
    lines += ["", "kernels, in the order in which they are tried"]
    for one in lib.kernels():
        missing, detail = text(one.unavailable), text(one.detail)
        more = missing or detail
        lines.append(f"  {text(one.backend):<6} {text(one.step):<10} {text(one.name):<20} "
                     f"{'unavailable' if missing else 'usable'}" + (f": {more}" if more else ""))
    return "\n".join(lines) + "\n"
