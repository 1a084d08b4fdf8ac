"""assemble.py FOLDER - lays out FOLDER/source, from the root of the tree: the pages that index.md lists and their
pictures, a listing of each source file that they link to, and the API from doxygen's XML in FOLDER/xml. Links are
rewritten, so that they lead from page to page there as they do in the tree."""
import os
import re
import shutil
import sys
from pathlib import Path

import api

HEADER = Path("include/attnguide.h")
FRONT = Path("docs/site/index.md")
README = Path("README.md")
EXAMPLES = Path("examples")
LINK = re.compile(r"\[([^][]*)\]\(([^)#\s:]+)(#[^)\s]*)?\)")
TITLE = re.compile(r"(?:/\*|#|\"\"\")\s*(?:\S+ - )?(.*?)[,:;.](?!\w)(?![^\[]*\])", re.S)
LANGUAGES = {".c": "c", ".py": "python"}


def listed_pages():
    """The entries of the front page's tables of contents."""
    tables = re.findall(r"^```\{toctree\}\n(.*?)^```", FRONT.read_text(), re.S | re.M)
    entries = re.findall(r"^(?:.*<)?([\w/-]+)>?$", "\n".join(tables), re.M)
    return [page for page in (Path(entry + ".md") for entry in entries) if page.exists()]


class Site:
    def __init__(self, into):
        self.into = into
        self.pages = listed_pages()
        self.listings = sorted(EXAMPLES.glob("*.c"))
        self.pictures = []

    def place(self, path, page):
        """Where in the site a file of the tree is."""
        if path == HEADER:
            return Path("api/index.md")
        if path in (README, FRONT):
            return Path("index.md")
        if path.suffix == ".png":
            self.pictures.append(path)
            return path
        if path in self.pages:
            return path
        if path.suffix == ".md" or path.is_dir():
            raise SystemExit(f"{page} links to {path}, which {FRONT} does not list")
        if path not in self.listings:
            self.listings.append(path)
        return Path(f"{path}.md")

    def add(self, page, at):
        def relinked(link):
            text, target, anchor = link.groups("")
            path = Path(os.path.normpath(page.parent / target))
            if not path.exists():
                return link[0]
            if (path / "README.md").exists():
                path = path / "README.md"
            line = link.string[link.string.rfind("\n", 0, link.start()) + 1 : link.start()]
            if text == target and text.endswith(".md") and line.startswith("|"):
                text = ""  # in a table of pages: the page's title
            return f"[{text}]({os.path.relpath(self.place(path, page), at.parent)}{anchor})"

        self.write(at, LINK.sub(relinked, page.read_text()))

    def add_listing(self, path):
        """Its title is how its first comment begins: /* layer.c - one layer, in one call. */"""
        first = TITLE.match(path.read_text())
        title = " ".join((first[1][0].upper() + first[1][1:]).split()) if first else path.name
        head = "" if path.parent == EXAMPLES else "---\norphan: true\n---\n"  # the menu lists the examples alone
        head += f"# {title}\n\n`{path}`\n\n"
        language = LANGUAGES.get(path.suffix, "none")
        self.write(Path(f"{path}.md"), f"{head}```{{literalinclude}} {path.name}\n:language: {language}\n```\n")
        shutil.copy(path, self.into / path)

    def write(self, at, text):
        (self.into / at).parent.mkdir(parents=True, exist_ok=True)
        (self.into / at).write_text(text)


def assemble(folder):
    into = folder / "source"
    shutil.rmtree(into, ignore_errors=True)
    site = Site(into)
    site.add(FRONT, Path("index.md"))
    site.add(README, README)
    for page in site.pages:
        site.add(page, page)
    for listing in site.listings:
        site.add_listing(listing)
    for picture in site.pictures:
        (into / picture.parent).mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, into / picture)
    api.write_pages(HEADER, folder / "xml", into / "api")


if __name__ == "__main__":
    assemble(Path(sys.argv[1]))
