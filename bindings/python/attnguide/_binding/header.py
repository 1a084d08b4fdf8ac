"""The public header as facts: every constant, struct and call, so that nothing in Python has to follow it by hand.

    python3 header.py include/attnguide.h facts.json [COMPILER ...]

writes them as JSON. The compiler proves them first: it compiles an assertion for each constant, size and offset. It
compiles only, so that a cross compiler proves those of its target."""
import ctypes
import json
import os
import re
import subprocess
import sys
import tempfile

PLAIN = {"int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64, "uint8_t": ctypes.c_uint8, "uint32_t": ctypes.c_uint32,
         "uint64_t": ctypes.c_uint64, "size_t": ctypes.c_size_t, "double": ctypes.c_double, "float": ctypes.c_float,
         "int": ctypes.c_int, "unsigned": ctypes.c_uint, "void": None, "pointer": ctypes.c_void_p,
         "text": ctypes.c_char_p}


def parts(text, mark):
    """`text` cut at every `mark` outside of brackets."""
    found, depth, begin = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == mark and not depth:
            found.append(text[begin:at])
            begin = at + 1
    return [part.strip() for part in found + [text[begin:]] if part.strip()]


def enumerators(body):
    """(name, value) of each constant of an enum."""
    value = -1
    for entry in parts(body, ","):
        name, _, given = (part.strip() for part in entry.partition("="))
        value = int(given, 0) if given else value + 1
        yield name, value


def members(body):
    """(name, declared type, extent or None) of each member of a struct."""
    for line in parts(body, ";"):
        if "(*" in line:
            yield re.search(r"\(\*(\w+)\)", line)[1], "*", None
            continue
        first, *more = parts(line, ",")
        words, star, name = re.fullmatch(r"(.*?)\s*(\*?)\s*(\w+(?:\[\w+\])?)", first, flags=re.S).groups()
        for member in [star + name] + more:
            name, extent = re.fullmatch(r"\*?\s*(\w+)(?:\[(\w+)\])?", member).groups()
            yield name, words + ("*" if "*" in member else ""), extent


class Kinds:
    """The kind of a declaration: a name of PLAIN, or of a struct."""

    def __init__(self, callbacks, enums, structs):
        self.known = {**{name: name for name in PLAIN}, **{name: "pointer" for name in callbacks},
                      **{name: "int" for name in enums}, **{name: name for name in structs}}

    def of(self, words):
        if "*" in words or "[" in words:
            return "pointer"
        return self.known[re.sub(r"\b(const|enum|struct)\b", "", words).strip()]

    def of_result(self, words):
        return "text" if re.sub(r"const|\s", "", words) == "char*" else self.of(words)

    def of_argument(self, declared):
        return self.of(re.sub(r"\w+((\[\d*\])?)$", r"\1", declared))


def read(path):
    """The facts of the header at `path`: {"numbers": {name: value}, "enums": {name: [names of numbers]},
    "structs": [[name, [[member, kind, count]]]], "calls": [[name, kind of the result, [kinds of the arguments]]]};
    count 0: no array."""
    with open(path, encoding="ascii") as f:
        text = re.sub(r"/\*.*?\*/", " ", f.read(), flags=re.S)
    numbers = {name: int(value) for name, value in
               re.findall(r"^#define (AG_[A-Z_]+) +\(?(-?\d+)\)?\s*$", text, flags=re.M)}
    text = re.sub(r"^ *#.*$", "", text, flags=re.M)
    enums = re.findall(r"enum\s*(\w*)\s*\{(.*?)\}", text, flags=re.S)
    for _, body in enums:
        numbers.update(enumerators(body))
    structs = re.findall(r"typedef struct (\w+) \{(.*?)\} \1;", text, flags=re.S)
    kinds = Kinds(re.findall(r"typedef \w+ \(\*(\w+)\)\(", text), [name for name, _ in enums if name],
                  [name for name, _ in structs])
    return {
        "numbers": numbers,
        "enums": {name: [one for one, _ in enumerators(body)] for name, body in enums if name},
        "structs": [[struct, [[name, kinds.of(words), extent_of(extent, numbers)]
                              for name, words, extent in members(body)]] for struct, body in structs],
        "calls": [[name, kinds.of_result(result),
                   [] if arguments == "void" else [kinds.of_argument(one) for one in parts(arguments, ",")]]
                  for result, name, arguments in
                  re.findall(r"AG_API ([\w ]+?\**)\s*\b(ag_\w+)\((.*?)\);", text, flags=re.S)],
    }


def extent_of(extent, numbers):
    if not extent:
        return 0
    return int(extent) if extent.isdigit() else numbers[extent]


def structures(facts):
    """A ctypes.Structure for each struct, by name."""
    types = dict(PLAIN)
    for struct, fields in facts["structs"]:
        laid = [(name, types[kind] * count if count else types[kind]) for name, kind, count in fields]
        types[struct] = type(struct, (ctypes.Structure,), {"_fields_": laid})
    return {name: made for name, made in types.items() if name not in PLAIN}


def prove(facts, path, compiler):
    """Has the compiler find each constant, size and offset to be what ctypes takes it for; else ImportError."""
    said = [f"{name} == {value}" for name, value in facts["numbers"].items()]
    for struct, made in structures(facts).items():
        said.append(f"sizeof({struct}) == {ctypes.sizeof(made)}")
        said += [f"offsetof({struct}, {name}) == {getattr(made, name).offset}" for name, _ in made._fields_]
    lines = [f'_Static_assert({one}, "{one}");' for one in said]
    with tempfile.TemporaryDirectory() as work:
        source = os.path.join(work, "facts.c")
        with open(source, "w", encoding="ascii") as f:
            f.write("\n".join(["#include <stddef.h>", '#include "attnguide.h"', *lines, ""]))
        include = os.path.dirname(os.path.abspath(path))
        done = subprocess.run([*compiler, "-std=c11", "-I", include, "-c", source, "-o", os.path.join(work, "facts.o")],
                              capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImportError(f"{path} is not what ctypes takes it for: {done.stderr.strip()}")


def proven(path, compiler):
    facts = read(path)
    prove(facts, path, compiler)
    return facts


if __name__ == "__main__":
    with open(sys.argv[2], "w", encoding="ascii") as to:
        json.dump(proven(sys.argv[1], sys.argv[3:] or ["cc"]), to, separators=(",", ":"))
