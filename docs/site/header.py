"""header.py HEADER FILE - the header as doxygen reads it: a file with documentation, where < in a comment begins no tag
of HTML, and a comment behind `enum { NAME };` is the name's. Lines keep their numbers, so that a warning names the
right one."""
import re
import sys


def escaped(line):
    after = line.find("/**<") + 4 if "/**<" in line else 0
    return line[:after] + line[after:].replace("<", "\\<")


def prepared(text):
    lines = text.split("\n")
    for i, line in enumerate(lines):
        if re.match(r" \*|/\*\*|  +[^ ]", line):
            lines[i] = escaped(line)
        lines[i] = re.sub(r"^(enum \{ \w+) \}; +(/\*\*<.*\*/)$", r"\1 \2 };", lines[i])
    return "/** @file */ " + "\n".join(lines)


if __name__ == "__main__":
    with open(sys.argv[1]) as source, open(sys.argv[2], "w") as out:
        out.write(prepared(source.read()))
