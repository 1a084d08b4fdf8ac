"""An extension of Sphinx: names of the library in code, and in the text of the API's pages, lead to where they are told
of; names of pages there lead to the pages. The table of contents of a page lists no fields and no enumerators."""
import re

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

NAME = re.compile(r"(?<![\w./])((?:ag|AG)_\w*[a-zA-Z0-9](?:\.[a-z]\w*)?(?:\(\))?|docs/[\w-]+\.md)(?!\w)")
NO_LINKS = (nodes.reference, nodes.title, nodes.literal_block, addnodes.pending_xref, addnodes.desc_signature)


class ShortContents(SphinxTransform):
    default_priority = 870

    def apply(self):
        for signature in self.document.findall(addnodes.desc_signature):
            name = signature.get("_toc_name", "")
            if signature.parent.get("objtype") in ("var", "enumerator") or name.startswith("@"):
                signature["_toc_name"] = ""


class NamesLead(SphinxPostTransform):
    default_priority = 5

    def run(self):
        places = {}
        for name, _, _, page, anchor, _ in self.env.domains["c"].get_objects():
            places[name] = page, anchor
            if name.rsplit(".")[-1].startswith("AG_"):  # an enumerator is known without its enum
                places[name.rsplit(".")[-1]] = page, anchor
        self.places = places
        of_api = self.env.docname.startswith("api/")
        for literal in list(self.document.findall(nodes.literal)):
            if NAME.fullmatch(literal.astext()) and self.may_link(literal):
                literal.replace_self(self.link(literal.astext(), literal.deepcopy()) or literal)
        for text in list(self.document.findall(nodes.Text)) if of_api else ():
            if NAME.search(text) and self.may_link(text) and not isinstance(text.parent, nodes.literal):
                text.parent.replace(text, self.linked(text))

    def may_link(self, node):
        while node is not None:
            if isinstance(node, NO_LINKS):
                return False
            node = node.parent
        return True

    def link(self, name, child):
        name = name.removesuffix("()")
        page, anchor = name.removesuffix(".md"), ""
        if page not in self.env.found_docs:
            page, anchor = self.places.get(name) or self.places.get(name.split(".")[0]) or (None, None)
        return page and make_refnode(self.app.builder, self.env.docname, page, anchor, child)

    def linked(self, text):
        parts = NAME.split(text)
        made = [nodes.Text(parts[0])]
        for name, after in zip(parts[1::2], parts[2::2]):
            made += [self.link(name, nodes.Text(name)) or nodes.Text(name), nodes.Text(after)]
        return made


def setup(app):
    app.add_transform(ShortContents)
    app.add_post_transform(NamesLead)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
