"""wheel_inside.py VERSION - the installed wheel: its library loads, its facts, licence and page are there. Prints the
library's path. The package itself cannot be imported where numpy is not; where it lies can be asked."""

import ctypes
import importlib.metadata
import importlib.util
import json
import os
import sys

folder = importlib.util.find_spec("attnguide").submodule_search_locations[0]
library = os.path.join(folder, "libattnguide.so")
version = ctypes.CDLL(library).ag_version_string
version.restype = ctypes.c_char_p
about = importlib.metadata.metadata("attnguide")
with open(os.path.join(folder, "abi.json"), encoding="ascii") as f:
    facts = json.load(f)
with open("bindings/python/README.md", encoding="utf-8") as f:
    page = f.read()

wrong = {
    "the version": version().decode() != sys.argv[1] or about["Version"] != sys.argv[1],
    "the facts": facts["numbers"]["AG_OK"] != 0,
    "numpy is not wanted": about["Requires-Dist"] != "numpy",
    "the licence": not any("LICENSE" in str(file) for file in importlib.metadata.files("attnguide")),
    "the page": about.get_payload().strip() != page.strip(),
}
if any(wrong.values()):
    sys.exit("wrong: " + ", ".join(what for what, is_wrong in wrong.items() if is_wrong))
print(library)
