"""The machine: its processors, who runs on which, its limits; and the memory that every contestant reads."""
import contextlib
import ctypes
import mmap
import os
import platform
import struct
import subprocess
import time

import attnguide

FMA, AVX2, BF16, COPY = range(4)
BYTES = {"f32": 4, "f16": 2, "bf16": 2}
SETTLE = 0.06  # seconds after which the idle threads of every library here have stopped spinning


class Machine:
    def __init__(self, build, threads):
        self.lib = attnguide.Library(f"{build}/libattnguide.so", "include/attnguide.h", os.environ.get("CC", "cc"))
        self.native = ctypes.CDLL(f"{build}/libpeers.so")
        self.native.peers_crew.restype = ctypes.c_void_p
        self.native.peers_limit.restype = ctypes.c_double
        self.native.peers_limit.argtypes = [ctypes.c_void_p, ctypes.c_int]
        self.native.peers_openblas.restype = ctypes.c_char_p
        self.native.peers_full_matrix.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
        self.native.peers_fill.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int64, ctypes.c_uint32]
        self.threads = threads
        self.processors = sorted(os.sched_getaffinity(0))
        with self.placed():
            self.crew = self.native.peers_crew(threads)
            said = self.native.peers_openblas()  # loads it, with its threads
        self.openblas = said.decode() if said else None
        if not self.crew:
            raise RuntimeError(f"{threads} threads could not be had")

    @contextlib.contextmanager
    def placed(self):
        """Every thread that is born inside goes to a processor of its own; the caller has the first."""
        before = set(os.listdir("/proc/self/task"))
        yield
        born = sorted(set(os.listdir("/proc/self/task")) - before, key=int)
        for i, thread in enumerate(born):
            with contextlib.suppress(OSError):  # it may be gone already
                os.sched_setaffinity(int(thread), {self.processors[(i + 1) % self.threads % len(self.processors)]})

    @contextlib.contextmanager
    def pinned(self):
        """The caller stays on the first processor, after the threads of whoever ran before have gone to sleep."""
        self.settle()
        os.sched_setaffinity(0, {self.processors[0]})
        try:
            yield
        finally:
            os.sched_setaffinity(0, self.processors)

    def settle(self):
        """Until the idle threads of whoever ran have stopped spinning."""
        if self.threads > 1:
            time.sleep(SETTLE)

    def dtype(self, name):
        return getattr(self.lib, "AG_" + name.upper())

    def limit(self, which):
        """FLOP or bytes per second, one sample; the caller is pinned. 0: the machine has no such thing."""
        return self.native.peers_limit(self.crew, which)


class Tensor:
    """Packed random numbers, or room for a result, in memory of our own: every contestant reads the same bytes."""

    def __init__(self, machine, dtype, shape, seed=None):
        self.dtype, self.shape, self.count = dtype, shape, 1
        for extent in shape:
            self.count *= extent
        self.memory = mmap.mmap(-1, self.count * BYTES[dtype])
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.memory))
        if seed is not None:
            machine.native.peers_fill(self.address, machine.dtype(dtype), self.count, seed)
        else:
            self.poison()

    def poison(self):
        """NaN, in every type."""
        ctypes.memset(self.address, 0xFF, self.count * BYTES[self.dtype])

    def read(self, at, count):
        """`count` elements from `at` as a list of floats."""
        raw = memoryview(self.memory)[at * BYTES[self.dtype]:(at + count) * BYTES[self.dtype]]
        if self.dtype == "bf16":  # the upper half of a float32
            raw = struct.pack(f"<{count}I", *(x << 16 for x in struct.unpack(f"<{count}H", raw)))
        return list(struct.unpack(f"<{count}{'e' if self.dtype == 'f16' else 'f'}", raw))


def named():
    """What a reader has to know of the machine and its tools."""
    model = "unknown processor"
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), model)
    gcc = subprocess.run(["cc", "--version"], capture_output=True, text=True, check=False).stdout.split("\n")[0]
    return {"processor": model, "processors": len(os.sched_getaffinity(0)),
            "system": f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver())}", "compiler": gcc,
            "python": platform.python_version()}
