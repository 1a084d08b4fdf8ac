"""conf.py - how Sphinx makes the site from what assemble.py laid out in $S/source; doxygen's XML is in $S/xml."""
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "attnguide"
author = "the attnguide authors"
version = release = os.environ["VERSION"]
extensions = ["myst_parser", "breathe", "sphinx_copybutton", "names"]
exclude_patterns = ["README.md"]  # the front page includes parts of it
root_doc = "index"

# Links to sections are those that a forge makes; what stands in a page is printed as it stands.
myst_heading_anchors = 6
smartquotes = False
highlight_language = "none"

breathe_projects = {"attnguide": str(Path(os.environ["S"], "xml"))}
breathe_default_project = "attnguide"
breathe_domain_by_extension = {"h": "c"}
nitpicky = True
of_c = ("size_t", "int32_t", "int64_t", "uint8_t", "uint32_t", "uint64_t")
nitpick_ignore = [("c:identifier", name) for name in of_c]

html_theme = "furo"
html_title = f"attnguide {version}"
html_favicon = "favicon.svg"
html_static_path = ["style.css"]
html_css_files = ["style.css"]
html_copy_source = False
html_show_copyright = False
toc_object_entries_show_parents = "hide"
pygments_style = "a11y-light"
pygments_dark_style = "github-dark"
