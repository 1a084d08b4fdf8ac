"""The library from Python, through ctypes: every struct, constant and call of include/attnguide.h, read from the header
itself, so that nothing here has to follow it. A small C program made from the same text prints each size, offset and
value, and loading fails where ctypes lays a struct out otherwise than the compiler does."""
import ctypes
import os
import re
import subprocess
import tempfile

PLAIN = {"int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64, "uint8_t": ctypes.c_uint8, "uint32_t": ctypes.c_uint32,
         "uint64_t": ctypes.c_uint64, "size_t": ctypes.c_size_t, "double": ctypes.c_double, "float": ctypes.c_float,
         "int": ctypes.c_int, "unsigned": ctypes.c_uint, "void": None}


class Refused(Exception):
    """What the library said."""


def parts(text, mark):
    """`text` cut at every `mark` outside of brackets."""
    found, depth, begin = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == mark and not depth:
            found.append(text[begin:at])
            begin = at + 1
    return [part.strip() for part in found + [text[begin:]] if part.strip()]


class Header:
    def __init__(self, path):
        with open(path, encoding="ascii") as f:
            text = re.sub(r"/\*.*?\*/", " ", f.read(), flags=re.S)
        self.numbers = set(re.findall(r"^#define (AG_[A-Z_]+) +\(?-?\d", text, flags=re.M))
        text = re.sub(r"^ *#.*$", "", text, flags=re.M)
        self.types = dict(PLAIN)
        for name, body in re.findall(r"enum\s*(\w*)\s*\{(.*?)\}", text, flags=re.S):
            self.numbers |= {entry.split("=")[0].strip() for entry in parts(body, ",")}
            if name:
                self.types[name] = ctypes.c_int
        self.structs = re.findall(r"typedef struct (\w+) \{(.*?)\} \1;", text, flags=re.S)
        self.calls = re.findall(r"AG_API ([\w ]+?\**)\s*\b(ag_\w+)\((.*?)\);", text, flags=re.S)

    def type_of(self, words):
        """The ctypes of a declaration without its name; every pointer is the same to ctypes."""
        if "*" in words or "[" in words:
            return ctypes.c_void_p
        return self.types[words.replace("const", "").replace("enum", "").replace("struct", "").strip()]

    def members(self, body):
        """(name, declared type, extent or None) of each member."""
        for line in parts(body, ";"):
            if "(*" in line:
                yield re.search(r"\(\*(\w+)\)", line)[1], "*", None
                continue
            first, *more = parts(line, ",")
            words, star, name = re.fullmatch(r"(.*?)\s*(\*?)\s*(\w+(?:\[\w+\])?)", first, flags=re.S).groups()
            for member in [star + name] + more:
                name, extent = re.fullmatch(r"\*?\s*(\w+)(?:\[(\w+)\])?", member).groups()
                yield name, words + ("*" if "*" in member else ""), extent


def facts(header, path, compiler):
    """What the compiler says: {"AG_F32": 1, "ag_row": size, "ag_row.sigma": offset ...}."""
    lines = [f'    printf("{n} %lld\\n", (long long){n});' for n in sorted(header.numbers)]
    for struct, body in header.structs:
        lines.append(f'    printf("{struct} %lld\\n", (long long)sizeof({struct}));')
        for name, _, _ in header.members(body):
            lines.append(f'    printf("{struct}.{name} %lld\\n", (long long)offsetof({struct}, {name}));')
    source = "#include <stdio.h>\n#include \"attnguide.h\"\nint main(void)\n{\n" + "\n".join(lines) + "\n}\n"
    with tempfile.TemporaryDirectory() as work:
        with open(f"{work}/facts.c", "w", encoding="ascii") as f:
            f.write(source)
        subprocess.run([compiler, "-I", os.path.dirname(path), f"{work}/facts.c", "-o", f"{work}/facts"], check=True)
        said = subprocess.run([f"{work}/facts"], check=True, capture_output=True, text=True).stdout
    return {name: int(value) for name, value in (line.split() for line in said.splitlines())}


class Library:
    """Constants and structs are attributes; calls raise Refused with the library's sentence."""

    def __init__(self, library, path, compiler="cc"):
        header = Header(path)
        self.c = ctypes.CDLL(library)
        said = facts(header, path, compiler)
        for name in header.numbers:
            setattr(self, name, said[name])
        for struct, body in header.structs:
            fields = []
            for name, words, extent in header.members(body):
                kind = header.type_of(words)
                count = extent and (int(extent) if extent.isdigit() else said[extent])
                fields.append((name, kind * count if count else kind))
            made = type(struct, (ctypes.Structure,), {"_fields_": fields})
            header.types[struct] = made
            setattr(self, struct, made)
            self.compare(struct, made, said)
        for result, name, arguments in header.calls:
            call = getattr(self.c, name)
            char = result.replace("const", "").replace(" ", "") == "char*"
            call.restype = ctypes.c_char_p if char else header.type_of(result)
            call.argtypes = [] if arguments == "void" else [
                header.type_of(re.sub(r"\w+((\[\d*\])?)$", r"\1", a)) for a in parts(arguments, ",")]

    @staticmethod
    def compare(struct, made, said):
        here = {struct: ctypes.sizeof(made)}
        here.update({f"{struct}.{name}": getattr(made, name).offset for name, _ in made._fields_})
        for name, value in here.items():
            if value != said[name]:
                raise ImportError(f"{name}: {value} in ctypes, {said[name]} for the compiler")

    def new(self, struct, *arguments):
        """A struct as its own init function makes it."""
        made = getattr(self, struct)()
        getattr(self.c, struct + "_init")(ctypes.byref(made), *arguments)
        return made

    def call(self, name, *arguments):
        """A call that ends in (char *why, size_t why_size)."""
        why = ctypes.create_string_buffer(self.AG_MESSAGE_SIZE)
        if getattr(self.c, name)(*arguments, why, len(why)):
            raise Refused(why.value.decode())

    def kernels(self):
        """ag_kernel_info of each kernel, in the order in which they are tried."""
        at = 0
        while True:
            info = self.ag_kernel_info(size=ctypes.sizeof(self.ag_kernel_info))
            if self.c.ag_kernel_at(at, ctypes.byref(info)):
                return
            yield info
            at += 1


def text(pointer):
    """A C string member; None for NULL."""
    return ctypes.string_at(pointer).decode() if pointer else None
