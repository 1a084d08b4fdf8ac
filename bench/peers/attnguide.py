"""The library from Python: the package's own binding, with a header that is read and proven on the spot."""
import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
WHERE = os.path.join(HERE, os.pardir, os.pardir, "bindings", "python", "attnguide", "_binding")


def binding():
    """Loaded under a name of its own: this module has the package's."""
    name = "attnguide_binding"
    spec = importlib.util.spec_from_file_location(name, os.path.join(WHERE, "__init__.py"))
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
    return importlib.import_module(name + ".header"), importlib.import_module(name + ".calls")


header, calls = binding()
Refused, text = calls.Refused, calls.text


class Library(calls.Library):
    """The library at `path` by the header at `declared`; loading fails where the compiler lays a struct out otherwise
    than ctypes does."""

    def __init__(self, path, declared, compiler="cc"):
        super().__init__(path, header.proven(declared, [compiler]))
