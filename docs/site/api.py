"""The pages of the API: one for each section of attnguide.h, with what stands in it in the header's order. Doxygen's
XML says what there is and on which lines; it is amended here, and Breathe renders it."""
import copy
import re
import xml.etree.ElementTree as ET
from collections import namedtuple

Item = namedtuple("Item", "line kind name")
TITLE = re.compile(r"/\* ---- (.*?) -+ \*/$")
KINDS = {"define": "doxygendefine", "enum": "doxygenenum", "typedef": "doxygentypedef", "function": "doxygenfunction",
         "struct": "doxygenstruct"}


def line_of(element):
    return int(element.find("location").get("line"))


def comment(element):
    return element.find("detaileddescription")


def paragraph(element, *words):
    """A paragraph in front of an element's comment: words, and between them members to link to."""
    para = ET.Element("para")
    para.text = words[0]
    for member, text in zip(words[1::2], words[2::2]):
        ref = ET.SubElement(para, "ref", refid=member.get("id"), kindref="member")
        ref.text, ref.tail = member.findtext("name") + "()", text
    comment(element).insert(0, para)


def share_between_functions(functions):
    """A comment is for all declarations below it up to an empty line; doxygen gives it to the first alone."""
    by_name = {function.findtext("name"): function for function in functions}
    for name, function in by_name.items():
        sized = by_name.get(name + "_sized")
        if sized is not None:
            comment(function)[:], comment(sized)[:] = comment(sized)[:], []
            paragraph(sized, "", function, " of a struct of `size` bytes, for bindings without a header.")
    head = None
    for above, function in zip(functions, functions[1:]):
        if len(comment(function)) or line_of(function) - line_of(above) > 2:
            head = None
            continue
        head = above if head is None else head
        paragraph(function, "As told at ", head, ".")


def share_between_fields(fields):
    """A comment at the end of a line is for all fields of that line; doxygen gives it to the last alone."""
    lines = {}
    for field in fields:
        lines.setdefault(line_of(field), []).append(field)
    for together in lines.values():
        told = comment(together[-1])
        if len(together) == 1 or not len(told):
            continue
        told[0].text = ", ".join(field.findtext("name") for field in together) + ": " + (told[0].text or "")
        for field in together[:-1]:
            comment(field)[:] = copy.deepcopy(told)[:]


def tell_value(member):
    """Breathe does not say what a macro or an enumerator stands for."""
    value = member.findtext("initializer", "").removeprefix("=").strip()
    if re.fullmatch(r"\(?-?\d+\)?", value):
        told = comment(member)
        if not len(told):
            ET.SubElement(told, "para")
        told[0].text = value.strip("()") + (": " if told[0].text else "") + (told[0].text or "")


def items_of(xml):
    """Amends the XML, and returns what the header declares."""
    items = []
    for path in sorted(xml.glob("*.xml")):
        tree = ET.parse(path)
        for compound in tree.getroot().iter("compounddef"):
            members = list(compound.iter("memberdef"))
            if compound.get("kind") == "struct":
                items.append(Item(line_of(compound), "struct", compound.findtext("compoundname")))
                share_between_fields(members)
            elif compound.get("kind") == "file":
                for member in members:
                    name = member.findtext("name")
                    below = 2.5 if name.endswith("_sized") else 0  # the form that C calls stands first
                    items.append(Item(line_of(member) + below, member.get("kind"), name))
                    for one in [member, *member.findall("enumvalue")]:
                        tell_value(one)
                share_between_functions(sorted((one for one in members if one.get("kind") == "function"), key=line_of))
            else:
                continue
            tree.write(path, encoding="utf-8", xml_declaration=True)
    return sorted(items)


def text_of(lines):
    """A comment of the header as Markdown; a block that is indented as a whole is code."""
    text = "\n".join(re.sub(r"^(/\*| \*) ?", "", line).removesuffix("*/").rstrip() for line in lines)
    blocks = text.strip("\n").split("\n\n")
    for i, block in enumerate(blocks):
        if not all(line.startswith("    ") for line in block.split("\n")):
            blocks[i] = re.sub(r"([<*_|])", r"\\\1", block)
    return "\n\n".join(blocks) + "\n"


def directive(item):
    option = "\n:members:\n:undoc-members:" if item.kind == "struct" else ""
    return f"```{{{KINDS[item.kind]}}} {item.name}{option}\n```\n"


def sections(header, items):
    """(title, text) of each section; first of all what stands before the first one."""
    lines = header.split("\n")
    found = [("", [])]
    waiting = [item for item in items]
    at = 0
    while at < len(lines):
        while waiting and waiting[0].line <= at + 1:
            found[-1][1].append(directive(waiting.pop(0)))
        title = TITLE.match(lines[at])
        if title:
            found.append((title[1], []))
        elif re.match(r"/\* ", lines[at]):
            end = next(i for i in range(at, len(lines)) if lines[i].endswith("*/"))
            found[-1][1].append(text_of(lines[at : end + 1]))
            at = end
        at += 1
    return found


def write_pages(header, xml, folder):
    """index.md and a page for each section."""
    folder.mkdir(parents=True, exist_ok=True)
    first, *rest = sections(header.read_text(), items_of(xml))
    names = []
    for title, parts in rest:
        short = title if title.startswith("Guidance") else title.split(":")[0]
        names.append(re.sub(r"[^a-z0-9]+", "-", short.lower()).strip("-"))
        (folder / (names[-1] + ".md")).write_text(f"# {title}\n\n" + "\n".join(parts))
    contents = "```{toctree}\n:maxdepth: 1\n\n" + "\n".join(names) + "\n```\n\n"
    (folder / "index.md").write_text("# attnguide.h\n\n" + contents + "\n".join(first[1]))
